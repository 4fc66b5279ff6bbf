"""A day in the life of simulated estates, as the exporter told it: in trouble, healthy, and without data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from gallery import LivelyClock
from msgspec.structs import replace
from support import DrivenClock, start_exporter, zvm_config
from troubled_estate import OF_FAULTY_VMS, is_protected

from exporter.config import Options, Zvm
from exporter.config.schema import COLLECTORS
from exporter.simulator import Estate, Simulator, faults, pair
from exporter.zvm.settings import Auth
from pictures.history import Part

NOW: Final = 1_795_471_200.0  # the end of each day, always the same: so are the pictures

_RECENT: Final = Part(NOW - 239 * 120, 120, 240)
PARTS: Final = (Part(_RECENT.begin - 120 * 600, 600, 120), _RECENT)  # 28 hours, their last 8 more closely

_MINUTE: Final = 60.0


@dataclass
class Stage:
    """The sites of an estate while its day is played, by name."""

    sites: Mapping[str, Simulator]

    def start(self, site: str, kind: str, number: int | None = None) -> None:
        """Start an incident in one of the VPGs that a *site* protects, or without a number of the site itself."""
        vpg = None if number is None else self._protected(site)[number]
        self.sites[site].estate.start_incident(kind, vpg)

    def end(self, site: str, number: int) -> None:
        """End what is wrong with one of the VPGs that a *site* protects."""
        self.sites[site].estate.end_incident(None, self._protected(site)[number])

    def remove_vpg(self, site: str, suffix: str) -> None:
        """Delete the VPG whose name ends so."""
        vpgs = [vpg for vpg in self.sites[site].estate.vpgs() if is_protected(vpg)]
        self.sites[site].estate.remove_vpg(next(v["VpgIdentifier"] for v in vpgs if v["VpgName"].endswith(suffix)))

    def remove_first_vm(self, site: str) -> None:
        """Take the first VM of a *site* out of its three VPGs, of one of them the only one."""
        estate = self.sites[site].estate
        estate.remove_vm(next(vm["VmIdentifier"] for vm in estate.vms() if is_protected(vm)))

    def _protected(self, site: str) -> list[str]:
        return [vpg["VpgName"] for vpg in self.sites[site].estate.vpgs() if is_protected(vpg)]


@dataclass(frozen=True)
class Day:
    """What an estate is made of, and what happens in it: minutes before the end, and what changes then.

    `shown` has the variables that are chosen, by the name of the dashboard.
    """

    estates: Callable[[DrivenClock], Sequence[Estate]] = lambda _: ()
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    others: Sequence[Zvm] = ()
    changes: Sequence[tuple[float, Callable[[Stage], None]]] = ()
    shown: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


def _troubled(clock: DrivenClock) -> Sequence[Estate]:
    nyc, lon = pair(("nyc", 45), ("lon", 40), seed=2, clock=clock.wall, local=True, incidents=False)
    return nyc, lon, Estate("par", vms=25, seed=3, clock=clock.wall, incidents=False)


def _healthy(clock: DrivenClock) -> Sequence[Estate]:
    # With this seed no recovery has failed, and each VPG was tested in time.
    return pair(("nyc", 50), ("lon", 50), seed=576, clock=clock.wall, incidents=False)


TROUBLED: Final = Day(
    _troubled,
    keys={
        "nyc": {"max_series": 3900, "options": {"vms": Options(exclude={"vm": (r"never-.*",)})}},
        "lon": {"collectors": OF_FAULTY_VMS},
    },
    others=(Zvm(name="ams", url="http://127.0.0.1:1", auth=Auth(username="prometheus", password="wrong")),),
    changes=(
        (1900, lambda stage: stage.sites["lon"].faults.add("/v1/vms", faults.duplicates())),
        (1900, lambda stage: stage.sites["lon"].faults.add("/v1/vms", faults.bad_values(every=30))),
        (1000, lambda stage: stage.start("lon", "bitmap_sync", 4)),
        (940, lambda stage: stage.end("lon", 4)),
        (330, lambda stage: stage.sites["nyc"].faults.set("/v1", faults.status(503))),
        (300, lambda stage: stage.sites["nyc"].faults.clear()),
        (300, lambda stage: stage.start("lon", "datastore_full")),
        (280, lambda stage: stage.start("nyc", "delta_sync", 4)),
        (250, lambda stage: stage.end("nyc", 4)),
        (240, lambda stage: stage.sites["par"].faults.set("/v1/vms", faults.status(500))),
        (200, lambda stage: stage.start("nyc", "journal_near_limit", 1)),
        (180, lambda stage: stage.start("lon", "clock_off")),
        (150, lambda stage: stage.start("lon", "vm_missing", 1)),
        (130, lambda stage: stage.start("nyc", "license_expiring")),
        (120, lambda stage: stage.remove_vpg("lon", "-Vault")),
        (100, lambda stage: stage.remove_first_vm("nyc")),
        (90, lambda stage: stage.start("nyc", "bitmap_sync", 5)),
        (80, lambda stage: stage.start("nyc", "test_overdue", 6)),
        (80, lambda stage: stage.start("nyc", "vra_ghost", 4)),
        (75, lambda stage: stage.start("lon", "host_in_maintenance", 4)),
        (70, lambda stage: stage.start("lon", "vra_failed", 3)),
        (60, lambda stage: stage.end("nyc", 5)),
        (60, lambda stage: stage.start("lon", "vms_unprotected")),
        (45, lambda stage: stage.start("nyc", "failover_test", 2)),
        (40, lambda stage: stage.start("lon", "initial_sync", 0)),
        (35, lambda stage: stage.start("nyc", "ransomware", 3)),
        (30, lambda stage: stage.start("par", "wan_down")),
        (20, lambda stage: stage.start("nyc", "peer_disconnected", 0)),
        (10, lambda stage: stage.start("lon", "delta_sync", 2)),
    ),
    shown={"zerto-vpg": {"vpg": ("Files-Production",)}},
)
HEALTHY: Final = Day(_healthy)
SILENT: Final = Day()  # an exporter that does not answer
DAYS: Final = {"troubled": TROUBLED, "healthy": HEALTHY, "without-data": SILENT}


async def played(day: Day) -> dict[float, str]:
    """Return the exporter's page at each scrape of a *day*, by its time; empty where it did not answer."""
    times = [time for part in PARTS for time in part.times]
    if day is SILENT:
        return dict.fromkeys(times, "")
    clock = LivelyClock(PARTS[0].begin - 1)
    async with AsyncExitStack() as stack:
        sites = {}
        for estate in day.estates(clock):
            site = sites[estate.here.name] = Simulator(estate, record=False, clock=clock.monotonic)
            await site.start()
            stack.push_async_callback(site.stop)
        running = await start_exporter(_polled(day, sites, PARTS[0].step), clock)
        stack.push_async_callback(running.session.close)
        stack.push_async_callback(running.exporter.stop)
        changes = sorted(day.changes, key=lambda change: -change[0])
        pages = {}
        for part in PARTS:
            running.zvms[:] = _polled(day, sites, part.step)
            await running.exporter.reload()
            await clock.idle(len(running.zvms))
            for time in part.times:
                while changes and NOW - changes[0][0] * _MINUTE <= time:
                    changes.pop(0)[1](Stage(sites))
                await clock.advance(time - clock.now)
                running.exporter.pages.forget()
                _, page = await running.get("/metrics")
                pages[time] = _started(page)
        return pages


def _polled(day: Day, sites: Mapping[str, Simulator], interval: float) -> list[Zvm]:
    """Return the configuration: each ZVM polled once between two scrapes."""
    ours = {"interval": interval, "collectors": COLLECTORS}
    zvms = [zvm_config(site, name, **{**ours, **day.keys.get(name, {})}) for name, site in sites.items()]
    return [*zvms, *(replace(other, interval=interval) for other in day.others)]


def _started(page: str) -> str:
    """Return the *page* as of a process that began with the day: its clock is the one thing that is not driven."""
    return re.sub(r"^(process_start_time_seconds) .*", rf"\1 {PARTS[0].begin}", page, flags=re.MULTILINE)
