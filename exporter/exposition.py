"""Rows to the text exposition format 0.0.4. Knows Prometheus, not Zerto.

A table is one row type, one set of identifying labels, and a list of metrics. Its rendering is the hot
path of a poll: the label string of a row is built once, then there is one pass over all rows per metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Generic, TypeVar

from exporter.fragments import Fragment, fragment

Row = TypeVar("Row")
Value = int | float | None
Labels = Mapping[str, Callable[[Row], str]]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Unit:
    """A unit of the wire: *suffix* ends the names of its metrics, value x factor / divisor is the base unit."""

    suffix: str
    factor: int = 1
    divisor: int = 1


NONE: Final = Unit("")
CODE: Final = Unit("_code")
SECONDS: Final = Unit("_seconds")
MINUTES: Final = Unit("_seconds", factor=60)
TIMESTAMP: Final = Unit("_timestamp_seconds")
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


@dataclass(frozen=True)
class Rendered:
    """A table's blocks in the order of its metrics, and what of the rows is not in them.

    `duplicates` counts the rows left out because an earlier one has the same labels, `impossible` the
    values that are no possible measurement: negative, infinite or not a number.
    """

    blocks: tuple[Block, ...]
    rows: int
    duplicates: int
    impossible: int

    @property
    def series(self) -> int:
        """The number of samples in all blocks."""
        return sum(block.samples for block in self.blocks)


class Table(Generic[Row]):
    """Metrics that share rows and identifying labels, in the order of the page."""

    def __init__(self, labels: Labels[Row], *metrics: Metric[Row]) -> None:
        self.labels = labels
        self.metrics = metrics

    def render(self, constant: Mapping[str, str], rows: Sequence[Row]) -> Rendered:
        """Render *rows*; *constant* are labels and values that every sample gets first."""
        prefix = ",".join(f'{name}="{escape(value)}"' for name, value in constant.items())
        identities = _label_strings(self.labels, rows, [prefix] * len(rows) if prefix else None)
        duplicates = len(identities) - len(set(identities))
        if duplicates:
            unique: dict[str, Row] = {}
            for identity, row in zip(identities, rows, strict=True):
                unique.setdefault(identity, row)
            identities, rows = list(unique), list(unique.values())
        blocks, impossible = [], 0
        for metric in self.metrics:
            labels = _label_strings(metric.labels, rows, identities) if metric.labels else identities
            block, bad = _render(metric, labels, rows)
            blocks.append(block)
            impossible += bad
        return Rendered(tuple(blocks), len(rows), duplicates, impossible)


def escape(value: str) -> str:
    """Return *value* as it stands between the quotes of a label."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def escape_help(text: str) -> str:
    """Return *text* as it stands in a HELP line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _label_strings(labels: Labels[Row], rows: Sequence[Row], before: list[str] | None) -> list[str]:
    """Return for each row `name="value",...` of *labels*, after what *before* has of it."""
    if not labels:
        return before or [""] * len(rows)
    template = ",".join(f'{name}="%s"' for name in labels)
    columns: list[list[str]] = []
    for get in labels.values():
        column = list(map(get, rows))
        # Hardly a name needs escaping: three searches in all of them are cheaper than three in each.
        together = "".join(column)
        if "\\" in together or "\n" in together or '"' in together:
            column = list(map(escape, column))
        columns.append(column)
    if before is not None:
        template = f"%s,{template}"
        columns.insert(0, before)
    return list(map(template.__mod__, zip(*columns, strict=True)))


def _render(metric: Metric[Row], labels: list[str], rows: Sequence[Row]) -> tuple[Block, int]:
    start, factor, divisor, infinite = f"{metric.name}{{", metric.unit.factor, metric.unit.divisor, math.inf
    values = list(map(metric.value, rows))
    if divisor == 1:
        lines = [
            f"{start}{label}}} {value * factor}\n"
            for label, value in zip(labels, values, strict=True)
            if value is not None and 0 <= value < infinite
        ]
    else:
        lines = [
            f"{start}{label}}} {value * factor / divisor}\n"
            for label, value in zip(labels, values, strict=True)
            if value is not None and 0 <= value < infinite
        ]
    impossible = len(values) - values.count(None) - len(lines) if len(lines) < len(values) else 0
    return Block(fragment("".join(lines).encode()), len(lines)), impossible
