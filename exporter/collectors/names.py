"""Names that become labels, from a set that stays closed: servers have lists of them, and newer ones have longer lists.

What is in no list is published by its own name, as the enums do it, so that a new version of the server can be read.
But a label is no place for a sentence, an identifier or ever new names: those are all called `other`.
"""

from __future__ import annotations

import re
from typing import Final

OTHER: Final = "other"

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
