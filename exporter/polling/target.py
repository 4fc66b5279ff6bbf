"""A target: one ZVM that is polled, its client, its jobs, and what can be told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.collectors.base import Summary, Vpgs
from exporter.config import Zvm as ZvmConfig
from exporter.polling.history import History, Hour
from exporter.polling.job import Job
from exporter.polling.outcome import Failure, Outcome
from exporter.polling.pace import Pace
from exporter.polling.statelog import StateLog
from exporter.prometheus.store import Health, Store
from exporter.zvm.client import Zvm


@dataclass(frozen=True)
class Told:
    """What a ZVM told of its VPGs *at* a time in seconds since the epoch.

    It is `current` where no poll has failed since.
    """

    vpgs: Vpgs
    at: float
    current: bool


@dataclass(frozen=True)
class Status:
    """What can be told of a ZVM, to a person. Times in seconds since the epoch, None for never."""

    name: str
    url: str
    up: bool | None  # None until it was tried
    since: float | None  # when that changed last
    last_success: float | None
    summary: Summary | None
    series: int
    outcomes: tuple[Outcome, ...]
    stale: bool = False  # its samples were dropped
    failure: Failure | None = None  # the last one, which may be over
    hour: Hour = field(default_factory=Hour)
    told: Told | None = None  # None where nothing of its VPGs is served

    @property
    def worst_rpo(self) -> float | None:
        """The worst RPO of the last good poll in seconds; None where none is known."""
        return None if self.summary is None else self.summary.worst_rpo


class Target:
    """One ZVM that is polled, and what is known of it. The collector that it is judged by tells whether it is up."""

    def __init__(self, config: ZvmConfig, client: Zvm, log: StateLog) -> None:
        """Have no job yet."""
        self.config = config
        self.client = client
        self.log = log
        self.jobs: dict[str, Job] = {}  # in the order of the page
        self.summary: Summary | None = None
        self.vpgs: Vpgs | None = None
        self.since: float | None = None
        self.failure: Failure | None = None
        self.history = History()
        self.pace = Pace()
        self._fast_line = asyncio.Semaphore(config.max_requests)
        # Of the requests that a ZVM may get at once, half are for the fast collectors, however long the others wait.
        # Of one there is no half: then one of the others may wait beside it.
        self._slow_line = asyncio.Semaphore(max(config.max_requests // 2, 1))
        self._fast_polls = 0
        self._calm = asyncio.Event()
        self._calm.set()

    @property
    def first(self) -> list[Job]:
        """The jobs that are polled first: those as fast as the ZVM's interval. Until then it counts as not tried."""
        first = [job for job in self.jobs.values() if self.fast(job) or self.judges(job)]
        return sorted(first, key=lambda job: job.collector.rank)

    @property
    def later(self) -> list[Job]:
        """The other jobs."""
        first = self.first
        return [job for job in self.jobs.values() if job not in first]

    @property
    def tried(self) -> bool:
        """Whether each job that is polled first was polled."""
        return all(job.tried.is_set() for job in self.first)

    @property
    def up(self) -> bool | None:
        """Whether the last poll succeeded of the collector that the ZVM is judged by; None before the first."""
        outcome = self.jobs[self.config.judged_by].outcome
        return None if outcome is None else outcome.success

    def judges(self, job: Job) -> bool:
        """Tell whether the ZVM is judged by *job*."""
        return job.name == self.config.judged_by

    def fast(self, job: Job) -> bool:
        """Tell whether *job* is as fast as the ZVM's interval."""
        return job.interval == self.config.interval

    def line(self, collector: str, interval: float) -> asyncio.Semaphore:
        """Return where the requests of a *collector* wait for others like it, which is polled at that *interval*."""
        fast = interval == self.config.interval or collector == self.config.judged_by
        return self._fast_line if fast else self._slow_line

    def begin(self, job: Job) -> None:
        """Take note that a poll of *job* begins."""
        if self.judges(job):
            self.log.judging()
        if self.fast(job):
            self._fast_polls += 1
            self._calm.clear()

    def end(self, job: Job) -> None:
        """Take note that a poll of *job* has ended."""
        if self.fast(job):
            self._fast_polls -= 1
            if not self._fast_polls:
                self._calm.set()

    async def calm(self) -> None:
        """Wait until no fast job is being polled."""
        await self._calm.wait()

    @property
    def busy(self) -> bool:
        """Whether a fast job is being polled."""
        return self._fast_polls > 0

    def quit(self) -> None:
        """End at once: what is under way must not publish or count anything any more."""
        for job in self.jobs.values():
            if job.task is not None:
                job.task.cancel()
        self.client.silence()

    def inherit(self, before: Target) -> None:
        """Take over what is known of the samples that are still served, so that none is without its health."""
        for name, job in self.jobs.items():
            job.inherit(before.jobs[name])
        self.summary = before.summary
        self.vpgs = before.vpgs
        self.since = before.since
        self.history = before.history

    def kept(self, collector: str, store: Store) -> Sequence[Any]:
        """Return what *collector* keeps for the others, as long as its samples are in *store*."""
        served = collector in self.jobs and store.serves(self.config.name, collector)
        return self.jobs[collector].kept if served else ()

    def others(self, job: Job, store: Store) -> tuple[int, int]:
        """Return how many series of the others are not for *job*, and how many of those have samples that go after it.

        The former are what the others have in *store*; of those that count before it, what they want.
        """
        taken, after, before = 0, 0, True
        for other in sorted(self.jobs.values(), key=lambda one: one.collector.rank):
            if other is job:
                before = False
            elif store.serves(self.config.name, other.name):
                has = store.series(self.config.name, other.name)
                taken += max(has, other.wanted) if before else has
                after += has if other.collector.rank > job.collector.rank else 0
        return taken, after

    def status(self, store: Store, now: float) -> Status:
        """Return what can be told of the ZVM *now* (monotonic seconds)."""
        judge = self.jobs[self.config.judged_by]
        name = self.config.name
        return Status(
            name=name,
            url=self.config.url,
            up=self.up,
            since=self.since,
            last_success=judge.last_success,
            summary=self.summary,
            series=sum(store.series(name, collector) for collector in self.jobs),
            outcomes=tuple(job.outcome for job in self.jobs.values() if job.outcome is not None),
            stale=judge.last_success is not None and not store.serves(name, judge.name),
            failure=self.failure,
            hour=self.history.hour(now),
            told=self._told(store),
        )

    def _told(self, store: Store) -> Told | None:
        for job in self.jobs.values():
            if job.collector.vpgs is not None and store.serves(self.config.name, job.name):
                if self.vpgs is None or job.outcome is None or job.last_success is None:
                    return None
                return Told(self.vpgs, job.last_success, job.outcome.success)
        return None

    def health(self) -> list[Health]:
        """Return how the polls of each collector go that was polled."""
        return [health for health in (job.health() for job in self.jobs.values()) if health is not None]


def unchanged(targets: Mapping[str, Target], config: ZvmConfig) -> Target | None:
    """Return the one of *targets* that is configured as in *config*."""
    target = targets.get(config.name)
    return target if target is not None and target.config == config else None
