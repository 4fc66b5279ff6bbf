"""A program: the exporter on two paired sites with every kind of trouble, and on a third that fails.

    python tests/troubled_estate.py
    http://127.0.0.1:40123/metrics

Ends with SIGTERM. At SIGUSR1 a VPG and a VM are taken out, as an administrator would.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import AsyncExitStack
from typing import Any, Final

from exporter.app import Exporter
from exporter.cli import logs
from exporter.cli.serving import serve
from exporter.collectors import ALL
from exporter.config import Config, Options, Zvm
from exporter.config.schema import COLLECTORS
from exporter.simulator import Estate, Simulator, faults, pair
from exporter.web.listen import listen
from exporter.web.server import WebFlags
from exporter.zvm.settings import Auth

INTERVAL_SECONDS: Final = 0.5
SLOW_SECONDS: Final = 2.0  # of what has an interval of its own
OBJECTS_SECONDS: Final = 5.0  # of what asks for each VPG or VM
PATIENCE_SECONDS: Final = 10  # on a busy machine a poll may take longer than the interval: that is no trouble of ours
INTERVALS: Final = {collector.name: SLOW_SECONDS for collector in ALL if collector.interval} | dict.fromkeys(
    ("checkpoints", "points_in_time"), OBJECTS_SECONDS
)
OF_FAULTY_VMS: Final = tuple(name for name in COLLECTORS if name != "points_in_time")
"""What is polled where the answer of /v1/vms is spoilt: that of a path below it would be no answer at all then."""
LONG_AGO_SECONDS: Final = 1800  # when the trouble began: long enough to miss any RPO that the estate has


class Moment:
    """The clock of the estates: the past while the trouble begins, then the time that it is."""

    def __init__(self) -> None:
        self.behind = 0

    def __call__(self) -> float:
        return time.time() - self.behind


def is_protected(document: dict[str, Any]) -> bool:
    """Tell whether a row is of what the site that lists it protects."""
    return bool(document["ProtectedSite"]["type"] == "LocalSiteApi")


def begin(estate: Estate, *kinds: str) -> None:
    """Start one incident in each of the VPGs that the site protects, in their order; in those of "" none."""
    protected = [vpg["VpgName"] for vpg in estate.vpgs() if is_protected(vpg)]
    for name, kind in zip(protected, kinds, strict=False):
        if kind:
            estate.start_incident(kind, name)


def sites() -> tuple[Estate, Estate, Estate]:
    """Return two sites that protect to one another, with trouble since long ago, and a third on its own."""
    moment = Moment()
    nyc, lon = pair(("nyc", 45), ("lon", 40), seed=2, clock=moment, local=True, incidents=False)
    par = Estate("par", vms=25, seed=3, clock=moment, incidents=False)
    moment.behind = LONG_AGO_SECONDS
    begin(
        nyc, "peer_disconnected", "journal_near_limit", "failover_test", "ransomware", "vra_ghost", "", "test_overdue"
    )
    begin(lon, "initial_sync", "vm_missing", "delta_sync", "vra_failed", "host_in_maintenance")
    nyc.start_incident("license_expiring")
    for kind in ("datastore_full", "vms_unprotected", "clock_off"):
        lon.start_incident(kind)
    par.start_incident("wan_down")
    moment.behind = 0
    return nyc, lon, par


async def run() -> None:
    """Serve until SIGTERM; the first line on standard output is the address."""
    nyc, lon, par = sites()
    listener = listen("127.0.0.1:0")
    async with AsyncExitStack() as stack:
        zvms = []
        for estate in (nyc, lon, par):
            simulator = Simulator(estate, record=False)
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            if estate is lon:
                simulator.faults.add("/v1/vms", faults.duplicates())
                simulator.faults.add("/v1/vms", faults.bad_values(every=30))
            if estate is par:
                simulator.faults.set("/v1/vms", faults.status(500))
            zvms.append(
                Zvm(
                    name=estate.here.name,
                    url=simulator.url,
                    collectors=OF_FAULTY_VMS if estate is lon else COLLECTORS,
                    interval=INTERVAL_SECONDS,
                    intervals=INTERVALS,
                    timeout=PATIENCE_SECONDS,
                    auth=Auth(username=simulator.username, password=simulator.password),
                    max_series=20_000,
                    options={"vms": Options(exclude={"vm": (r"never-.*",)})},
                )
            )

        def take_out() -> None:
            vault = next(vpg for vpg in lon.vpgs() if vpg["VpgName"].endswith("-Vault") and is_protected(vpg))
            lon.remove_vpg(vault["VpgIdentifier"])
            # The first VM of a site is in three VPGs, of one of them the only one.
            nyc.remove_vm(next(vm for vm in nyc.vms() if is_protected(vm))["VmIdentifier"])

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, take_out)
        exporter = Exporter(lambda: Config(tuple(zvms)))
        exporter.configure()
        sys.stdout.write(f"http://127.0.0.1:{listener.port}/metrics\n")
        sys.stdout.flush()
        await serve(exporter, [listener], WebFlags())


if __name__ == "__main__":
    logs.configure("error", "logfmt")
    asyncio.run(run())
