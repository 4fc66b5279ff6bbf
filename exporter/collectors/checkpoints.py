"""The ends of each VPG's journal: GET /v1/vpgs/{id}/checkpoints/stats, one request for each VPG."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from exporter.collectors import vpgs
from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.fields import timestamp
from exporter.collectors.vpgs import Checkpoint
from exporter.prometheus.table import TIMESTAMP, Labels, Metric, Table
from exporter.zvm.decode.layout import OBJECT
from exporter.zvm.decode.rows import Decoded, Decoder

ENDPOINT: Final = "/v1/vpgs/{id}/checkpoints/stats"


class Stats(Struct, frozen=True, gc=False):
    earliest: Checkpoint | None = field(name="Earliest", default=None)
    latest: Checkpoint | None = field(name="Latest", default=None)


class OfVpg(Struct, frozen=True, gc=False):
    """What the VPG *vpg* has, as the last good poll of the VPGs names it."""

    vpg: vpgs.Known
    stats: Stats


LABELS: Labels[OfVpg] = {"vpg": lambda one: one.vpg.name, "vpg_id": lambda one: one.vpg.id}

TABLE: Table[OfVpg] = Table(
    LABELS,
    Metric(
        "zerto_vpg_oldest_checkpoint_timestamp_seconds",
        "Time of the oldest checkpoint that the VPG can be recovered to.",
        "GET /v1/vpgs/{id}/checkpoints/stats Earliest.TimeStamp",
        TIMESTAMP,
        lambda one: None if one.stats.earliest is None else timestamp(one.stats.earliest.time),
    ),
    Metric(
        "zerto_vpg_newest_checkpoint_timestamp_seconds",
        "Time of the newest checkpoint that the VPG can be recovered to.",
        "GET /v1/vpgs/{id}/checkpoints/stats Latest.TimeStamp",
        TIMESTAMP,
        lambda one: None if one.stats.latest is None else timestamp(one.stats.latest.time),
    ),
    attributes={"role": lambda one: one.vpg.role},
)

DECODER: Decoder[Stats] = Decoder(Stats, layout=OBJECT)


def begin(source: Source) -> Fetch[OfVpg]:
    """Return what asks *source* for the ends of the journals of the VPGs that it knows."""

    async def ask(vpg: vpgs.Known) -> Decoded[OfVpg]:
        decoded = await source.get(ENDPOINT, DECODER, id=vpg.id)
        return Decoded([OfVpg(vpg, stats) for stats in decoded.rows], decoded.lost)

    async def fetch() -> Decoded[OfVpg]:
        return await source.each(source.rows("vpgs"), lambda vpg: vpg.id, ask)

    return fetch


COLLECTOR: Collector[OfVpg] = Collector(
    "checkpoints",
    "Checkpoints",
    ENDPOINT,
    (TABLE,),
    begin,
    chosen_by={"vpg": LABELS["vpg"], "role": TABLE.attributes["role"]},
    interval=300.0,
    standard=False,
    by_object=True,
    needs=("vpgs",),
)
