"""The dates of a query: every form that the vendor's document names."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from exporter.simulator.api.filters import BadFilterError

_MILLISECONDS: Final = re.compile(r"(?:/Date\()?(-?\d{6,15})(?:[+-]\d{4})?(?:\)/)?")
_ISO: Final = re.compile(r"(\d{4}-\d\d)(-\d\d)?([T ].+)?")


def moment(text: str) -> float:
    """A date of a query as a unix second: ISO 8601 or a beginning of it, or milliseconds since 1970.

    Without a zone it is local time of the ZVM, which here is UTC.

    Raises:
        BadFilterError: it is none of them.
    """
    value = text.strip()
    number = _MILLISECONDS.fullmatch(value)
    if number is not None:
        return int(number[1]) / 1000
    try:
        month, day, time = _ISO.sub(r"\1 \2 \3", value).split(" ", 2)
        found = datetime.fromisoformat(f"{month}{day or '-01'}{time}")
    except ValueError as problem:
        raise BadFilterError(f"'{text}' is not a date") from problem
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def bounds(query: Mapping[str, str], first: str, last: str) -> tuple[float | None, float | None]:
    """The two dates that bound a query, None where one is not given; names in lower case. Raises BadFilterError."""
    since, until = query.get(first, ""), query.get(last, "")
    return (moment(since) if since else None), (moment(until) if until else None)
