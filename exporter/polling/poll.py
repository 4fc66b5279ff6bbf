"""One poll of one job: the one place that times, catches and counts."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from exporter.collectors.base import UnsupportedError
from exporter.counts import Counts
from exporter.polling.clock import Clock
from exporter.polling.job import Job
from exporter.polling.outcome import BUG, UNSUPPORTED, Failure, Outcome
from exporter.polling.selection import Published
from exporter.polling.target import Target
from exporter.prometheus.store import Store
from exporter.prometheus.telemetry import Telemetry
from exporter.threads import in_large_thread, in_poll_thread
from exporter.zvm.errors import RequestTimeoutError, StatusError, ZvmError
from exporter.zvm.slots import in_hand

_MANY_ROWS: Final = 500  # their rendering takes some 10 ms
_FREED_AT_ONCE: Final = 500  # rows; more would hold up the event loop, in whatever thread


class Polls:
    """Polls jobs into *store*, and counts that in *telemetry*."""

    def __init__(self, store: Store, telemetry: Telemetry, clock: Clock) -> None:
        self._store = store
        self._telemetry = telemetry
        self._clock = clock

    async def poll(self, target: Target, job: Job) -> None:
        """Poll *job* of *target* once; whatever goes wrong is its outcome."""
        started = self._clock.monotonic()
        target.begin(job)
        try:
            outcome = await self._outcome(target, job)
            outcome.duration = self._clock.monotonic() - started
            self._ended(target, job, outcome)
        finally:
            target.end(job)

    async def _outcome(self, target: Target, job: Job) -> Outcome:
        try:
            return await self._in_time(target, job)
        except UnsupportedError as error:
            return Outcome(job.name, UNSUPPORTED, str(error))
        except StatusError as error:
            absent = error.absent and not job.collector.essential
            return Outcome(job.name, UNSUPPORTED if absent else error.reason, str(error))
        except ZvmError as error:
            return Outcome(job.name, error.reason, str(error))
        except Exception as error:  # noqa: BLE001 - an error of ours costs one poll of one collector, and is seen
            return Outcome(job.name, BUG, _in_one_line(error), error)

    def _ended(self, target: Target, job: Job, outcome: Outcome) -> None:
        zvm, up_before = target.config, target.up
        job.ended(outcome, self._clock.wall())
        self._telemetry.poll(zvm.name, job.name, outcome.reason)
        if not outcome.supported:
            self._store.drop_samples(zvm.name, job.name)
        elif not outcome.success:
            target.failure = Failure(self._clock.wall(), job.name, outcome.error)
        if target.up != up_before:
            target.since = self._clock.wall()
        self._store.put_health(zvm.name, zvm.labels, target.health(), up=target.up)
        summary = target.summary if target.judges(job) and outcome.success else None
        worst_rpo = None if summary is None else summary.worst_rpo
        target.history.add(self._clock.monotonic(), outcome.duration, worst_rpo, good=outcome.good)
        target.log.ended(outcome, fast=target.fast(job))
        if job.rounds is not None and outcome.success:
            target.log.round(job.name, job.rounds.objects, job.rounds.polls * job.interval, job.interval)

    async def _in_time(self, target: Target, job: Job) -> Outcome:
        """Fetch and publish, but not for ever: each of a login, a retry and lists of names may take a `timeout`."""
        seconds = max(job.interval, 2 * target.config.timeout)
        try:
            async with asyncio.timeout(seconds):
                return await self._fetched(target, job)
        except TimeoutError as error:
            raise RequestTimeoutError(f"no complete poll within {seconds:g} s") from error

    async def _fetched(self, target: Target, job: Job) -> Outcome:
        zvm = target.config
        with in_hand():
            decoded = await job.fetch()
            published = await self._published(target, job, decoded.rows)
            rendered = published.rendered
            # At once: what it was given room for must be in the store before anybody else asks how much room there is.
            self._store.put(zvm.name, job.name, rendered, job.served_for)
            job.kept = published.kept
            if decoded.rows:
                await in_poll_thread(_free, decoded.rows)
        target.summary = published.summary or target.summary
        target.vpgs = published.vpgs or target.vpgs
        lost = decoded.lost + Counts(0, rendered.impossible, rendered.duplicates, rendered.complaint)
        self._telemetry.lost(
            zvm.name,
            job.name,
            records=lost.invalid_records,
            values=lost.invalid_values,
            duplicates=lost.duplicate_records,
        )
        self._telemetry.left_out(zvm.name, job.name, excluded=published.excluded, cut=published.cut)
        return Outcome(
            job.name,
            series=rendered.series,
            rows=published.rows,
            lost=lost,
            excluded=published.excluded,
            cut=published.cut,
        )

    async def _published(self, target: Target, job: Job, rows: list[Any]) -> Published:
        """Render *rows*, which are gone then where there is no limit of series.

        What is returned fits in with what is in the store as it is now, and no longer after the next await.
        """
        bounded = target.config.max_series is not None
        many = len(rows) > _MANY_ROWS

        async def in_thread(function: Any, *arguments: object) -> Any:
            # Never on the loop: a hundred rows may have names of megabytes.
            if many:
                return await in_large_thread(function, *arguments, first=True)
            return await in_poll_thread(function, *arguments)

        def publish(others: int) -> Published:
            published = job.selector.publish(rows, others)
            if not bounded:
                _free(rows)
            return published

        others, after = target.others(job, self._store)
        published: Published = await in_thread(publish, others)
        job.wanted = published.wanted
        # Others may have published in the meantime, and all together must not have more than the limit.
        while bounded and target.others(job, self._store)[0] > others:
            others, after = target.others(job, self._store)
            published = await in_thread(publish, others)
        job.crowded = published.cut > 0 and after > 0
        return published


def _free(rows: list[Any]) -> None:
    """Let go of *rows*, a few at a time: their end takes a tenth of a poll, and the interpreter with it."""
    while rows:
        del rows[-_FREED_AT_ONCE:]


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
