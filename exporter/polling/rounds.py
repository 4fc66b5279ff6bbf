"""The round of a collector that asks for one object after the other: whose turn it is, and what is known of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

from exporter.counts import Counts
from exporter.zvm.decode.rows import Decoded
from exporter.zvm.errors import StatusError, ZvmError

Object = TypeVar("Object")

_AT_ONCE: Final = 2  # requests; the fast collectors have the other connections to the ZVM
_ROUNDS_KEPT: Final = 3


@dataclass(frozen=True)
class _Known:
    """What one object brought, *at* a monotonic time in seconds."""

    at: float
    decoded: Decoded[Any]


class Rounds:
    """What one collector of one ZVM knows of its objects, of which it asks for at most *budget* in a poll.

    *interval* is the time from one poll to the next, *monotonic* the clock, both in seconds.
    """

    def __init__(self, budget: int, interval: float, monotonic: Callable[[], float]) -> None:
        self._budget = budget
        self._interval = interval
        self._monotonic = monotonic
        self._asked: dict[str, float] = {}  # when each was asked for last, with or without success
        self._known: dict[str, _Known] = {}
        self.objects = 0

    @property
    def fresh(self) -> int:
        """Of how many objects an answer is known."""
        return len(self._known)

    @property
    def polls(self) -> int:
        """How many polls a round takes: until every object was asked for."""
        return max(-(-self.objects // self._budget), 1)

    def inherit(self, before: Rounds) -> None:
        """Take over what is known, and whose turn it is."""
        self._asked, self._known, self.objects = dict(before._asked), dict(before._known), before.objects

    async def turn(
        self,
        objects: Sequence[Object],
        key: Callable[[Object], str],
        ask: Callable[[Object], Awaitable[Decoded[Any]]],
    ) -> Decoded[Any]:
        """Ask for those *objects* whose turn it is, and return what is known of all, as `Source.each` says.

        An object that is gone in the meantime (404) costs nothing, another failure of one its turn: it is counted as a
        record that did not fit. Where nothing at all could be had, that is the failure of the poll.

        Raises:
            ZvmError: each of several requests failed.
        """
        by_key = {key(one): one for one in objects}
        self.objects = len(by_key)
        self._asked = {name: self._asked.get(name, float("-inf")) for name in by_key}
        failures: list[ZvmError] = []
        whose = sorted(by_key, key=self._asked.__getitem__)[: self._budget]
        waiting = iter(whose)

        async def ask_in_turn() -> None:
            for name in waiting:
                now = self._monotonic()
                self._asked[name] = now
                try:
                    self._known[name] = _Known(now, await ask(by_key[name]))
                except ZvmError as error:
                    failures.append(error)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(ask_in_turn())
        if whose and len(failures) == len(whose):
            raise failures[-1]
        oldest = self._monotonic() - _ROUNDS_KEPT * self.polls * self._interval
        known = ((name, self._known[name]) for name in by_key if name in self._known)
        self._known = {name: one for name, one in known if one.at >= oldest}
        return self._together([error for error in failures if not _gone(error)])

    def _together(self, failures: Sequence[ZvmError]) -> Decoded[Any]:
        known = [one.decoded for one in self._known.values()]
        failed = Counts(len(failures), complaint=next(map(str, failures), ""))
        return Decoded([row for one in known for row in one.rows], sum((one.lost for one in known), failed))


def _gone(error: ZvmError) -> bool:
    return isinstance(error, StatusError) and error.status == HTTPStatus.NOT_FOUND
