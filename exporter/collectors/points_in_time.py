"""The ends of what a VM can be restored to: GET /v1/vms/{id}/pointsInTime/stats, one request for each VM.

Only VMs that recover to the ZVM's own site have points in time, says the API's guide.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from exporter.collectors import vms
from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.fields import Number, timestamp
from exporter.collectors.vpgs import Checkpoint
from exporter.prometheus.table import TIMESTAMP, Labels, Metric, Table
from exporter.zvm.decode.layout import OBJECT
from exporter.zvm.decode.rows import Decoded, Decoder

ENDPOINT: Final = "/v1/vms/{id}/pointsInTime/stats"


class Point(Struct, frozen=True, gc=False):
    """A point in time: a checkpoint of the journal or a set of long-term retention."""

    checkpoint: Checkpoint | None = field(name="Checkpoint", default=None)
    retention_set: Checkpoint | None = field(name="RetentionSet", default=None)


class Stats(Struct, frozen=True, gc=False):
    earliest: Point | None = field(name="Earliest", default=None)
    latest: Point | None = field(name="Latest", default=None)


class OfVm(Struct, frozen=True, gc=False):
    """What the VM *vm* has, as the last good poll of the VMs names it."""

    vm: vms.Known
    stats: Stats


def end(point: Point | None) -> tuple[Number, str]:
    """Return the time of *point* in seconds since the epoch, None where it has none, and what it is a point of."""
    if point is not None:
        for kind, kept in (("checkpoint", point.checkpoint), ("retention_set", point.retention_set)):
            time = None if kept is None else timestamp(kept.time)
            if time is not None:
                return time, kind
    return None, ""


LABELS: Labels[OfVm] = {
    "vpg": lambda one: one.vm.vpg,
    "vpg_id": lambda one: one.vm.vpg_id,
    "vm": lambda one: one.vm.name,
    "vm_id": lambda one: one.vm.id,
}

TABLE: Table[OfVm] = Table(
    LABELS,
    Metric(
        "zerto_vm_oldest_point_in_time_timestamp_seconds",
        "Time of the oldest point that the VM can be restored to.",
        f"GET {ENDPOINT} Earliest: TimeStamp of Checkpoint or RetentionSet",
        TIMESTAMP,
        lambda one: end(one.stats.earliest)[0],
    ),
    Metric(
        "zerto_vm_newest_point_in_time_timestamp_seconds",
        "Time of the newest point that the VM can be restored to; checkpoint: of its journal, retention_set: a copy.",
        f"GET {ENDPOINT} Latest: TimeStamp of Checkpoint or RetentionSet",
        TIMESTAMP,
        lambda one: end(one.stats.latest)[0],
        {"kind": lambda one: end(one.stats.latest)[1]},
    ),
    attributes={"role": lambda one: one.vm.role},
)

DECODER: Decoder[Stats] = Decoder(Stats, layout=OBJECT)


def begin(source: Source) -> Fetch[OfVm]:
    """Return what asks *source* for the points in time of the VMs that it knows."""

    async def ask(vm: vms.Known) -> Decoded[OfVm]:
        decoded = await source.get(ENDPOINT, DECODER, {"vpgIdentifier": vm.vpg_id}, id=vm.id)
        return Decoded([OfVm(vm, stats) for stats in decoded.rows], decoded.lost)

    async def fetch() -> Decoded[OfVm]:
        local = [vm for vm in source.rows("vms") if vm.role == "local"]
        return await source.each(local, lambda vm: f"{vm.id} {vm.vpg_id}", ask)

    return fetch


COLLECTOR: Collector[OfVm] = Collector(
    "points_in_time",
    "Points in time",
    ENDPOINT,
    (TABLE,),
    begin,
    chosen_by={"vpg": LABELS["vpg"], "vm": LABELS["vm"]},
    interval=900.0,
    standard=False,
    by_object=True,
    needs=("vms",),
)
