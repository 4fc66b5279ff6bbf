"""What was counted already: so that each record of a list that is asked for again and again is counted once.

The records have an identifier and a date, by the clock of the ZVM, which may be set; they come in any order, and some
late. Each window that is asked for overlaps the one before. What was in it is remembered, but not for ever: of what is
older than the oldest that is remembered nobody knows any more whether it was counted, and so it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Final

_DAY: Final = 86400.0
_OVERLAP: Final = 900.0  # seconds; what takes longer to come into the list is missed


class Once:
    """Remembers at most *most* records. Dates and times in seconds since the epoch, by the clock of the ZVM."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._dates: dict[int, float] = {}  # by the hash of the identifier, which takes less room than itself
        self._floor = inf  # what is not younger may have been counted, and been forgotten
        self._asked: float | None = None  # what the clock said at the last poll
        self._at = 0.0
        self._newest = -inf

    def since(self, now: float, at: float) -> float:
        """Return from when on to ask for records, *now*: at first those of a day, to know them.

        *at* is the time by a clock that nobody sets.
        """
        if self._asked is None:
            return now - _DAY
        # A clock that was set back may say less than ever before, one that was set forward leaves a gap behind it. If
        # it went on for a while since it was set back, what it says shows nothing of it, but how long that took does.
        set_back = max((at - self._at) - (now - self._asked), 0.0)
        return min(now, self._asked - set_back, self._newest) - _OVERLAP

    def new(self, now: float, at: float, since: float, dates: Mapping[str, float]) -> set[str]:
        """Return which records came for the first time, of those that were asked for *since* then, *now*.

        *dates* are those of the records, by their identifiers. All that come the first time count as known before.
        """
        by_hash = {hash(identifier): identifier for identifier in dates}
        unknown = {mark: by_hash[mark] for mark in by_hash.keys() - self._dates.keys()}
        fresh = {identifier for identifier in unknown.values() if dates[identifier] > self._floor}
        self._floor = min(self._floor, since)
        self._dates |= {mark: dates[name] for mark, name in unknown.items() if dates[name] > self._floor}
        self._asked, self._at = now, at
        self._newest = max(self._newest, since, *dates.values())
        self._forget()
        return fresh

    def _forget(self) -> None:
        """Remember no more than may be: the oldest go, and with them all of the same date."""
        too_many = len(self._dates) - self._most
        if too_many > 0:
            self._floor = max(self._floor, sorted(self._dates.values())[too_many - 1])
            self._dates = {mark: date for mark, date in self._dates.items() if date > self._floor}
