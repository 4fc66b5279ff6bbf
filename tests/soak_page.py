"""Reads a page in the text format and forgives nothing; says what of it cannot be, given what the ZVMs went through.

Regular expressions, as a page has tens of thousands of lines; prometheus_client's own parser takes ten times as long.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

# Seconds. Polls are 2 or 3 s apart: a calm ZVM's samples are a few intervals old at most.
CALM_AGE = 8.0
STALE_AFTER = 10.0
_SLACK = 1.0
_ON_THE_WAY = 6.0  # a poll may last 4 s, and an answer is stamped at its beginning

COLLECTORS = {"vms": "zerto_vm_", "vpgs": "zerto_vpg_"}
ROUND = "round"  # the label that each configuration gives to its samples
_STAMPS = {f"{prefix}last_test_timestamp_seconds": name for name, prefix in COLLECTORS.items()}

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PAIR = r'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\]*(?:\\[\\"n][^"\\]*)*"'
_SAMPLE = re.compile(
    rf"({_NAME.pattern})(?:\{{({_PAIR}(?:,{_PAIR})*)\}})? ([+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)"
)
_PAIRS = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*(?:\\.[^"\\]*)*)"')
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
_TYPES = frozenset({"gauge", "counter", "histogram", "summary", "untyped"})
_TOLD = 5  # of one kind of problem on one page
_QUOTED = 160


@dataclass
class OfZvm:
    """What a page says of one ZVM. Samples and stamps by collector, times since the epoch."""

    up: float | None = None
    success: dict[str, float] = field(default_factory=dict)
    last_success: dict[str, float] = field(default_factory=dict)
    samples: dict[str, int] = field(default_factory=dict)
    stamps: dict[str, set[float]] = field(default_factory=dict)
    rounds: set[str] = field(default_factory=set)
    polls: float | None = None  # those that succeeded, as the own metrics tell: they may be 30 seconds old


@dataclass
class Facts:
    """What a page says. *problems* are those of its form."""

    problems: list[str] = field(default_factory=list)
    series: int = 0
    zvms: dict[str, OfZvm] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """What the samples of a ZVM must be like: of which *round* of the configuration, and whether it is *calm*.

    Calm is a ZVM that has been polled undisturbed for a while: it is up and its samples are fresh.
    """

    round: str
    calm: bool


@dataclass(frozen=True)
class Asked:
    """What a page was asked for, and when: *sent* since the epoch. None for *zvms*: the configuration was changing."""

    what: str
    sent: float
    zvms: Mapping[str, Expected] | None
    collectors: Collection[str] = tuple(COLLECTORS)
    whole: bool = True


def read(body: bytes, *, zipped: bool = False, twice: bool = False) -> Facts:
    """Read a page; *twice*, also with prometheus_client's parser."""
    try:
        text = (gzip.decompress(body) if zipped else body).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        return Facts([f"no text: {error}"])
    facts = _Reader().read(text)
    if twice:
        facts.problems += _second_opinion(text, facts.series)
    return facts


def judge(facts: Facts, asked: Asked) -> list[str]:
    """Return what of a page cannot be, each in a line."""
    problems = [*facts.problems]
    if asked.whole != bool(facts.own):
        problems.append("the exporter's own metrics " + ("are missing" if asked.whole else "are on a narrowed page"))
    for name, found in facts.zvms.items():
        problems += [f"{name}: {problem}" for problem in _aged(found, asked.sent)]
    if asked.zvms is not None:
        problems += [f"{name}: not asked for, or not configured" for name in facts.zvms.keys() - asked.zvms.keys()]
        for name, expected in asked.zvms.items():
            found = facts.zvms.get(name, OfZvm())
            problems += [f"{name}: {problem}" for problem in _configured(found, expected, asked)]
            if expected.calm:
                problems += [f"{name}: {problem}" for problem in _calm(found, asked)]
    return [f"{asked.what}: {problem}" for problem in problems]


def _aged(found: OfZvm, sent: float) -> Iterator[str]:
    """Whatever a ZVM went through, its samples are of one answer, and young or gone."""
    for collector, count in found.samples.items():
        last = found.last_success.get(collector)
        if last is None:
            yield f"{count} samples of {collector} without the time of a good poll"
        elif sent - last > STALE_AFTER + _SLACK:
            yield f"stale: samples of {collector} are {sent - last:.1f} s old"
    for collector, stamps in found.stamps.items():
        if len(stamps) > 1:
            yield f"samples of {collector} of different answers: {sorted(stamps)}"
        if sent - min(stamps) > STALE_AFTER + _ON_THE_WAY:
            yield f"frozen: the ZVM told these samples of {collector} {sent - min(stamps):.1f} s ago"


def _configured(found: OfZvm, expected: Expected, asked: Asked) -> Iterator[str]:
    if found.rounds - {expected.round}:
        yield f"samples of round {sorted(found.rounds)} of the configuration, which is in round {expected.round}"
    for collector in found.samples.keys() - set(asked.collectors):
        yield f"samples of {collector}, which was not asked for"
    if asked.whole and found.polls is None:
        yield "its polls are not counted"


def _calm(found: OfZvm, asked: Asked) -> Iterator[str]:
    if found.up != 1:
        yield f"undisturbed, but zerto_up is {found.up}"
    for collector in COLLECTORS:
        if found.success.get(collector) != 1:
            yield f"undisturbed, but success of {collector} is {found.success.get(collector)}"
        age = asked.sent - found.last_success.get(collector, 0.0)
        if age > CALM_AGE:
            yield f"undisturbed, but the last good poll of {collector} was {age:.1f} s ago"
    for collector in asked.collectors:
        age = asked.sent - min(found.stamps.get(collector, {0.0}))
        if age > CALM_AGE:
            yield f"undisturbed, but the ZVM told its samples of {collector} {age:.1f} s ago"


class _Reader:
    """One pass over the lines of a page."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
        self._types: dict[str, str] = {}
        self._helps: set[str] = set()
        self._family = ""
        self._names: tuple[str, ...] = ()
        self._told: dict[str, int] = {}

    def read(self, text: str) -> Facts:
        *lines, rest = text.split("\n")
        if rest:
            self._wrong("a last line without its end", rest)
        for line in lines:
            if line.startswith("#"):
                self._comment(line)
            else:
                self._sample(line)
        return self.facts

    def _comment(self, line: str) -> None:
        parts = line.split(" ", 3)
        if len(parts) < 4 or parts[0] != "#" or parts[1] not in {"HELP", "TYPE"} or not _NAME.fullmatch(parts[2]):
            self._wrong("invalid line", line)
            return
        kind, name, quote = parts[1:]
        if kind == "HELP":
            if name in self._helps:
                self._wrong("a second HELP", line)
            self._helps.add(name)
            self._family, self._names = name, ()
            return
        if quote not in _TYPES:
            self._wrong("invalid line", line)
        if name in self._types:
            self._wrong("a second TYPE", line)
        if name != self._family:
            self._wrong("TYPE without its HELP before", line)
        self._types[name] = quote
        self._family = name
        self._names = tuple(name + suffix for suffix in _SUFFIXES.get(quote, ("",)))

    def _sample(self, line: str) -> None:
        match = _SAMPLE.fullmatch(line)
        if match is None:
            self._wrong("invalid line", line)
            return
        name, inner, number = match.groups()
        pairs = _PAIRS.findall(inner or "")
        labels = dict(pairs)
        if len(labels) < len(pairs):
            self._wrong("a label twice", line)
        if name not in self._names:
            self._wrong("a sample outside of its family", line)
        identity = (name, frozenset(pairs))
        if identity in self._seen:
            self._wrong("duplicate series", line)
        self._seen.add(identity)
        self.facts.series += 1
        self._note(name, labels, float(number), line)

    def _note(self, name: str, labels: Mapping[str, str], value: float, line: str) -> None:
        if "zvm" not in labels:
            self.facts.own[name] = value
            return
        zvm = self.facts.zvms.setdefault(labels["zvm"], OfZvm())
        if name.startswith("zerto_exporter_"):
            if name == "zerto_exporter_polls_total":
                zvm.polls = (zvm.polls or 0.0) + value
            return
        zvm.rounds.add(labels.get(ROUND, ""))
        if not 0 <= value < float("inf"):
            self._wrong("no possible value", line)
        if name == "zerto_up":
            zvm.up = value
        told = {
            "zerto_collector_success": zvm.success,
            "zerto_collector_last_success_timestamp_seconds": zvm.last_success,
        }
        if name in told:
            told[name][labels["collector"]] = value
        for collector, prefix in COLLECTORS.items():
            if name.startswith(prefix):
                zvm.samples[collector] = zvm.samples.get(collector, 0) + 1
        if name in _STAMPS:
            zvm.stamps.setdefault(_STAMPS[name], set()).add(value)

    def _wrong(self, problem: str, line: str) -> None:
        self._told[problem] = self._told.get(problem, 0) + 1
        if self._told[problem] <= _TOLD:
            self.facts.problems.append(f"{problem}: {line[:_QUOTED]!r}")


def _second_opinion(text: str, series: int) -> Iterator[str]:
    try:
        found = sum(len(family.samples) for family in text_string_to_metric_families(text))
    except ValueError as error:
        yield f"prometheus_client refuses it: {error}"
        return
    if found != series:
        yield f"prometheus_client finds {found} series, not {series}"
