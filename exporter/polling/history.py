"""The last hour of a ZVM's polls, summed up by the minute: what the plots of the landing page show.

An hour holds at most 60 small records, however often a ZVM is polled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from msgspec import Struct

MINUTES: Final = 60

_SECONDS: Final = 60.0  # of a minute


class Minute(Struct, frozen=True, gc=False):
    """The polls that ended in a minute. `seconds` is how long the longest good one took."""

    number: int
    polls: int = 0
    failed: int = 0
    seconds: float | None = None
    worst_rpo: float | None = None

    def add(self, seconds: float, worst_rpo: float | None, *, good: bool) -> Minute:
        """Return the minute with one more poll in it."""
        return Minute(
            self.number,
            self.polls + 1,
            self.failed + (not good),
            _most((self.seconds, seconds if good else None)),
            _most((self.worst_rpo, worst_rpo)),
        )


@dataclass(frozen=True)
class Hour:
    """The minutes in which a poll ended, up to and with that of the number *last*."""

    last: int = 0
    minutes: tuple[Minute, ...] = ()

    @cached_property
    def polls(self) -> int:
        """How many polls there were."""
        return sum(minute.polls for minute in self.minutes)

    @cached_property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(minute.failed for minute in self.minutes)

    @cached_property
    def seconds(self) -> float | None:
        """How long the longest good poll took; None where there was none."""
        return _most(minute.seconds for minute in self.minutes)

    @cached_property
    def worst_rpo(self) -> float | None:
        """The worst RPO in seconds; None where none was known."""
        return _most(minute.worst_rpo for minute in self.minutes)


class History:
    """Remembers how polls ended. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._minutes: deque[Minute] = deque(maxlen=MINUTES)

    def add(self, now: float, seconds: float, worst_rpo: float | None = None, *, good: bool) -> None:
        """Remember a poll that took *seconds* and ended *now*; *worst_rpo* is what it brought.

        One that was not *good* may still have brought that: another collector failed.
        """
        number = _number(now)
        before = self._minutes.pop() if self._minutes and self._minutes[-1].number == number else Minute(number)
        self._minutes.append(before.add(seconds, worst_rpo, good=good))

    def hour(self, now: float) -> Hour:
        """Return the hour that ends *now*."""
        last = _number(now)
        minutes = tuple(self._minutes)
        if minutes and minutes[0].number <= last - MINUTES:
            minutes = tuple(minute for minute in minutes if minute.number > last - MINUTES)
        return Hour(last, minutes)


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _number(now: float) -> int:
    return int(now // _SECONDS)
