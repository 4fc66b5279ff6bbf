"""`show alerts`: what a ZVM itself complains of (GET /v1/alerts); errors first, the newest of them first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from exporter.collectors import vpgs
from exporter.collectors.alerts import ENTITY, LEVEL, PATH
from exporter.collectors.base import Source
from exporter.collectors.enums import Code
from exporter.collectors.fields import Link, NamedLink, Text, timestamp
from exporter.readable import local, span
from exporter.show.rows import Column, Found, Level, Plain, Record, Resource, Row, moment, number, text
from exporter.zvm.decode.rows import Decoder
from exporter.zvm.errors import AuthError, ZvmError

_LEVELS: Final = {"Error": Level.BROKEN, "Warning": Level.UNKNOWN}


class Alert(Struct, frozen=True, gc=False):
    level: Code = field(name="Level", default=None)
    entity: Code = field(name="Entity", default=None)
    help_identifier: Text = field(name="HelpIdentifier", default=None)
    turned_on: Text = field(name="TurnedOn", default=None)
    dismissed: bool | None = field(name="IsDismissed", default=None)
    description: str | None = field(name="Description", default=None)  # for people: of any length
    vpgs: list[NamedLink] | None = field(name="AffectedVpgs", default=None)
    site: NamedLink | None = field(name="Site", default=None)
    link: Link | None = field(name="Link", default=None)


DECODER: Decoder[Alert] = Decoder(Alert)


async def ask(source: Source) -> Found:
    """Return the alerts of *source*. VPGs are named by a request for them, where the alerts themselves do not."""
    decoded = await source.get(PATH, DECODER, source.filters)
    nameless = any(not vpg.name for alert in decoded.rows for vpg in alert.vpgs or ())
    names = await _names(source) if nameless else {}
    now = source.wall()
    return Found([_row(alert, names, now) for alert in decoded.rows], decoded.lost)


async def _names(source: Source) -> Mapping[str, str]:
    """Return the VPGs' names by their identifiers; nothing where they cannot be had, which costs only the names."""
    try:
        return {vpg.id: vpg.name or "" for vpg in (await source.get(vpgs.PATH, vpgs.DECODER)).rows}
    except AuthError:
        raise
    except ZvmError:
        return {}


def _row(alert: Alert, names: Mapping[str, str], now: float) -> Row:
    on = timestamp(alert.turned_on)
    about = [vpg.name or names.get(vpg.identifier or "") or str(vpg) for vpg in alert.vpgs or ()]
    record: Record = {
        "zvm": "",
        "level": LEVEL.name(alert.level),
        "help_identifier": alert.help_identifier or "",
        "entity": ENTITY.name(alert.entity),
        **moment("turned_on", on),
        "age_seconds": _age(on, now),
        "vpgs": ", ".join(about),
        "vpg_ids": ", ".join(vpg.identifier or "" for vpg in alert.vpgs or ()),
        "site": "" if alert.site is None else str(alert.site),
        "description": alert.description or "",
        "dismissed": alert.dismissed,
        "alert_id": "" if alert.link is None else alert.link.identifier or "",
    }
    level = _LEVELS.get(LEVEL.name(alert.level), Level.UNKNOWN)
    since = record["turned_on_timestamp_seconds"]
    order = (level, -since if isinstance(since, int | float) else 0.0, alert.help_identifier or "")
    return Row(Level.FINE if alert.dismissed else level, order, record)


def _age(on: float | None, now: float) -> Plain:
    return None if on is None or not on > 0 else round(now - on, 3)


def _dismissed(record: Record) -> str:
    return "yes" if record["dismissed"] else ""


RESOURCE: Final = Resource(
    ("alert", "alerts"),
    (
        "zvm",
        "level",
        "help_identifier",
        "entity",
        "turned_on",
        "turned_on_timestamp_seconds",
        "age_seconds",
        "vpgs",
        "vpg_ids",
        "site",
        "description",
        "dismissed",
        "alert_id",
    ),
    (
        Column("Level", text("level"), signal=True),
        Column("Help", text("help_identifier")),
        Column("Age", number("age_seconds", span), right=True),
        Column("VPGs", text("vpgs"), least=14),
        Column("Description", text("description"), least=24),
        Column("Turned on", number("turned_on_timestamp_seconds", local), rank=3),
        Column("Entity", text("entity"), rank=2),
        Column("Dismissed", _dismissed, rank=1),
    ),
    ask,
)
