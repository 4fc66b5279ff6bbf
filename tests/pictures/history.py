"""A Prometheus that holds the day of an estate: what was scraped, and what the shipped rules make of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prometheus_server import Prometheus
from rule_files import RULES, in_turn
from text_format import labels_of, samples_of
from tsdb_block import Block, Labels

TARGET: Final = {"job": "zerto", "instance": "zerto-exporter:9403"}

(GONE,) = struct.unpack(">d", bytes.fromhex("7ff0000000000002"))  # what Prometheus writes where a series ends

_OPTIONS: Final = (
    "--storage.tsdb.retention.time=10y",
    "--storage.tsdb.max-block-duration=2h",
    "--query.lookback-delta=10m",  # some scrapes are as far apart
)


@dataclass(frozen=True)
class Part:
    """A part of the day in which scrapes are equally far apart; times in seconds since the epoch."""

    begin: float
    step: float
    scrapes: int

    @property
    def times(self) -> list[float]:
        """The time of each scrape."""
        return [self.begin + number * self.step for number in range(self.scrapes)]


class Matrix:
    """Series with a value for each of *times*; GONE where there was no sample."""

    def __init__(self, times: Sequence[float]) -> None:
        self._place = {time: place for place, time in enumerate(times)}
        self.series: dict[Labels, list[float]] = {}

    def put(self, labels: Labels, time: float, value: float) -> None:
        """Set the value of a series at one of the times."""
        row = self.series.get(labels)
        if row is None:
            row = self.series[labels] = [GONE] * len(self._place)
        row[self._place[time]] = value


def scraped(pages: Mapping[float, str]) -> Matrix:
    """Return what Prometheus makes of *pages*, by the time of their scrape; an empty page is a scrape that failed."""
    found = Matrix(list(pages))
    known: dict[tuple[str, str], Labels] = {}
    for time, page in pages.items():
        for name, labels, value in samples_of(page):
            key = (name, labels)
            if key not in known:
                known[key] = _labelled(name, {**labels_of(labels), **TARGET})
            found.put(known[key], time, value)
        found.put(_labelled("up", TARGET), time, float(bool(page)))
        found.put(_labelled("scrape_duration_seconds", TARGET), time, 0.02 if page else 0.0)
        found.put(_labelled("scrape_samples_scraped", TARGET), time, float(page.count("\n")))
    return found


def _labelled(name: str, labels: Mapping[str, str]) -> Labels:
    return tuple(sorted({**labels, "__name__": name}.items()))


class History:
    """The database of a Prometheus in *folder*, made of the *parts* of a day, earliest first."""

    def __init__(self, folder: Path, parts: Sequence[Part]) -> None:
        self._folder = folder
        self._parts = parts
        self.times = [time for part in parts for time in part.times]

    def server(self) -> Prometheus:
        """Return a Prometheus on the database as it is now."""
        return Prometheus(self._folder, {}, *_OPTIONS)

    def write(self, matrix: Matrix) -> None:
        """Add the series of *matrix*, whose times are those of the history."""
        begin = 0
        for part in self._parts:
            end = begin + part.scrapes
            step = int(part.step * 1000)
            start = int(part.begin * 1000)
            block = Block(self._folder / "data", start, start + part.scrapes * step, step)
            ways: dict[bytes, bytes] = {}
            for labels, values in matrix.series.items():
                raw = struct.pack(f">{part.scrapes}d", *values[begin:end])
                if raw not in ways:
                    ways[raw] = _way(block, values[begin:end])
                block.add(labels, ways[raw])
            block.close()
            begin = end

    def record(self, folder: Path = RULES) -> None:
        """Add what the rules in *folder* record, first what others need. A rule that remembers begins without memory.

        Raises:
            RuntimeError: rules need one another.
        """
        for ready in in_turn(folder):
            self.write(self._evaluated(ready))

    def _evaluated(self, rules: Iterable[Mapping[str, Any]]) -> Matrix:
        found = Matrix(self.times)
        with self.server() as server:
            for rule in rules:
                for part in self._parts:
                    for labels, samples in server.query_range(rule["expr"], part.begin, part.times[-1], part.step):
                        recorded = _labelled(rule["record"], {**labels, **rule.get("labels", {})})
                        for time, value in samples:
                            found.put(recorded, time, value)
        return found


def _way(block: Block, values: Sequence[float]) -> bytes:
    at = iter(values)
    return block.each(lambda _: next(at))
