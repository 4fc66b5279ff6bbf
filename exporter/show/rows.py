"""What is shown: records of plain values, in an order, and the columns that a table makes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

from exporter.collectors.base import Source
from exporter.collectors.fields import Number, measured
from exporter.counts import NOTHING, Counts
from exporter.prometheus.table import TIMESTAMP, Labels, Metric, Table
from exporter.readable import iso

Plain = str | int | float | bool | None
Record = dict[str, Plain]

_SECONDS: Final = "_timestamp_seconds"


class Level(IntEnum):
    """How bad a row is, the worst first."""

    HALTED = 0  # it stands still until somebody acts
    BROKEN = 1  # a promise is broken
    UNKNOWN = 2  # nobody can tell
    ON_THE_WAY = 3  # no promise can hold yet, or any more
    FINE = 4


class Row(NamedTuple):
    """A record, how bad it is, and what rows of one level are sorted by."""

    level: Level
    order: tuple[Any, ...]
    record: Record


@dataclass(frozen=True)
class Found:
    """The rows of one ZVM, and what of its answer did not fit."""

    rows: list[Row] = field(default_factory=list)
    lost: Counts = NOTHING


@dataclass(frozen=True)
class Column:
    """A column of a table: *cell* makes the text of a record. *signal* columns have the colour of the row's level.

    Where there is no room for all, the columns with the highest *rank* are left out, those of rank 0 never. One with a
    *least* width is folded to that many cells before any is left out, and further where nothing else helps.
    """

    title: str
    cell: Callable[[Record], str]
    rank: int = 0
    least: int = 0
    right: bool = False
    signal: bool = False


@dataclass(frozen=True)
class Resource:
    """One resource: the *keys* of its records, its *columns*, and how a ZVM is asked for it with its own *filters*.

    `filters` has the flags of the command line and the API's names; *configured* are those of them that the
    configuration may have too. `noun` is what one row is and what several are.
    """

    noun: tuple[str, str]
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    ask: Callable[[Source], Awaitable[Found]]
    configured: bool = False


def text(key: str) -> Callable[[Record], str]:
    """Return what gives the value of *key* as text, "" for none."""

    def cell(record: Record) -> str:
        value = record[key]
        return "" if value is None else str(value)

    return cell


def number(key: str, shown: Callable[[float], str]) -> Callable[[Record], str]:
    """Return what gives the number *key* as *shown*, "" for none."""

    def cell(record: Record) -> str:
        value = record[key]
        return "" if value is None or isinstance(value, str) else shown(value)

    return cell


def state(record: Record) -> str:
    """Return status and substatus in one."""
    return ", ".join(str(one) for one in (record["status"], record["substatus"]) if one not in {"", "None"})


def sites(record: Record) -> str:
    """Return from where to where it is protected."""
    return f"{record['protected_site']} -> {record['recovery_site']}"


class Plainly:
    """Makes records of a collector's rows by its *table*: its labels, and its metrics without *prefix*.

    So what scripts read has the names that Prometheus has. Of a time there is the text too, in ISO 8601.
    """

    def __init__(self, table: Table[Any], prefix: str) -> None:
        self._labels: Labels[Any] = {**table.labels, **table.attributes}
        self._numbers: list[tuple[str, Metric[Any]]] = []
        for metric in table.metrics:
            if metric.labels:
                self._labels |= metric.labels
            else:
                self._numbers.append((metric.name.removeprefix(prefix), metric))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of each record."""
        keys: list[str] = ["zvm", *self._labels]
        for key, metric in self._numbers:
            keys += [key.removesuffix(_SECONDS), key] if metric.unit == TIMESTAMP else [key]
        return (*keys, "trouble")

    def record(self, row: Any, trouble: Sequence[str]) -> Record:
        """Return *row* as a record, whose ZVM is not set yet; *trouble* is what is wrong with it."""
        record: Record = {"zvm": "", **{name: get(row) for name, get in self._labels.items()}}
        for key, metric in self._numbers:
            value = metric.value(row)
            base = value if isinstance(value, bool) else measured(value, metric.unit)
            record |= moment(key.removesuffix(_SECONDS), base) if metric.unit == TIMESTAMP else {key: base}
        record["trouble"] = "; ".join(trouble)
        return record


def moment(key: str, seconds: Number) -> Mapping[str, Plain]:
    """Return a time since the epoch as two entries of a record, ISO 8601 and seconds; None where there is none."""
    if seconds is None or not 0 <= seconds < 253_402_300_800:  # the year 10000, which no date can have
        return {key: None, f"{key}{_SECONDS}": None}
    return {key: iso(seconds), f"{key}{_SECONDS}": seconds}
