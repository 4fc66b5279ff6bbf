"""What a scrape gets: the store's samples and the exporter's own metrics as one body, made once and copied often."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from exporter.prometheus.gzip import Fragment, fragment, gzipped
from exporter.prometheus.store import Store
from exporter.prometheus.telemetry import Telemetry
from exporter.threads import in_scrape_thread

_OWN_METRICS_SECONDS: Final = 30.0  # their age at most
_PAUSE: Final = 200  # times what it took last, before the own metrics are made again in a thread: 0.5 % of a processor
OWN: Final = "exporter"
"""Stands among the collectors for the exporter's own metrics."""

Names = Collection[str]
Body = tuple[bytes, ...]  # a gzip file in pieces
_Key = tuple[frozenset[str], frozenset[str]] | None  # ZVMs and collectors; None: everything


@dataclass(frozen=True)
class Bounds:
    """How much is kept, and how much is done at once."""

    cheap_seconds: float = 0.01  # what may hold up the event loop, and whoever waits for it
    joined_bytes: int = 8 * 2**20  # the whole page up to this is one piece: a scrape is a tenth quicker
    narrowed: int = 1024  # pages of some ZVMs or collectors that are kept
    narrowed_bytes: int = 64 * 2**20  # of all of these


_USUAL: Final = Bounds()


@dataclass(frozen=True, eq=False)
class _Own:
    """The exporter's own metrics; made *at* (monotonic seconds)."""

    metrics: Fragment
    at: float


@dataclass(frozen=True)
class _Made:
    """A page; *own* is what it has of the exporter's own metrics."""

    own: _Own | None
    body: Body


class Pages:
    """Puts pages together, each as a gzip file."""

    def __init__(
        self,
        store: Store,
        telemetry: Telemetry,
        *,
        bounds: Bounds = _USUAL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds = bounds
        self._store = store
        self._telemetry = telemetry
        self._monotonic = monotonic
        self._own: _Own | None = None
        self._own_seconds = 0.0
        self._forgotten = 0
        self._renewal: asyncio.Task[_Own] | None = None
        self._made: OrderedDict[_Key, _Made] = OrderedDict()
        self._narrowed_bytes = 0
        store.follow(self._outdated)

    async def whole(self) -> Body:
        """Return the page of all ZVMs with the exporter's own metrics."""
        return await self._page(None)

    async def narrowed(self, zvms: Names, collectors: Names) -> Body:
        """Return the samples of some *zvms* and *collectors*; the exporter's own metrics where OWN is among these.

        Made anew only where one of the *zvms* has changed since the last time, while the page is among those that were
        asked for lately.
        """
        return await self._page((frozenset(zvms), frozenset(collectors)))

    async def prepare(self) -> None:
        """Make what a scrape gets anew, now that a poll has ended: the next scrape only copies it.

        Of hundreds of ZVMs a poll ends many times between two scrapes, and the own metrics take long. They are made in
        a thread then, now and then; the rest is left to the scrape.
        """
        if self._own_seconds < self._bounds.cheap_seconds:
            self.forget()
            await self.whole()
        elif self._own is None or self._monotonic() - self._own.at >= _PAUSE * self._own_seconds:
            self._renewing()

    async def _page(self, key: _Key) -> Body:
        own = await self._current() if key is None or OWN in key[1] else None
        self._store.drop_stale()
        made = self._made.get(key)
        if made is None or made.own is not own:
            self._give_up(key)
            made = self._made[key] = _Made(own, self._body(key, own))
            self._narrowed_bytes += _narrowed_bytes(key, made)
            while len(self._made) > self._bounds.narrowed or self._narrowed_bytes > self._bounds.narrowed_bytes:
                self._give_up(next(old for old in self._made if old is not None))
        else:
            self._made.move_to_end(key)
        return made.body

    def _body(self, key: _Key, own: _Own | None) -> Body:
        if key is None:
            samples = self._store.page()
        else:
            others = key[1] - {OWN}
            samples = self._store.page(key[0], others) if others else ()
        body = gzipped(*samples, *([own.metrics] if own else []))
        joined = key is None and sum(map(len, body)) <= self._bounds.joined_bytes
        return (b"".join(body),) if joined else body

    def forget(self) -> None:
        """Take the exporter's own metrics anew for the next page."""
        self._own = None
        self._forgotten += 1

    async def _current(self) -> _Own:
        """Return the own metrics as they are now, or were a moment ago."""
        if self._own is not None and self._monotonic() - self._own.at < _OWN_METRICS_SECONDS:
            return self._own
        if self._own_seconds < self._bounds.cheap_seconds:
            self._own = self._make()
            return self._own
        return await asyncio.shield(self._renewing())  # whoever does not wait any longer leaves it to the others

    def _renewing(self) -> asyncio.Task[_Own]:
        """Return the task that makes the own metrics in a thread; there is one at a time."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(), name="own metrics")
        return self._renewal

    async def _renew(self) -> _Own:
        while True:
            forgotten = self._forgotten
            own = await in_scrape_thread(self._make)
            if forgotten == self._forgotten:
                self._own = own
                return own

    def _make(self) -> _Own:
        now, started = self._monotonic(), time.thread_time()
        own = _Own(fragment(self._telemetry.exposition()), now)
        self._own_seconds = time.thread_time() - started
        return own

    def _outdated(self, zvm: str) -> None:
        """Give up the pages of *zvm*: their old blocks, here and there in the heap, would keep it from shrinking."""
        for key in [key for key in self._made if key is None or zvm in key[0]]:
            self._give_up(key)

    def _give_up(self, key: _Key) -> None:
        made = self._made.pop(key, None)
        if made is not None:
            self._narrowed_bytes -= _narrowed_bytes(key, made)


def _narrowed_bytes(key: _Key, made: _Made) -> int:
    """Return how many bytes of the bound a page takes: none where it is the whole one, which is always kept."""
    return 0 if key is None else sum(map(len, made.body))
