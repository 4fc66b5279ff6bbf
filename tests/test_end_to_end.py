"""The whole way: an incident at a ZVM wakes somebody up, and its end lets them sleep again.

A simulated ZVM over TLS, the exporter, a real Prometheus with the rules that we ship, a real Alertmanager with the
routes and inhibitions that we ship, and a listener where the pager would be. Only waiting times are shortened.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from programs import EACH_PROMETHEUS
from prometheus_server import Prometheus, free_port, needs_prometheus
from support import Running, Simulate, zvm_config

from exporter.polling.clock import Clock
from exporter.simulator import Estate, Simulator

DEPLOY = Path(__file__).parent.parent / "deploy" / "prometheus"
PATIENCE_SECONDS = 40.0  # on a machine that is busy with other things

Export = Callable[..., Awaitable[Running]]
Alert = dict[str, Any]


class Pager:
    """What Alertmanager sends to, and what it has sent."""

    def __init__(self) -> None:
        self.url = ""
        self._alerts: asyncio.Queue[Alert] = asyncio.Queue()

    async def called(self, request: web.Request) -> web.Response:
        """Take a message of Alertmanager: its alerts, one by one."""
        for alert in (await request.json())["alerts"]:
            self._alerts.put_nowait(alert)
        return web.Response()

    async def hears(self, name: str, status: str) -> Alert:
        """Return the first alert *name* that comes with *status*."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                alert = await self._alerts.get()
                if (alert["labels"]["alertname"], alert["status"]) == (name, status):
                    return alert


@asynccontextmanager
async def pager() -> AsyncIterator[Pager]:
    listening = Pager()
    app = web.Application()
    app.router.add_post("/", listening.called)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listening.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield listening
    finally:
        await runner.cleanup()


def alertmanager() -> str:
    for name in ("alertmanager", "prometheus-alertmanager"):
        if (path := shutil.which(name)) is not None:
            return path
    assert "CI" not in os.environ, "CI must have alertmanager"
    pytest.skip("Alertmanager is not installed (Debian: prometheus-alertmanager)")


@contextmanager
def alerting(folder: Path, receiver: str) -> Iterator[int]:
    """Run an Alertmanager with our configuration, whose receivers are all *receiver*; yield its port."""
    program, port = alertmanager(), free_port()
    config = yaml.safe_load((DEPLOY / "alertmanager.yml").read_text())
    config["route"] |= {"group_wait": "100ms", "group_interval": "500ms"}
    for one in config["receivers"]:
        for webhook in one.get("webhook_configs", []):
            webhook["url"] = receiver
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    flags = [f"--config.file={file}", f"--storage.path={folder / 'alerts'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "alertmanager.log").open("w") as log:
        running = subprocess.Popen([program, *flags, "--cluster.listen-address="], stdout=log, stderr=log)
        try:
            yield port
        finally:
            running.terminate()
            running.wait(timeout=10)


def prometheus_config(folder: Path, exporter: str, alertmanager_port: int) -> dict[str, Any]:
    """Return ours, with the rules that we ship but for how long something must hold until it is told."""
    for file in (DEPLOY / "rules").glob("*.yml"):
        (folder / file.name).write_text(re.sub(r"\b(for|keep_firing_for): \w+", r"\1: 1s", file.read_text()))
    host = exporter.removeprefix("http://")
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(folder / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]},
        "scrape_configs": [{"job_name": "zerto", "static_configs": [{"targets": [host]}]}],
    }


@pytest.mark.parametrize("version", EACH_PROMETHEUS)
async def test_an_incident_raises_an_alert_and_its_end_resolves_it(
    version: str, simulate: Simulate, export: Export, ca_file: Path, tmp_path: Path
) -> None:
    needs_prometheus(version)
    estate = Estate("nyc", vms=60, seed=1, incidents=False)  # so many VPGs that one of them is not the site
    sim: Simulator = await simulate(estate, record=False)
    running = await export([zvm_config(sim, ca_file=ca_file, interval=0.5, timeout=0.5)], clock=Clock())
    vpg = next(one["VpgName"] for one in estate.vpgs() if one["ProtectedSite"]["type"] == "LocalSiteApi")
    rules = tmp_path / "rules"
    rules.mkdir()
    async with pager() as listener:
        with (
            alerting(tmp_path, listener.url) as port,
            Prometheus(tmp_path, prometheus_config(rules, running.url, port), version=version) as prometheus,
        ):
            await asyncio.to_thread(prometheus.wait_for, "vpg:zerto_vpg_state:once")
            estate.start_incident("peer_disconnected", vpg)
            fired = await listener.hears("ZertoPeerDisconnected", "firing")
            assert fired["labels"]["vpg"] == vpg
            assert (fired["labels"]["zvm"], fired["labels"]["severity"]) == ("nyc", "critical")
            assert vpg in fired["annotations"]["summary"]
            assert fired["annotations"]["runbook_url"].endswith("docs/runbooks/ZertoPeerDisconnected.md")
            estate.end_incident("peer_disconnected", vpg)
            resolved = await listener.hears("ZertoPeerDisconnected", "resolved")
            assert resolved["fingerprint"] == fired["fingerprint"]
            await sim.stop()
            down = await listener.hears("ZertoZvmDown", "firing")
            assert down["labels"]["zvm"] == "nyc"
            await sim.start(port=sim.port)
            await listener.hears("ZertoZvmDown", "resolved")
    async with aiohttp.ClientSession() as client, client.get(f"{running.url}/-/healthy") as answer:
        assert answer.status == 200
