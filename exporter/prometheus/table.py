"""Tables of metrics, and how their rows become samples in compressed fragments. Knows Prometheus, not Zerto.

A table is one row type, one set of identifying labels, and a list of metrics. It is rendered at each poll by a renderer
that remembers the last time: most of what a ZVM tells is what it told before, and to compare is cheaper than to write.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import is_
from typing import Any, Final, Generic, TypeVar

import msgspec

from exporter.prometheus.gzip import Fragment, Stream
from exporter.prometheus.metric import (
    BYTES,
    CODE,
    GIBIBYTES,
    MEBIBYTES,
    MEBIBYTES_PER_SECOND,
    MEGABITS_PER_SECOND,
    MEGABYTES_PER_SECOND,
    MINUTES,
    NONE,
    OFFSET_MINUTES,
    OFFSET_SECONDS,
    PERCENT,
    SECONDS,
    SECTORS,
    TIMESTAMP,
    Metric,
    NoNumber,
    Unit,
    Value,
)
from exporter.prometheus.reads import Reads, State
from exporter.prometheus.rendered import EMPTY, Block, Rendered, together
from exporter.prometheus.samples import Columns, Labels, all_plain, columns, escape, identities

# All that a file of metrics needs comes from here.
__all__ = [
    "BYTES",
    "CODE",
    "GIBIBYTES",
    "MEBIBYTES",
    "MEBIBYTES_PER_SECOND",
    "MEGABITS_PER_SECOND",
    "MEGABYTES_PER_SECOND",
    "MINUTES",
    "NONE",
    "OFFSET_MINUTES",
    "OFFSET_SECONDS",
    "PERCENT",
    "SECONDS",
    "SECTORS",
    "TIMESTAMP",
    "Block",
    "Labels",
    "Metric",
    "NoNumber",
    "Rendered",
    "Renderer",
    "Table",
    "Unit",
    "Value",
    "together",
]

Row = TypeVar("Row")

_SLICE: Final = 500  # rows; their lines of one metric stay in the processor's cache

_QUOTED: Final = 100  # characters of a name or a value that a complaint may show

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Table(Generic[Row]):
    """Metrics that share rows and identifying labels, in the order of the page.

    *attributes* are labels that every sample has too, before *labels*. They do not make a row another one: of two rows
    that differ in nothing else the first wins.

    *each* spreads what a collector fetched over this table's rows: a datastore, say, over its use by each kind. All
    that gets rows from outside gets them before they are spread.
    """

    def __init__(
        self,
        labels: Labels[Row],
        *metrics: Metric[Row],
        attributes: Labels[Row] | None = None,
        each: Callable[[Any], Iterable[Row]] | None = None,
    ) -> None:
        self.labels = labels
        self.metrics = metrics
        self.attributes: Labels[Row] = attributes or {}
        self.each = each

    def spread(self, rows: Sequence[Any]) -> Sequence[Row]:
        """Return the rows of this table that *rows* give."""
        return rows if self.each is None else [one for row in rows for one in self.each(row)]

    def identity(self, row: Row) -> tuple[str, ...]:
        """Return the values of the identifying labels of *row*, which is not spread any more."""
        return tuple(get(row) for get in self.labels.values())

    def samples(self, row: Any, names: Collection[str] | None = None) -> int:
        """Return how many samples *row*, not spread any more, gives in the metrics *names*, None for all."""
        metrics = [metric for metric in self.metrics if names is None or metric.name in names]
        values = ((metric.unit, metric.value(row)) for metric in metrics)
        return sum(unit.least <= unit.base(value) < math.inf for unit, value in values if value is not None)

    def render(
        self, constant: Mapping[str, str], rows: Sequence[Any], names: Collection[str] | None = None
    ) -> Rendered:
        """Render *rows* as a `Renderer` does, once."""
        return Renderer(self, constant, names).render(rows, again=False)


class Renderer(Generic[Row]):
    """Renders the rows of one source, poll after poll; what has not changed since the last time stays as it is.

    Rows are taken in slices, and those that are msgspec structs are compared with the slice that was at the same place
    before, field by field. Where no field of its labels has changed, a slice keeps them, and each metric of which no
    field has changed keeps its samples, compressed as they are.
    """

    def __init__(
        self,
        table: Table[Row],
        constant: Mapping[str, str],
        names: Collection[str] | None = None,
        keeps: Callable[[Row], Any] | None = None,
    ) -> None:
        """Render in the metrics *names*, None for all; the blocks of the others are empty.

        *constant* are labels and values that every sample gets first. *keeps* tells what to keep of a row.
        """
        self._table = table
        self._prefix = ",".join(f'{name}="{escape(value)}"' for name, value in constant.items())
        self._metrics = [metric for metric in table.metrics if names is None or metric.name in names]
        self._labels = {**table.attributes, **table.labels}
        self._reads = Reads(
            self._labels.values(),
            [*((metric.value, *metric.labels.values()) for metric in self._metrics), () if keeps is None else (keeps,)],
        )
        self._keeps = keeps
        self._kept: Sequence[Any] = ()
        self._parts: Sequence[Sequence[Any]] = ()  # what that is made of
        self._lock = threading.Lock()
        self._slices: list[_Slice] = []
        self._duplicates = 0

    def render(self, rows: Sequence[Any], *, again: bool = True) -> Rendered:
        """Render *rows*, which are spread as the table says; *again*, what comes next is compared with them."""
        return self.render_spread(self._table.spread(rows), again=again)

    def render_spread(self, rows: Sequence[Row], *, again: bool = True) -> Rendered:
        """Render *rows*, which are not spread any more, as `render` does."""
        # Of a poll that was given up, the rendering may still be under way when the next one's begins.
        with self._lock:
            return self._render(rows, again=again)

    def _render(self, rows: Sequence[Row], *, again: bool) -> Rendered:
        parts = [rows[start : start + _SLICE] for start in range(0, len(rows), _SLICE)]
        states = [self._reads.state(part) if again else State(len(part), {}) for part in parts]
        self._identify(parts, states)
        stream = Stream()
        for known, part, state in zip(self._slices, parts, states, strict=True):
            first = part if known.first is None else list(compress(part, known.first))
            *same, kept_is_same = self._reads.same_metrics(known.state, state)
            made_of = [
                before if before is not None and unchanged else self._made(metric, known.closed, first, stream)
                for metric, before, unchanged in zip(self._metrics, known.made, same, strict=True)
            ]
            if self._keeps is not None and not (kept_is_same and known.kept):
                known.kept = tuple(map(self._keeps, part))
            known.state, known.made = state, made_of  # both or, after an error, neither
        by_metric = zip(*(known.made for known in self._slices), strict=True)
        made = [[one for one in of_metric if one is not None] for of_metric in by_metric] or [[] for _ in self._metrics]
        blocks = {metric.name: _block(of_metric) for metric, of_metric in zip(self._metrics, made, strict=True)}
        return Rendered(
            blocks=tuple(blocks.get(metric.name, EMPTY) for metric in self._table.metrics),
            duplicates=self._duplicates,
            impossible=sum(one.impossible for of_metric in made for one in of_metric),
            complaint=next((one.complaint for of_metric in made for one in of_metric if one.impossible), ""),
            kept=self._kept_of_all(),
        )

    def _kept_of_all(self) -> Sequence[Any]:
        """Return what is kept of all rows: the same object as the last time where each slice has kept its own."""
        parts = [known.kept for known in self._slices]
        if len(parts) != len(self._parts) or not all(map(is_, parts, self._parts)):
            self._parts, self._kept = parts, tuple(chain.from_iterable(parts))
        return self._kept

    def _identify(self, parts: Sequence[Sequence[Row]], states: Sequence[State]) -> None:
        """Let there be a slice for each of *parts*; one with other labels, or other rows left out, begins anew."""
        old = self._slices
        kept = [self._reads.same_labels(known.state, state) for known, state in zip(old, states, strict=False)]
        if len(old) == len(parts) and all(kept):
            return
        table = self._table
        count = len(table.attributes)
        seen: set[str] = set()
        duplicates = 0
        slices: list[_Slice] = []
        for index, part in enumerate(parts):
            raw = columns(self._labels, part)
            own = identities("" if count else self._prefix, tuple(table.labels), raw[count:], len(part))
            different = set(own)
            first = None
            if len(different) < len(own) or not seen.isdisjoint(different):
                first = _first(own, seen)
                duplicates += first.count(False)
            seen |= different
            if index < len(kept) and kept[index] and old[index].first == first:
                slices.append(old[index])
                continue
            if count:
                leading = identities(self._prefix, tuple(table.attributes), raw[:count], len(part))
                own = list(map(",".join, zip(leading, own, strict=True)))
            closed = [f"{one}}} " for one in (own if first is None else compress(own, first))]
            slices.append(_Slice(states[index], first, closed, [None] * len(self._metrics)))
        self._slices, self._duplicates = slices, duplicates

    def _made(self, metric: Metric[Row], closed: list[str], rows: Sequence[Row], stream: Stream) -> _Made:
        """Return the samples of *metric* in the *rows* of a slice, of which *closed* are the identities."""
        wire = list(map(metric.value, rows))
        own: Columns = columns(metric.labels, rows)
        factor, divisor, least = metric.unit.factor, metric.unit.divisor, metric.unit.least
        impossible, complaint = 0, ""
        # One pass of msgspec writes all numbers, exact and in the shortest form; NaN and infinity as null.
        values = msgspec.json.encode(wire, enc_hook=float) if factor == divisor == 1 else b""
        if not values or not all_plain(values):
            if divisor == 1:
                numbers = [value * factor for value in wire if value is not None]
            else:
                numbers = [value * factor / divisor for value in wire if value is not None]
            values = msgspec.json.encode(numbers)
            if len(numbers) < len(wire) or not all_plain(values):
                fine = [least <= value < math.inf for value in numbers]
                in_turn = iter(fine)
                possible = [value is not None and next(in_turn) for value in wire]
                impossible = len(fine) - sum(fine)
                if impossible:
                    sent = ((row, value) for row, value in zip(rows, wire, strict=True) if value is not None)
                    complaint = self._complaint(metric, *next(compress(sent, (not one for one in fine))))
                    values = msgspec.json.encode(list(compress(numbers, fine)))
                closed = list(compress(closed, possible))
                own = [list(compress(column, possible)) for column in own]
        if not closed:
            return _Made(None, 0, impossible, complaint)
        text = metric.line.lines(closed, own, values[1:-1].decode().split(","))
        return _Made(stream.fragment(text), len(closed), impossible, complaint)

    def _complaint(self, metric: Metric[Row], row: Row, value: Value) -> str:
        """Say which record, which field and which value is impossible."""
        identity = zip(self._table.labels, self._table.identity(row), strict=True)
        record = " ".join(f"{name}={text[:_QUOTED]!r}" for name, text in identity)
        number = "a number of at least 0" if metric.unit.least == 0 else "a number"
        expected = "a date" if isinstance(value, NoNumber) else number
        return f"record {record}: {metric.source}: expected {expected}, got {repr(value)[:_QUOTED]}"


@dataclass(frozen=True, slots=True)
class _Made:
    """The samples of one metric in one slice, None for none."""

    fragment: Fragment | None
    samples: int
    impossible: int
    complaint: str


@dataclass(slots=True)
class _Slice:
    """What is kept of a slice of rows.

    *first* says of each row whether it is the first with its labels, None where all are. Of those that are, *closed*
    has the labels as they stand on the page, with the brace and the blank that end them. *made* is in the order of the
    renderer's metrics. *kept* is what is kept of each of the rows.
    """

    state: State
    first: list[bool] | None
    closed: list[str]
    made: Sequence[_Made | None]
    kept: Sequence[Any] = ()


def _first(own: Sequence[str], seen: Collection[str]) -> list[bool]:
    """Tell of each identity whether it comes for the first time, here and among those *seen* before."""
    known = set(seen)
    first = []
    for one in own:
        first.append(one not in known)
        known.add(one)
    return first


def _block(made: Sequence[_Made]) -> Block:
    parts = tuple(one.fragment for one in made if one.fragment is not None)
    return Block(parts, sum(one.samples for one in made))
