"""What a scrape gets: the store's samples and the exporter's own metrics as one body, made once and copied often."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from exporter.fragments import Fragment, fragment, gzipped
from exporter.store import Store
from exporter.telemetry import Telemetry

_OWN_METRICS_SECONDS: Final = 30.0  # their age at most where no poll ends
_CHEAP_SECONDS: Final = 0.01
_VIEWS: Final = 1024
_VIEW_BYTES: Final = 64 * 2**20

Names = Collection[str]
Body = tuple[bytes, ...]  # a gzip file in pieces


@dataclass(frozen=True)
class _Whole:
    samples: Fragment
    at: float
    body: Body


@dataclass(frozen=True)
class _View:
    version: tuple[int, ...]
    body: Body


class Pages:
    """Puts pages together, each as a gzip file."""

    def __init__(self, store: Store, telemetry: Telemetry, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._telemetry = telemetry
        self._monotonic = monotonic
        self._whole: _Whole | None = None
        self._views: OrderedDict[tuple[frozenset[str], frozenset[str]], _View] = OrderedDict()
        self._view_bytes = 0
        self._cost = 0.0

    def whole(self) -> Body:
        """Return the page of all ZVMs with the exporter's own metrics."""
        started = time.perf_counter()
        samples, now = self._store.page(), self._monotonic()
        made = self._whole
        if made is None or made.samples is not samples or now - made.at >= _OWN_METRICS_SECONDS:
            body = gzipped(samples, fragment(self._telemetry.exposition()))
            self._cost = time.perf_counter() - started
            made = self._whole = _Whole(samples, now, body)
        return made.body

    def prepare(self) -> None:
        """Make the whole page now that a poll has ended, so that the next scrape only copies it.

        Not where that takes long: of hundreds of ZVMs a poll ends many times between two scrapes.
        """
        if self._cost < _CHEAP_SECONDS:
            self.whole()

    def view(self, zvms: Names, collectors: Names) -> Body:
        """Return the samples of some *zvms* and *collectors*, without the exporter's own metrics.

        Made anew only where one of the *zvms* has changed since the last time, while the view is among those
        that were asked for lately.
        """
        key = (frozenset(zvms), frozenset(collectors))
        version = self._store.version(sorted(key[0]))
        view = self._views.get(key)
        if view is None or view.version != version:
            view = _View(version, gzipped(self._store.view(*key)))
            self._forget_view(key)
            self._views[key] = view
            self._view_bytes += sum(map(len, view.body))
            while len(self._views) > _VIEWS or self._view_bytes > _VIEW_BYTES:
                self._forget_view(next(iter(self._views)))
        else:
            self._views.move_to_end(key)
        return view.body

    def forget(self) -> None:
        """Take the exporter's own metrics anew for the next page."""
        self._whole = None

    def _forget_view(self, key: tuple[frozenset[str], frozenset[str]]) -> None:
        view = self._views.pop(key, None)
        if view is not None:
            self._view_bytes -= sum(map(len, view.body))
