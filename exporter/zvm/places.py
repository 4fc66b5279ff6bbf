"""How many answers may be in hand at once, over all ZVMs: being read, or being converted.

Whoever waits for a ZVM takes no place: hundreds that are dead or slow to begin keep nobody from being read. An answer
that has begun and then dawdles gives its place to the next after a while.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

_PATIENCE_SECONDS: Final = 1.0


class Places:
    """Places for *most* answers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def taken(self) -> int:
        """How many answers have a place."""
        return self._taken

    def resize(self, most: int) -> None:
        """Have *most* places; who has one now keeps it."""
        self._most = most
        self._next()

    def one(self) -> Place:
        """Return a place that is not taken yet."""
        return Place(self)

    async def take(self) -> None:
        """Wait for a place; first come, first served."""
        if self._taken < self._most and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given, and nobody is left to have it
                self.give()
            raise

    def give(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._next()

    def _next(self) -> None:
        while self._waiting and self._taken < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


class Place:
    """The place of one answer, given back where its block ends."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._taken = False
        self._lending: asyncio.TimerHandle | None = None

    async def begins(self) -> None:
        """Take the place, now that the answer begins; it is lent if reading lasts."""
        self._keep()
        await self._take()
        self._lending = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._give)

    async def read(self) -> None:
        """Have the place again, now that the answer was read: converting it keeps a processor busy."""
        self._keep()
        await self._take()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._keep()
        self._give()

    async def _take(self) -> None:
        if not self._taken:
            await self._places.take()
            self._taken = True

    def _keep(self) -> None:
        if self._lending is not None:
            self._lending.cancel()
            self._lending = None

    def _give(self) -> None:
        if self._taken:
            self._taken = False
            self._places.give()
