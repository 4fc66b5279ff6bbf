"""How many answers may be in hand at once, over all ZVMs: being read, or being converted.

Whoever waits for a ZVM takes no slot: hundreds that are dead or slow to begin keep nobody from being read. An answer
that has begun and then dawdles gives its slot to the next after a while. One that turns out to be large gives its
slot back too: from then on it is its bytes that count, and no small answer waits for a large one. Of the large ones
one after the other is converted, and the next when nothing but samples is left of it: rows take more than bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

from exporter.malloc import trim
from exporter.threads import after_large, later_in_thread

LARGE: Final = 2**20  # bytes; an answer of 500 VMs
HUGE: Final = 2**24  # bytes; an answer of 8,000 VMs: what it leaves in the heap is worth the time to give it back
_BYTES_A_SLOT: Final = 2 * 2**20  # bytes of large answers for each slot of a small one
_PATIENCE_SECONDS: Final = 1.0

_in_hand: ContextVar[ExitStack | None] = ContextVar("in_hand", default=None)


@contextmanager
def in_hand() -> Iterator[None]:
    """Count the last large answer that is read within as in hand until its end: what is made of it takes memory too.

    Those before it no longer: while they wait for a slow ZVM to answer something else, nobody waits for them. Of a poll
    that reads many pages, the last would wait for the room of the first, and for ever.
    """
    with ExitStack() as held:
        token = _in_hand.set(held)
        try:
            yield
        except asyncio.CancelledError:
            after_large(held.pop_all().close)
            raise
        finally:
            _in_hand.reset(token)


class Slots:
    """Slots for *most* answers."""

    def __init__(self, most: int) -> None:
        self.room = Room(most * _BYTES_A_SLOT)
        self.turn = asyncio.Lock()
        self._most = most
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def taken(self) -> int:
        """How many answers have a slot."""
        return self._taken

    def resize(self, most: int) -> None:
        """Have *most* slots; who has one now keeps it."""
        self._most = most
        self._next()
        self.room.resize(most * _BYTES_A_SLOT)

    def one(self) -> Slot:
        """Return a slot that is not taken yet."""
        return Slot(self)

    async def take(self) -> None:
        """Wait for a slot; first come, first served."""
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
        """Give a slot back."""
        self._taken -= 1
        self._next()

    def _next(self) -> None:
        while self._waiting and self._taken < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


class Room:
    """Room for *most* bytes of large answers. The one that came first always may go on, so that they never all wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[Slot, int] = {}  # in the order in which they came
        self._waiting: dict[Slot, tuple[int, asyncio.Future[None]]] = {}

    @property
    def taken(self) -> int:
        """How many bytes are taken."""
        return sum(self._taken.values())

    def resize(self, most: int) -> None:
        """Have room for *most* bytes; who has some now keeps them."""
        self._most = most
        self._next()

    async def grow(self, slot: Slot, size: int) -> None:
        """Wait until the answer of *slot* may have *size* bytes in all."""
        self._taken.setdefault(slot, 0)
        if not self._fits(slot, size):
            turn = asyncio.get_running_loop().create_future()
            self._waiting[slot] = size, turn
            try:
                await turn
            finally:
                self._waiting.pop(slot, None)
        self._taken[slot] = size

    def leave(self, slot: Slot) -> None:
        """Give back what the answer of *slot* has."""
        if self._taken.pop(slot, None) is not None:
            self._next()

    def _fits(self, slot: Slot, size: int) -> bool:
        return slot is next(iter(self._taken)) or self.taken - self._taken[slot] + size <= self._most

    def _next(self) -> None:
        for slot, (size, turn) in list(self._waiting.items()):
            if not turn.done() and self._fits(slot, size):
                self._taken[slot] = size
                turn.set_result(None)


class Slot:
    """The slot of one answer, given back where its block ends."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._taken = False
        self._has_turn = False
        self._lending: asyncio.TimerHandle | None = None
        self.bytes = LARGE
        """As many bytes may be read until it has to grow."""

    @property
    def large(self) -> bool:
        """Whether the answer has grown large."""
        return self.bytes > LARGE

    async def begins(self) -> None:
        """Take the slot, now that the answer begins; it is lent if reading lasts."""
        self._keep()
        await self._take()
        self._lending = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._give)

    async def grow(self, size: int) -> None:
        """Wait until the answer, which has *size* bytes by now, may be read on."""
        self._keep()
        self._give()
        more = size + LARGE
        await self._slots.room.grow(self, more)
        self.bytes = more

    async def read(self) -> None:
        """Have the slot again, now that the answer was read: converting it keeps a processor busy.

        A large one waits for its turn instead, and has it until the end of `in_hand`: but not for long if it dawdles,
        as it does where the ZVM is asked for something else before.
        """
        self._keep()
        if self.large:
            await self._slots.turn.acquire()
            self._has_turn = True
        else:
            await self._take()

    async def __aenter__(self) -> Self:
        held = _in_hand.get()
        if held is not None:
            held.close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._keep()
        self._give()
        held = _in_hand.get()
        if isinstance(error, asyncio.CancelledError):
            after_large(self._leave)
        elif held is None or error is not None:
            self._leave()
        else:
            held.callback(self._leave)
            self._lending = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._give_turn)

    def _leave(self) -> None:
        self._keep()
        self._give_turn()
        self._slots.room.leave(self)
        if self.bytes > HUGE:
            later_in_thread(trim)

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._slots.turn.release()

    async def _take(self) -> None:
        if not self._taken:
            await self._slots.take()
            self._taken = True

    def _keep(self) -> None:
        if self._lending is not None:
            self._lending.cancel()
            self._lending = None

    def _give(self) -> None:
        if self._taken:
            self._taken = False
            self._slots.give()
