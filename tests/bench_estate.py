"""What `make bench` measures of a whole estate: all standard collectors against `vms` and `vpgs` alone.

Two exporters run at once and take turns: one interval of the one, one of the other. Their clocks are driven, so that
each collector is polled at its own cadence: in a quarter of an hour of theirs, thirty intervals, a collector of a
minute fifteen times and one of 15 minutes once. An interval is all that becomes due in 30 seconds, and one scrape. The
processor time is what the kernel counts for the process. The ZVM is another process that answers prepared bodies, of
each resource as a living estate has it at polls that follow one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from bench_cycle import AUTH, LIVING, POLL_SECONDS, cpu
from bench_service import memory
from bench_tools import STARTED, Client, Line, Process, python
from bench_zvm import written
from msgspec import Raw
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors import (
    ALL,
    alerts,
    datastores,
    detection,
    license,  # noqa: A004 - the resource is called so
    peers,
    recoveries,
    retention,
    site,
    statistics,
    tasks,
    unprotected,
    vms,
    vpgs,
    vras,
)
from exporter.collectors.fields import query_date
from exporter.simulator import Estate
from exporter.simulator.api.answers import Api
from exporter.zvm.paths import LOCAL_SITE

ALONE: Final = ("vms", "vpgs")
STANDARD: Final = tuple(collector.name for collector in ALL if collector.standard)
DAY: Final = 86_400.0
QUARTER: Final = 900
PAGE: Final = 100  # reports

CADENCE: Final[Mapping[str, int]] = {  # of the paths that standard collectors ask for, in seconds
    vms.PATH: POLL_SECONDS,
    vpgs.PATH: POLL_SECONDS,
    statistics.PATH: POLL_SECONDS,
    peers.PATH: 60,
    vras.PATH: 60,
    alerts.PATH: 60,
    tasks.PATH: 60,
    detection.STATE: 120,
    detection.METRICS: 120,
    detection.SUSPECTED_VMS: 120,
    detection.SUSPECTED_VPGS: 120,
    detection.SUSPECTED_VOLUMES: 120,
    LOCAL_SITE: 300,
    site.TIME: 300,
    datastores.PATH: 300,
    unprotected.VMS: 900,
    unprotected.VAPPS: 900,
    recoveries.PATH: 900,
    retention.PATH: 900,
    retention.REPOSITORIES: 900,
    license.PATH: 3600,
}
NAMES: Final = (f"{vpgs.PATH}/statuses", f"{vpgs.PATH}/substatuses", f"{vras.PATH}/statuses", f"{tasks.PATH}/types")


@dataclass
class Cost:
    """What one exporter took: processor seconds of each interval; series on its page, and bytes of it with gzip."""

    seconds: list[float] = field(default_factory=list)
    series: int = 0
    page: int = 0


def estate_cost(size: int, intervals: int) -> Iterator[Line]:
    """Measure so many *intervals* of an estate of *size* VMs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        bodies = _Bodies(size)
        asyncio.run(bodies.fill())
        for path, of_path in bodies.of.items():
            written(folder / "bodies", path, of_path)
        exporters = {}
        for names in (ALONE, STANDARD):
            zvm = stack.enter_context(python("tests/bench_zvm.py", str(folder / "bodies")))
            exporters[names] = stack.enter_context(_exporter(folder, zvm, names))
        costs = {names: Cost() for names in exporters}
        for ours in exporters.values():
            _interval(ours)  # the second poll is the first that can compare
        for _ in range(intervals):
            for names, ours in exporters.items():
                before = cpu(ours)
                _interval(ours)
                costs[names].seconds.append(cpu(ours) - before)
        for names, ours in exporters.items():
            page = Client(ours.port, "/metrics")
            costs[names].page = len(page.get())
            costs[names].series = _checked(page.text(), names)
        peaks = {names: memory(ours, "VmHWM") for names, ours in exporters.items()}
    alone, whole = (sum(costs[names].seconds) for names in (ALONE, STANDARD))
    series, page_size = costs[STANDARD].series, costs[STANDARD].page
    answers = sum(len(of_path[0]) for of_path in bodies.of.values())
    yield Line("all standard resources, one answer of each", f"{answers / 1e6:.1f} MB", f"{size} VMs")
    yield Line("page with all standard collectors, gzip", f"{page_size / 1e6:.2f} MB", f"{series} series")
    what = f"all standard collectors / vms and vpgs, CPU ({whole / intervals * 1e3:.0f} ms each {POLL_SECONDS} s)"
    yield Line(what, f"{whole / alone:.2f}", "<= 1.6", whole <= 1.6 * alone)
    peak = peaks[STANDARD]
    what = f"peak resident memory, all standard collectors (without: {peaks[ALONE] / 1e6:.0f} MB)"
    yield Line(what, f"{peak / 1e6:.0f} MB", "<= 300 MB", peak <= 300e6)


class _Bodies:
    """What a living estate answers at polls that follow one another, by the paths that are asked for."""

    def __init__(self, size: int) -> None:
        self._now = STARTED
        self._estate = Estate("nyc", vms=size, seed=1, clock=lambda: self._now, local=True)
        self._api = Api(self._estate, "appliance")
        self.of: dict[str, list[bytes]] = {}

    async def fill(self) -> None:
        """Ask as often as an exporter does in a quarter of an hour, but not for more than LIVING of anything."""
        for path in NAMES:
            await self._keep(path)
        for second in range(0, QUARTER + 1, POLL_SECONDS):
            self._now = STARTED + second
            for path, cadence in CADENCE.items():
                if second % cadence == 0 and second < LIVING * cadence:
                    await self._poll(path, first=second == 0)

    async def _poll(self, path: str, *, first: bool) -> None:
        if path == tasks.PATH:
            await self._keep(path, startedAfterDate=query_date(self._now - DAY))
        elif path == recoveries.PATH:
            since = query_date(self._now - (400 * DAY if first else DAY))
            reports = msgspec.json.decode(await self._answer(path, startTime=since, pageSize="100000"), type=list[Raw])
            pages = [reports[start : start + PAGE] for start in range(0, len(reports), PAGE)]
            self.of.setdefault(path, []).extend(map(msgspec.json.encode, [*pages, []]))  # an empty one is the last
        else:
            await self._keep(path)

    async def _keep(self, path: str, **query: str) -> None:
        path = path.format(id=self._estate.here.identifier)
        self.of.setdefault(path, []).append(await self._answer(path, **query))

    async def _answer(self, path: str, **query: str) -> bytes:
        payload = await self._api.answer(path, query, "application/json", None)
        if payload.status != HTTPStatus.OK:
            raise RuntimeError(f"GET {path}: {payload.status} {payload.body[:200]!r}")
        return payload.body


def _exporter(folder: Path, zvm: Process, names: Sequence[str]) -> AbstractContextManager[Process]:
    config = folder / f"{len(names)}.yaml"
    config.write_text(f"zvms: [{{name: nyc, url: {zvm.url}, collectors: [{', '.join(names)}], auth: {AUTH}}}]\n")
    return python("tests/bench_driven.py", "serve", "--config.file", str(config), "--web.listen-address", "127.0.0.1:0")


def _interval(ours: Process) -> None:
    """Let 30 seconds pass for an exporter, and scrape it."""
    ours.tell(str(POLL_SECONDS))
    while ours.line() != "moved\n":
        pass
    Client(ours.port, "/metrics").get()


def _checked(page: str, names: Sequence[str]) -> int:
    """Return how many series *page* has; all collectors *names* must have had their samples.

    Raises:
        RuntimeError: one has none: what it costs was not measured.
    """
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    for what in ("zerto_collector_success", "zerto_collector_supported"):
        good = {sample.labels["collector"] for sample in samples if sample.name == what and sample.value == 1}
        if good != set(names):
            raise RuntimeError(f"{what}: not {', '.join(sorted(set(names) - good))}")
    return len(samples)
