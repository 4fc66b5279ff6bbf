"""What of an answer is published: which records, in which metrics, and of those as many as `max_series` allows.

Knows collectors, tables and the configuration's patterns, but no field and no page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from exporter.collectors.base import Collector, Summary
from exporter.config import Selection
from exporter.config import Zvm as ZvmConfig
from exporter.prometheus.table import Rendered

Row = TypeVar("Row", bound=Struct)
Matches = Callable[[str], bool]

OWN_SERIES: Final = 1  # `zerto_up`
OWN_SERIES_OF_A_COLLECTOR: Final = 3  # success, duration, time of the last success

_ALL: Final = Selection()


@dataclass(frozen=True)
class Published(Generic[Row]):
    """An answer as it is published. `wanted` is how many series it would have without `max_series`.

    `rows` are those that the configuration asks for. `excluded` counts the others, `cut` those of `rows` that are not
    rendered because the ZVM has more series than `max_series`; `summary` is of all `rows`.
    """

    rows: Sequence[Row]
    rendered: Rendered
    summary: Summary | None
    excluded: int
    cut: int
    wanted: int


class Selector(Generic[Row]):
    """The bounds of one collector of one ZVM."""

    def __init__(self, zvm: ZvmConfig, collector: Collector[Row]) -> None:
        self._collector = collector
        self._constant = {"zvm": zvm.name, **zvm.labels}
        self._max_series = zvm.max_series
        self._own = OWN_SERIES + OWN_SERIES_OF_A_COLLECTOR * len(zvm.collectors)
        self._metrics = _metrics(zvm, collector)
        records: Selection = getattr(zvm, collector.name, _ALL)
        self._include = _readings(collector, records.include)
        self._exclude = _readings(collector, records.exclude)

    def publish(self, rows: Sequence[Row], others: int) -> Published[Row]:
        """Render of *rows* what the bounds allow; *others* is the number of series that are not for them."""
        chosen = self._chosen(rows)
        rendered = self._render(chosen)
        wanted, cut = rendered.series, 0
        if self._max_series is not None:
            left = max(self._max_series - self._own - others, 0)
            if rendered.series > left:
                kept = self._first(chosen, left)
                cut = len(chosen) - rendered.duplicates - len(kept)
                rendered = replace(rendered, blocks=self._render(kept).blocks)
        summary = None if self._collector.summary is None else self._collector.summary(chosen)
        return Published(chosen, rendered, summary, excluded=len(rows) - len(chosen), cut=cut, wanted=wanted)

    def _chosen(self, rows: Sequence[Row]) -> Sequence[Row]:
        if not self._include and not self._exclude:
            return rows
        return [
            row
            for row in rows
            if all(matches(get(row)) for get, matches in self._include)
            and not any(matches(get(row)) for get, matches in self._exclude)
        ]

    def _first(self, rows: Sequence[Row], left: int) -> list[Row]:
        """Return the *rows* that come first by their labels, as many as give at most *left* series."""
        table = self._collector.table
        unique: dict[tuple[str, ...], Row] = {}
        for row in rows:
            unique.setdefault(table.identity(row), row)
        kept: list[Row] = []
        for identity in sorted(unique):
            left -= table.samples(unique[identity], self._metrics)
            if left < 0:
                break
            kept.append(unique[identity])
        return kept

    def _render(self, rows: Sequence[Row]) -> Rendered:
        return self._collector.table.render(self._constant, rows, self._metrics)


def _metrics(zvm: ZvmConfig, collector: Collector[Any]) -> frozenset[str] | None:
    """Return the names of the metrics that are published, None where all are."""
    allow, deny = zvm.metrics.allow, zvm.metrics.deny
    if not allow and not deny:
        return None
    allowed, denied = _matching(allow or [".*"]), _matching(deny)
    names = (metric.name for metric in collector.table.metrics)
    return frozenset(name for name in names if allowed(name) and not denied(name))


def _readings(
    collector: Collector[Row], chosen: Mapping[str, Sequence[str]]
) -> list[tuple[Callable[[Row], str], Matches]]:
    """Return what is read of a record, and what has to match it."""
    return [(collector.chosen_by[key], _matching(texts)) for key, texts in chosen.items() if texts]


def _matching(texts: Sequence[str]) -> Matches:
    patterns = [re.compile(text) for text in texts]
    # A VM's VPG and organization are those of many others. What a server sends anew each time must not pile up.
    return lru_cache(maxsize=1024)(lambda name: any(pattern.fullmatch(name) for pattern in patterns))
