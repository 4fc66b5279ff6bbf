"""The landing page by hand: of made-up ZVMs in every state, or of an hour of the demo in a few seconds.

.venv/bin/python tests/gallery.py --zvms 200         # serves the page of 200 made-up ZVMs
.venv/bin/python tests/gallery.py --pictures docs    # writes the pictures of the README, with Chromium
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from browser import Browser
from support import DrivenClock, start_exporter, zvm_config

from exporter.collectors.base import Promise, Summary, Vpgs
from exporter.collectors.troubles import trouble
from exporter.counts import Counts
from exporter.polling.history import History
from exporter.polling.outcome import UNSUPPORTED, Failure, Outcome
from exporter.polling.target import Status, Told
from exporter.prometheus.store import Store
from exporter.prometheus.telemetry import Telemetry
from exporter.simulator import Simulator, faults, pair
from exporter.web.listen import listen
from exporter.web.pages import Pages
from exporter.web.server import Server, WebFlags

NOW = 1_795_470_225.0
INTERVAL = 30.0

_TIMEOUT = (
    "no answer within 20 s to GET /v1/vms from https://zvm.example.com:9669, on a connection that was made in 0.02 s; "
    "the request was sent whole, the first byte of the answer never came. Is the ZVM's service under load, or is there "
    "a firewall that lets connections through and then drops what is in them? It is tried again in 30 s"
)
_VPGS = ("ERP production", "Mail", "File server", "Web shop", "Payroll")
_FINE = ("MeetingSLA", "None", 8.0, 90_000.0)
_TROUBLES = (
    ("NotMeetingSLA", "DisconnectedFromPeer", 4210.0, 3600.0),
    ("MeetingSLA", "RecoveryPossible", 2700.0, 86400.0),
    ("RpoNotMeetingSLA", "BitmapSync", 940.0, 86400.0),
    ("HistoryNotMeetingSLA", "None", 8.0, 41_000.0),
    ("MeetingSLA", "None", None, 86400.0),
)  # status, substatus, RPO, history; the latter two are promised 5 min and a day
_KINDS = (
    "up",
    "up",
    "up",
    "up",
    "up",
    "up",
    "windows",
    "down",
    "dropped",
    "refused",
    "partial",
    "cut",
    "lost",
    "mended",
    "new",
)


@dataclass
class Polls:
    """A poller of which the server only sees what it tells."""

    seen: Sequence[Status] = ()

    def names(self) -> tuple[str, ...]:
        return tuple(status.name for status in self.seen)

    def untried(self) -> tuple[str, ...]:
        return tuple(status.name for status in self.seen if status.up is None)

    def statuses(self) -> list[Status]:
        return list(self.seen)


@dataclass
class Made:
    """A made-up ZVM that was polled for more than an hour."""

    kind: str
    name: str
    numbers: random.Random
    history: History = field(default_factory=History)

    def status(self) -> Status:
        """Return it as it is NOW."""
        if self.kind == "new":
            return Status(self.name, self.url, None, None, None, None, 0, ())
        down_for = {"down": 75.0, "dropped": 1500.0, "refused": 7200.0}.get(self.kind)
        worst_rpo = self._poll(down_for or 0.0)
        count = self.numbers.randint(10, 1500)
        good = down_for is None
        served = down_for is None or down_for < 120
        vms, vpgs = self._outcome("vms", count), self._outcome("vpgs", count // 8)
        told = self._vpgs(count // 8)
        worst_rpo = max(worst_rpo, *(one.rpo.actual or 0.0 for one in told.own.values() if one is not None), 0.0)
        return Status(
            name=self.name,
            url=self.url,
            up=good,
            since=NOW - (down_for or self.numbers.randint(10_000, 3_000_000)),
            last_success=None if self.kind == "refused" else NOW - (down_for or 0.0) - 4.0,
            summary=None if self.kind == "refused" else Summary(count, worst_rpo, "erp-db-01", "ERP production"),
            series=count * 20 if served else 0,
            outcomes=(vms, vpgs, *self._absent()),
            stale=not served and self.kind != "refused",
            failure=Failure(NOW - 1260.0, "vms", _TIMEOUT) if self.kind == "mended" else None,
            hour=self.history.hour(NOW),
            told=Told(told, NOW - (down_for or 0.0) - 4.0, good) if served and vpgs.good else None,
        )

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://zvm-{self.name}.example.com"

    def _poll(self, down_for: float) -> float:
        rpo = float(self.numbers.randint(4, 15))
        for ago in range(3630, 3, -30):
            good = ago > down_for if down_for else not (self.kind == "mended" and 1260 <= ago < 1500)
            calm = 9.0 if self.numbers.random() < 0.9 else 60.0
            rpo += (calm - rpo) * 0.3 + self.numbers.uniform(-2.0, 3.0)
            seconds = self.numbers.uniform(0.3, 0.5) if good else 20.0
            brought = max(round(rpo), 1) if good else None
            self.history.add(NOW - ago, seconds, brought, good=good and self.kind != "partial")
        return max(round(rpo), 1)

    def _vpgs(self, count: int) -> Vpgs:
        found = {}
        for number in range(count):
            troubled = number < len(_VPGS) and self.numbers.random() < 0.05
            status, substatus, rpo, history = self.numbers.choice(_TROUBLES) if troubled else _FINE
            found[f"{self.name}-{number}"] = trouble(
                _VPGS[number % len(_VPGS)],
                ("", "Acme")[number % 2],
                status,
                substatus,
                Promise(rpo, 300.0),
                Promise(history, 86400.0),
            )
        return Vpgs(found, {})

    def _absent(self) -> Iterator[Outcome]:
        if self.kind == "windows":
            yield Outcome("encryption", UNSUPPORTED, "the ZVM has none of GET /v1/encryptionDetection/...")
            for collector, path in (("recoveries", "reports/recovery"), ("file_restores", "flrs")):
                yield Outcome(collector, UNSUPPORTED, f"GET /v1/{path}: HTTP 404: application/json, 2 bytes: '{{}}'")

    def _outcome(self, collector: str, rows: int) -> Outcome:
        if self.kind in {"down", "dropped"}:
            return Outcome(collector, "timeout", _TIMEOUT)
        if self.kind == "refused":
            return Outcome(
                collector,
                "auth",
                "login refused for user 'prometheus@vsphere.local': HTTP 401; next login in 9 min 4 s",
            )
        if self.kind == "partial" and collector == "vpgs":
            return Outcome(collector, "http", "HTTP 403 at /v1/vpgs ('the user lacks a role')")
        cut = 120 if self.kind == "cut" and collector == "vms" else 0
        lost = (2, 1, 0) if self.kind == "lost" and collector == "vms" else (0, 0, 0)
        return Outcome(
            collector, rows=rows, cut=cut, lost=Counts(*lost, "record 7: no identifier" if any(lost) else "")
        )


def made_up(count: int) -> list[Status]:
    """Return *count* ZVMs; every state is among them from 15 on."""
    numbers = random.Random(1)  # noqa: S311 - pictures, not secrets
    return [Made(_KINDS[index % len(_KINDS)], f"site-{index:03}", numbers).status() for index in range(count)]


class LivelyClock(DrivenClock):
    """A driven clock on which what takes time takes it: polls that are all done in no time have no duration to plot."""

    def monotonic(self) -> float:
        return self.now + time.perf_counter()


@asynccontextmanager
async def serving(
    statuses: Sequence[Status], flags: WebFlags | None = None, address: str = "127.0.0.1:0"
) -> AsyncIterator[str]:
    """Serve the page of *statuses* as of NOW; yields its address."""
    store = Store({})
    telemetry = Telemetry("1.2.3", poll_outcomes=[], login_outcomes=[], series=store.series, process=False)
    server = Server(
        Pages(store, telemetry),
        Polls(statuses),
        flags or WebFlags(),
        collectors=("vms", "vpgs"),
        reload=_never,
        configuration=lambda: "zvms: []\n",
        wall=lambda: NOW,
    )
    listener = listen(address)
    await server.start([listener])
    try:
        yield f"http://127.0.0.1:{listener.port}/"
    finally:
        await server.stop()


@asynccontextmanager
async def hour_of_the_demo() -> AsyncIterator[str]:
    """Serve the page of the demo's two sites after an hour: one was away for a while, a VPG has lost its peer."""
    clock = LivelyClock(NOW - 3700.0)
    async with AsyncExitStack() as stack:
        sites = [
            Simulator(estate, record=False, clock=clock.monotonic) for estate in pair(("nyc", 50), ("lon", 50), seed=1)
        ]
        for site in sites:
            site.estate.clock = clock.wall
            await site.start()
            stack.push_async_callback(site.stop)
        nyc, lon = sites
        running = await start_exporter([zvm_config(nyc), zvm_config(lon, "lon")], clock)
        stack.push_async_callback(running.session.close)
        stack.push_async_callback(running.exporter.stop)
        await clock.idle(2)
        await clock.advance(2100.0)
        lon.faults.set("/v1/v", faults.status(503))
        await clock.advance(180.0)
        lon.faults.clear()
        await clock.advance(900.0)
        nyc.estate.start_incident("peer_disconnected", "Mail-Production")
        await clock.advance(525.0)
        yield running.url + "/"


async def _never() -> str:
    raise AssertionError


async def _pictures(folder: Path) -> None:
    async with Browser.started() as browser:
        async with hour_of_the_demo() as url:
            for name, dark in (("landing.png", False), ("landing-dark.png", True)):
                await browser.open(url, width=1400, height=720, dark=dark)
                (folder / name).write_bytes(await browser.picture())
        async with serving(made_up(200)) as url:
            await browser.open(url, width=1400, height=1600)
            (folder / "landing-200.png").write_bytes(await browser.picture())


async def _serve(zvms: int, address: str) -> None:
    async with serving(made_up(zvms), address=address) as url:
        print(url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until the user interrupts, or write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zvms", type=int, default=15)
    parser.add_argument("--address", default="127.0.0.1:9404")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        asyncio.run(_pictures(options.pictures) if options.pictures else _serve(options.zvms, options.address))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
