"""What a metric is: a name, a unit, and how a row gives its value."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Generic, Self, TypeVar

from exporter.prometheus.gzip import Fragment, fragment
from exporter.prometheus.samples import Labels, Line, escape_help

Row = TypeVar("Row")
Value = int | float | None


@dataclass(frozen=True)
class Unit:
    """A unit of the wire: *suffix* ends the names of its metrics, value x factor / divisor is the base unit.

    *least* is the smallest value that there can be, in the base unit.
    """

    suffix: str
    factor: int = 1
    divisor: int = 1
    least: float = 0.0

    def base(self, value: float) -> float:
        """Return *value* of the wire in the base unit."""
        return value * self.factor if self.divisor == 1 else value * self.factor / self.divisor


_ANY: Final = -sys.float_info.max

NONE: Final = Unit("")
CODE: Final = Unit("_code")
SECONDS: Final = Unit("_seconds")
MINUTES: Final = Unit("_seconds", factor=60)
OFFSET_SECONDS: Final = Unit("_seconds", least=_ANY)
OFFSET_MINUTES: Final = Unit("_seconds", factor=60, least=_ANY)
TIMESTAMP: Final = Unit("_timestamp_seconds")
GIBIBYTES: Final = Unit("_bytes", factor=2**30)
BYTES: Final = Unit("_bytes")
MEBIBYTES: Final = Unit("_bytes", factor=2**20)
MEGABYTES_PER_SECOND: Final = Unit("_bytes_per_second", factor=10**6)
SECTORS: Final = Unit("_bytes", factor=512)
MEBIBYTES_PER_SECOND: Final = Unit("_bytes_per_second", factor=2**20)
MEGABITS_PER_SECOND: Final = Unit("_mbps")
PERCENT: Final = Unit("_ratio", divisor=100)


@dataclass(frozen=True)
class Metric(Generic[Row]):
    """A gauge, or a counter where its name ends in `_total`.

    *value* gets a row and returns its value in *unit*, None for no sample. *source* is where the value comes from; it
    ends the help text. *labels* are added to the table's.
    """

    name: str
    help: str
    source: str
    unit: Unit
    value: Callable[[Row], Value]
    labels: Labels[Row] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """What the line TYPE says."""
        return "counter" if self.name.endswith("_total") else "gauge"

    @cached_property
    def header(self) -> Fragment:
        """The lines HELP and TYPE."""
        text = escape_help(f"{self.help} ({self.source})")
        return fragment(f"# HELP {self.name} {text}\n# TYPE {self.name} {self.type}\n".encode())

    @cached_property
    def line(self) -> Line:
        """The form of a sample."""
        return Line(self.name, tuple(self.labels))


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
