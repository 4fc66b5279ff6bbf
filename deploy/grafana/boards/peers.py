"""Are the sites paired, are their clocks right, and what goes over the WAN?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import of_zvms, tally, told_by, told_lately

_PAIR: Final = "zvm, peer, peer_id"
NO_PEER: Final = "no peer site is reported: the collector peers is off, no ZVM answers, or none is paired."
_NO_SITE: Final = "no site is reported: the collector site is off, or no ZVM answers."
TO_PEERS: Final = To("zerto-peers", "Each peer")
_TO_SITES: Final = To("zerto-peers", "Each site")
_STATE: Final = f"max by ({_PAIR}) ({of_zvms('zerto_peer_pairing_state')})"
_PAIRING: Final = 'status="Pairing"'
_NOT_PAIRED: Final = 'status!~"Paired|Pairing"'
LOST: Final = tally(f"max by ({_PAIR}) ({of_zvms('zerto_peer_pairing_state', _NOT_PAIRED)})", _STATE)
# To the tenth of a second: what is less is the time that an answer takes.
_OFFSET: Final = f"round(min by (zvm) (abs({of_zvms('zerto_site_clock_offset_seconds')})), 0.1)"
_PAIRED: Final = (
    f"2 * max by ({_PAIR}) ({of_zvms('zerto_peer_pairing_state', _NOT_PAIRED)})"
    f" or max by ({_PAIR}) ({of_zvms('zerto_peer_pairing_state', _PAIRING)}) or 0 * {_STATE}"
)
_CUT: Final = told_by("zvm:zerto_vpg_disconnected:count")
_CUT_OF_PEER: Final = f'label_join({_CUT}, "peer", "", "peer_site")'
_CUT_OFF: Final = f"0 * {_STATE} + on (zvm, peer) group_left () max by (zvm, peer) ({_CUT_OF_PEER})"


def _of_peer(metric: str, *more: str) -> str:
    return f"max by ({', '.join((_PAIR, *more))}) ({of_zvms(metric)})"


def _of_site(metric: str, *more: str) -> str:
    return f"max by ({', '.join(('zvm', *more))}) ({of_zvms(metric)})"


NOW: Final = Row(
    "Are the sites together?",
    (
        parts.count(
            "Peers",
            "Peer sites as the ZVMs know them: each end of a pair counts for itself.",
            f"count({_STATE})",
            to=TO_PEERS,
            missing=NO_PEER,
            steps=parts.COUNT,
            width=6,
        ),
        parts.count(
            "Pairings lost",
            "Peer sites of which a ZVM says that they are no longer paired with it.",
            LOST,
            runbook="ZertoPairingLost",
            to=TO_PEERS,
            missing=NO_PEER,
            width=6,
        ),
        parts.count(
            "Cuts between sites",
            "Sites of whose VPGs with a peer at least half say that this peer is lost: each end that says so counts.",
            tally(f"count by (own_site, peer_site) ({_CUT})", told_by("vpg:zerto_vpg_info:peer")),
            runbook="ZertoSitesDisconnected",
            to=TO_PEERS,
            missing="no VPG is reported that recovers to another site.",
            width=6,
        ),
        parts.count(
            "Clocks off",
            "ZVMs whose clock differs from that of their exporter by more than a minute.",
            tally(f"{_OFFSET} > 60", _OFFSET),
            runbook="ZertoClockOff",
            to=_TO_SITES,
            missing=_NO_SITE,
            width=6,
        ),
        parts.rows(
            "Each peer",
            "What does each ZVM say of its peers, how many VPGs between them are cut off, and how much is written and "
            "kept by the VMs that recover there? The unit of Outgoing is not documented: it is likely MiB/s.",
            {
                "A": _PAIRED,
                "B": _of_peer("zerto_peer_pairing_state", "status"),
                "C": _of_peer("zerto_peer_incoming_throughput_bytes_per_second"),
                "D": _of_peer("zerto_peer_outgoing_bandwidth_mbps"),
                "E": _of_peer("zerto_peer_used_storage_bytes"),
                "F": _of_peer("zerto_peer_provisioned_storage_bytes"),
                "G": _of_peer("zerto_peer_info", "location", "version"),
                "H": _CUT_OFF,
            },
            (
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Peer", "peer"),
                Column("Pairing", "status", width=130),
                Column(
                    "Paired",
                    "A",
                    names={0: ("Yes", "transparent"), 1: ("Pairing", "yellow"), 2: ("No", "red")},
                    empty="Not known",
                    width=110,
                ),
                Column(
                    "VPGs cut off",
                    "H",
                    steps=((None, "orange"), (0, "red")),
                    empty="None told",
                    harmless=True,
                    width=150,
                ),
                Column("Location", "location"),
                Column("Version", "version", width=110),
                Column("Written for it", "C", unit=units.BytesPerSecondIEC, empty="Not known"),
                Column("Outgoing", "D", decimals=1, empty="Not known", width=120),
                Column("Used there", "E", unit=units.BytesIEC, empty="Not known"),
                Column("Provisioned", "F", unit=units.BytesIEC, empty="Not known", width=135),
                Column("peer_id", "peer_id", hidden=True),
            ),
            missing=NO_PEER,
            worst=(("Paired", True), ("VPGs cut off", True)),
            height=8,
            runbook="ZertoPairingLost",
        ),
        parts.rows(
            "Each site",
            "Which version has each ZVM, is its clock right, is its bandwidth throttled, and may VMs recover to the "
            "site that they are at?",
            {
                "A": _OFFSET,
                "B": f"8 * {_of_site('zerto_site_bandwidth_throttling_bytes_per_second')}",
                "C": _of_site("zerto_site_replication_to_self_enabled"),
                "D": _of_site("zerto_site_info", "site", "location", "type", "display_version", "version"),
            },
            (
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Site", "site"),
                Column("Location", "location"),
                Column("Type", "type"),
                Column("Version", "version"),
                Column("Release", "display_version"),
                Column(
                    "Clock is off by",
                    "A",
                    unit=units.Seconds,
                    decimals=1,
                    steps=((None, "orange"), (0, "green"), (60, "red")),
                    empty="Not known",
                ),
                Column("Throttled to", "B", unit=units.BitsPerSecondSI, empty="No limit", harmless=True),
                Column(
                    "Replication to self",
                    "C",
                    names={0: ("No", "transparent"), 1: ("Yes", "transparent")},
                    empty="Not told",
                    harmless=True,
                ),
            ),
            missing=_NO_SITE,
            worst=(("Clock is off by", True),),
            height=7,
        ),
    ),
)

OVER_TIME: Final = Row(
    "What goes over the WAN?",
    (
        parts.chart(
            "Sent by each ZVM's VMs",
            "How much do the VMs of each ZVM send to their recovery sites, after compression?",
            Query(f"sum by (zvm) ({told_lately('zvm:zerto_vm_network_traffic_bytes:rate15m')})", "{{zvm}}"),
            missing="no VM is reported with its traffic: the collector statistics is off, or the rules are new.",
            unit=units.BytesPerSecondIEC,
            many=True,
        ),
        parts.chart(
            "Written for peers",
            "How much do the VMs write that recover to each peer?",
            Query(
                f"max by (zvm, peer) ({of_zvms('zerto_peer_incoming_throughput_bytes_per_second')})",
                "{{zvm}} to {{peer}}",
            ),
            missing=NO_PEER,
            unit=units.BytesPerSecondIEC,
            many=True,
        ),
        parts.chart(
            "Kept for peers",
            "How much storage do the VMs use that recover to each peer?",
            Query(f"max by (zvm, peer) ({of_zvms('zerto_peer_used_storage_bytes')})", "{{zvm}} at {{peer}}"),
            missing=NO_PEER,
            unit=units.BytesIEC,
            many=True,
        ),
        parts.chart(
            "Clocks",
            "By how much does each ZVM's clock differ from that of its exporter?",
            Query(_OFFSET, "{{zvm}}"),
            missing=_NO_SITE,
            unit=units.Seconds,
            steps=((None, "transparent"), (60, "red")),
            in_sight=1,
            many=True,
            runbook="ZertoClockOff",
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-peers",
    title="Zerto / Sites, peers and WAN",
    question="Are the sites paired, are their clocks right, and what goes over the WAN?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM),
    rows=(NOW, OVER_TIME),
)
