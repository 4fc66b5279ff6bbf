"""Long-term retention: what is read of it, what is not, and a ZVM that has a part of it only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, plain, zvm_config

from exporter.collectors import retention
from exporter.prometheus.table import Renderer, Table
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("vpgs", "retention")

HEALTH: dict[str, Any] = {
    "VpgId": "v-1",
    "VpgName": "ERP",
    "LtrVpgStatus": 2,
    "SuccessRate": {"ExpectedRetentionSets": 30, "ActualSuccessfulRetentionSets": 28},
    "DateOfLastRun": "2026-11-26T02:00:00Z",
    "TimeOfLastSuccessfulRun": "/Date(1764036000000)/",
}
REPOSITORY: dict[str, Any] = {
    "RepositoryIdentifier": "r-1",
    "RepositoryName": "bucket",
    "StorageType": 5,
    "ConnectionType": "ServerMessageBlock",
    "TotalCapacityGB": 10,
    "UsedCapacityGB": 4,
    "FreeCapacityGB": 6,
    "S3": {"IsImmutable": True},
}


def page(health: Any = (), repositories: Any = ()) -> Page:
    json_ = "application/json"
    vpgs = retention.HEALTH_DECODER.decode(json.dumps(health).encode(), json_, "what came")
    places = retention.REPOSITORY_DECODER.decode(json.dumps(repositories).encode(), json_, "what came")
    assert not vpgs.lost + places.lost
    row = retention.Retention([retention.OfVpg("protected", one) for one in vpgs.rows], places.rows)
    tables: tuple[Table[Any], ...] = (retention.VPGS, retention.OF_REPOSITORIES)
    blocks = [block for table in tables for block in Renderer(table, {"zvm": "nyc"}).render([row]).blocks]
    return Page(plain(part for block in blocks for part in block.parts).decode())


def test_each_value_is_a_sample() -> None:
    shown = page({"Vpgs": [HEALTH]}, [REPOSITORY])
    of_vpg = {"vpg": "ERP", "vpg_id": "v-1", "role": "protected"}
    assert shown.value("zerto_retention_state", status="Unknown(2)", **of_vpg) == 1
    assert shown.value("zerto_retention_status_code", **of_vpg) == 2
    assert shown.value("zerto_retention_expected_sets", **of_vpg) == 30
    assert shown.value("zerto_retention_successful_sets", **of_vpg) == 28
    assert shown.value("zerto_retention_last_run_timestamp_seconds", **of_vpg) == 1_795_658_400
    assert shown.value("zerto_retention_last_success_timestamp_seconds", **of_vpg) == 1_764_036_000
    place = {"repository": "bucket", "repository_id": "r-1"}
    kind = {"storage_type": "Unknown(5)", "connection_type": "ServerMessageBlock"}
    assert shown.value("zerto_repository_info", **place, **kind) == 1
    assert shown.value("zerto_repository_capacity_bytes", **place) == 10 * 2**30
    assert shown.value("zerto_repository_used_bytes", **place) == 4 * 2**30
    assert shown.value("zerto_repository_free_bytes", **place) == 6 * 2**30
    assert shown.value("zerto_repository_immutable", **place) == 1


@pytest.mark.parametrize(
    ("health", "repository"),
    [
        (dict.fromkeys(HEALTH.keys() - {"VpgId"}), dict.fromkeys(REPOSITORY.keys() - {"RepositoryIdentifier"})),
        ({"SuccessRate": {}, "DateOfLastRun": "0001-01-01T00:00:00"}, {"S3": {"IsImmutable": None}}),
        ({}, {}),
    ],
)
def test_null_is_no_sample(health: dict[str, Any], repository: dict[str, Any]) -> None:
    shown = page({"Vpgs": [{"VpgId": "v-1", **health}]}, [{"RepositoryIdentifier": "r-1", **repository}])
    assert {name for name, _ in shown.samples} == {"zerto_repository_info"}


@pytest.mark.parametrize(
    ("targets", "value"),
    [
        ({"Azure": {"IsImmutable": False}}, [0]),
        ({"S3-Compatible": {"IsImmutable": True}}, [1]),
        ({"s3-compatible": {"isImmutable": True}}, [1]),
        ({"S3": {"IsImmutable": False}, "Azure": {"IsImmutable": True}}, [1]),
        ({"Smb": {"Path": "x", "UserName": "u", "Password": "p"}}, []),
    ],
)
def test_a_repository_is_immutable_where_its_kind_can_be(targets: dict[str, Any], value: list[float]) -> None:
    assert page([], [{"RepositoryIdentifier": "r-1", **targets}]).values("zerto_repository_immutable") == value


@pytest.mark.parametrize("empty", [[], {"Vpgs": None}, {"Vpgs": []}])
def test_a_site_without_retention_has_none(empty: Any) -> None:
    assert not page(empty).samples


async def test_it_is_what_the_zvm_tells_in_json_and_xml_and_a_part_that_is_not_there_costs_only_itself(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(Estate("nyc", vms=40, seed=1, clock=clock.wall, incidents=False), auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS, interval=450.0)])
    await clock.idle(1)
    page = await running.page()
    known = {(of["vpg"], of["vpg_id"], of["role"]) for of, _ in page.all("zerto_vpg_info")}
    of_vpgs = page.all("zerto_retention_expected_sets")
    assert {(of["vpg"], of["vpg_id"], of["role"]) for of, _ in of_vpgs} < known
    assert len(page.values("zerto_repository_info")) == 3
    samples = {key: value for key, value in page.samples.items() if key[0].startswith(("zerto_ret", "zerto_rep"))}
    sim.faults.set("/v1/ltr", faults.xml())
    await clock.advance(900)
    page = await running.page()
    assert {key: page.samples.get(key) for key in samples} == samples
    sim.faults.set(retention.REPOSITORIES, faults.status(403))
    await clock.advance(900)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="retention") == 1
    assert page.values("zerto_retention_expected_sets")
    assert not page.values("zerto_repository_info")
    sim.faults.set(retention.REPOSITORIES, faults.truncated())
    await clock.advance(900)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="retention") == 0
    assert page.values("zerto_retention_expected_sets"), "what was known before is still served"


async def test_a_zvm_without_it_is_no_failure_and_one_that_answers_nonsense_is(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    windows: Simulator = await simulate(auth="session", generation="windows")
    other: Simulator = await simulate(auth="session")
    other.faults.set(retention.PATH, faults.wrong_shape())
    zvms = [zvm_config(windows, ca_file=ca_file, collectors=(*COLLECTORS, "file_restores"))]
    zvms.append(zvm_config(other, "other", ca_file=ca_file, collectors=COLLECTORS))
    running = await export(zvms)
    await clock.idle(2)
    page = await running.page()
    assert page.values("zerto_up") == [1, 1]
    for collector in ("retention", "file_restores"):
        assert page.value("zerto_collector_supported", zvm="nyc", collector=collector) == 0
        assert page.value("zerto_collector_success", zvm="nyc", collector=collector) == 1
    assert page.value("zerto_exporter_polls_total", zvm="other", collector="retention", outcome="decode") == 1


async def test_with_no_room_left_for_all_of_it_the_page_says_so(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS, max_series=40)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="retention") == 1
    assert page.value("zerto_exporter_cut_records", collector="retention") == 1
    assert page.value("zerto_exporter_series", collector="retention") < 40
