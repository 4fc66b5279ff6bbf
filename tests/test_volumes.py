"""Volumes: summed by VPG, VM and usage, in agreement with what is said of the VMs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import volumes
from exporter.simulator import Fault, Simulator, faults, pair

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("vms", "volumes")


@pytest.fixture
async def sim(simulate: Simulate, clock: DrivenClock) -> Simulator:
    nyc, _ = pair(("nyc", 25), ("lon", 12), seed=1, clock=clock.wall, incidents=False)
    started: Simulator = await simulate(nyc, auth="session")
    return started


@pytest.mark.parametrize("xml", [False, True], ids=["json", "xml"])
async def test_the_volumes_of_a_vm_are_what_is_said_of_it(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, *, xml: bool
) -> None:
    sim.estate.start_incident("failover_test")
    if xml:
        sim.faults.set(volumes.PATH, faults.xml())
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    protected, received = set(), 0
    for labels, used in page.all("zerto_vm_used_storage_bytes"):
        of = {key: labels[key] for key in ("vpg_id", "vm_id")}
        if labels["role"] == "recovery":
            received += 1
            known = {**labels, **of}
            assert page.value("zerto_vm_volume_used_bytes", usage="recovery", **known) == used
            provisioned = page.value("zerto_vm_provisioned_storage_bytes", **of)
            assert page.value("zerto_vm_volume_provisioned_bytes", usage="recovery", **of) == provisioned
            journal = page.value("zerto_vm_journal_used_bytes", **of)
            assert page.value("zerto_vm_volume_used_bytes", usage="journal", **of) == journal
            assert page.value("zerto_vm_volume_used_bytes", usage="scratch", **of) > 0
            assert page.value("zerto_vm_volume_count", usage="recovery", **of) == page.value("zerto_vm_volumes", **of)
        elif labels["vm_id"] not in protected:
            protected.add(labels["vm_id"])
            assert page.value("zerto_vm_volume_used_bytes", usage="protected", vm_id=labels["vm_id"]) == used
    assert len(page.all("zerto_vm_volume_used_bytes", usage="protected")) == len(protected) > 0
    assert len(page.all("zerto_vm_volume_used_bytes", usage="recovery")) == received > 0
    appliances = page.all("zerto_appliance_volume_used_bytes")
    assert appliances
    assert all(labels.keys() == {"zvm", "appliance", "appliance_id"} for labels, _ in appliances)


async def test_sums_nulls_and_what_is_of_no_known_kind(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    vm = sim.estate.vms()[0]
    of = {
        "ProtectedVm": {"Identifier": vm["VmIdentifier"], "Name": None},
        "Vpg": {"Identifier": vm["VpgIdentifier"], "Name": None},
    }

    def size(used: int | None, provisioned: int | None) -> dict[str, Any]:
        return {"Size": {"UsedInBytes": used, "ProvisionedInBytes": provisioned}}

    sent = [
        {"VolumeType": "JOURNAL", **of, **size(1, 10)},
        {"VolumeType": "Journal", **of, **size(2, None)},
        {"VolumeType": "Journal", **of, "Size": None},
        {"VolumeType": "Scratch", **of, **size(None, None)},
        {"VolumeType": "Hologram", **of, **size(5, 5)},
        {"VolumeType": "Appliance", "OwningVm": {"Identifier": "vra-1", "Name": "VRA"}, **size(7, 9)},
        {"VolumeType": None, "ProtectedVm": None, "Vpg": None, "OwningVm": None, **size(-1, 3)},
        {"VolumeType": "Protected", "ProtectedVm": {"Identifier": "vm-x", "Name": "x"}, **size(1, 1)},
        "no record",
    ]
    sim.faults.set(volumes.PATH, Fault("sending", mutate=lambda _: sent))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    labels = {"zvm": "nyc", "role": "protected", "vpg": vm["VpgName"], "vm": vm["VmName"]}
    labels |= {"vpg_id": vm["VpgIdentifier"], "vm_id": vm["VmIdentifier"]}
    nobody = dict.fromkeys(labels, "") | {"zvm": "nyc", "usage": "unknown"}
    other = nobody | {"vm": "x", "vm_id": "vm-x", "usage": "protected"}
    assert page.all("zerto_vm_volume_used_bytes") == [
        ({**labels, "usage": "journal"}, 3),
        ({**labels, "usage": "unknown"}, 5),
        (other, 1),
    ]
    assert page.all("zerto_vm_volume_provisioned_bytes") == [
        ({**labels, "usage": "journal"}, 10),
        ({**labels, "usage": "unknown"}, 5),
        (nobody, 3),
        (other, 1),
    ]
    assert {of["usage"]: n for of, n in page.all("zerto_vm_volume_count", vm_id=vm["VmIdentifier"])} == {
        "journal": 3,
        "scratch": 1,
        "unknown": 1,
    }
    assert page.all("zerto_appliance_volume_used_bytes") == [
        ({"zvm": "nyc", "appliance": "VRA", "appliance_id": "vra-1"}, 7)
    ]
    assert page.value("zerto_exporter_invalid_values_total", collector="volumes") == 2
    sim.faults.set(volumes.PATH, faults.wrong_shape())
    await clock.advance(1200)
    page = await running.page()
    assert (page.value("zerto_up"), page.value("zerto_collector_success", collector="volumes")) == (1, 0)
    sim.faults.set(volumes.PATH, faults.status(404))
    await clock.advance(600)
    assert (await running.page()).value("zerto_collector_supported", collector="volumes") == 0
