"""Rows to the text exposition format 0.0.4. Knows Prometheus, not Zerto.

A table is one row type, one set of identifying labels, and a list of metrics. Its rendering is the hot
path of a poll: the label string of a row is built once, then there is one pass over all rows per metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import Final, Generic, Self, TypeVar

import msgspec

from exporter.prometheus.gzip import Compressor, Fragment, Stream, fragment

Row = TypeVar("Row")
Value = int | float | None
Labels = Mapping[str, Callable[[Row], str]]

_SLICE: Final = 500  # rows; their lines of one metric stay in the processor's cache

_QUOTED: Final = 100  # characters of a name or a value that a complaint may show

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Unit:
    """A unit of the wire: *suffix* ends the names of its metrics, value x factor / divisor is the base unit."""

    suffix: str
    factor: int = 1
    divisor: int = 1

    def base(self, value: float) -> float:
        """Return *value* of the wire in the base unit."""
        return value * self.factor if self.divisor == 1 else value * self.factor / self.divisor


NONE: Final = Unit("")
CODE: Final = Unit("_code")
SECONDS: Final = Unit("_seconds")
MINUTES: Final = Unit("_seconds", factor=60)
TIMESTAMP: Final = Unit("_timestamp_seconds")
GIBIBYTES: Final = Unit("_bytes", factor=2**30)
MEBIBYTES: Final = Unit("_bytes", factor=2**20)
MEBIBYTES_PER_SECOND: Final = Unit("_bytes_per_second", factor=2**20)
MEGABITS_PER_SECOND: Final = Unit("_mbps")
PERCENT: Final = Unit("_ratio", divisor=100)


@dataclass(frozen=True)
class Metric(Generic[Row]):
    """A gauge: *value* gets a row and returns its value in *unit*, None for no sample.

    *source* is where the value comes from; it ends the help text. *labels* are added to the table's.
    """

    name: str
    help: str
    source: str
    unit: Unit
    value: Callable[[Row], Value]
    labels: Labels[Row] = field(default_factory=dict)

    @cached_property
    def header(self) -> Fragment:
        """The lines HELP and TYPE."""
        text = escape_help(f"{self.help} ({self.source})")
        return fragment(f"# HELP {self.name} {text}\n# TYPE {self.name} gauge\n".encode())


@dataclass(frozen=True)
class Block:
    """The samples of one metric from one source of rows."""

    fragment: Fragment
    samples: int


class NoNumber(float):
    """NaN for a *text* that should have been a value, and what a complaint quotes of it."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Make one."""
        self = super().__new__(cls, math.nan)
        self.text = text
        return self

    def __repr__(self) -> str:
        """Quote the text."""
        return repr(self.text)


_EMPTY: Final = Block(fragment(b""), 0)


@dataclass(frozen=True)
class Rendered:
    """A table's blocks in the order of its metrics, and what of the rows is not in them.

    `duplicates` counts the rows left out because an earlier one has the same labels, `impossible` the
    values that are no possible measurement: negative, infinite or not a number. `complaint` is one of these in words.
    """

    blocks: tuple[Block, ...]
    duplicates: int
    impossible: int
    complaint: str = ""

    @property
    def series(self) -> int:
        """The number of samples in all blocks."""
        return sum(block.samples for block in self.blocks)


def together(first: Rendered, *others: Rendered) -> Rendered:
    """Return the tables of the same rows as one; a duplicate is one of the *first*, which tells the rows apart."""
    tables = (first, *others)
    return Rendered(
        blocks=tuple(block for one in tables for block in one.blocks),
        duplicates=first.duplicates,
        impossible=sum(one.impossible for one in tables),
        complaint=next((one.complaint for one in tables if one.complaint), ""),
    )


class Table(Generic[Row]):
    """Metrics that share rows and identifying labels, in the order of the page.

    *attributes* are labels that every sample has too, before *labels*. They do not make a row another one: of two rows
    that differ in nothing else the first wins.
    """

    def __init__(self, labels: Labels[Row], *metrics: Metric[Row], attributes: Labels[Row] | None = None) -> None:
        self.labels = labels
        self.metrics = metrics
        self.attributes: Labels[Row] = attributes or {}

    def identity(self, row: Row) -> tuple[str, ...]:
        """Return the values of the identifying labels of *row*."""
        return tuple(get(row) for get in self.labels.values())

    def samples(self, row: Row, names: Collection[str] | None = None) -> int:
        """Return how many samples *row* gives in the metrics *names*, None for all."""
        values = ((m.unit, m.value(row)) for m in self.metrics if names is None or m.name in names)
        return sum(0 <= unit.base(value) < math.inf for unit, value in values if value is not None)

    def render(
        self, constant: Mapping[str, str], rows: Sequence[Row], names: Collection[str] | None = None
    ) -> Rendered:
        """Render *rows* in the metrics *names*, None for all; the blocks of the others are empty.

        *constant* are labels and values that every sample gets first.
        """
        prefix = ",".join(f'{name}="{escape(value)}"' for name, value in constant.items())
        identities: list[str] = []
        different: set[str] = set()
        for start in range(0, len(rows), _SLICE):  # one call of C for all rows would hold up the event loop
            some = _identities("" if self.attributes else prefix, self.labels, rows[start : start + _SLICE])
            identities += some
            different.update(some)
        duplicates = len(identities) - len(different)
        if duplicates:
            first: dict[str, Row] = {}
            for identity, row in zip(identities, rows, strict=True):
                first.setdefault(identity, row)
            identities, rows = list(first), list(first.values())
        stream = Stream()
        writers = {
            metric.name: _Writer(metric, stream) for metric in self.metrics if names is None or metric.name in names
        }
        for start in range(0, len(rows), _SLICE):
            part = slice(start, start + _SLICE)
            whole = identities[part]
            if self.attributes:
                whole = list(map(",".join, zip(_identities(prefix, self.attributes, rows[part]), whole, strict=True)))
            closed = [f"{identity}}} " for identity in whole]
            for writer in writers.values():
                writer.write(whole, closed, rows[part])
        return Rendered(
            blocks=tuple(writers[metric.name].block() if metric.name in writers else _EMPTY for metric in self.metrics),
            duplicates=duplicates,
            impossible=sum(writer.impossible for writer in writers.values()),
            complaint=next((self._complaint(w.metric, *w.lost) for w in writers.values() if w.lost is not None), ""),
        )

    def _complaint(self, metric: Metric[Row], row: Row, value: Value) -> str:
        """Say which record, which field and which value is impossible."""
        identity = zip(self.labels, self.identity(row), strict=True)
        record = " ".join(f"{name}={text[:_QUOTED]!r}" for name, text in identity)
        expected = "a date" if isinstance(value, NoNumber) else "a number of at least 0"
        return f"record {record}: {metric.source}: expected {expected}, got {repr(value)[:_QUOTED]}"


def escape(value: str) -> str:
    """Return *value* as it stands between the quotes of a label."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def escape_help(text: str) -> str:
    """Return *text* as it stands in a HELP line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _columns(labels: Labels[Row], rows: Sequence[Row]) -> list[list[str]]:
    """Return for each of *labels* its values in all *rows*, escaped."""
    columns = []
    for get in labels.values():
        column = list(map(get, rows))
        # Hardly a name needs escaping: three searches in all of them are cheaper than three in each.
        together = "".join(column)
        if "\\" in together or "\n" in together or '"' in together:
            column = list(map(escape, column))
        columns.append(column)
    return columns


def _identities(prefix: str, labels: Labels[Row], rows: Sequence[Row]) -> list[str]:
    """Return for each row its identifying labels as they stand on the page, after *prefix*."""
    template = ",".join([prefix.replace("%", "%%")] * bool(prefix) + [f'{name}="%s"' for name in labels])
    return list(map(template.__mod__, zip(*_columns(labels, rows), strict=True))) if labels else [prefix] * len(rows)


class _Writer(Generic[Row]):
    """Makes the block of one metric, slice by slice."""

    def __init__(self, metric: Metric[Row], stream: Stream) -> None:
        self.metric = metric
        self._compressor = Compressor(stream)
        self._samples = 0
        self.impossible = 0
        self.lost: tuple[Row, Value] | None = None  # the first row with an impossible value, and that value
        # A line in pieces: fixed texts, and places for its identity, the values of its own labels, and its number.
        start = f"\n{metric.name}{{"
        own = [piece for name in metric.labels for piece in (f'",{name}="', "")]
        self._line = [start, "", own[0][1:], *own[1:], '"} ', ""] if own else [start, "", ""]
        self._places = [*range(1, len(self._line), 2)] if own else [1, 2]

    def write(self, identities: list[str], closed: list[str], rows: Sequence[Row]) -> None:
        """Append the samples of *rows*; *closed* are their *identities* with what ends the labels."""
        metric = self.metric
        factor, divisor = metric.unit.factor, metric.unit.divisor
        wire = list(map(metric.value, rows))
        if divisor == 1:
            values = [value * factor for value in wire if value is not None]
        else:
            values = [value * factor / divisor for value in wire if value is not None]
        # One pass of msgspec writes all numbers, exact and in the shortest form; one join makes the lines. That takes
        # 0.6 (integers) and 0.25 (floats) of the time of a format string for each line.
        encoded = msgspec.json.encode(values)
        if len(values) < len(wire) or b"-" in encoded or b"n" in encoded:  # NaN and infinity are written as null
            fine = [0 <= value < math.inf for value in values]
            in_turn = iter(fine)
            possible = [value is not None and next(in_turn) for value in wire]
            self.impossible += len(fine) - sum(fine)
            if self.impossible and self.lost is None:
                sent = ((row, value) for row, value in zip(rows, wire, strict=True) if value is not None)
                self.lost = next(compress(sent, (not one for one in fine)))
            values = list(compress(values, fine))
            encoded = msgspec.json.encode(values)
            identities, closed = list(compress(identities, possible)), list(compress(closed, possible))
            rows = list(compress(rows, possible))
        if not values:
            return
        self._samples += len(values)
        numbers = encoded[1:-1].decode().split(",")
        columns = (identities, *_columns(metric.labels, rows), numbers) if metric.labels else (closed, numbers)
        pieces = self._line * len(values)
        for place, column in zip(self._places, columns, strict=True):
            pieces[place :: len(self._line)] = column
        pieces[0] = pieces[0][1:]
        pieces.append("\n")
        self._compressor.write("".join(pieces).encode())

    def block(self) -> Block:
        """Return what was written."""
        return Block(self._compressor.finish(), self._samples)
