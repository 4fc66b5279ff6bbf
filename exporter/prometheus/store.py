"""The last good blocks of each (ZVM, collector), their age, and the pages that they make up.

Knows blocks and tables, no field. What is stored is replaced whole, never changed: a page is consistent
within each (ZVM, collector), and a VM that is gone from an answer is gone from the page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from exporter.prometheus.gzip import Fragment
from exporter.prometheus.table import NONE, SECONDS, TIMESTAMP, Block, Labels, Metric, Rendered, Table


@dataclass(frozen=True)
class Health:
    """How the polls of one collector go. Times in seconds; *last_success* since the epoch, None for never.

    `objects` are those that it asks for one by one, `fresh` those of them that it has an answer of; None where it asks
    for all at once.
    """

    collector: str
    success: bool
    duration: float
    last_success: float | None
    interval: float
    supported: bool = True
    objects: int | None = None
    fresh: int | None = None


ZVM_TABLE: Table[bool | None] = Table(
    {},
    Metric(
        "zerto_up",
        "1 if the last poll of the ZVM succeeded.",
        "the vms collector; without it, the first one",
        NONE,
        lambda up: up,
    ),
)

_COLLECTOR_LABELS: Labels[Health] = {"collector": lambda health: health.collector}

COLLECTOR_TABLE: Table[Health] = Table(
    _COLLECTOR_LABELS,
    Metric(
        "zerto_collector_success",
        "1 if the last poll of the collector succeeded.",
        "the exporter",
        NONE,
        lambda health: health.success,
    ),
    Metric(
        "zerto_collector_duration_seconds",
        "Time that the last poll of the collector took.",
        "the exporter",
        SECONDS,
        lambda health: health.duration,
    ),
    Metric(
        "zerto_collector_last_success_timestamp_seconds",
        "Time of the last poll of the collector that succeeded: how old its samples are.",
        "the exporter",
        TIMESTAMP,
        lambda health: health.last_success,
    ),
    Metric(
        "zerto_collector_interval_seconds",
        "Time from one poll of the collector to the next: its samples are old when they are some times older.",
        "the exporter",
        SECONDS,
        lambda health: health.interval,
    ),
    Metric(
        "zerto_collector_supported",
        "0 if the ZVM does not have what the collector asks for, or the user may not read it: no failure, no samples.",
        "the exporter",
        NONE,
        lambda health: health.supported,
    ),
    Metric(
        "zerto_collector_objects",
        "Objects that the collector asks for one by one.",
        "the exporter",
        NONE,
        lambda health: health.objects,
    ),
    Metric(
        "zerto_collector_objects_fresh",
        "Those of the objects of which an answer is known that is not too old.",
        "the exporter",
        NONE,
        lambda health: health.fresh,
    ),
)


@dataclass(frozen=True)
class _Kept:
    """Blocks of one collector of one ZVM: they came *at* a time, and *lasts* seconds later they are stale."""

    blocks: tuple[Block, ...]
    series: int
    at: float
    lasts: float

    def stale(self, now: float) -> bool:
        """Tell whether they are no longer to be served."""
        return now >= self.at + self.lasts


@dataclass(frozen=True)
class _Place:
    """Where a metric is among the blocks of a collector."""

    collector: str
    index: int
    metric: Metric[Any]


class Store:
    """Holds what is served. *tables* are those of the collectors, by name, in the order of the page."""

    def __init__(
        self,
        tables: Mapping[str, tuple[Table[Any], ...]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        on_stale: Callable[[str, str], None] = lambda _zvm, _collector: None,
    ) -> None:
        """Start empty; *on_stale* is told the ZVM and the collector whose samples were dropped."""
        self._places: dict[str, list[_Place]] = {}
        for collector, of_collector in tables.items():
            metrics = (metric for table in of_collector for metric in table.metrics)
            for index, metric in enumerate(metrics):
                self._places.setdefault(metric.name, []).append(_Place(collector, index, metric))
        self._monotonic = monotonic
        self._on_stale = on_stale
        self._kept: dict[str, dict[str, _Kept]] = {}
        self._health: dict[str, tuple[Rendered, Rendered]] = {}
        self._followers: list[Callable[[str], None]] = []

    def follow(self, follower: Callable[[str], None]) -> None:
        """Tell *follower* the name of each ZVM whose samples have changed."""
        self._followers.append(follower)

    def put(self, zvm: str, collector: str, rendered: Rendered, stale_after: float) -> None:
        """Replace the blocks of a collector; they are served for *stale_after* seconds."""
        kept = _Kept(rendered.blocks, rendered.series, self._monotonic(), stale_after)
        self._kept.setdefault(zvm, {})[collector] = kept
        self._changed(zvm)

    def stale_after(self, zvm: str, collector: str, seconds: float) -> None:
        """Serve what is kept of a collector until it is so many *seconds* old; older samples go with the next page."""
        of_zvm = self._kept.get(zvm, {})
        if collector in of_zvm:
            of_zvm[collector] = replace(of_zvm[collector], lasts=seconds)

    def put_health(self, zvm: str, labels: Mapping[str, str], health: Sequence[Health], *, up: bool | None) -> None:
        """Replace what is said of a ZVM itself; *up* is None where the collector that it is judged by was not tried."""
        constant = {"zvm": zvm, **labels}
        self._health[zvm] = (ZVM_TABLE.render(constant, [up]), COLLECTOR_TABLE.render(constant, health))
        self._changed(zvm)

    def drop_samples(self, zvm: str, collector: str) -> None:
        """Forget what is kept of a collector that has no samples any more."""
        if self._kept.get(zvm, {}).pop(collector, None) is not None:
            self._changed(zvm)

    def drop(self, zvm: str) -> None:
        """Forget a ZVM that is no longer configured."""
        self._kept.pop(zvm, None)
        self._health.pop(zvm, None)
        self._changed(zvm)

    def series(self, zvm: str, collector: str) -> int:
        """Return how many series of a collector are served."""
        kept = self._kept.get(zvm, {}).get(collector)
        return kept.series if kept is not None and not kept.stale(self._monotonic()) else 0

    def serves(self, zvm: str, collector: str) -> bool:
        """Tell whether samples of a collector are served, be they none: it had a good poll, and not too long ago."""
        kept = self._kept.get(zvm, {}).get(collector)
        return kept is not None and not kept.stale(self._monotonic())

    def page(
        self, zvms: Collection[str] | None = None, collectors: Collection[str] | None = None
    ) -> tuple[Fragment, ...]:
        """Return the page of *zvms* and *collectors*, None for all: in pieces, with all that `drop_stale` leaves.

        A metric that several collectors have is there once, where the first of them has it.
        """
        names = sorted(zvm for zvm in self._health.keys() | self._kept.keys() if zvms is None or zvm in zvms)
        health = [self._health[name] for name in names if name in self._health]
        parts: list[Fragment] = []
        _zip(parts, ZVM_TABLE.metrics, [of_zvm.blocks for of_zvm, _ in health])
        _zip(parts, COLLECTOR_TABLE.metrics, [of_collectors.blocks for _, of_collectors in health])
        kept: dict[str, list[tuple[Block, ...]]] = {}
        for of_zvm in (self._kept.get(name, {}) for name in names):
            for collector, one in of_zvm.items():
                if collectors is None or collector in collectors:
                    kept.setdefault(collector, []).append(one.blocks)
        for places in self._places.values():
            _append(parts, [(place.metric, place.index, kept.get(place.collector, ())) for place in places])
        return tuple(parts)

    def drop_stale(self) -> None:
        """Drop what has become stale by now; to be asked before a page is made or taken from a cache."""
        now = self._monotonic()
        for zvm, of_zvm in self._kept.items():
            for collector in [collector for collector, kept in of_zvm.items() if kept.stale(now)]:
                del of_zvm[collector]
                self._changed(zvm)
                self._on_stale(zvm, collector)

    def _changed(self, zvm: str) -> None:
        for follower in self._followers:
            follower(zvm)


def _zip(parts: list[Fragment], metrics: Iterable[Metric[Any]], sources: Sequence[tuple[Block, ...]]) -> None:
    """Append to *parts* the *metrics*, which are all that *sources* have blocks of."""
    for index, metric in enumerate(metrics):
        _append(parts, [(metric, index, sources)])


def _append(parts: list[Fragment], found: Iterable[tuple[Metric[Any], int, Sequence[tuple[Block, ...]]]]) -> None:
    """Append to *parts* one metric, *found* at some places of blocks: a header and all samples, nothing without any."""
    header = False
    for metric, index, sources in found:
        samples = [part for blocks in sources for part in blocks[index].parts]
        if samples and not header:
            parts.append(metric.header)
            header = True
        parts.extend(samples)
