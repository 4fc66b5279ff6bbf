"""What of an answer is published: which records, in which metrics, and of those as many as `max_series` allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar

from msgspec import Struct

from exporter.collectors.base import Collector, Summary, Vpgs
from exporter.config import Zvm as ZvmConfig
from exporter.prometheus.store import COLLECTOR_TABLE, ZVM_TABLE, Health
from exporter.prometheus.table import Rendered, Renderer, together

Row = TypeVar("Row", bound=Struct)
Matches = Callable[[str], bool]


@dataclass(frozen=True)
class Published:
    """An answer as it is published."""

    rendered: Rendered
    rows: int  # that the configuration asks for
    excluded: int  # the other rows
    cut: int  # of `rows` those that are not rendered, or not wholly: the ZVM has more series than `max_series`
    wanted: int  # series that there would be without `max_series`
    summary: Summary | None  # of all `rows`
    vpgs: Vpgs | None  # among all `rows`
    kept: Sequence[Any] = ()  # what of them other collectors may ask for


class Selector(Generic[Row]):
    """Chooses and renders what is published of one collector of one ZVM."""

    def __init__(self, zvm: ZvmConfig, collector: Collector[Row], own: int = 0, *, keep: bool = False) -> None:
        """Publish what *zvm* is configured to; *own* series tell of the ZVM itself and count as well.

        With *keep*, also what of the rows other collectors may ask for.
        """
        self._collector = collector
        self._constant = {"zvm": zvm.name, **zvm.labels}
        self._max_series = zvm.max_series
        self._own = own
        self._metrics = _metrics(zvm, collector)
        self._renderers = self._new_renderers(collector.keeps if keep else None)
        self._of_cut = (
            self._new_renderers() if zvm.max_series is not None else []
        )  # they remember what is left of a cut
        options = zvm.of(collector.name)
        self._include = _readings(collector, options.include)
        self._exclude = _readings(collector, options.exclude)

    def publish(self, rows: Sequence[Row], others: int) -> Published:
        """Render of *rows* what the selection allows; *others* is the number of series that are not for them."""
        chosen = self._chosen(rows)
        rendered = _joined([renderer.render(chosen) for renderer in self._renderers])
        wanted, cut = rendered.series, 0
        if self._max_series is not None:
            left = max(self._max_series - self._own - others, 0)
            if rendered.series > left:
                kept, cut = self._first(chosen, left)
                of_each = [renderer.render_spread(some) for renderer, some in zip(self._of_cut, kept, strict=True)]
                rendered = replace(rendered, blocks=_joined(of_each).blocks)
        summary = None if self._collector.summary is None else self._collector.summary(chosen)
        vpgs = None if self._collector.vpgs is None else self._collector.vpgs(chosen)
        return Published(
            rendered,
            rows=len(chosen),
            excluded=len(rows) - len(chosen),
            cut=cut,
            wanted=wanted,
            summary=summary,
            vpgs=vpgs,
            kept=rendered.kept,
        )

    def _chosen(self, rows: Sequence[Row]) -> Sequence[Row]:
        if not self._include and not self._exclude:
            return rows
        return [
            row
            for row in rows
            if all(matches(get(row)) for get, matches in self._include)
            and not any(matches(get(row)) for get, matches in self._exclude)
        ]

    def _first(self, rows: Sequence[Row], left: int) -> tuple[list[list[Any]], int]:
        """Return for each table what comes first by its labels of *rows*, and how many of *rows* are not whole then.

        Tables take their turns: what sums up is in the first, and has its place before what it sums up. All together
        give at most *left* series.
        """
        kept: list[list[Any]] = []
        cut: set[int] = set()
        for table in self._collector.tables:
            unique: dict[tuple[str, ...], tuple[int, Any]] = {}
            for number, row in enumerate(rows):
                for one in table.spread([row]):
                    unique.setdefault(table.identity(one), (number, one))
            first: list[Any] = []
            in_order = [unique[identity] for identity in sorted(unique)]
            for _, one in in_order:
                series = table.samples(one, self._metrics)
                if series > left:
                    break
                left -= series
                first.append(one)
            cut.update(number for number, _ in in_order[len(first) :])
            kept.append(first)
        return kept, len(cut)

    def _new_renderers(self, keeps: Callable[[Row], Any] | None = None) -> list[Renderer[Any]]:
        first, *others = self._collector.tables  # only the first is asked what to keep: it need not be spread
        return [
            Renderer(first, self._constant, self._metrics, keeps),
            *(Renderer(table, self._constant, self._metrics) for table in others),
        ]


def _joined(rendered: Sequence[Rendered]) -> Rendered:
    first, *others = rendered
    return first if not others else together(first, *others)


def own_series(collectors: Sequence[Collector[Any]]) -> int:
    """Return how many series tell of a ZVM itself and how the polls of its *collectors* go."""
    health = Health("", success=True, duration=0.0, last_success=0.0, interval=0.0)
    by_object = replace(health, objects=0, fresh=0)
    return len(ZVM_TABLE.metrics) + sum(
        COLLECTOR_TABLE.samples(by_object if collector.by_object else health) for collector in collectors
    )


def _metrics(zvm: ZvmConfig, collector: Collector[Any]) -> frozenset[str] | None:
    """Return the names of the metrics that are published, None where all are."""
    allow, deny = zvm.metrics.allow, zvm.metrics.deny
    if not allow and not deny:
        return None
    allowed, denied = _matching(allow or [".*"]), _matching(deny)
    names = (metric.name for table in collector.tables for metric in table.metrics)
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
