"""The whole product without a ZVM: two paired simulated sites in-process, and the exporter on them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from exporter import collectors
from exporter.app import Exporter
from exporter.cli import logs, streams
from exporter.cli.serving import serve
from exporter.config import Config, Zvm
from exporter.config.schema import COLLECTORS
from exporter.simulator import Estate, Simulator, pair
from exporter.simulator.estate.site import Clock
from exporter.simulator.login.authority import Method
from exporter.web.listen import Listener
from exporter.web.server import WebFlags
from exporter.zvm.settings import Auth

SITES: Final[dict[str, Method]] = {"nyc": "keycloak", "lon": "session"}
"""The simulated sites by name, each with the login that it takes."""

AT_MOST_SECONDS: Final = 30.0
"""From one poll of a collector to the next: whoever tries something here does not wait an hour to see it."""

_INTERVAL_SECONDS: Final = 5.0


async def demo(listeners: Sequence[Listener], flags: WebFlags, *, vms: int, seed: int) -> int:
    """Run until SIGTERM or SIGINT: sites `nyc` and `lon`, which protect *vms* VMs each to one another."""
    async with AsyncExitStack() as stack:
        zvms = []
        for estate in estates(vms, seed):
            simulator = Simulator(estate, auth=SITES[estate.site], control=True, record=False)
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            zvms.append(watched(simulator))
            streams.tell(f"simulated site {estate.site}: {simulator.url} ({simulator.auth} login)")
        exporter = Exporter(lambda: Config(tuple(zvms)), lost_lines=logs.lost)
        exporter.configure()
        for listener in listeners:
            tls = flags.access is not None and flags.access.ssl_context is not None
            address = f"http{'s' if tls else ''}://localhost:{listener.port}"
            streams.tell(f"exporter: {address}{flags.prefix}/ and {address}{flags.prefix}{flags.telemetry_path}")
        await serve(exporter, listeners, flags)
    return 0


def estates(vms: int, seed: int, clock: Clock = time.time) -> tuple[Estate, Estate]:
    """Return the sites, which protect *vms* VMs each to one another, a few of them within the site."""
    nyc, lon = SITES
    return pair((nyc, vms), (lon, vms), seed=seed, clock=clock, local=True)


def watched(simulator: Simulator) -> Zvm:
    """Return how the site of *simulator* is polled: by all collectors, each often enough to watch it."""
    slow = (collector for collector in collectors.ALL if (collector.interval or 0.0) > AT_MOST_SECONDS)
    return Zvm(
        name=simulator.estate.site,
        url=simulator.url,
        interval=_INTERVAL_SECONDS,
        timeout=_INTERVAL_SECONDS,
        collectors=COLLECTORS,
        intervals={collector.name: AT_MOST_SECONDS for collector in slow},
        auth=Auth(username=simulator.username, password=simulator.password),
    )
