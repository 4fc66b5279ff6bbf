"""The own site: what describes it, how far its clock is off, and whom to call there, who gets nowhere."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support import DrivenClock, Page, Running, Simulate, shown, zvm_config

from exporter.collectors import site as module
from exporter.simulator import Estate, Simulator, faults
from exporter.simulator.exchange import Call, Payload
from exporter.simulator.faults import Fault
from exporter.simulator.login.authority import Authority
from exporter.zvm.decode.rows import Decoded
from exporter.zvm.paths import LOCAL_SITE

Export = Callable[..., Awaitable[Running]]
OFFSET = "zerto_site_clock_offset_seconds"

WIRE: dict[str, Any] = {
    "SiteIdentifier": "site-1",
    "SiteName": "nyc",
    "Location": "New York",
    "SiteType": "VCenter",
    "SiteTypeVersion": "8.0.2",
    "Version": "10.0.60",
    "DisplayVersion": "10.0 U6",
    "ZvmApiVersion": "10.0",
    "IsReplicationToSelfEnabled": False,
    "UtcOffsetInMinutes": -240,
    "BandwidthThrottlingInMBs": 12.5,
}
VALUES = {
    "zerto_site_replication_to_self_enabled": 0,
    "zerto_site_utc_offset_seconds": -14400,
    "zerto_site_bandwidth_throttling_bytes_per_second": 12_500_000,
}


def page(record: dict[str, Any], offset: float | None = None) -> Page:
    decoded = module.DECODER.decode(json.dumps(record).encode(), "application/json", "what came")
    assert not decoded.lost
    return shown([module.Told(row, offset) for row in decoded.rows], module.TABLE)


def test_each_value_is_a_sample() -> None:
    told = page(WIRE, -2.5)
    assert {name: told.value(name) for name in VALUES} == VALUES
    assert told.value(OFFSET) == -2.5
    ((labels, _),) = told.all("zerto_site_info")
    assert labels == {
        "zvm": "nyc",
        "site": "nyc",
        "site_id": "site-1",
        "location": "New York",
        "type": "VCenter",
        "type_version": "8.0.2",
        "version": "10.0.60",
        "display_version": "10.0 U6",
        "api_version": "10.0",
    }


@pytest.mark.parametrize("record", [dict.fromkeys(WIRE), {}], ids=["null", "missing"])
def test_null_is_no_sample(record: dict[str, Any]) -> None:
    told = page({**record, "SiteIdentifier": None, "Link": {"identifier": "site-1"}})
    assert {name for name, _ in told.samples} == {"zerto_site_info"}
    assert told.all("zerto_site_info", site_id="site-1", site="")


def test_no_limit_is_no_sample_and_a_negative_one_is_impossible() -> None:
    for throttling in (-1, -1.0):
        assert not page({**WIRE, "BandwidthThrottlingInMBs": throttling}).values(
            "zerto_site_bandwidth_throttling_bytes_per_second"
        )
    (site,) = module.DECODER.decode(b'{"SiteIdentifier": "1", "BandwidthThrottlingInMBs": -2}', "", "").rows
    rendered = module.TABLE.render({}, [module.Told(site)])
    assert (rendered.impossible, "BandwidthThrottlingInMBs" in rendered.complaint) == (1, True)


@pytest.mark.parametrize(
    ("body", "content_type", "ahead"),
    [
        ('"1970-01-01T00:16:41.5000000Z"', "application/json", 1.5),
        ('"1970-01-01T00:16:38"', "application/json", -2),
        (r'"\/Date(1000250)\/"', "application/json", 0.25),
        ('<dateTime xmlns="http://schemas.zerto.com/zvm/api">1970-01-01T00:16:40Z</dateTime>', "text/xml", 0),
        ("null", "application/json", None),
        ('""', "application/json", None),
    ],
)
def test_each_form_of_a_time_is_read(body: str, content_type: str, ahead: float | None) -> None:
    rows = module.TIMES.decode(body.encode(), content_type, "").rows
    assert module.ahead(Decoded(rows, at=1000.0)) == ahead


@pytest.fixture
async def sim(simulate: Simulate, clock: DrivenClock) -> Simulator:
    started: Simulator = await simulate(Estate("nyc", 5, 1, clock.wall, incidents=False), auth="session")
    return started


async def test_the_clock_is_compared_with_ours_at_the_middle_of_the_request(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    async def on_the_way(_call: Call, _authority: Authority) -> None:
        clock.now += 4

    async def on_the_way_back(call: Call, payload: Payload) -> web.StreamResponse:
        clock.now += 2
        return await call.send(payload)

    sim.faults.set(module.TIME, Fault("slow both ways", replace=on_the_way, deliver=on_the_way_back))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("site",))])
    await clock.idle(1)
    assert (await running.page()).value(OFFSET) == pytest.approx(1, abs=1e-6)
    sim.faults.clear()
    sim.estate.start_incident("clock-off")
    await clock.advance(300)
    assert (await running.page()).value(OFFSET) == pytest.approx(300, abs=1e-6)
    sim.estate.end_incident("clock-off")
    await clock.advance(300)
    assert (await running.page()).value(OFFSET) == pytest.approx(0, abs=1e-6)


async def test_without_the_time_the_site_is_there_and_a_time_that_is_none_is_counted(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set(module.TIME, faults.status(404))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "site"), interval=300.0)])
    await clock.idle(1)
    for fault, success, invalid in (
        (None, 1, 0),
        (faults.status(500), 0, 0),
        (faults.status(200, body='"soon"'), 1, 1),
        (faults.status(200, body='{"Now": 1}'), 1, 2),
    ):
        if fault is not None:
            sim.faults.set(module.TIME, fault)
            await clock.advance(300)
        page = await running.page()
        assert page.value("zerto_collector_success", collector="site") == success
        assert page.value("zerto_collector_supported", collector="site") == 1
        assert page.values("zerto_site_info", site="nyc", version="10.0.60")
        assert not page.values(OFFSET)
        assert page.value("zerto_exporter_invalid_values_total", collector="site") == invalid


@pytest.mark.parametrize("code", [403, 404])
async def test_without_the_site_it_is_not_supported(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, code: int
) -> None:
    sim.faults.set(LOCAL_SITE, faults.status(code))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "site"), interval=300.0)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_collector_supported", collector="site") == 0
    assert (page.value("zerto_up"), page.values("zerto_site_info")) == (1, [])
