"""Numbers as a person reads them: spans of time, sizes, rates, moments."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

_SPANS: Final = ((86400, 3600, ("d", "h")), (3600, 60, ("h", "min")), (60, 1, ("min", "s")))
_SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def span(seconds: float | None) -> str:
    """Return *seconds* as a person says it: `4 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds is None:
        return "never"
    whole = max(round(seconds), 0)
    for larger, smaller, names in _SPANS:
        if whole >= larger:
            rest = whole % larger // smaller
            return f"{whole // larger} {names[0]}" + (f" {rest} {names[1]}" if rest else "")
    return f"{whole} s"


def size(count: float) -> str:
    """Return *count* bytes in the unit in which they have one to four digits before the point: `5.3 GiB`, `640 KiB`."""
    unit = 0
    while round(count, 1) >= 1024 and unit < len(_SIZES) - 1:
        count, unit = count / 1024, unit + 1
    places = 1 if unit and count < 100 and round(count, 1) != round(count) else 0
    return f"{count:.{places}f} {_SIZES[unit]}"


def local(seconds: float) -> str:
    """Return a time since the epoch as date and time of day in the local zone, with its offset from UTC."""
    moment = datetime.fromtimestamp(seconds).astimezone()
    if not moment.utcoffset():
        return utc(seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.isoformat()[-6:]}"


def utc(seconds: float) -> str:
    """Return a time since the epoch as a date and a time of day."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def iso(seconds: float) -> str:
    """Return a time since the epoch as ISO 8601 in UTC, in milliseconds where it has a fraction."""
    moment = datetime.fromtimestamp(round(seconds, 3), UTC)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
