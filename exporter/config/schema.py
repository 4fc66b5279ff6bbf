"""The configuration's structs: every key with its type and default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from exporter import collectors
from exporter.collectors.base import Collector
from exporter.zvm.settings import DEFAULT_ANSWERS, Settings

COLLECTORS: Final = tuple(collector.name for collector in collectors.ALL)
STANDARD: Final = tuple(collector.name for collector in collectors.ALL if collector.standard)
SLOW: Final = tuple(collector.name for collector in collectors.ALL if collector.interval is not None)  # have their own

# A list is called by what is in it.
Names = Annotated[tuple[str, ...], "names"]
Patterns = Annotated[tuple[str, ...], "regular expressions"]

GROUPS: Final = {"standard": STANDARD, "all": COLLECTORS}  # words that stand for several collectors


def chosen(words: Sequence[str]) -> tuple[str, ...]:
    """Return the collectors that *words* name, in the order of the page: names and groups, and `-name` for one less.

    Words that only take away take from `standard`.
    """
    named = {name for word in words for name in GROUPS.get(word, (word,))}
    if words and all(word.startswith("-") for word in words):
        named.update(STANDARD)
    return tuple(name for name in COLLECTORS if name in named and f"-{name}" not in words)


class Metrics(Struct, frozen=True, forbid_unknown_fields=True):
    """Which metrics are published, by regular expressions that match a whole name; none in `allow` allows all."""

    allow: Patterns = ()
    deny: Patterns = ()


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What can be set for one collector.

    A record that is published matches, for each key of `include`, one of its regular expressions as a whole value, and
    none of `exclude`. A collector that asks by object sends at most `requests_per_poll` requests in a poll.
    """

    include: dict[str, Patterns] = field(default_factory=dict)
    exclude: dict[str, Patterns] = field(default_factory=dict)
    requests_per_poll: int = 100


_DEFAULT: Final = Options()


class Zvm(Settings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ZVM: how to reach it (Settings), what to ask it for and what to call it. Times in seconds."""

    stale_after: float | None = None
    collectors: Names = STANDARD
    intervals: dict[str, float] = field(default_factory=dict)
    filters: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    max_series: int | None = None
    metrics: Metrics = field(default_factory=Metrics)
    options: dict[str, Options] = field(default_factory=dict)  # by collector: its name is the key in the file

    def of(self, collector: str) -> Options:
        """Return what is set for *collector*."""
        return self.options.get(collector, _DEFAULT)

    def interval_of(self, collector: Collector[Any]) -> float:
        """Return the seconds from one poll of *collector* to the next; no collector is faster than `interval`."""
        return max(self.intervals.get(collector.name, collector.interval or 0.0), self.interval)

    def served_for(self, interval: float) -> float:
        """Return the seconds for which the samples of a good poll are served, of a collector with this *interval*."""
        stale_after = self.stale_after if self.stale_after is not None else max(3 * self.interval, 120.0)
        return stale_after if interval == self.interval else max(stale_after, 3 * interval)

    @property
    def judged_by(self) -> str:
        """The collector that tells whether the ZVM is up."""
        return "vms" if "vms" in self.collectors else self.collectors[0]

    @property
    def insecure(self) -> str:
        """Why somebody between us and the ZVM could read the credential, "" where nobody can."""
        if urlsplit(self.url).scheme == "http":
            return "no TLS"
        return "tls.insecure_skip_verify" if self.tls.insecure_skip_verify else ""

    @property
    def loopback(self) -> bool:
        """Whether the ZVM is on this machine, so that there is nobody between."""
        return urlsplit(self.url).hostname in {"localhost", "127.0.0.1", "::1"}


class Config(Struct, frozen=True):
    """The configuration in force.

    `max_answers` bounds how many answers of ZVMs are read and converted at the same time.
    """

    zvms: tuple[Zvm, ...]
    max_answers: int = DEFAULT_ANSWERS
