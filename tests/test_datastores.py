"""Datastores: what an answer of a real kind becomes, null by null at every level; one that fills up."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, shown, zvm_config

from exporter.collectors import datastores
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]

USAGES = ("Protected", "Recovery", "Journal", "Scratch", "Appliances", "Unknown")
WIRE: dict[str, Any] = {
    "DatastoreIdentifier": "server.datastore-7",
    "DatastoreName": "ds-7",
    "Config": {"Type": "VMFS", "Devices": ["naa.1"], "OwningDatastoreCluster": {"DatastoreClusterName": "gold"}},
    "Stats": {
        "NumVRAs": 1,
        "NumIncomingVMs": 2,
        "NumOutgoingVMs": 3,
        "AvailabilityStatus": "Normal",
        "Usage": {
            "Datastore": {"CapacityInBytes": 100, "FreeInBytes": 40, "UsedInBytes": 60, "ProvisionedInBytes": 140},
            "Zerto": {
                usage: {"UsedInBytes": place, "ProvisionedInBytes": 10 + place} for place, usage in enumerate(USAGES)
            },
        },
    },
    "Health": {"Status": "Warning", "Alerts": None},
}
VALUES = {
    "zerto_datastore_capacity_bytes": 100,
    "zerto_datastore_free_bytes": 40,
    "zerto_datastore_used_bytes": 60,
    "zerto_datastore_provisioned_bytes": 140,
    "zerto_datastore_vras": 1,
    "zerto_datastore_incoming_vms": 2,
    "zerto_datastore_outgoing_vms": 3,
}
OF_ZERTO = {"zerto_datastore_zerto_used_bytes", "zerto_datastore_zerto_provisioned_bytes"}


def page(*records: dict[str, Any]) -> Page:
    decoded = datastores.DECODER.decode(json.dumps(records).encode(), "application/json", "what came")
    assert not decoded.lost
    return shown(decoded.rows, *datastores.COLLECTOR.tables)


def test_each_value_is_a_sample() -> None:
    told = page(WIRE)
    one = {"datastore": "ds-7", "datastore_id": "server.datastore-7"}
    assert {name: told.value(name, **one) for name in VALUES} == VALUES
    for place, usage in enumerate(USAGES):
        assert told.value("zerto_datastore_zerto_used_bytes", usage=usage.lower(), **one) == place
        assert told.value("zerto_datastore_zerto_provisioned_bytes", usage=usage.lower(), **one) == 10 + place
    assert told.values("zerto_datastore_info", type="VMFS", cluster="gold") == [1]
    assert told.values("zerto_datastore_state", availability="Normal", health="Warning") == [1]


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"Stats": None, "Health": None}, {*VALUES, *OF_ZERTO, "zerto_datastore_state"}),
        ({"Stats": {}, "Health": {"Status": None}}, {*VALUES, *OF_ZERTO, "zerto_datastore_state"}),
        ({"Stats": {"NumVRAs": 1, "Usage": None}}, {*VALUES, *OF_ZERTO} - {"zerto_datastore_vras"}),
        ({"Stats": {"Usage": {"Datastore": None, "Zerto": None}}}, {*VALUES, *OF_ZERTO}),
        (
            {"Stats": {"Usage": {"Datastore": {"FreeInBytes": 1, "UsedInBytes": None}, "Zerto": {"Journal": None}}}},
            {*VALUES, *OF_ZERTO} - {"zerto_datastore_free_bytes"},
        ),
        ({"Config": None}, set()),
    ],
)
def test_null_is_no_sample(change: dict[str, Any], missing: set[str]) -> None:
    told = page({**WIRE, **change})
    all_names = {metric.name for table in datastores.COLLECTOR.tables for metric in table.metrics}
    assert {name for name, _ in told.samples} == all_names - missing


@pytest.mark.parametrize(
    ("config", "cluster"),
    [
        ({"OwningCluster": {"DatastoreClusterName": "silver"}}, "silver"),
        ({"OwningDatastoreCluster": None}, ""),
        ({"OwningDatastoreCluster": {"DatastoreClusterName": None}}, ""),
    ],
)
def test_the_cluster_has_another_name_in_xml(config: dict[str, Any], cluster: str) -> None:
    assert page({**WIRE, "Config": config}).all("zerto_datastore_info", cluster=cluster)


async def test_one_fills_up_and_an_odd_answer_costs_only_itself(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(Estate("nyc", 30, 1, clock.wall, incidents=False, local=True), auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "datastores"), interval=300.0)])
    await clock.idle(1)

    async def fullest() -> float:
        page = await running.page()
        sizes = {of["datastore_id"]: value for of, value in page.all("zerto_datastore_capacity_bytes")}
        return max(value / sizes[of["datastore_id"]] for of, value in page.all("zerto_datastore_used_bytes"))

    page = await running.page()
    journals = sum(page.values("zerto_vm_journal_used_bytes", role="local"))
    assert sum(page.values("zerto_datastore_zerto_used_bytes", usage="journal")) == journals > 0
    assert await fullest() < 0.8
    sim.estate.start_incident("datastore-full")
    await clock.advance(900)
    assert await fullest() > 0.99
    assert len((await running.page()).values("zerto_datastore_state", health="Error")) == 1
    sim.estate.end_incident("datastore-full")
    count = len(page.values("zerto_datastore_info"))
    sim.faults.set(datastores.PATH, faults.bad_record(3), times=1)
    await clock.advance(300)
    odd = await running.page()
    assert len(odd.values("zerto_datastore_info")) == count - 3
    assert odd.value("zerto_exporter_invalid_records_total", collector="datastores") == 3
    assert await fullest() < 0.8
    sim.faults.set(datastores.PATH, faults.status(404))
    await clock.advance(300)
    gone = await running.page()
    assert gone.value("zerto_collector_supported", collector="datastores") == 0
    assert (gone.value("zerto_up"), gone.values("zerto_datastore_info")) == (1, [])
