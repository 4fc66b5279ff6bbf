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


@dataclass(frozen=True)
class Bounds:
    """How much is kept, and how much is done at once."""

    cheap_seconds: float = 0.01  # what may hold up the event loop, and whoever waits for it
    joined_bytes: int = 8 * 2**20  # a page up to this is one piece, made when a poll ends: a scrape is a tenth quicker
    views: int = 1024
    view_bytes: int = 64 * 2**20


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
        self._whole: _Made | None = None
        self._views: OrderedDict[tuple[frozenset[str], frozenset[str]], _Made] = OrderedDict()
        self._view_bytes = 0
        store.follow(self._outdated)

    async def whole(self) -> Body:
        """Return the page of all ZVMs with the exporter's own metrics."""
        own = await self._current()
        self._store.drop_stale()
        made = self._whole
        if made is None or made.own is not own:
            body = gzipped(*self._store.page(), own.metrics)
            if sum(map(len, body)) <= self._bounds.joined_bytes:
                body = (b"".join(body),)
            made = self._whole = _Made(own, body)
        return made.body

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

    async def view(self, zvms: Names, collectors: Names) -> Body:
        """Return the samples of some *zvms* and *collectors*; the exporter's own metrics where OWN is among these.

        Made anew only where one of the *zvms* has changed since the last time, while the view is among those
        that were asked for lately.
        """
        key = (frozenset(zvms), frozenset(collectors))
        own = await self._current() if OWN in key[1] else None
        self._store.drop_stale()
        view = self._views.get(key)
        if view is None or view.own is not own:
            others = key[1] - {OWN}
            samples = self._store.view(key[0], others) if others else ()
            view = _Made(own, gzipped(*samples, *([own.metrics] if own else [])))
            self._forget_view(key)
            self._views[key] = view
            self._view_bytes += sum(map(len, view.body))
            while len(self._views) > self._bounds.views or self._view_bytes > self._bounds.view_bytes:
                self._forget_view(next(iter(self._views)))
        else:
            self._views.move_to_end(key)
        return view.body

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
        self._whole = None
        for key in [key for key in self._views if zvm in key[0]]:
            self._forget_view(key)

    def _forget_view(self, key: tuple[frozenset[str], frozenset[str]]) -> None:
        view = self._views.pop(key, None)
        if view is not None:
            self._view_bytes -= sum(map(len, view.body))
