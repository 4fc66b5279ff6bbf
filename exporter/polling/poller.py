"""The poll loops: one task for each job of each ZVM, each at its own interval and on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog

from exporter.collectors import BY_NAME
from exporter.collectors.base import Collector
from exporter.config import Zvm as ZvmConfig
from exporter.polling.clock import Clock
from exporter.polling.job import Job
from exporter.polling.outcome import BUG, SUCCESS, UNSUPPORTED
from exporter.polling.poll import Polls
from exporter.polling.rounds import Rounds
from exporter.polling.selection import Selector, own_series
from exporter.polling.source import ZvmSource
from exporter.polling.statelog import StateLog
from exporter.polling.target import Status, Target, unchanged
from exporter.prometheus.store import Store
from exporter.prometheus.telemetry import Telemetry
from exporter.zvm.client import Zvm
from exporter.zvm.errors import REASONS
from exporter.zvm.observer import Observer
from exporter.zvm.settings import Settings

POLL_OUTCOMES: Final = (SUCCESS, UNSUPPORTED, *REASONS, BUG)

_GOLDEN_RATIO: Final = (5**0.5 - 1) / 2  # its multiples, modulo 1, are spread evenly however many there are


async def _nothing() -> None:
    """Do nothing."""


class Poller:
    """Polls the configured ZVMs into *store*."""

    def __init__(
        self,
        store: Store,
        telemetry: Telemetry,
        *,
        clock: Clock | None = None,
        connect: Callable[[Settings, Observer], Zvm] = Zvm,
        collectors: Mapping[str, Collector[Any]] = BY_NAME,
        polled: Callable[[], Awaitable[None]] = _nothing,
        goodbye_seconds: float = 3.0,
    ) -> None:
        """Start with no ZVM; *connect* makes the client of one, *polled* is called when fast polls have ended.

        *collectors* are those that a configuration can name. When the process ends, each ZVM has *goodbye_seconds* to
        log us out; half of it, for a login under way.
        """
        self._goodbye_seconds = goodbye_seconds
        self._polled = polled
        self._store = store
        self._telemetry = telemetry
        self._clock = clock or Clock()
        self._polls = Polls(store, telemetry, self._clock)
        self._connect = connect
        self._collectors = collectors
        self._targets: dict[str, Target] = {}
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()
        self._ready = False
        self._begun = 0

    def reconfigure(self, zvms: Sequence[ZvmConfig]) -> None:
        """Make *zvms* the ones that are polled. One that is unchanged keeps its data and its session.

        A refused login or a Retry-After is forgotten, and what failed is tried again at once. All that can fail is
        done first: whatever is raised, nothing is changed then.
        """
        old = self._targets
        made = {zvm.name: unchanged(old, zvm) or self._new(zvm) for zvm in zvms}
        self._targets = made
        for name, target in made.items():
            before = old.get(name)
            if before is not target:
                self._replace(before, target)
                continue
            target.client.release()
            for job in target.jobs.values():
                if job.outcome is not None and not job.outcome.success:
                    job.wake.set()
        for name, target in old.items():
            if made.get(name) is target:
                continue
            target.quit()
            if name not in made:
                self._store.drop(name)
                self._telemetry.remove_zvm(name)
            goodbye = asyncio.create_task(self._dismiss(target))
            self._goodbyes.add(goodbye)
            goodbye.add_done_callback(self._goodbyes.discard)

    def start(self) -> None:
        """Start a task for each job that has none."""
        for target in self._targets.values():
            for job in target.jobs.values():
                if job.task is None:
                    job.task = asyncio.create_task(self._run(target, job), name=f"poll {target.config.name} {job.name}")

    async def once(self) -> None:
        """Poll each ZVM once."""
        await asyncio.gather(*(self._once(target) for target in self._targets.values()))

    async def stop(self) -> None:
        """Stop polling and log out everywhere, within a few seconds whatever the ZVMs do."""
        self._hurry.set()
        targets, self._targets = list(self._targets.values()), {}
        goodbyes = (*(self._dismiss(target) for target in targets), *self._goodbyes)
        for ended in await asyncio.gather(*goodbyes, return_exceptions=True):
            if isinstance(ended, Exception):
                structlog.get_logger().error("a logout ended by an error of ours", exc_info=ended)

    def names(self) -> tuple[str, ...]:
        """Return the names of the ZVMs."""
        return tuple(self._targets)

    def untried(self) -> tuple[str, ...]:
        """Return the ZVMs for which readiness waits; none any more once all were tried.

        A ZVM that a reload adds does not make the exporter unready: the others are served all the while.
        """
        untried = tuple(name for name, target in self._targets.items() if not target.tried)
        self._ready = self._ready or not untried
        return () if self._ready else untried

    def statuses(self) -> list[Status]:
        """Return what can be told of each ZVM."""
        now = self._clock.monotonic()
        return [target.status(self._store, now) for target in self._targets.values()]

    async def version(self, name: str) -> str:
        """Return the version of a ZVM, "" where it does not tell."""
        return await self._targets[name].client.version()

    def _new(self, zvm: ZvmConfig) -> Target:
        """Return a target for *zvm* that nothing knows of yet."""
        log = StateLog(structlog.get_logger().bind(zvm=zvm.name), self._clock.monotonic, zvm.judged_by)
        target = Target(zvm, self._connect(zvm, self._telemetry), log)
        chosen = [self._collectors[name] for name in zvm.collectors]
        needed = {name for collector in chosen for name in collector.needs}
        own, slow = own_series(chosen), 0
        for collector in chosen:
            interval = zvm.interval_of(collector)
            options = zvm.of(collector.name)
            rounds = None
            if collector.by_object:
                rounds = Rounds(options.requests_per_poll, interval, self._clock.monotonic)
            kept = partial(target.kept, store=self._store)
            line = target.line(collector.name, interval)
            source = ZvmSource(target.client, collector.endpoint, zvm.filters, kept, rounds, self._clock, line)
            # Those that are as fast as the ZVM's interval keep together, so that their samples are of one moment.
            slow += interval != zvm.interval
            place = self._begun + (slow if interval != zvm.interval else 0)
            target.jobs[collector.name] = Job(
                collector,
                Selector(zvm, collector, own, keep=collector.name in needed),
                collector.begin(source),
                source,
                interval,
                zvm.served_for(interval),
                offset=interval * (place * _GOLDEN_RATIO % 1),
                rounds=rounds,
            )
        self._begun += 1
        return target

    def _replace(self, before: Target | None, target: Target) -> None:
        """Let *target* take the place of the one *before* it, and what of its samples is still true."""
        zvm = target.config
        if before is not None and before.config.collectors != zvm.collectors:
            self._telemetry.remove_zvm(zvm.name)
        if zvm.insecure and not zvm.loopback:
            structlog.get_logger().warning(
                "the connection to the ZVM is not secure", zvm=zvm.name, url=zvm.url, why=zvm.insecure
            )
        endpoints = [job.collector.endpoint for job in target.jobs.values()]
        self._telemetry.add_zvm(
            zvm.name, zvm.collectors, endpoints, insecure=bool(zvm.insecure), max_series=zvm.max_series
        )
        if before is None:
            return
        if _same_samples(before.config, zvm):
            target.inherit(before)
            for name, job in target.jobs.items():
                self._store.stale_after(zvm.name, name, job.served_for)
        else:
            self._store.drop(zvm.name)

    async def _once(self, target: Target) -> None:
        if target.config.max_series is None:
            for asks_others in (False, True):
                jobs = [job for job in target.first if bool(job.collector.needs) is asks_others]
                await asyncio.gather(*(self._polls.poll(target, job) for job in jobs))
        else:
            for job in target.first:  # each knows how many series those have that go before it
                await self._polls.poll(target, job)
        await asyncio.gather(*(self._polls.poll(target, job) for job in target.later))

    async def _run(self, target: Target, job: Job) -> None:
        await self._turn(target, job)
        started, tick = self._clock.monotonic() - job.offset, 0
        while True:
            if job.rounds is not None:
                await target.calm()
            asked = job.source.asked
            try:
                await self._polls.poll(target, job)
                self._ready = self._ready or all(one.tried for one in self._targets.values())
                if job in target.first and not target.busy:  # others end at any time, and seldom more than a scrape
                    await self._polled()
            except Exception:  # noqa: BLE001 - whatever it is, the next poll may go well
                structlog.get_logger().error(
                    "poll ended by an error of ours", zvm=target.config.name, collector=job.name, exc_info=True
                )
            job.requests = max(job.source.asked - asked, 1)
            now = self._clock.monotonic()
            if job.rests:
                started, tick = now + job.cadence - job.interval, 0
            else:
                passed = int((now - started) / job.interval)
                if passed > tick:
                    self._telemetry.skipped(target.config.name, job.name, passed - tick)
                tick = max(passed, tick)  # the division may come out a hair below the tick that it is
            tick += 1
            seconds, soon = started + tick * job.interval - now, 2 * target.config.interval
            if job.crowded and soon < seconds:  # by then those that go after it have made room
                seconds, tick = soon, tick - 1
            await self._rest(target, job, seconds)
            if job.wake.is_set():
                job.wake.clear()
                started, tick = self._clock.monotonic() - job.offset, 0

    async def _rest(self, target: Target, job: Job, seconds: float) -> None:
        """Wait *seconds* until *job* is due, and then for its turn; or until it is to be polled at once."""
        await self._clock.wait(job.wake, seconds)
        if job.rounds is None and job not in target.first and not job.wake.is_set():
            pause = target.pace.wait(job.name, self._clock.monotonic(), job.requests, job.interval)
            if pause:
                await self._clock.wait(job.wake, pause)

    async def _turn(self, target: Target, job: Job) -> None:
        """Wait for those whose first poll comes before that of *job*: all fast ones, where it is not one of them.

        And in any case those whose rows it asks for. Where there is a limit of series, also the fast ones of a lower
        rank: none may take the room of others.
        """
        first = target.first
        ahead = first[: first.index(job)] if job in first and target.config.max_series is not None else []
        ahead = [other for other in ahead if job.name not in other.collector.needs]  # which waits for this one
        needed = [target.jobs[name] for name in job.collector.needs if name in target.jobs]
        for other in [*needed, *(first if job not in first else ahead)]:
            await other.tried.wait()

    async def _dismiss(self, target: Target) -> None:
        """Log out. While nobody is in a hurry, a login under way and the logout take what time requests may take."""
        target.quit()
        tasks = [job.task for job in target.jobs.values() if job.task is not None]
        if tasks:
            await asyncio.wait(tasks)
        try:
            async with asyncio.timeout(None) as deadline:
                hurrying = asyncio.create_task(self._limit(deadline))
                try:
                    await target.client.close(self._hurry, self._goodbye_seconds / 2)
                finally:
                    hurrying.cancel()
        except TimeoutError:
            seconds = self._goodbye_seconds
            structlog.get_logger().info("no logout within time", zvm=target.config.name, seconds=seconds)

    async def _limit(self, deadline: asyncio.Timeout) -> None:
        await self._hurry.wait()
        deadline.reschedule(asyncio.get_running_loop().time() + self._goodbye_seconds)


def _same_samples(one: ZvmConfig, other: ZvmConfig) -> bool:
    """Tell whether samples fetched under *one* are still true under *other*, until the next poll."""
    keys = ("url", "collectors", "filters", "labels", "max_series", "metrics", "options")
    return all(getattr(one, key) == getattr(other, key) for key in keys)
