"""The whole product without a ZVM: two paired simulated sites in-process, and the exporter on them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from exporter.app import Exporter
from exporter.cli import logs, streams
from exporter.cli.serving import serve
from exporter.config import Config, Zvm
from exporter.simulator import Simulator, pair
from exporter.web.listen import Listener
from exporter.web.server import WebFlags
from exporter.zvm.settings import Auth

_INTERVAL_SECONDS = 5.0


async def demo(listeners: Sequence[Listener], flags: WebFlags, *, vms: int, seed: int) -> int:
    """Run until SIGTERM or SIGINT: sites `nyc` and `lon`, which protect *vms* VMs each to one another."""
    async with AsyncExitStack() as stack:
        zvms = []
        nyc, lon = pair(("nyc", vms), ("lon", vms), seed=seed)
        for name, simulator in (
            ("nyc", Simulator(nyc, auth="keycloak", record=False)),
            ("lon", Simulator(lon, auth="session", record=False)),
        ):
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            zvms.append(_zvm(name, simulator))
            streams.tell(f"simulated site {name}: {simulator.url} ({simulator.auth} login)")
        exporter = Exporter(lambda: Config(tuple(zvms)), lost_lines=logs.lost)
        exporter.configure()
        for listener in listeners:
            tls = flags.access is not None and flags.access.ssl_context is not None
            address = f"http{'s' if tls else ''}://localhost:{listener.port}"
            streams.tell(f"exporter: {address}{flags.prefix}/ and {address}{flags.prefix}{flags.telemetry_path}")
        await serve(exporter, listeners, flags)
    return 0


def _zvm(name: str, simulator: Simulator) -> Zvm:
    return Zvm(
        name=name,
        url=simulator.url,
        interval=_INTERVAL_SECONDS,
        timeout=_INTERVAL_SECONDS,
        auth=Auth(username=simulator.username, password=simulator.password),
    )
