"""What a scrape gets: the store's samples and the exporter's own metrics as one body, made once and copied often."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from exporter.fragments import Fragment, fragment, gzipped, join
from exporter.store import Store
from exporter.telemetry import Telemetry

_OWN_METRICS_SECONDS = 1.0  # their age at most: CPU time and memory change with every look


@dataclass(frozen=True)
class _Made:
    samples: Fragment
    at: float
    whole: Fragment
    body: bytes


class Pages:
    """Puts pages together."""

    def __init__(self, store: Store, telemetry: Telemetry, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._telemetry = telemetry
        self._monotonic = monotonic
        self._made: _Made | None = None

    def gzipped(self) -> bytes:
        """Return the whole page, compressed."""
        return self._current().body

    def whole(self) -> Fragment:
        """Return the whole page."""
        return self._current().whole

    def view(self, zvms: Collection[str] | None, collectors: Collection[str] | None) -> Fragment:
        """Return the samples of some *zvms* and *collectors*, without the exporter's own metrics."""
        return self._store.view(zvms, collectors)

    def forget(self) -> None:
        """Take the exporter's own metrics anew for the next page."""
        self._made = None

    def _current(self) -> _Made:
        samples, now = self._store.page(), self._monotonic()
        made = self._made
        if made is None or made.samples is not samples or now - made.at >= _OWN_METRICS_SECONDS:
            whole = join((samples, fragment(self._telemetry.exposition())))
            made = self._made = _Made(samples, now, whole, gzipped(whole))
        return made
