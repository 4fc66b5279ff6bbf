"""What nobody protects: counted at the own site, with storage where the ZVM tells it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, shown, zvm_config

from exporter.collectors import unprotected as module
from exporter.simulator import Estate, Simulator, faults
from exporter.zvm.paths import LOCAL_SITE

Export = Callable[..., Awaitable[Running]]
VMS, STORAGE, VAPPS = (metric.name for metric in module.TABLE.metrics)


@pytest.mark.parametrize(
    ("sizes", "stored"),
    [
        ([], 0),
        ([{"ProvisionedStorageInMB": 3}, {"ProvisionedStorageInMB": 4}], 7),
        ([{"ProvisionedStorageInMB": 3}, None, {}, {"ProvisionedStorageInMB": None}], 3),
        ([{"ProvisionedStorageInMB": 3}, {"ProvisionedStorageInMB": -1}], 3),
        ([None, {"ProvisionedStorageInMB": None}], None),
    ],
)
def test_storage_is_that_of_the_vms_that_tell_theirs(sizes: list[Any], stored: int | None) -> None:
    records = [{"VmIdentifier": str(place), "VmPerfMetricInfo": size} for place, size in enumerate(sizes)]
    decoded = module.VM_DECODER.decode(json.dumps(records).encode(), "application/json", "what came")
    told = shown([module.Unprotected(len(decoded.rows), module.storage(decoded.rows), None)], module.TABLE)
    assert told.values(STORAGE) == ([] if stored is None else [stored * 2**20])
    assert (told.value(VMS), told.values(VAPPS)) == (len(sizes), [])


@pytest.fixture
async def sim(simulate: Simulate, clock: DrivenClock) -> Simulator:
    started: Simulator = await simulate(Estate("nyc", 30, 1, clock.wall, incidents=False), auth="session")
    return started


async def test_vms_appear_and_one_that_leaves_its_vpg_is_among_them(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "unprotected"), interval=900.0)])
    await clock.idle(1)

    async def after(seconds: float) -> Page:
        await clock.advance(seconds)
        return await running.page()

    quiet = await running.page()
    assert quiet.value(VMS) > 0
    assert quiet.value(STORAGE) > 0
    assert quiet.value(VAPPS) == 0
    # Whatever the number of sites, it is one endpoint.
    assert quiet.value("zerto_exporter_api_requests_total", endpoint=module.VMS, code="200") == 1
    sim.estate.remove_vm(quiet.all("zerto_vm_info")[5][0]["vm_id"])
    assert (await after(900)).value(VMS) == quiet.value(VMS) + 1
    sim.estate.start_incident("vms-unprotected")
    assert (await after(1800)).value(VMS) == quiet.value(VMS) + 21
    sim.estate.end_incident("vms-unprotected")
    sim.faults.set("/v1/virtualizationsites", faults.bad_record(1), times=2)  # there are no vApps
    odd = await after(900)
    assert odd.value(VMS) == quiet.value(VMS)
    assert odd.value("zerto_exporter_invalid_records_total", collector="unprotected") == 1


async def test_without_vcloud_director_the_vms_are_counted_and_without_them_nothing_is(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sites = "/v1/virtualizationsites"
    own = module.VAPPS.format(id=sim.estate.here.identifier)
    sim.faults.set(own, faults.status(404))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "unprotected"), interval=900.0)])
    await clock.idle(1)
    page = await running.page()
    assert (page.value(VMS) > 0, page.values(VAPPS)) == (True, [])
    for path, fault, success, supported in (
        (own, faults.status(500), 0, 1),
        (sites, faults.wrong_shape(), 0, 1),
        (LOCAL_SITE, faults.nulls(), 0, 1),
        (LOCAL_SITE, faults.null(), 0, 1),
        (sites, faults.status(403), 1, 0),
    ):
        sim.faults.clear()
        sim.faults.set(path, fault)
        await clock.advance(900)
        page = await running.page()
        assert page.value("zerto_collector_success", collector="unprotected") == success
        assert page.value("zerto_collector_supported", collector="unprotected") == supported
        assert page.value("zerto_up") == 1


async def test_an_old_zvm_tells_no_sizes(simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path) -> None:
    sim: Simulator = await simulate(auth="session", generation="windows", vms=30)
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("unprotected",))])
    await clock.idle(1)
    page = await running.page()
    assert (page.value(VMS) > 0, page.values(STORAGE)) == (True, [])
