"""What the tests share: a clock that they drive, a page that they can ask, an exporter in-process."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from text_format import labels_of

from exporter.app import Exporter
from exporter.collectors import vms
from exporter.config import Config, Zvm
from exporter.polling.clock import Clock
from exporter.prometheus.gzip import Fragment, gzipped, unzipped
from exporter.prometheus.table import Table
from exporter.simulator import Simulator
from exporter.web.listen import listen
from exporter.web.server import WebFlags
from exporter.zvm.client import Zvm as Client
from exporter.zvm.settings import Auth, Tls

PASSWORD = 'pl4nted p@ss/w"ord'
CLIENT_SECRET = "pl4nted+client&secret"
COLLECTORS = ("vms", "vpgs")  # what most tests are about; those about every collector take exporter.collectors.ALL


async def ask(zvm: Client) -> int:
    """Return how many VMs *zvm* answers."""
    return len((await zvm.get(vms.PATH, vms.DECODER)).rows)


class DrivenClock(Clock):
    """Time stands still until the test moves it."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now
        self._waits: dict[asyncio.Task[Any], _Wait] = {}
        self._changed = asyncio.Event()

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        task, due = asyncio.current_task(), asyncio.get_running_loop().create_future()
        assert task is not None
        self._waits[task] = _Wait(self.now + max(seconds, 0.0), due, event)
        self._changed.set()
        woken = asyncio.create_task(event.wait())
        try:
            await asyncio.wait([due, woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            del self._waits[task]

    async def idle(self, zvms: int) -> None:
        """Return when exactly so many *zvms* are at rest: all that polls one waits for this clock."""
        while True:
            polls = _polls()
            at_rest = [tasks for tasks in polls.values() if all(map(self._rests, tasks))]
            if len(at_rest) == zvms:
                return
            await self._change([task for tasks in polls.values() for task in tasks])

    async def advance(self, seconds: float) -> None:
        """Move time on, stopping wherever a task is due until it waits again."""
        end = self.now + seconds
        while due := [wait.at for wait in self._waits.values() if not wait.over and wait.at <= end]:
            self.now = max(self.now, min(due))
            moved = [task for task, wait in self._waits.items() if not wait.over and wait.at <= self.now]
            for task in moved:
                self._waits[task].due.set_result(None)
            while busy := [task for task in moved if not task.done() and not self._rests(task)]:
                await self._change(busy)
        self.now = end

    def move(self, seconds: float) -> None:
        """Move time on and let go whoever is due; what hangs is not waited for."""
        self.now += seconds
        for wait in self._waits.values():
            if not wait.over and wait.at <= self.now:
                wait.due.set_result(None)

    async def rests(self, name: str) -> None:
        """Return when the task *name* waits for this clock."""
        (task,) = (one for one in asyncio.all_tasks() if one.get_name() == name)
        while not self._rests(task):
            await self._change([task])

    def _rests(self, task: asyncio.Task[Any]) -> bool:
        return task in self._waits and not self._waits[task].over

    async def _change(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        """Return when a task has begun to wait for this clock, or one of *tasks* has ended."""
        self._changed.clear()
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait([changed, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()


@dataclass(frozen=True)
class _Wait:
    at: float
    due: asyncio.Future[None]
    event: asyncio.Event

    @property
    def over(self) -> bool:
        """Whether what was waited for has come, though the task has not run since."""
        return self.due.done() or self.event.is_set()


def _polls() -> dict[str, list[asyncio.Task[Any]]]:
    """Return the tasks that poll, by the ZVM that they poll: they are called `poll <ZVM>`, and maybe what of it."""
    found: dict[str, list[asyncio.Task[Any]]] = {}
    for task in asyncio.all_tasks():
        what, _, name = task.get_name().partition(" ")
        if what == "poll":
            found.setdefault(name.partition(" ")[0], []).append(task)
    return found


def plain(parts: Iterable[Fragment]) -> bytes:
    """Return the text of fragments, one after the other."""
    return unzipped(gzipped(*parts))


def shown(rows: Sequence[Any], *tables: Table[Any]) -> Page:
    """Return the samples that *rows* are in *tables*, of the ZVM nyc."""
    blocks = [block for table in tables for block in table.render({"zvm": "nyc"}, rows).blocks]
    return Page(plain(part for block in blocks for part in block.parts).decode())


class Page:
    """A page in the text format, parsed: it is valid and holds no series twice, or the test fails here."""

    def __init__(self, text: str, *, quick: bool = False) -> None:
        """Read *text* with prometheus_client's parser; *quick*, with one of ours that takes a tenth of the time."""
        self.text = text
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for name, labels, value in _quickly(text) if quick else _carefully(text):
            key = (name, frozenset(labels.items()))
            assert key not in self.samples, f"twice on the page: {key}"
            self.samples[key] = value

    def all(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each sample of *name* that has at least these *labels*."""
        wanted = set(labels.items())
        return [(dict(has), value) for (found, has), value in self.samples.items() if found == name and wanted <= has]

    def values(self, name: str, **labels: str) -> list[float]:
        """Return the values of all samples of *name* that have at least these *labels*."""
        return [value for _, value in self.all(name, **labels)]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of the one sample of *name* that has at least these *labels*."""
        (value,) = self.values(name, **labels)
        return value


_SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')


def _carefully(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _quickly(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    assert text.endswith("\n")
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith(("# HELP ", "# TYPE ")):
            continue
        found = _SAMPLE.fullmatch(line)
        assert found is not None, line
        yield found[1], labels_of(found[2] or ""), float(found[3])


@dataclass
class Running:
    """An exporter that polls and serves in this process."""

    exporter: Exporter
    clock: Clock
    session: aiohttp.ClientSession
    url: str
    zvms: list[Zvm] = field(default_factory=list)

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        """Return status and text of `GET path`."""
        async with self.session.get(self.url + path, **options) as response:
            return response.status, await response.text()

    async def page(self, path: str = "/metrics") -> Page:
        """Return the page at *path*, with the exporter's own metrics as they are now."""
        self.exporter.pages.forget()
        status, text = await self.get(path)
        assert status == 200, text
        return Page(text, quick=True)


class Recorder:
    """An observer that remembers what it was told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.logins: list[str] = []

    def request(self, zvm: str, endpoint: str, code: str, seconds: float) -> None:
        assert zvm
        assert seconds >= 0
        self.requests.append((endpoint, code))

    def login(self, zvm: str, outcome: str) -> None:
        assert zvm
        self.logins.append(outcome)


def zvm_config(simulator: Simulator, name: str = "nyc", *, ca_file: Path | None = None, **keys: Any) -> Zvm:
    """Return the configuration that reaches *simulator*; *keys* go before what is set here."""
    auth = Auth(username=simulator.username, password=simulator.password)
    ours = {"name": name, "url": simulator.url, "auth": auth, "tls": Tls(ca_file=ca_file), "collectors": COLLECTORS}
    return Zvm(**{**ours, **keys})


async def start_exporter(
    zvms: Sequence[Zvm], clock: Clock, *, lifecycle: bool = False, max_answers: int = 16, goodbye_seconds: float = 3.0
) -> Running:
    """Start an exporter of *zvms*; changing the list that it holds and reloading changes what it polls."""
    configured = list(zvms)
    exporter = Exporter(lambda: Config(tuple(configured), max_answers), clock=clock, goodbye_seconds=goodbye_seconds)
    exporter.configure()
    listener = listen("127.0.0.1:0")
    await exporter.start([listener], WebFlags(lifecycle=lifecycle))
    return Running(exporter, clock, aiohttp.ClientSession(), f"http://127.0.0.1:{listener.port}", configured)


Simulate = Callable[..., Any]
Contexts = Callable[[], ssl.SSLContext]
