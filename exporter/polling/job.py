"""A job: one collector of one ZVM, when it is polled and how its polls went."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from exporter.collectors.base import Collector, Fetch, Remembers
from exporter.polling.outcome import Outcome
from exporter.polling.rounds import Rounds
from exporter.polling.selection import Selector
from exporter.polling.source import ZvmSource
from exporter.prometheus.store import Health

_UNSUPPORTED_SECONDS: Final = 3600.0  # until the ZVM is asked again for what it does not have


@dataclass(eq=False)
class Job:
    """One collector of one ZVM. Times in seconds."""

    collector: Collector[Any]
    selector: Selector[Any]
    fetch: Fetch[Any]
    source: ZvmSource  # which it asks
    interval: float
    served_for: float  # its samples, from a good poll on
    offset: float  # by which its second poll comes early, so that not all jobs are due at once
    rounds: Rounds | None  # where it asks by object
    wake: asyncio.Event = field(default_factory=asyncio.Event)  # set: it is polled at once
    tried: asyncio.Event = field(default_factory=asyncio.Event)  # set once its first poll has ended
    task: asyncio.Task[None] | None = None
    outcome: Outcome | None = None  # of its last poll
    last_success: float | None = None  # since the epoch
    requests: int = 1  # of its last poll
    wanted: int = 0  # series that it would have without `max_series`
    kept: Sequence[Any] = ()  # what of its last good rows others may ask for
    crowded: bool = False  # whether it was cut off though others have samples that go after its own

    @property
    def name(self) -> str:
        """The name of the collector."""
        return self.collector.name

    @property
    def rests(self) -> bool:
        """Whether the ZVM does not have what it asks for, as far as is known."""
        return self.outcome is not None and not self.outcome.supported

    @property
    def cadence(self) -> float:
        """The time from this poll to the next: longer than the interval where there is nothing to poll."""
        return max(self.interval, _UNSUPPORTED_SECONDS) if self.rests else self.interval

    def ended(self, outcome: Outcome, now: float) -> None:
        """Remember that a poll ended with *outcome*, *now* in seconds since the epoch."""
        self.outcome = outcome
        if outcome.good:
            self.last_success = now
        if not outcome.supported:
            self.kept, self.wanted = (), 0
        self.tried.set()

    def inherit(self, before: Job) -> None:
        """Take over what is known of the samples that are still served."""
        self.outcome = before.outcome
        self.last_success = before.last_success
        self.wanted = before.wanted
        self.kept = before.kept
        if before.tried.is_set():
            self.tried.set()
        if self.rounds is not None and before.rounds is not None:
            self.rounds.inherit(before.rounds)
        if isinstance(self.fetch, Remembers) and isinstance(before.fetch, Remembers):
            self.fetch.inherit(before.fetch)

    def health(self) -> Health | None:
        """Return how its polls go, None before the first has ended."""
        if self.outcome is None:
            return None
        return Health(
            self.name,
            self.outcome.good,
            self.outcome.duration,
            self.last_success,
            self.cadence,
            self.outcome.supported,
            None if self.rounds is None else self.rounds.objects,
            None if self.rounds is None else self.rounds.fresh,
        )
