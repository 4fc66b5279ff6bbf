"""A Prometheus that holds the day of an estate: what was scraped, and what the shipped rules make of it."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from prometheus_server import Prometheus
from tsdb_block import Block, Labels

RULES: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
TARGET: Final = {"job": "zerto", "instance": "zerto-exporter:9403"}

(GONE,) = struct.unpack(">d", bytes.fromhex("7ff0000000000002"))  # what Prometheus writes where a series ends

_OPTIONS: Final = (
    "--storage.tsdb.retention.time=10y",
    "--storage.tsdb.max-block-duration=2h",
    "--query.lookback-delta=10m",  # some scrapes are as far apart
)
_RECORDED: Final = re.compile(r"\b\w+:zerto_\w+:\w+")
_LONGEST_STEP_SECONDS: Final = 600
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SAMPLE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")


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
        for name, labels, value in _SAMPLE.findall(page):
            key = (name, labels)
            if key not in known:
                known[key] = _labelled(name, {**_read(labels), **TARGET})
            found.put(known[key], time, float(value))
        found.put(_labelled("up", TARGET), time, float(bool(page)))
        found.put(_labelled("scrape_duration_seconds", TARGET), time, 0.02 if page else 0.0)
        found.put(_labelled("scrape_samples_scraped", TARGET), time, float(page.count("\n")))
    return found


def _labelled(name: str, labels: Mapping[str, str]) -> Labels:
    return tuple(sorted({**labels, "__name__": name}.items()))


def _read(text: str) -> dict[str, str]:
    return {name: _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], value) for name, value in _LABEL.findall(text)}


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
        """Add what the rules in *folder* record, and the alerts that they raise: first what others need."""
        groups = [
            group for path in sorted(folder.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]
        ]
        left = [rule for group in groups for rule in group["rules"]]
        while left:
            missing = {rule["record"] for rule in left if "record" in rule}
            ready = [rule for rule in left if not missing.intersection(_RECORDED.findall(rule["expr"]))]
            if not ready:
                raise RuntimeError(f"rules that need one another: {sorted(missing)}")
            self.write(self._evaluated(ready))
            left = [rule for rule in left if rule not in ready]

    def _evaluated(self, rules: Iterable[Mapping[str, Any]]) -> Matrix:
        found = Matrix(self.times)
        with self.server() as server:
            for rule in rules:
                own = rule.get("labels", {})
                for metric, samples in self._asked(server, rule["expr"]):
                    if "record" in rule:
                        labels = _labelled(rule["record"], {**metric, **own})
                        for time, value in samples:
                            found.put(labels, time, value)
                        continue
                    named = {**metric, **own, "alertname": rule["alert"]}
                    for time, state in _states([time for time, _ in samples], _seconds(rule.get("for", "0s"))):
                        found.put(_labelled("ALERTS", {**named, "alertstate": state}), time, 1.0)
        return found

    def _asked(self, server: Prometheus, expression: str) -> Iterator[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Yield labels and samples of each series that *expression* gives in the whole history."""
        joined: dict[Labels, list[tuple[float, float]]] = {}
        for part in self._parts:
            for metric, samples in server.query_range(expression, part.begin, part.times[-1], part.step):
                joined.setdefault(tuple(metric.items()), []).extend(samples)
        for labels, samples in joined.items():
            yield dict(labels), samples


def _states(times: Sequence[float], patience: float) -> Iterator[tuple[float, str]]:
    """Yield the state of an alert at the *times* at which its expression holds; it fires after *patience* seconds."""
    begun = before = -math.inf
    for time in times:
        if time - before > _LONGEST_STEP_SECONDS:
            begun = time
        before = time
        yield time, "firing" if time - begun >= patience else "pending"


def _seconds(text: str) -> float:
    return float(sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text)))


def _way(block: Block, values: Sequence[float]) -> bytes:
    at = iter(values)
    return block.each(lambda _: next(at))
