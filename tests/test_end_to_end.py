"""The whole way: an incident at a ZVM wakes somebody up, and its end lets them sleep again.

A simulated ZVM over TLS, the exporter, a real Prometheus with the rules that we ship, a real Alertmanager with the
routes and inhibitions that we ship, and a listener where the pager would be. Only waiting times are shortened.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from alertmanager import CONFIG, receiving, running, sending_to, written
from programs import EACH_PROMETHEUS
from prometheus_server import Prometheus, needs_prometheus
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


@contextmanager
def alerting(folder: Path, receiver: str) -> Iterator[str]:
    """Run an Alertmanager with our configuration, whose receivers are all *receiver*; yield its host and port."""
    config = sending_to(lambda _: receiver, yaml.safe_load(CONFIG.read_text()))
    config["route"] |= {"group_wait": "100ms", "group_interval": "500ms"}
    with running(folder, written(folder, config)) as address:
        yield address


def prometheus_config(folder: Path, exporter: str, alertmanager: str) -> dict[str, Any]:
    """Return ours, with the rules that we ship but for how long something must hold, and how often that is asked."""
    for file in (DEPLOY / "rules").glob("*.yml"):
        soon = re.sub(r"\b(for|keep_firing_for): \w+", r"\1: 1s", file.read_text())
        (folder / file.name).write_text(soon.replace("    interval: 1m\n", "    interval: 500ms\n"))
    host = exporter.removeprefix("http://")
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(folder / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [{"job_name": "zerto", "static_configs": [{"targets": [host]}]}],
    }


@pytest.mark.parametrize("version", EACH_PROMETHEUS)
async def test_an_incident_raises_an_alert_and_its_end_resolves_it(
    version: str, simulate: Simulate, export: Export, ca_file: Path, tmp_path: Path
) -> None:
    needs_prometheus(version)
    estate = Estate("nyc", vms=60, seed=1, incidents=False)  # so many VPGs that one of them is not the site
    sim: Simulator = await simulate(estate, record=False)
    exporter = await export([zvm_config(sim, ca_file=ca_file, interval=0.5, timeout=10.0)], clock=Clock())
    vpg = next(one["VpgName"] for one in estate.vpgs() if one["ProtectedSite"]["type"] == "LocalSiteApi")
    rules = tmp_path / "rules"
    rules.mkdir()
    listener = Pager()
    async with receiving("/", listener.called) as pager:
        with (
            alerting(tmp_path, pager) as alertmanager,
            Prometheus(tmp_path, prometheus_config(rules, exporter.url, alertmanager), version=version) as prometheus,
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
    async with aiohttp.ClientSession() as client, client.get(f"{exporter.url}/-/healthy") as answer:
        assert answer.status == 200
