"""`show points`: what one VM can be recovered to, the newest first (GET /v1/vms/{id}/pointsInTime)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from exporter.collectors.base import Source
from exporter.collectors.enums import Code
from exporter.collectors.fields import Number, Text, timestamp
from exporter.collectors.vms import Known
from exporter.readable import iso, local, span
from exporter.show.rows import Column, Found, Level, Record, Row, moment, number, text
from exporter.zvm.decode.rows import Decoder

ENDPOINT: Final = "/v1/vms/{id}/pointsInTime"
NOUN: Final = ("point in time", "points in time")


class Checkpoint(Struct, frozen=True, gc=False):
    id: Code = field(name="CheckpointIdentifier", default=None)
    time: Text = field(name="TimeStamp", default=None)
    tag: str | None = field(name="Tag", default=None)
    type: Code = field(name="Type", default=None)


class RetentionSet(Struct, frozen=True, gc=False):
    id: Text = field(name="RetentionSetIdentifier", default=None)
    time: Text = field(name="TimeStamp", default=None)
    application_aware: bool | None = field(name="IsApplicationAware", default=None)
    repository: Text = field(name="RepositoryIdentifier", default=None)
    tier: Code = field(name="Tier", default=None)
    volumes: Number = field(name="NumberOfVolumes", default=None)


class Allowed(Struct, frozen=True, gc=False):
    allowed: bool | None = field(name="IsAllowed", default=None)
    reason: str | None = field(name="Reason", default=None)


class Point(Struct, frozen=True, gc=False):
    checkpoint: Checkpoint | None = field(name="Checkpoint", default=None)
    retention_set: RetentionSet | None = field(name="RetentionSet", default=None)
    can_mount: Allowed | None = field(name="CanMount", default=None)


DECODER: Decoder[Point] = Decoder(Point)


async def ask(source: Source, vm: Known, since: float | None) -> Found:
    """Return the points in time of *vm* at *source*, of the last *since* seconds, None for all."""
    now = source.wall()
    params = {"vpgIdentifier": vm.vpg_id, **({} if since is None else {"startDate": iso(now - since)})}
    decoded = await source.get(ENDPOINT, DECODER, params, id=vm.id)
    rows = [_row(point, vm, now) for point in decoded.rows]
    return Found([row for row in rows if since is None or _within(row.record, since)], decoded.lost)


def _within(record: Record, since: float) -> bool:
    """Tell whether a point is not older than *since*: a ZVM that ignores `startDate` sends all there are."""
    age = record["age_seconds"]
    return not isinstance(age, int | float) or age <= since


def _row(point: Point, vm: Known, now: float) -> Row:
    checkpoint, kept, mount = point.checkpoint, point.retention_set, point.can_mount or Allowed()
    taken = timestamp((checkpoint.time if checkpoint else None) or (kept.time if kept else None))
    record: Record = {
        "zvm": "",
        "vm": vm.name,
        "vm_id": vm.id,
        "vpg": vm.vpg,
        "vpg_id": vm.vpg_id,
        **_time(taken),
        "age_seconds": round(now - taken, 3) if taken is not None and taken > 0 else None,
        "kind": "checkpoint" if checkpoint else "retention_set" if kept else "",
        "tag": (checkpoint and checkpoint.tag) or "",
        "can_mount": mount.allowed,
        "reason": mount.reason or "",
        "checkpoint_id": None if checkpoint is None else checkpoint.id,
        "checkpoint_type_code": None if checkpoint is None else checkpoint.type,
        "retention_set_id": None if kept is None else kept.id,
        "repository_id": None if kept is None else kept.repository,
        "application_aware": None if kept is None else kept.application_aware,
        "tier_code": None if kept is None else kept.tier,
        "volumes": None if kept is None else kept.volumes,
    }
    seconds = record["timestamp_seconds"]
    order = (-seconds if isinstance(seconds, int | float) else 0.0,)
    # No point is worse than another: what counts is how old it is.
    return Row(Level.FINE, order, record)


def _time(taken: Number) -> Record:
    text, seconds = moment("time", taken).values()
    return {"time": text, "timestamp_seconds": seconds}


def _can_mount(record: Record) -> str:
    allowed = record["can_mount"]
    said = "" if allowed is None else "yes" if allowed else "no"
    return ": ".join(part for part in (said, str(record["reason"])) if part)


def _kind(record: Record) -> str:
    return str(record["kind"]).replace("_", " ")


KEYS: Final = (
    "zvm",
    "vm",
    "vm_id",
    "vpg",
    "vpg_id",
    "time",
    "timestamp_seconds",
    "age_seconds",
    "kind",
    "tag",
    "can_mount",
    "reason",
    "checkpoint_id",
    "checkpoint_type_code",
    "retention_set_id",
    "repository_id",
    "application_aware",
    "tier_code",
    "volumes",
)
COLUMNS: Final = (
    Column("Time", number("timestamp_seconds", local)),
    Column("Age", number("age_seconds", span), right=True),
    Column("Kind", _kind, rank=1),
    Column("Tag", text("tag"), least=12),
    Column("Can be mounted", _can_mount, least=14),
)
