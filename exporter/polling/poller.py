"""The loop: one task for each ZVM. The one place that times, catches and counts.

Knows collectors, clients and the store, but no field of the API and no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final

import structlog

from exporter import collectors
from exporter.collectors.base import Collector
from exporter.config import Zvm as ZvmConfig
from exporter.polling.clock import Clock
from exporter.polling.outcome import Failure, Outcome, StateLog
from exporter.polling.selection import Published, Selector
from exporter.polling.target import Status, Target
from exporter.prometheus.store import Store
from exporter.prometheus.telemetry import Telemetry
from exporter.threads import in_large_thread, in_poll_thread
from exporter.zvm.client import Zvm
from exporter.zvm.errors import REASONS, RequestTimeoutError, ZvmError
from exporter.zvm.observer import Observer
from exporter.zvm.settings import Settings
from exporter.zvm.slots import in_hand

POLL_OUTCOMES: Final = ("success", *REASONS, "bug")

_MANY_ROWS: Final = 500  # their rendering takes some 10 ms
_GOLDEN_RATIO: Final = (5**0.5 - 1) / 2  # its multiples, modulo 1, are spread evenly however many there are


async def _nothing() -> None:
    """Do nothing."""


class Poller:
    """Polls the configured ZVMs into *store*, each at its interval, each on its own."""

    def __init__(
        self,
        store: Store,
        telemetry: Telemetry,
        *,
        clock: Clock | None = None,
        connect: Callable[[Settings, Observer], Zvm] = Zvm,
        polled: Callable[[], Awaitable[None]] = _nothing,
        known: Sequence[Collector[Any]] = collectors.ALL,
        goodbye_seconds: float = 3.0,
    ) -> None:
        """Start with no ZVM; *connect* makes the client of one, *polled* is called at the end of each poll.

        *known* are the collectors that a configuration can name. When the process ends, each ZVM has
        *goodbye_seconds* to log us out; half of it, for a login under way.
        """
        self._known = {collector.name: collector for collector in known}
        self._goodbye_seconds = goodbye_seconds
        self._polled = polled
        self._store = store
        self._telemetry = telemetry
        self._clock = clock or Clock()
        self._connect = connect
        self._watched: dict[str, Target] = {}
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()
        self._ready = False
        self._begun = 0

    def watch(self, zvms: Sequence[ZvmConfig]) -> None:
        """Make *zvms* the ones that are polled. One that is unchanged keeps its data and its session.

        A refused login or a Retry-After is forgotten, and what failed is tried again at once. All that can fail is
        done first: whatever is raised, nothing is changed then.
        """
        old = self._watched
        made = {zvm.name: self._unchanged(zvm) or self._new(zvm) for zvm in zvms}
        self._watched = made
        for name, watch in made.items():
            before = old.get(name)
            if before is not watch:
                self._replace(before, watch)
                continue
            watch.client.release()
            if not all(outcome.success for outcome in watch.outcomes.values()):
                watch.wake.set()
        for name, watch in old.items():
            if made.get(name) is watch:
                continue
            watch.quit()
            if name not in made:
                self._store.drop(name)
                self._telemetry.remove_zvm(name)
            goodbye = asyncio.create_task(self._dismiss(watch))
            self._goodbyes.add(goodbye)
            goodbye.add_done_callback(self._goodbyes.discard)

    def start(self) -> None:
        """Start a task for each ZVM that has none."""
        for watch in self._watched.values():
            if watch.task is None:
                watch.task = asyncio.create_task(self._run(watch), name=f"poll {watch.config.name}")

    async def once(self) -> None:
        """Poll each ZVM once."""
        await asyncio.gather(*(self._poll(watch) for watch in self._watched.values()))

    async def stop(self) -> None:
        """Stop polling and log out everywhere, within a few seconds whatever the ZVMs do."""
        self._hurry.set()
        watched, self._watched = list(self._watched.values()), {}
        goodbyes = (*map(self._dismiss, watched), *self._goodbyes)
        for ended in await asyncio.gather(*goodbyes, return_exceptions=True):
            if isinstance(ended, Exception):
                structlog.get_logger().error("a logout ended by an error of ours", exc_info=ended)

    def names(self) -> tuple[str, ...]:
        """Return the names of the ZVMs."""
        return tuple(self._watched)

    def untried(self) -> tuple[str, ...]:
        """Return the ZVMs for which readiness waits; none any more once all were tried.

        A ZVM that a reload adds does not make the exporter unready: the others are served all the while.
        """
        untried = tuple(name for name, watch in self._watched.items() if not watch.tried)
        self._ready = self._ready or not untried
        return () if self._ready else untried

    def statuses(self) -> list[Status]:
        """Return what can be told of each ZVM."""
        now = self._clock.monotonic()
        return [
            watch.view(
                sum(self._store.series(name, collector.name) for collector in watch.collectors),
                now,
                served=self._store.serves(name, watch.judged_by),
            )
            for name, watch in self._watched.items()
        ]

    async def version(self, name: str) -> str:
        """Return the version of a ZVM, "" where it does not tell."""
        return await self._watched[name].client.version()

    def _unchanged(self, zvm: ZvmConfig) -> Target | None:
        """Return the watch of *zvm* where it is configured as before."""
        watch = self._watched.get(zvm.name)
        return watch if watch is not None and watch.config == zvm else None

    def _new(self, zvm: ZvmConfig) -> Target:
        """Return a watch of *zvm* that nothing knows of yet."""
        chosen = tuple(self._known[name] for name in zvm.collectors)
        client = self._connect(zvm, self._telemetry)
        offset = zvm.interval * (self._begun * _GOLDEN_RATIO % 1)
        self._begun += 1
        bounds = {collector.name: Selector(zvm, collector) for collector in chosen}
        log = structlog.get_logger().bind(zvm=zvm.name)
        return Target(zvm, client, chosen, bounds, StateLog(log, self._clock.monotonic), offset)

    def _replace(self, before: Target | None, watch: Target) -> None:
        """Let *watch* take the place of the one *before* it, and what of its samples is still true."""
        zvm = watch.config
        if before is not None and before.config.collectors != zvm.collectors:
            self._telemetry.remove_zvm(zvm.name)
        if zvm.insecure and not zvm.loopback:
            structlog.get_logger().warning(
                "the connection to the ZVM is not secure", zvm=zvm.name, url=zvm.url, why=zvm.insecure
            )
        paths = [collector.path for collector in watch.collectors]
        self._telemetry.add_zvm(zvm.name, zvm.collectors, paths, insecure=bool(zvm.insecure), max_series=zvm.max_series)
        if before is None:
            return
        if _same_samples(before.config, zvm):
            watch.inherit(before)
            self._store.stale_after(zvm.name, zvm.served_for)
        else:
            self._store.drop(zvm.name)

    async def _run(self, watch: Target) -> None:
        interval = watch.config.interval
        started, tick = self._clock.monotonic() - watch.offset, 0
        while True:
            try:
                await self._poll(watch)
                await self._polled()
            except Exception:  # noqa: BLE001 - whatever it is, the next poll may go well
                structlog.get_logger().error("poll ended by an error of ours", zvm=watch.config.name, exc_info=True)
            passed = int((self._clock.monotonic() - started) / interval)
            if passed > tick:
                self._telemetry.skipped(watch.config.name, passed - tick)
            tick = max(passed, tick) + 1  # the division may come out a hair below the tick that it is
            await self._clock.wait(watch.wake, started + tick * interval - self._clock.monotonic())
            if watch.wake.is_set():
                watch.wake.clear()
                started, tick = self._clock.monotonic() - watch.offset, 0

    async def _poll(self, watch: Target) -> None:
        started = self._clock.monotonic()
        if watch.config.max_series is not None and not watch.tried:
            # One after the other, so that each knows how many series those want that go before it.
            for collector in watch.by_rank:
                await self._collect(watch, collector)
        else:
            await asyncio.gather(*(self._collect(watch, collector) for collector in watch.by_rank))
        watch.tried = True
        self._ready = self._ready or all(one.tried for one in self._watched.values())
        ended = self._clock.monotonic()
        watch.polled(ended, ended - started)
        watch.log.polled(watch.judged_by, watch.outcomes)

    async def _collect(self, watch: Target, collector: Collector[Any]) -> None:
        name, started = watch.config.name, self._clock.monotonic()
        try:
            outcome = await self._fetch_in_time(watch, collector)
        except ZvmError as error:
            outcome = Outcome(collector.name, error.reason, str(error))
        except Exception as error:  # noqa: BLE001 - an error of ours costs one poll of one collector, and is seen
            outcome = Outcome(collector.name, "bug", _in_one_line(error), error)
        outcome.duration = self._clock.monotonic() - started
        up_before = watch.up
        watch.outcomes[collector.name] = outcome
        self._telemetry.poll(name, collector.name, outcome.reason)
        if outcome.success:
            watch.last_success[collector.name] = self._clock.wall()
        else:
            watch.failure = Failure(self._clock.wall(), collector.name, outcome.error)
        if watch.up != up_before:
            watch.since = self._clock.wall()
        self._store.put_health(name, watch.config.labels, watch.health(), up=watch.up)

    async def _fetch_in_time(self, watch: Target, collector: Collector[Any]) -> Outcome:
        """Fetch, but not for ever: each of a login, a retry and lists of names may take nearly `timeout`."""
        seconds = max(watch.config.interval, 2 * watch.config.timeout)
        try:
            async with asyncio.timeout(seconds):
                return await self._fetch(watch, collector)
        except TimeoutError as error:
            raise RequestTimeoutError(f"no complete poll within {seconds:g} s") from error

    async def _fetch(self, watch: Target, collector: Collector[Any]) -> Outcome:
        zvm = watch.config
        with in_hand():
            decoded = await collector.fetch(watch.client, zvm.filters)
            # Only where there is a limit: else what is small would wait for what is large.
            async with watch.publishing if zvm.max_series is not None else nullcontext():
                published = await self._published(watch, collector, decoded.rows)
                rendered = published.rendered
                self._store.put(zvm.name, collector.name, rendered, zvm.served_for)
        watch.summary = published.summary or watch.summary
        lost_values = decoded.invalid_values + rendered.impossible
        self._telemetry.lost(
            zvm.name,
            collector.name,
            records=decoded.invalid_records,
            values=lost_values,
            duplicates=rendered.duplicates,
        )
        self._telemetry.left_out(zvm.name, collector.name, excluded=published.excluded, cut=published.cut)
        return Outcome(
            collector.name,
            series=rendered.series,
            rows=len(published.rows),
            lost=(decoded.invalid_records, lost_values, rendered.duplicates),
            complaint=decoded.complaint or rendered.complaint,
            excluded=published.excluded,
            cut=published.cut,
        )

    async def _published(self, watch: Target, collector: Collector[Any], rows: Sequence[Any]) -> Published[Any]:
        publish, others = watch.bounds[collector.name].publish, self._others(watch, collector)
        # Never on the loop: a hundred rows may have names of megabytes.
        if len(rows) > _MANY_ROWS:
            published = await in_large_thread(publish, rows, others, first=True)
        else:
            published = await in_poll_thread(publish, rows, others)
        watch.wanted[collector.name] = published.wanted
        return published

    def _others(self, watch: Target, collector: Collector[Any]) -> int:
        """Return how many series are not for *collector*: those that others have, or want and go before it."""
        name, others, ahead = watch.config.name, 0, True
        for other in watch.by_rank:
            if other is collector:
                ahead = False
            elif self._store.serves(name, other.name):
                has = self._store.series(name, other.name)
                others += max(has, watch.wanted.get(other.name, 0)) if ahead else has
        return others

    async def _dismiss(self, watch: Target) -> None:
        """Log out. While nobody is in a hurry, a login under way and the logout take what time requests may take."""
        watch.quit()
        if watch.task is not None:
            await asyncio.wait([watch.task])
        try:
            async with asyncio.timeout(None) as deadline:
                hurrying = asyncio.create_task(self._limit(deadline))
                try:
                    await watch.client.close(self._hurry, self._goodbye_seconds / 2)
                finally:
                    hurrying.cancel()
        except TimeoutError:
            seconds = self._goodbye_seconds
            structlog.get_logger().info("no logout within time", zvm=watch.config.name, seconds=seconds)

    async def _limit(self, deadline: asyncio.Timeout) -> None:
        await self._hurry.wait()
        deadline.reschedule(asyncio.get_running_loop().time() + self._goodbye_seconds)


def _same_samples(one: ZvmConfig, other: ZvmConfig) -> bool:
    """Tell whether samples fetched under *one* are still true under *other*, until the next poll."""
    keys = ("url", "collectors", "filters", "labels", "max_series", "metrics", *one.collectors)
    return all(getattr(one, key) == getattr(other, key) for key in keys)


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
