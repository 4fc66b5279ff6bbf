"""What several resources of the API share on the wire: links and limits, identities, dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from math import inf, isnan
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

from exporter.collectors.enums import LIMIT, Code
from exporter.prometheus.table import NoNumber, Unit

# A measurement; None where the ZVM sent none. A page with a number of 400 digits is one that Prometheus refuses whole.
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | float | None
# A longer name fits no hypervisor. It costs its value: a page with labels of megabytes is one that Prometheus refuses.
Text = Annotated[str, Meta(max_length=1024)] | None
Identifier = Annotated[str, Meta(min_length=1, max_length=1024)]

_NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_NOT_AVAILABLE: Final = 3_955_710  # seconds; Zerto's own interface shows no RPO from here on, nor one of 0 or less
_US_DATE: Final = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AP])M)?", re.IGNORECASE
)
_MICROSOFT_DATE: Final = re.compile(r"\\?/Date\((-?\d+)(?:[+-]\d{4})?\)\\?/")


class Link(Struct, frozen=True, gc=False):
    """A link to another resource. `href` is the ZVM's own idea of its address and is never followed."""

    type: Text = None
    identifier: Text = None


class NamedLink(Link, frozen=True, gc=False):
    """A link that may carry the name of what it leads to."""

    name: Text = None

    def __str__(self) -> str:
        """Return the name, else the identifier, "" for a link to nothing."""
        return self.name or ("" if self.identifier == _NOBODY else self.identifier) or ""


class Limit(Struct, frozen=True, gc=False):
    """A limit of a journal; the type tells what the value is: nothing, MiB, or percent."""

    type: Code = field(name="LimitType", default=None)
    value: Number = field(name="LimitValue", default=None)


class Item(Struct, frozen=True, gc=False):
    """An element of an array of which only the length counts."""


def megabytes(limit: Limit | None) -> Number:
    """Return the value of a *limit* in MiB, None for another type."""
    return None if limit is None or LIMIT.code(limit.type) != 1 else limit.value


def percentage(limit: Limit | None) -> Number:
    """Return the value of a *limit* in percent, None for another type."""
    return None if limit is None or LIMIT.code(limit.type) != 2 else limit.value


def calculated(rpo: Number) -> Number:
    """Return *rpo*, None where the ZVM has not calculated it: it says so by 0, by less, or by a very large number."""
    return rpo if rpo is not None and 0 < rpo < _NOT_AVAILABLE else None


def measured(value: Number, unit: Unit) -> Number:
    """Return *value* in the base unit, None where it is no possible measurement and so no sample."""
    return base if value is not None and 0 <= (base := unit.base(value)) < inf else None


@lru_cache(maxsize=1024)  # the VMs of a VPG share its dates; what a server sends anew each time must not pile up
def timestamp(date: str | None) -> Number:
    """Return *date* in seconds since the epoch, None for never, NaN for a text that is no date.

    The forms of the API: ISO 8601 (UTC where it has no offset), `/Date(milliseconds+zzzz)/`, whose offset is a hint for
    display, and US text in UTC. Never is null, "" or .NET's first day, `0001-01-01`.
    """
    if not date:
        return None
    try:
        microsoft = _MICROSOFT_DATE.fullmatch(date)
        if microsoft:
            seconds = int(microsoft[1]) / 1000
        elif us := _US_DATE.fullmatch(date):
            seconds = _us_date(*us.groups())
        else:
            moment = datetime.fromisoformat(date)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return NoNumber(date)
    return seconds if seconds > 0 else None


def query_date(seconds: float) -> str:
    """Return a time in seconds since the epoch in the form that the API's filters take: UTC, with milliseconds."""
    moment = datetime.fromtimestamp(max(seconds, 0.0), UTC)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def latest(dates: Iterable[Number]) -> Number:
    """Return the last of *dates*, None where there is none; NaN, a text that is no date, only where that is all."""
    return _most(max, dates)


def earliest(dates: Iterable[Number]) -> Number:
    """Return the first of *dates*, as `latest` does the last."""
    return _most(min, dates)


def _most(choose: Callable[..., Number], dates: Iterable[Number]) -> Number:
    sent = [date for date in dates if date is not None]
    return choose((date for date in sent if not isnan(date)), default=next(iter(sent), None))


def _us_date(month: str, day: str, year: str, hour: str, minute: str, second: str | None, half: str | None) -> float:
    """Return the seconds since the epoch of `5/11/2023 4:51:07 PM`; raises ValueError.

    Without AM or PM it may as well be European text, and is believed only where the day cannot be a month.
    """
    hours = int(hour)
    if half is not None:
        if not 1 <= hours <= 12:
            raise ValueError("no hour of a half day")
        hours = hours % 12 + (12 if half in "Pp" else 0)
    elif int(day) <= 12 and int(day) != int(month):
        raise ValueError("which of the two is the month?")
    return datetime(int(year), int(month), int(day), hours, int(minute), int(second or 0), tzinfo=UTC).timestamp()


def identity_from_link(record: dict[str, Any], key: str) -> None:
    """Complete *record*, whose keys are case-folded, with its identifier *key* from its link.

    The OpenAPI document of 10.0 has no identifiers but in `Link.identifier`; on VMs that may carry
    `?VpgIdentifier=`, or the VPG is `Link.vpg_identifier`.
    """
    link = record.get("link")
    if not isinstance(link, dict):
        return
    link = {name.casefold(): value for name, value in link.items()}
    identifier, _, query = str(link.get("identifier") or "").partition("?")
    if not record.get(key):
        record[key] = identifier
    if key == "vmidentifier" and not record.get("vpgidentifier"):
        record["vpgidentifier"] = link.get("vpg_identifier") or query.partition("=")[2]
