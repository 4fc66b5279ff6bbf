"""The two processes that the soak starts, as its driver sees them: the exporter and the simulated ZVMs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from soak_zvms import Done, Order

_TESTS = Path(__file__).parent
_LONGEST_LINE = 2**20
_START_SECONDS = 60.0
_ANSWER_SECONDS = 20.0

_STARVED_WINDOW = 8.0  # seconds
_STARVED_SHARE = 0.25
_STOOD_STILL = 1.5  # seconds


@asynccontextmanager
async def child(*arguments: str, log: bool = False) -> AsyncIterator[Process]:
    """Run a Python program while the block runs; it is killed if it outlives that."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE if log else None, limit=_LONGEST_LINE
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Conversation:
    """Lines to a process, each answered by one: one at a time."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes to talk through")
        self._to, self._from = process.stdin, process.stdout
        self._one = asyncio.Lock()

    async def heard(self, seconds: float = _ANSWER_SECONDS) -> bytes:
        """Return the next line."""
        async with asyncio.timeout(seconds):
            line = await self._from.readline()
        if not line:
            raise RuntimeError("the process has ended")
        return line

    async def ask(self, line: bytes) -> bytes:
        """Return the answer to *line*."""
        async with self._one:
            self._to.write(line + b"\n")
            return await self.heard()


class Zvms:
    """The simulators, to which the driver gives orders."""

    def __init__(self, process: Process) -> None:
        self._talk = Conversation(process)
        self.pid = process.pid

    async def started(self) -> dict[str, str]:
        """Return their URLs once they are there."""
        return msgspec.json.decode(await self._talk.heard(_START_SECONDS), type=dict[str, str])

    async def order(self, order: Order) -> Done:
        """Have something done."""
        return msgspec.json.decode(await self._talk.ask(msgspec.json.encode(order)), type=Done)


class Starvation:
    """Tells whether the processes had to wait for a processor so much that no punctual poll can be asked of them."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._files = [Path(f"/proc/{pid}/schedstat") for pid in pids]
        self._seen: deque[tuple[float, list[int]]] = deque()
        self._until = 0.0
        self.seconds = 0.0

    def look(self) -> None:
        """Look how long each has waited; often enough, that is once a second or more."""
        now = time.monotonic()
        waited = [int(file.read_text().split()[1]) for file in self._files if file.exists()]
        since = self._seen[-1][0] if self._seen else now
        self._seen.append((now, waited))
        while now - self._seen[0][0] > _STARVED_WINDOW:
            self._seen.popleft()
        most = max((late - early for early, late in zip(self._seen[0][1], waited, strict=False)), default=0)
        # Who is stopped as a whole machine is does not even look.
        if most / 1e9 > _STARVED_SHARE * _STARVED_WINDOW or now - since > _STOOD_STILL:
            self._until = now + _STARVED_WINDOW
        if now < self._until:
            self.seconds += now - since

    @property
    def now(self) -> bool:
        """Whether what goes wrong now may be for want of a processor."""
        return time.monotonic() < self._until


@dataclass
class Log:
    """What the exporter logs: counted, and what must not be there is kept."""

    levels: Counter[str] = field(default_factory=Counter)
    reloads: int = 0
    refusals: int = 0
    wrong: list[str] = field(default_factory=list)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    def add(self, line: str) -> None:
        """Take in a line."""
        self.last.append(line)
        level = line.partition(" level=")[2].partition(" ")[0]
        self.levels[level] += 1
        self.reloads += 'msg="configuration reloaded"' in line
        self.refusals += 'msg="the configuration was not reloaded' in line
        # A traceback is within a line of ours, or in lines that are none: then somebody wrote past the log.
        if not line.startswith("ts=") or level not in {"info", "warn"} or "Traceback" in line:
            self.wrong.append(line)


@dataclass(frozen=True)
class Figures:
    """What the exporter holds: memory in bytes, open files, asyncio tasks by what they run."""

    rss: int
    fds: int
    tasks: Counter[str]


class Exporter:
    """The exporter's process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._talk = Conversation(process)
        self.pid = process.pid
        self.log = Log()
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def running(cls, config: Path) -> AsyncIterator[Exporter]:
        """Run the exporter on a configuration file."""
        warnings = ("-W", "always::ResourceWarning")  # what was not closed writes past the log
        program = (str(_TESTS / "soak_exporter.py"), "serve", "--config.file", str(config))
        flags = ("--web.listen-address", "127.0.0.1:0", "--web.enable-lifecycle")
        async with child(*warnings, *program, *flags, log=True) as process:
            exporter = cls(process)
            reading = asyncio.create_task(exporter._read())
            try:
                await exporter._until(lambda: bool(exporter.url), _START_SECONDS)
                yield exporter
            finally:
                reading.cancel()

    async def figures(self) -> Figures:
        """Return what it holds now."""
        tasks = Counter(json.loads(await self._talk.ask(b"")))
        proc = Path("/proc") / str(self.pid)
        status = (proc / "status").read_text()
        (rss,) = (int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
        return Figures(rss, len(list((proc / "fd").iterdir())), tasks)

    async def hang_up(self) -> bool:
        """Send SIGHUP and return whether the configuration was reloaded, as the log tells."""
        log = self.log
        before = log.reloads, log.refusals
        self._process.send_signal(signal.SIGHUP)
        await self._until(lambda: (log.reloads, log.refusals) != before, _ANSWER_SECONDS)
        return log.reloads > before[0]

    async def terminate(self) -> tuple[int | None, float]:
        """Send SIGTERM and return the exit code, None for none within time, and the seconds that it took."""
        started = time.monotonic()
        self._process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._process.wait()
        return self._process.returncode, time.monotonic() - started

    async def _read(self) -> None:
        if self._process.stderr is None:
            raise RuntimeError("no log to read")
        async for line in self._process.stderr:
            text = line.decode("utf-8", "replace").rstrip("\n")
            self.log.add(text)
            if " addresses=" in text:
                self.url = "http://" + text.partition(" addresses=")[2].split()[0]

    async def _until(self, true: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline or self._process.returncode is not None:
                raise RuntimeError("the exporter did not do it: " + "\n".join(self.log.last))
            await asyncio.sleep(0.02)
