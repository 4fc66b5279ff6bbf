"""Counters of VMs: as they are sent, under labels that stay, whatever happens to the ZVM, the exporter or the VPG."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, plain, zvm_config

from exporter.collectors import statistics, vms
from exporter.prometheus.table import Renderer
from exporter.simulator import Estate, Fault, Simulator, faults

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("vms", "statistics")
COUNTERS = [metric.name for metric in statistics.TABLE.metrics if metric.type == "counter"]
WRITTEN = "zerto_vm_written_bytes_total"
WIRE: dict[str, Any] = {
    "VmIdentifier": "vm-1",
    "VpgIdentifier": "vpg-1",
    "IoOperationsCounter": 2**53,
    "WriteCounterInMBs": 3,
    "SyncCounterInMBs": 4,
    "NetworkTrafficCounterInMBs": 5,
    "SampleTime": "2027-01-15T08:00:00.500Z",
    "EncryptionStatistics": {"EncryptedDataInLBs": 600, "UnencryptedDataInLBs": 900},
}
VALUES = {
    "zerto_vm_io_operations_total": 2**53,
    "zerto_vm_written_bytes_total": 3 * 2**20,
    "zerto_vm_synchronized_bytes_total": 4 * 2**20,
    "zerto_vm_network_traffic_bytes_total": 5 * 2**20,
    "zerto_vm_statistics_timestamp_seconds": 1_800_000_000.5,
    "zerto_vm_encrypted_bytes_total": 600 * 512,
    "zerto_vm_unencrypted_bytes_total": 900 * 512,
}


@pytest.fixture
def estate(clock: DrivenClock) -> Estate:
    return Estate("nyc", vms=25, seed=1, clock=clock.wall, incidents=False)


@pytest.fixture
async def sim(simulate: Simulate, estate: Estate) -> Simulator:
    started: Simulator = await simulate(estate, auth="session")
    return started


def shown(record: dict[str, Any]) -> dict[str, float]:
    decoded = statistics.DECODER.decode(json.dumps([record]).encode(), "application/json", "what came")
    assert not decoded.lost
    (one,) = decoded.rows
    row = statistics.OfVm(
        vms.Known(one.id, one.vpg_id, "vm", "vpg", "protected"),
        *(getattr(one, name) for name in statistics.OfVm.__struct_fields__[1:]),
    )
    blocks = Renderer(statistics.TABLE, {"zvm": "nyc"}).render([row]).blocks
    page = Page(plain(part for block in blocks for part in block.parts).decode())
    labels = {"zvm": "nyc", "role": "protected", "vpg": "vpg", "vpg_id": "vpg-1", "vm": "vm", "vm_id": "vm-1"}
    assert all(dict(has) == labels for _, has in page.samples)
    return {name: value for (name, _), value in page.samples.items()}


def test_each_value_is_a_sample_and_null_is_none() -> None:
    assert shown(WIRE) == VALUES
    identity = {"VmIdentifier": "vm-1", "VpgIdentifier": "vpg-1"}
    assert shown(identity) == shown({**dict.fromkeys(WIRE), **identity}) == {}
    assert shown({**identity, "EncryptionStatistics": {"EncryptedDataInLBs": None}}) == {}


def of(page: Page, name: str) -> dict[tuple[str, str], float]:
    """Return the value of each VM in each VPG."""
    return {(labels["vm_id"], labels["vpg_id"]): value for labels, value in page.all(name)}


def labels_of(page: Page, name: str = WRITTEN) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted(labels.items())) for labels, _ in page.all(name)}


async def test_each_counter_has_the_labels_of_its_vm_and_rises_by_its_rate(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """The names are there with the first poll already, though both collectors are asked for at once."""
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    before = await running.page()
    keys = ("zvm", "role", "vpg", "vpg_id", "vm", "vm_id")
    assert labels_of(before) == {
        tuple(sorted((key, labels[key]) for key in keys)) for labels, _ in before.all("zerto_vm_exists")
    }
    assert len({vm for vm, _ in of(before, WRITTEN)}) < len(of(before, WRITTEN)) == 25  # a VM is in several VPGs
    rates = [{"zerto_vm_iops": of(before, "zerto_vm_iops")}]
    for _ in range(4):
        await clock.advance(30)
        rates.append({name: of(await running.page(), name) for name in ("zerto_vm_iops",)})
    after = await running.page()
    first, last = of(before, "zerto_vm_io_operations_total"), of(after, "zerto_vm_io_operations_total")
    for key in first:
        of_vm = [rate["zerto_vm_iops"][key] for rate in rates]
        expected = sum(30 * (one + other) / 2 for one, other in pairwise(of_vm))
        assert last[key] - first[key] == pytest.approx(expected, abs=1)
    assert set(of(after, "zerto_vm_statistics_timestamp_seconds").values()) == {clock.wall()}
    assert "# TYPE zerto_vm_written_bytes_total counter\n" in after.text


async def test_a_zvm_that_restarts_counts_from_0_and_an_exporter_that_does_changes_nothing(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """Prometheus sees a counter fall, which is what it takes for a reset, in the same series."""
    config = zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)
    first = await export([config])
    await clock.idle(1)
    before = await first.page()
    await first.exporter.stop()
    again = await export([config])
    await clock.idle(1)
    page = await again.page()
    assert {name: of(page, name) for name in COUNTERS} == {name: of(before, name) for name in COUNTERS}
    sim.estate.restart_counters()
    await clock.advance(30)
    reset = await again.page()
    assert labels_of(reset) == labels_of(before)
    assert all(value < of(before, WRITTEN)[key] / 100 for key, value in of(reset, WRITTEN).items())
    await clock.advance(300)
    risen = of(await again.page(), WRITTEN)
    assert all(risen[key] >= value for key, value in of(reset, WRITTEN).items())
    assert sum(risen.values()) > sum(of(reset, WRITTEN).values())


async def test_a_vm_that_leaves_takes_its_series_and_comes_back_to_the_same_from_what_the_zvm_counts_then(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    before = await running.page()
    gone, other = sorted(of(before, WRITTEN))[:2]

    def without(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in records if (one["VmIdentifier"], one["VpgIdentifier"]) != gone]

    for path in (vms.PATH, statistics.PATH):
        sim.faults.set(path, Fault("without", mutate=without))
    await clock.advance(30)
    page = await running.page()
    assert of(before, WRITTEN).keys() - of(page, WRITTEN).keys() == {gone}
    assert other in of(page, WRITTEN)
    sim.faults.clear()
    await clock.advance(60)  # at the first poll its name is not known again
    back = await running.page()
    assert labels_of(back) == labels_of(before)
    assert of(back, WRITTEN)[gone] >= of(before, WRITTEN)[gone]


async def test_a_reversed_vpg_has_other_series_and_never_two_of_one_vm(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """The sides change while the counters go on: a value that jumped within a series would be a rate that never was."""
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    before = await running.page()
    vpg = before.all(WRITTEN, role="protected")[0][0]["vpg_id"]

    def reversed_sides(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            one | {"ProtectedSite": one["RecoverySite"], "RecoverySite": one["ProtectedSite"]}
            if one["VpgIdentifier"] == vpg
            else one
            for one in records
        ]

    sim.faults.set(vms.PATH, Fault("reversed", mutate=reversed_sides))
    await clock.advance(60)
    after = await running.page()
    assert {labels["role"] for labels, _ in after.all(WRITTEN, vpg_id=vpg)} == {"recovery"}
    assert of(after, WRITTEN).keys() == of(before, WRITTEN).keys()
    assert len(after.all(WRITTEN)) == len(before.all(WRITTEN))  # one for each VM in each VPG, of one role
    assert all(value >= of(before, WRITTEN)[key] for key, value in of(after, WRITTEN).items())


async def test_counters_keep_their_labels_while_the_vms_fail_and_are_nameless_only_until_they_are_known(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set(vms.PATH, faults.status(500))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    assert {(labels["vm"], labels["vpg"], labels["role"]) for labels, _ in (await running.page()).all(WRITTEN)} == {
        ("", "", "")
    }
    sim.faults.clear()
    await clock.advance(60)
    named = labels_of(await running.page())
    assert all(dict(labels)["vm"] for labels in named)
    sim.faults.set(vms.PATH, faults.status(500))
    await clock.advance(1800)
    page = await running.page()
    assert not page.all("zerto_vm_exists")
    assert labels_of(page) == named


async def test_only_what_is_known_of_the_vms_is_published(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """A VM that a filter leaves out of the VMs would have counters without a name."""
    name = sim.estate.vpgs()[0]["VpgName"]
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS, filters={"vpgName": name})])
    await clock.idle(1)
    page = await running.page()
    assert {labels["vpg"] for labels, _ in page.all(WRITTEN)} == {name}
    assert page.value("zerto_collector_success", collector="statistics") == 1


async def test_with_little_room_the_vms_come_first_and_nobody_waits_for_one_that_waits_for_him(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """All four are as fast as the ZVM's interval here, so that each has its turn."""
    collectors = ("vms", "vpgs", "statistics", "encryption")
    config = zvm_config(sim, ca_file=ca_file, collectors=collectors, interval=120.0, max_series=600)
    running = await export([config])
    await clock.idle(1)
    page = await running.page()
    assert len(page.all("zerto_vm_exists")) == 25
    assert len(page.all(WRITTEN)) < 25
    await clock.advance(240)
    assert len((await running.page()).all("zerto_vm_exists")) == 25


@pytest.mark.parametrize("xml", [False, True], ids=["json", "xml"])
async def test_an_old_zvm_counts_what_is_encrypted_in_its_statistics_and_nobody_counts_it_twice(
    simulate: Simulate, estate: Estate, export: Export, clock: DrivenClock, ca_file: Path, *, xml: bool
) -> None:
    sim = await simulate(estate, auth="session", generation="windows")
    if xml:
        sim.faults.set(statistics.PATH, faults.xml())
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=(*COLLECTORS, "encryption"))])
    await clock.idle(1)
    page = await running.page()
    encrypted, rest = of(page, "zerto_vm_encrypted_bytes_total"), of(page, "zerto_vm_unencrypted_bytes_total")
    assert encrypted.keys() == rest.keys() == of(page, WRITTEN).keys()
    for key, written in of(page, WRITTEN).items():
        assert encrypted[key] + rest[key] == pytest.approx(written, abs=2**20 + 600 * 512)
    assert page.value("zerto_collector_supported", collector="encryption") == 0
    assert page.value("zerto_collector_success", collector="encryption") == 1


async def test_a_zvm_that_says_both_ways_what_is_encrypted_counts_it_once(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    told = {"EncryptionStatistics": {"EncryptedDataInLBs": 1, "UnencryptedDataInLBs": 2}}
    sim.faults.set(statistics.PATH, Fault("both", mutate=lambda records: [one | told for one in records]))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=(*COLLECTORS, "encryption"))])
    await clock.idle(1)
    page = await running.page()
    assert page.values("zerto_vm_encrypted_bytes_total") == [512.0] * 25
    assert page.text.count("# TYPE zerto_vm_encrypted_bytes_total ") == 1
    assert page.values("zerto_vm_encryption_trend_level")


async def test_hostile_answers_cost_what_is_wrong_in_them(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    def hostile(records: list[Any]) -> list[Any]:
        records[0]["WriteCounterInMBs"] = -1
        records[1]["IoOperationsCounter"] = "many"
        records[2]["SampleTime"] = "yesterday"
        return [*records, "no record", {"VmIdentifier": None}]

    sim.faults.set(statistics.PATH, Fault("hostile", mutate=hostile))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    assert len(page.all(WRITTEN)) == len(page.all("zerto_vm_io_operations_total")) == 24
    assert len(page.all("zerto_vm_statistics_timestamp_seconds")) == 24
    assert page.value("zerto_exporter_invalid_records_total", collector="statistics") == 3
    sim.faults.set(statistics.PATH, faults.wrong_shape())
    await clock.advance(30)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="statistics") == 0
    assert (page.value("zerto_up"), len(page.all(WRITTEN))) == (1, 24)
    sim.faults.set(statistics.PATH, faults.status(404))
    await clock.advance(30)
    page = await running.page()
    assert page.value("zerto_collector_supported", collector="statistics") == 0
    assert not page.all(WRITTEN)
