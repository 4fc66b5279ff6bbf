"""The sites that the ZVM is paired with: GET /v1/peersites."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.enums import Code, Enum
from exporter.collectors.fields import Identifier, Number, Text, identity_from_link
from exporter.prometheus.table import (
    CODE,
    MEBIBYTES,
    MEBIBYTES_PER_SECOND,
    MEGABITS_PER_SECOND,
    NONE,
    Labels,
    Metric,
    Table,
)
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/peersites"

# Source: clients of 9.7 and 10.x. The interface of Zerto 5 calls 2 Unpairing.
PAIRING: Final = Enum(
    {0: "Paired", 1: "Pairing", 2: "Unpaired"}, f"{PATH}/pairingstatuses", aliases={"Unpairing": "Unpaired"}
)


class Peer(Struct, kw_only=True, gc=False):
    id: Identifier = field(name="SiteIdentifier")
    name: Text = field(name="PeerSiteName", default=None)
    old_name: Text = field(name="Name", default=None)  # of servers of 4.x
    location: Text = field(name="Location", default=None)
    host: Text = field(name="HostName", default=None)
    version: Text = field(name="Version", default=None)
    type: Text = field(name="SiteType", default=None)
    pairing: Code = field(name="PairingStatus", default=None)
    provisioned_storage: Number = field(name="ProvisionedStorage", default=None)
    used_storage: Number = field(name="UsedStorage", default=None)
    incoming_throughput: Number = field(name="IncomingThroughputInMb", default=None)
    outgoing_bandwidth: Number = field(name="OutgoingBandWidth", default=None)


LABELS: Labels[Peer] = {"peer": lambda peer: peer.name or peer.old_name or "", "peer_id": lambda peer: peer.id}

TABLE: Table[Peer] = Table(
    LABELS,
    Metric(
        "zerto_peer_info",
        "What describes a peer, a site that this one is paired with.",
        "GET /v1/peersites",
        NONE,
        lambda _: 1,
        {
            "location": lambda peer: peer.location or "",
            "host": lambda peer: peer.host or "",
            "version": lambda peer: peer.version or "",
            "type": lambda peer: peer.type or "",
        },
    ),
    Metric(
        "zerto_peer_pairing_state",
        "The state that the pairing with the peer is in, by the API's names.",
        "GET /v1/peersites PairingStatus",
        NONE,
        lambda peer: None if peer.pairing is None else 1,
        {"status": lambda peer: PAIRING.name(peer.pairing)},
    ),
    Metric(
        "zerto_peer_pairing_status_code",
        "Status of the pairing as a number; 0 is Paired.",
        "GET /v1/peersites PairingStatus",
        CODE,
        lambda peer: PAIRING.code(peer.pairing),
    ),
    Metric(
        "zerto_peer_provisioned_storage_bytes",
        "Storage that the VMs which recover to the peer are given there.",
        "GET /v1/peersites ProvisionedStorage",
        MEBIBYTES,
        lambda peer: peer.provisioned_storage,
    ),
    Metric(
        "zerto_peer_used_storage_bytes",
        "Storage that the VMs which recover to the peer use there.",
        "GET /v1/peersites UsedStorage",
        MEBIBYTES,
        lambda peer: peer.used_storage,
    ),
    Metric(
        "zerto_peer_incoming_throughput_bytes_per_second",
        "What the VMs that recover to the peer write.",
        "GET /v1/peersites IncomingThroughputInMb",
        MEBIBYTES_PER_SECOND,
        lambda peer: peer.incoming_throughput,
    ),
    Metric(
        "zerto_peer_outgoing_bandwidth_mbps",
        "Bandwidth to the peer, as the API sends it. Its unit is not documented, and is likely MiB/s.",
        "GET /v1/peersites OutgoingBandWidth",
        MEGABITS_PER_SECOND,
        lambda peer: peer.outgoing_bandwidth,
    ),
)


def repair(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from its link."""
    identity_from_link(record, "siteidentifier")


DECODER: Decoder[Peer] = Decoder(Peer, repair)


def begin(source: Source) -> Fetch[Peer]:
    """Return what asks *source* for its peers."""

    async def fetch() -> Decoded[Peer]:
        decoded = await source.get(PATH, DECODER)
        listed = PAIRING.listed(await source.names(PAIRING.path))
        rows: list[Any] = decoded.rows  # a state may be one that the ZVM names
        for peer in rows:
            peer.pairing = PAIRING.resolve(peer.pairing, listed)
        return decoded

    return fetch


COLLECTOR: Collector[Peer] = Collector("peers", "Peers", PATH, (TABLE,), begin, chosen_by=LABELS, interval=60.0)
