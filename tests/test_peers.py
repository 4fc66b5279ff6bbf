"""Peers: what an answer of a real kind becomes, null by null; the names of a ZVM; a pairing that is lost."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, shown, zvm_config

from exporter.collectors import peers
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]

WIRE: dict[str, Any] = {
    "SiteIdentifier": "site-2",
    "PeerSiteName": "lon",
    "Location": "London",
    "HostName": "10.0.0.2",
    "Version": "9.7.20",
    "SiteType": "VCenter",
    "PairingStatus": 1,
    "ProvisionedStorage": 3,
    "UsedStorage": 2,
    "IncomingThroughputInMb": 1.5,
    "OutgoingBandWidth": 0.25,
}
VALUES = {
    "zerto_peer_pairing_status_code": 1,
    "zerto_peer_provisioned_storage_bytes": 3 * 2**20,
    "zerto_peer_used_storage_bytes": 2 * 2**20,
    "zerto_peer_incoming_throughput_bytes_per_second": 1.5 * 2**20,
    "zerto_peer_outgoing_bandwidth_mbps": 0.25,
}


def page(*records: dict[str, Any]) -> Page:
    decoded = peers.DECODER.decode(json.dumps(records).encode(), "application/json", "what came")
    assert not decoded.lost
    return shown(decoded.rows, peers.TABLE)


def test_each_value_is_a_sample() -> None:
    told = page(WIRE)
    assert {name: told.value(name, peer="lon", peer_id="site-2") for name in VALUES} == VALUES
    assert told.values("zerto_peer_pairing_state", status="Pairing") == [1]
    ((labels, _),) = told.all("zerto_peer_info")
    assert labels == {
        "zvm": "nyc",
        "peer": "lon",
        "peer_id": "site-2",
        "location": "London",
        "host": "10.0.0.2",
        "version": "9.7.20",
        "type": "VCenter",
    }


def test_null_is_no_sample() -> None:
    told = page({**dict.fromkeys(WIRE), "SiteIdentifier": "site-2"})
    assert {name for name, _ in told.samples} == {"zerto_peer_info"}


@pytest.mark.parametrize(
    "record",
    [
        {"PeerSiteName": "lon", "Link": {"identifier": "site-2"}},
        {"siteIdentifier": "site-2", "peerSiteName": "lon"},
        {"SiteIdentifier": "site-2", "Name": "lon"},
    ],
    ids=["its link", "another case", "the key of 4.x"],
)
def test_identity_and_name_may_be_elsewhere(record: dict[str, Any]) -> None:
    assert page(record).all("zerto_peer_info", peer="lon", peer_id="site-2")


@pytest.mark.parametrize(
    ("wire", "listed", "name", "code"),
    [
        (0, (), "Paired", 0),
        ("Unpairing", (), "Unpaired", 2),
        (2, ("Paired", "Pairing", "Unpairing"), "Unpaired", 2),
        (3, ("Paired", "Pairing", "Unpaired", "Incompatible"), "Incompatible", 3),
        (77, (), "Unknown(77)", 77),
        ("Splendid", (), "Splendid", None),
    ],
)
def test_a_state_is_what_the_zvm_calls_it(wire: Any, listed: tuple[str, ...], name: str, code: int | None) -> None:
    state = peers.PAIRING.resolve(wire, peers.PAIRING.listed(listed))
    assert (peers.PAIRING.name(state), peers.PAIRING.code(state)) == (name, code)


async def test_a_pairing_is_lost_and_found_and_an_odd_answer_costs_only_itself(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(Estate("nyc", 30, 1, clock.wall, incidents=False), auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vpgs", "peers"))])
    await clock.idle(1)
    quiet = await running.page()
    assert {of["status"] for of, _ in quiet.all("zerto_peer_pairing_state")} == {"Paired"}
    assert {of["peer"] for of, _ in quiet.all("zerto_peer_info")} == {"nyc-dr", "Azure-West"}
    sim.estate.start_incident("wan-down")
    await clock.advance(60)
    lost = await running.page()
    assert {of["status"] for of, _ in lost.all("zerto_peer_pairing_state")} == {"Unpaired"}
    assert {of["substatus"] for of, _ in lost.all("zerto_vpg_state")} == {"DisconnectedFromPeer"}
    sim.estate.end_incident("wan-down")
    sim.faults.set(peers.PATH, faults.bad_record(1), times=1)
    await clock.advance(60)
    odd = await running.page()
    assert len(odd.values("zerto_peer_info")) == 1
    assert odd.value("zerto_exporter_invalid_records_total", collector="peers") == 1
    sim.faults.set(peers.PATH, faults.status(404))
    await clock.advance(60)
    gone = await running.page()
    assert gone.value("zerto_collector_supported", collector="peers") == 0
    assert (gone.value("zerto_up"), gone.values("zerto_peer_info")) == (1, [])
