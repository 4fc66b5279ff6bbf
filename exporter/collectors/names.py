"""Names that become labels where records are counted: a set that stays closed.

What is in no list is published by its own name, as the enums do it, so that a new version of the server can be read.
But a label is no place for a sentence, an identifier or ever new names: those are all called `other`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

from exporter.collectors.enums import Code, Enum, Listed, Named

Row = TypeVar("Row")

OTHER: Final = "other"

_AT_ONCE: Final = 1000  # rows; more would hold up the event loop
_NAME: Final = re.compile(r"[A-Za-z]\w{0,99}|Unknown\(-?\d{1,10}\)", re.ASCII)


class Names:
    """The values of one label: the first *most* names that come, and `other` for each that comes later."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        """Return what *name* is called; "" stays what it is."""
        if not name or name in self._known:
            return name
        if len(self._known) >= self._most or not _NAME.fullmatch(name):
            return OTHER
        self._known.add(name)
        return name


def listed_name(enum: Enum, wire: Code, listed: Listed) -> str:
    """Return the name of *wire* as the ZVM's own list spells it, else as *enum* does; "" where none was sent."""
    state = enum.resolve(wire, listed)
    by_list = listed.names.get(state.code) if isinstance(state, Named) and state.code is not None else None
    return by_list or enum.name(state)


async def gently(rows: Iterable[Row]) -> AsyncIterator[Row]:
    """Yield *rows*, letting others have the event loop now and then: of what is counted there may be very many."""
    for place, row in enumerate(rows):
        if place % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        yield row
