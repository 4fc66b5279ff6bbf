"""Encryption detection: parts that a server may lack, silence that must not look like safety, and counters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import DrivenClock, Page, Running, Simulate, zvm_config

from exporter.collectors import detection, vms
from exporter.simulator import Estate, Fault, Simulator, faults, pair
from exporter.simulator.estate.operations import Wish
from exporter.simulator.estate.tasks import Kind
from exporter.simulator.exchange import Payload

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("vms", "vpgs", "encryption")
PARTS = {
    detection.STATE: {"zerto_encryption_detection_enabled"},
    detection.METRICS: {
        "zerto_vm_encrypted_bytes_total",
        "zerto_vm_unencrypted_bytes_total",
        "zerto_vm_encryption_trend_level",
    },
    detection.SUSPECTED_VMS: {"zerto_suspected_vms", "zerto_vm_suspicion_level"},
    detection.SUSPECTED_VPGS: {"zerto_suspected_vpgs", "zerto_vpg_suspicion_level"},
    detection.SUSPECTED_VOLUMES: {"zerto_suspected_volumes"},
}
METRICS = {name for names in PARTS.values() for name in names}


@pytest.fixture
def estate(clock: DrivenClock) -> Estate:
    return Estate("nyc", vms=25, seed=1, clock=clock.wall, incidents=False, local=True)


@pytest.fixture
async def sim(simulate: Simulate, estate: Estate) -> Simulator:
    started: Simulator = await simulate(estate, auth="session")
    return started


def answering(value: Any) -> Fault:
    """Return what makes the ZVM answer *value*."""

    async def replace(_call: Any, _authority: Any) -> Payload:
        return Payload(200, msgspec.json.encode(value))

    return Fault("answering", replace=replace)


def names(page: Page) -> set[str]:
    return {name for name, _ in page.samples} & METRICS


@pytest.fixture
def polled(sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path) -> Callable[[], Awaitable[Page]]:
    running: list[Running] = []

    async def poll() -> Page:
        if not running:
            running.append(await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)]))
            await clock.idle(1)
        else:
            await clock.advance(240)
        return await running[0].page()

    return poll


async def test_where_nothing_is_suspected_that_is_0_and_each_vm_is_counted_once(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    page = await polled()
    for name in ("zerto_suspected_vms", "zerto_suspected_vpgs", "zerto_suspected_volumes"):
        assert page.value(name, zvm="nyc") == 0
    assert page.value("zerto_encryption_detection_enabled") == 1
    counted = page.all("zerto_vm_encrypted_bytes_total")
    assert len(counted) == len({labels["vm_id"] for labels, _ in page.all("zerto_vm_exists")}) < 25
    roles: dict[str, set[str]] = {}
    for labels, _ in page.all("zerto_vm_exists"):
        roles.setdefault(labels["vm_id"], set()).add(labels["role"])
    assert {"protected", "local"} == {labels["role"] for labels, _ in counted}
    for labels, value in counted:
        assert labels.keys() == {"zvm", "role", "vm", "vm_id"}
        assert labels["role"] in roles[labels["vm_id"]]
        assert value % (300 * 512) == 0
    sim.estate.restart_counters()
    reset = await polled()
    assert {frozenset(labels.items()) for labels, _ in reset.all("zerto_vm_encrypted_bytes_total")} == {
        frozenset(labels.items()) for labels, _ in counted
    }
    assert sum(reset.values("zerto_vm_encrypted_bytes_total")) < sum(value for _, value in counted) / 100
    sim.faults.set(vms.PATH, faults.status(500))
    for _ in range(3):
        page = await polled()
    assert not page.all("zerto_vm_exists")
    assert {labels["role"] for labels, _ in page.all("zerto_vm_encrypted_bytes_total")} == {"protected", "local"}


async def test_ransomware_is_seen_in_the_counters_the_levels_the_lists_and_the_alerts(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=(*COLLECTORS, "alerts"))])
    await clock.idle(1)
    vpg = sim.estate.vpgs()[0]
    sim.estate.start_incident("ransomware", vpg["VpgName"])
    await clock.advance(300)
    before = await running.page()
    await clock.advance(600)
    page = await running.page()
    members = {labels["vm_id"] for labels, _ in page.all("zerto_vm_exists", vpg_id=vpg["VpgIdentifier"])}
    assert {labels["vm_id"] for labels, _ in page.all("zerto_vm_suspicion_level")} == members
    assert 0 < before.value("zerto_suspected_vms") < page.value("zerto_suspected_vms") == len(members)
    assert {labels["vm_id"] for labels, _ in page.all("zerto_suspected_volumes")} == members
    assert page.value("zerto_vpg_suspicion_level", vpg=vpg["VpgName"], role="protected") == 3
    assert page.value("zerto_suspected_vpgs") == len(page.all("zerto_vpg_suspicion_level")) > 1

    early = {labels["vm_id"] for labels, _ in before.all("zerto_vm_suspicion_level")}
    for labels, trend in page.all("zerto_vm_encryption_trend_level"):
        vm = labels["vm_id"]
        encrypted, rest = (
            page.value(name, vm_id=vm) - before.value(name, vm_id=vm)
            for name in ("zerto_vm_encrypted_bytes_total", "zerto_vm_unencrypted_bytes_total")
        )
        assert encrypted / (encrypted + rest) < 0.2 or vm in members
        assert encrypted / (encrypted + rest) > 0.8 or vm not in early
        assert bool(trend) == (vm in members)
    assert page.value("zerto_vpg_alerts", vpg=vpg["VpgName"], level="Error") == 1
    assert page.value("zerto_alerts", help_identifier="ENC0001") == page.value("zerto_suspected_vpgs")
    sim.estate.end_incident("ransomware")
    await clock.advance(240)
    assert (await running.page()).value("zerto_suspected_volumes") == 0


@pytest.mark.parametrize(
    ("missing", "code"),
    [*((path, 404) for path in PARTS), *((detection.STATE, code) for code in (403, 405, 501))],
    ids=lambda what: str(what).rpartition("Detection/")[2],
)
async def test_a_part_that_a_server_lacks_costs_only_itself(
    sim: Simulator, polled: Callable[[], Awaitable[Page]], clock: DrivenClock, missing: str, code: int
) -> None:
    sim.estate.start_incident("ransomware")
    clock.now += 100
    sim.faults.set(missing, faults.status(code))
    page = await polled()
    assert names(page) == METRICS - PARTS[missing]
    assert page.value("zerto_collector_supported", collector="encryption") == 1
    assert page.value("zerto_collector_success", collector="encryption") == 1


async def test_where_it_is_switched_off_that_alone_is_told(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    """A 0 of suspected VMs would say that somebody looked."""
    sim.faults.set(detection.STATE, answering({"EncryptionDetectionEnabled": False}))
    page = await polled()
    assert names(page) == {"zerto_encryption_detection_enabled"}
    assert page.value("zerto_encryption_detection_enabled") == 0
    assert not [one for one in sim.requests if one.path == detection.METRICS]
    sim.faults.set(detection.STATE, answering(None))
    page = await polled()
    assert "zerto_encryption_detection_enabled" not in names(page)
    assert page.value("zerto_suspected_vms") == 0


async def test_each_value_and_null_and_what_is_none_of_a_record(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    """Whoever is suspected is counted, however little is said of it; a list of nothing readable is a failure."""
    sim.faults.set(
        detection.METRICS,
        answering(
            [
                {"Link": {"identifier": "vm-1?VpgIdentifier=x", "name": "one"}, "EncryptionMetrics": MEASURED},
                {"Link": {"identifier": "vm-2"}, "EncryptionMetrics": dict.fromkeys(MEASURED)},
                {"Link": {"identifier": "vm-3"}, "EncryptionMetrics": None},
                {"Link": None, "EncryptionMetrics": MEASURED},
            ]
        ),
    )
    suspected = [
        {"Link": {"identifier": "vm-1", "name": None}, "SuspicionLevel": 7},
        {"Link": None},
        {"SuspicionLevel": None},
    ]
    sim.faults.set(detection.SUSPECTED_VMS, answering([*suspected, "no record"]))
    sim.faults.set(
        detection.SUSPECTED_VPGS, answering([{"Link": {"identifier": "vpg-1", "name": "VPG"}, "SuspicionLevel": 2}])
    )
    volume = {"AssociatedVm": {"Identifier": "vm-1", "Name": "one"}}
    sim.faults.set(detection.SUSPECTED_VOLUMES, answering([volume, volume, {"AssociatedVm": None}]))
    page = await polled()
    one = {"zvm": "nyc", "role": "", "vm": "one", "vm_id": "vm-1"}
    assert page.all("zerto_vm_encrypted_bytes_total") == [(one, 300 * 512)]
    assert page.all("zerto_vm_unencrypted_bytes_total") == [(one, 600 * 512)]
    assert page.all("zerto_vm_encryption_trend_level") == [(one, 4)]
    assert page.all("zerto_vm_suspicion_level") == [({**one, "vm": ""}, 7)]
    assert page.value("zerto_suspected_vms") == 3
    assert page.all("zerto_vpg_suspicion_level") == [({"zvm": "nyc", "role": "", "vpg": "VPG", "vpg_id": "vpg-1"}, 2)]
    assert page.value("zerto_suspected_volumes", vm_id="vm-1") == 2
    assert page.value("zerto_suspected_volumes", vm_id="") == 1
    assert page.value("zerto_exporter_invalid_records_total", collector="encryption") == 1
    sim.faults.set(detection.SUSPECTED_VMS, answering(["no record"]))
    page = await polled()
    assert page.value("zerto_collector_success", collector="encryption") == 0
    assert page.value("zerto_suspected_vms") == 3


MEASURED = {"EncryptedData": 300, "NonEncryptedData": 600, "TrendChangeLevel": 4}


async def test_xml_is_read_too_and_a_part_that_fails_is_a_failure(
    sim: Simulator, polled: Callable[[], Awaitable[Page]], clock: DrivenClock
) -> None:
    sim.estate.start_incident("ransomware")
    clock.now += 100
    sim.faults.set(detection.ROOT, faults.xml())
    page = await polled()
    assert names(page) == METRICS
    assert page.value("zerto_suspected_vms") == len(page.all("zerto_vm_suspicion_level")) > 1
    sim.faults.set(detection.SUSPECTED_VPGS, faults.status(500))
    page = await polled()
    assert page.value("zerto_collector_success", collector="encryption") == 0
    assert page.value("zerto_up") == 1


COUNTERS = ("zerto_vm_encrypted_bytes_total", "zerto_vm_unencrypted_bytes_total")


def series(page: Page) -> dict[tuple[str, ...], dict[str, float]]:
    """Return the counters by the labels of a VM: each VM of a ZVM has one set of labels at a time."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for name in COUNTERS:
        for labels, value in page.all(name):
            found.setdefault(tuple(labels[key] for key in ("zvm", "vm_id", "vm", "role")), {})[name] = value
    assert len({labels[:2] for labels in found}) == len(found)
    return found


async def test_the_vms_of_a_vpg_that_is_reversed_are_counted_where_they_run_and_later_under_the_labels_of_before(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """They have other identifiers there. What falls within a series begins at 0, which is a reset that rate() knows."""
    nyc, lon = pair(("nyc", 12), ("lon", 6), seed=4, clock=clock.wall, incidents=False)
    zvms = [await simulate(estate, auth="session") for estate in (nyc, lon)]
    running = await export(
        [zvm_config(sim, sim.estate.site, ca_file=ca_file, collectors=COLLECTORS, interval=120.0) for sim in zvms]
    )
    await clock.idle(2)
    before = series(await running.page())
    vpg = next(vpg for vpg in nyc.own.vpgs if vpg.recovery.identifier == lon.here.identifier)
    members = {member.vm.identifier for member in vpg.members}
    of_vpg = {labels for labels in before if labels[0] == "nyc" and labels[1] in members}
    assert {labels[3] for labels in of_vpg} == {"protected"}
    assert len(of_vpg) == len(members)

    async def turn(kind: Kind, commit: Kind) -> dict[tuple[str, ...], dict[str, float]]:
        nyc.begin(vpg, Wish(kind, "operator"))
        await clock.advance(360)
        nyc.begin(vpg, Wish(commit, "operator", reverse=True))
        await clock.advance(600)
        return series(await running.page())

    there = await turn(Kind.FAILOVER, Kind.FAILOVER_COMMIT)
    assert before.keys() - there.keys() == of_vpg
    new = there.keys() - before.keys()
    assert {(zvm, role) for zvm, _, _, role in new} == {("lon", "protected")}
    assert {vm for _, _, vm, _ in new} == {vm for _, _, vm, _ in of_vpg}
    assert all(there[labels][COUNTERS[1]] < before[old][COUNTERS[1]] for labels, old in zip(new, of_vpg, strict=True))

    back = await turn(Kind.MOVE, Kind.MOVE_COMMIT)
    assert back.keys() == before.keys()
    for labels, counted in back.items():
        for name, value in counted.items():
            assert 0 < value < before[labels][name] if labels in of_vpg else value > before[labels][name]


async def test_a_vm_that_leaves_and_comes_back_has_the_same_series_and_never_two(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    """The lists of a ZVM need not agree: for as long as only one of them has a VM, it is still one and the same VM."""
    before = series(await polled())
    gone = min(before)

    def without(path: str) -> None:
        def mutate(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [one for one in records if gone[1] not in (one.get("VmIdentifier"), one["Link"]["identifier"])]

        sim.faults.set(path, Fault("without", mutate=mutate))

    without(vms.PATH)
    for _ in range(3):
        still = series(await polled())
    assert still.keys() == before.keys()
    assert all(still[gone][name] > before[gone][name] for name in COUNTERS)
    without(detection.METRICS)
    assert {labels for labels in before if labels[1] != gone[1]} == series(await polled()).keys()
    sim.faults.clear(vms.PATH)
    assert gone not in series(await polled())
    sim.faults.clear()
    back = series(await polled())
    assert back.keys() == before.keys()
    assert all(back[gone][name] > before[gone][name] for name in COUNTERS)
