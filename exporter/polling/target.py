"""One ZVM that is being polled: its client, its collectors, how its polls went."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.collectors.base import Collector, Summary
from exporter.config import Zvm as ZvmConfig
from exporter.polling.history import History, Hour
from exporter.polling.outcome import Failure, Outcome, StateLog
from exporter.polling.selection import Selector
from exporter.prometheus.store import Health
from exporter.zvm.client import Zvm


@dataclass(frozen=True)
class Status:
    """What can be told of a ZVM: to the landing page, and to `check`.

    `up` is None until it was tried; `stale` is one whose samples were dropped. `failure` is the last one, which may be
    over. Times in seconds since the epoch, None for never.
    """

    name: str
    url: str
    up: bool | None
    since: float | None
    last_success: float | None
    summary: Summary | None
    series: int
    outcomes: tuple[Outcome, ...]
    stale: bool = False
    failure: Failure | None = None
    hour: Hour = field(default_factory=Hour)

    @property
    def worst_rpo(self) -> float | None:
        """The worst RPO of the last good poll in seconds; None where none is known."""
        return None if self.summary is None else self.summary.worst_rpo


@dataclass
class Target:
    """A ZVM that is being polled, and what is known of it."""

    config: ZvmConfig
    client: Zvm
    collectors: tuple[Collector[Any], ...]
    bounds: Mapping[str, Selector[Any]]
    log: StateLog
    offset: float  # seconds by which the second poll comes early, so that the polls of many ZVMs are spread
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    last_success: dict[str, float] = field(default_factory=dict)
    summary: Summary | None = None
    since: float | None = None
    failure: Failure | None = None
    history: History = field(default_factory=History)
    tried: bool = False
    wanted: dict[str, int] = field(default_factory=dict)  # series that a collector would have without `max_series`
    publishing: asyncio.Lock = field(default_factory=asyncio.Lock)  # so that two do not take the same room

    def quit(self) -> None:
        """End at once: what is under way must not publish or count anything any more."""
        if self.task is not None:
            self.task.cancel()
        self.client.silence()

    def inherit(self, before: Target) -> None:
        """Take over what is known of the samples that are still served, so that none is without its health."""
        self.outcomes = dict(before.outcomes)
        self.last_success = dict(before.last_success)
        self.summary = before.summary
        self.since = before.since
        self.tried = before.tried
        self.history = before.history
        self.wanted = dict(before.wanted)

    def polled(self, now: float, seconds: float) -> None:
        """Remember that a poll has ended *now* (monotonic seconds) and how long it took."""
        worst_rpo = self.summary.worst_rpo if self.up and self.summary is not None else None
        good = all(outcome.success for outcome in self.outcomes.values())
        self.history.add(now, seconds, worst_rpo, good=good)

    def view(self, series: int, now: float, *, served: bool) -> Status:
        """Return what can be told of the ZVM *now* (monotonic seconds), of which *series* are served.

        Whether it is *served* is asked of the leading collector.
        """
        return Status(
            name=self.config.name,
            url=self.config.url,
            up=self.up,
            since=self.since,
            last_success=self.last_success.get(self.judged_by),
            summary=self.summary,
            series=series,
            outcomes=tuple(self.done()),
            stale=self.judged_by in self.last_success and not served,
            failure=self.failure,
            hour=self.history.hour(now),
        )

    def health(self) -> list[Health]:
        """Return how the polls of each collector go that was polled."""
        return [
            Health(done.collector, done.success, done.duration, self.last_success.get(done.collector))
            for done in self.done()
        ]

    def done(self) -> list[Outcome]:
        """Return the last outcome of each collector that was polled, in the order of the page."""
        return [self.outcomes[collector.name] for collector in self.collectors if collector.name in self.outcomes]

    @property
    def by_rank(self) -> list[Collector[Any]]:
        """The collectors, those first whose series count first against `max_series`."""
        return sorted(self.collectors, key=lambda collector: collector.yields)

    @property
    def judged_by(self) -> str:
        """The collector by which the ZVM is judged."""
        return "vms" if "vms" in self.config.collectors else self.config.collectors[0]

    @property
    def up(self) -> bool | None:
        """Whether the leading collector's last poll succeeded; None before the first."""
        outcome = self.outcomes.get(self.judged_by)
        return None if outcome is None else outcome.success
