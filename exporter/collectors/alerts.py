"""What a ZVM itself warns of: GET /v1/alerts. How many alerts of a kind there are; none of them has series of its own.

The text of an alert, its identifier and its links to others than VPGs are never read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Final, NamedTuple

from msgspec import Struct, field

from exporter.collectors import vpgs
from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.enums import Code, Enum
from exporter.collectors.fields import Number, Text, timestamp
from exporter.counts import Counts
from exporter.prometheus.table import NONE, TIMESTAMP, Labels, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/alerts"

LEVEL: Final = Enum({0: "Warning", 1: "Error"})

ENTITY: Final = Enum(
    {
        0: "Zvm",
        1: "Vra",
        2: "Vpg",
        3: "CloudConnector",
        4: "Storage",
        5: "License",
        6: "Zcm",
        7: "FileRecoveryComponent",
    }
)

_HELP_IDENTIFIER: Final = re.compile(r"[A-Za-z]{2,8}\d{1,6}")  # `VPG0003`; what is something else may be an alert's own
_QUOTED: Final = 100  # characters of a value that a complaint may show


class Affected(Struct, frozen=True, gc=False):
    id: Text = field(name="identifier", default=None)


class Alert(Struct, frozen=True):
    level: Code = field(name="Level", default=None)
    entity: Code = field(name="Entity", default=None)
    help_identifier: Text = field(name="HelpIdentifier", default=None)
    dismissed: bool | None = field(name="IsDismissed", default=None)
    turned_on: Text = field(name="TurnedOn", default=None)
    vpgs: list[Affected] | None = field(name="AffectedVpgs", default=None)


class Kind(NamedTuple):
    """What alerts are counted by."""

    level: str
    entity: str
    help_identifier: str
    dismissed: str


class Group(Struct, frozen=True, gc=False):
    """The alerts of one kind; *oldest* since the epoch in seconds."""

    kind: Kind
    count: int
    oldest: Number


class OfVpg(Struct, frozen=True, gc=False):
    """How many alerts of a level name a VPG."""

    vpg: vpgs.Known
    level: str
    count: int


class Alerts(Struct, frozen=True):
    """All that one poll brought."""

    groups: list[Group]
    vpgs: list[OfVpg]


LABELS: Labels[Group] = {
    "level": lambda one: one.kind.level,
    "entity": lambda one: one.kind.entity,
    "help_identifier": lambda one: one.kind.help_identifier,
    "dismissed": lambda one: one.kind.dismissed,
}

TABLE: Table[Group] = Table(
    LABELS,
    Metric(
        "zerto_alerts",
        "Alerts that are on. Zerto's documents tell what a help identifier means; who dismisses an alert leaves it on.",
        "GET /v1/alerts",
        NONE,
        lambda one: one.count,
    ),
    Metric(
        "zerto_alerts_oldest_timestamp_seconds",
        "Time at which the oldest of these alerts was turned on.",
        "GET /v1/alerts TurnedOn",
        TIMESTAMP,
        lambda one: one.oldest,
    ),
    each=lambda one: one.groups,
)

VPGS: Table[OfVpg] = Table(
    {"vpg": lambda one: one.vpg.name, "vpg_id": lambda one: one.vpg.id, "level": lambda one: one.level},
    Metric(
        "zerto_vpg_alerts",
        "Alerts that name the VPG and are not dismissed. No sample where there is none.",
        "GET /v1/alerts AffectedVpgs",
        NONE,
        lambda one: one.count,
    ),
    attributes={"role": lambda one: one.vpg.role},
    each=lambda one: one.vpgs,
)

DECODER: Decoder[Alert] = Decoder(Alert)


def begin(source: Source) -> Fetch[Alerts]:
    """Return what asks *source* for its alerts."""

    async def fetch() -> Decoded[Alerts]:
        decoded = await source.get(PATH, DECODER)
        groups, lost = _groups(decoded.rows)
        known = {vpg.id: vpg for vpg in source.rows("vpgs")}
        return Decoded([Alerts(groups, _of_vpgs(decoded.rows, known))], decoded.lost + lost)

    return fetch


def _groups(alerts: Iterable[Alert]) -> tuple[list[Group], Counts]:
    """Return the *alerts* by their kinds, and what of their dates is none."""
    by_kind: dict[Kind, list[Number]] = {}
    for alert in alerts:
        by_kind.setdefault(_kind(alert), []).append(timestamp(alert.turned_on))
    groups: list[Group] = []
    no_dates: list[Number] = []
    for kind, dates in by_kind.items():
        sent = [date for date in dates if date is not None]
        groups.append(Group(kind, len(dates), min((date for date in sent if not isnan(date)), default=None)))
        no_dates += [date for date in sent if isnan(date)]
    if not no_dates:
        return groups, Counts()
    complaint = f"GET {PATH} TurnedOn: expected a date, got {repr(no_dates[0])[:_QUOTED]}"
    return groups, Counts(len(no_dates), len(no_dates), complaint=complaint)


def _kind(alert: Alert) -> Kind:
    help_identifier = alert.help_identifier or ""
    return Kind(
        LEVEL.name(alert.level),
        ENTITY.name(alert.entity),
        help_identifier if _HELP_IDENTIFIER.fullmatch(help_identifier) else "",
        "" if alert.dismissed is None else str(alert.dismissed).lower(),
    )


def _of_vpgs(alerts: Sequence[Alert], known: Mapping[str, vpgs.Known]) -> list[OfVpg]:
    """Return how many of *alerts* name each VPG, at each level."""
    counts = Counter(
        (vpg_id, LEVEL.name(alert.level))
        for alert in alerts
        if not alert.dismissed
        for vpg_id in {vpg.id for vpg in alert.vpgs or () if vpg.id}
    )
    return [
        OfVpg(known.get(vpg_id) or vpgs.Known(vpg_id, "", ""), level, count)
        for (vpg_id, level), count in counts.items()
    ]


COLLECTOR: Collector[Alerts] = Collector("alerts", "Alerts", PATH, (TABLE, VPGS), begin, interval=60.0, needs=("vpgs",))
