"""Points in time: one request for each VM of a local VPG, within a budget."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, plain, zvm_config

from exporter.collectors import points_in_time as module
from exporter.collectors import vms
from exporter.config import Options
from exporter.prometheus.table import Renderer
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("vms", "points_in_time")
VM = vms.Known("vm-1", "v-1", "db", "ERP", "local")
OLDEST = "zerto_vm_oldest_point_in_time_timestamp_seconds"
NEWEST = "zerto_vm_newest_point_in_time_timestamp_seconds"
CHECKPOINT = {"CheckpointIdentifier": "1", "TimeStamp": "2023-11-14T22:13:20Z", "Tag": None, "Type": 0}
COPY = {"RetentionSetIdentifier": "s-1", "TimeStamp": "2023-11-14T22:13:00Z", "Tier": 0}


def shown(stats: Any) -> Page:
    decoded = module.DECODER.decode(json.dumps(stats).encode(), "application/json", "what came")
    assert not decoded.lost
    blocks = Renderer(module.TABLE, {}).render([module.OfVm(VM, one) for one in decoded.rows]).blocks
    return Page(plain(part for block in blocks for part in block.parts).decode())


@pytest.mark.parametrize(
    ("earliest", "latest", "ends"),
    [
        ({"Checkpoint": CHECKPOINT}, {"Checkpoint": CHECKPOINT}, [1_700_000_000, 1_700_000_000, "checkpoint"]),
        ({"RetentionSet": COPY}, {"Checkpoint": CHECKPOINT}, [1_699_999_980, 1_700_000_000, "checkpoint"]),
        ({"RetentionSet": COPY}, {"retentionSet": COPY}, [1_699_999_980, 1_699_999_980, "retention_set"]),
        ({"Checkpoint": {"TimeStamp": None}, "RetentionSet": COPY}, None, [1_699_999_980, None, None]),
        (None, {"Checkpoint": None, "RetentionSet": None, "CanMount": {"IsAllowed": False}}, [None, None, None]),
        ({"Checkpoint": {}}, {}, [None, None, None]),
    ],
)
def test_each_end_is_a_checkpoint_or_a_copy(earliest: Any, latest: Any, ends: list[Any]) -> None:
    page = shown({"Earliest": earliest, "Latest": latest})
    of_vm = {"vpg": "ERP", "vpg_id": "v-1", "vm": "db", "vm_id": "vm-1", "role": "local"}
    assert page.all(OLDEST) == ([] if ends[0] is None else [(of_vm, ends[0])])
    assert page.all(NEWEST) == ([] if ends[1] is None else [(of_vm | {"kind": ends[2]}, ends[1])])


def test_a_vm_without_points_has_no_sample() -> None:
    assert not shown(None).samples


async def test_each_vm_of_a_local_vpg_is_asked_for_within_the_budget_and_one_that_is_gone_costs_nothing(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    clock.now = 1_700_000_000.0
    estate = Estate("nyc", vms=40, seed=1, clock=clock.wall, local=True, incidents=False)
    sim: Simulator = await simulate(estate, auth="session")
    budget = {"points_in_time": Options(requests_per_poll=2)}
    zvm = zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS, options=budget, interval=300.0)
    running = await export([zvm])
    await clock.idle(1)
    page = await running.page()
    local = {(of["vm_id"], of["vpg_id"]): of for of, _ in page.all("zerto_vm_info", role="local")}
    assert len(local) == 3
    assert page.value("zerto_collector_objects") == 3
    assert len(page.values(NEWEST)) == 2
    sim.faults.set("/v1/vms/", faults.xml())
    await clock.advance(1800)
    page = await running.page()
    found = {(of["vm_id"], of["vpg_id"]): of for of, _ in page.all(NEWEST)}
    assert found.keys() == local.keys()
    for key, of in found.items():
        assert (of["vm"], of["vpg"], of["role"]) == (local[key]["vm"], local[key]["vpg"], "local")
        assert page.value(OLDEST, vm_id=key[0]) <= page.value(NEWEST, vm_id=key[0])
    asked = [one for one in sim.requests if one.path.endswith("/pointsInTime/stats")]
    assert {(one.path.split("/")[3], one.query["vpgIdentifier"]) for one in asked} == local.keys()
    sim.faults.clear()
    sim.faults.set("/v1/vms/", faults.status(404), times=1)
    await clock.advance(900)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="points_in_time") == 1
    assert page.value("zerto_exporter_invalid_records_total", collector="points_in_time") == 0
    sim.faults.set("/v1/vms/", faults.truncated())
    await clock.advance(900)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="points_in_time") == 0
    assert page.value("zerto_up") == 1
    sim.faults.set("/v1/vms/", faults.status(404))
    await clock.advance(1800)
    assert (await running.page()).value("zerto_collector_supported", collector="points_in_time") == 0


async def test_without_a_local_vpg_nothing_is_asked(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="points_in_time") == 1
    assert page.value("zerto_collector_objects") == 0
    assert not any("pointsInTime" in one.path for one in sim.requests)
