"""The parts put together, as the commands need them: the service, one poll, the check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog
from msgspec.structs import replace

from exporter import __version__, collectors
from exporter.config import Config, ConfigError, show
from exporter.config.shards import Shard
from exporter.polling.clock import Clock
from exporter.polling.poller import POLL_OUTCOMES, Poller
from exporter.polling.target import Status
from exporter.prometheus.gzip import unzipped
from exporter.prometheus.store import Store
from exporter.prometheus.telemetry import Telemetry
from exporter.threads import in_poll_thread
from exporter.web.listen import Listener
from exporter.web.pages import Pages
from exporter.web.server import Server, WebFlags
from exporter.zvm.client import Zvm
from exporter.zvm.observer import LOGIN_OUTCOMES
from exporter.zvm.settings import DEFAULT_ANSWERS
from exporter.zvm.slots import Slots

_TABLES: Final = {collector.name: collector.tables for collector in collectors.ALL}

Load = Callable[[], Config]


class Supervisor(Protocol):
    """Who watches over the service, and is told how it is: systemd."""

    def ready(self, status: str) -> None: ...

    def reloading(self) -> None: ...

    def stopping(self) -> None: ...


class _Nobody:
    """A supervisor where there is none."""

    def ready(self, status: str) -> None:
        """Do nothing."""

    def reloading(self) -> None:
        """Do nothing."""

    def stopping(self) -> None:
        """Do nothing."""


class Exporter:
    """A store, what fills it and what serves it. *load* reads the configuration, at the start and at each reload."""

    def __init__(
        self,
        load: Load,
        *,
        shard: Shard | None = None,
        clock: Clock | None = None,
        supervisor: Supervisor | None = None,
        lost_lines: Callable[[], int] = int,
        process: bool = True,
        goodbye_seconds: float = 3.0,
    ) -> None:
        """Start with no ZVM; with *shard*, only its part of those that are configured is polled.

        When it stops, each ZVM has *goodbye_seconds* to log us out.
        *supervisor* is told how the service is, *lost_lines* asked how many lines of the log could not be written.
        """
        self._load_all = load
        self._shard = shard or Shard()
        self._supervisor = supervisor or _Nobody()
        self._clock = clock = clock or Clock()
        self.store = Store(_TABLES, monotonic=clock.monotonic, on_stale=_say_stale)
        self.telemetry = Telemetry(
            __version__,
            poll_outcomes=POLL_OUTCOMES,
            login_outcomes=LOGIN_OUTCOMES,
            series=self.store.series,
            process=process,
            lost_lines=lost_lines,
            wall=clock.wall,
        )
        self.telemetry.shard(self._shard.ordinal, self._shard.total)
        self._slots = Slots(DEFAULT_ANSWERS)
        connect = partial(Zvm, monotonic=clock.monotonic, wall=clock.wall, slots=self._slots)
        self.pages = Pages(self.store, self.telemetry, monotonic=clock.monotonic)
        self.poller = Poller(
            self.store,
            self.telemetry,
            clock=clock,
            connect=connect,
            polled=self.pages.prepare,
            goodbye_seconds=goodbye_seconds,
        )
        self._server: Server | None = None
        self._config = Config(())
        self._one_reload = asyncio.Lock()
        self._stopping = False

    def configure(self) -> None:
        """Read the configuration and make it the one in force.

        Raises:
            ConfigError: it cannot be used.
        """
        self._poll_by(self._load())
        self.telemetry.reloaded(successful=True)

    async def reload(self) -> str:
        """Read the configuration again and poll by it; return what is wrong with it, "" if nothing.

        Whatever is wrong, even with this program, the configuration in force goes on.
        """
        log = structlog.get_logger()
        async with self._one_reload:  # of two at once, the one that read the older file must not come last
            self._supervisor.reloading()
            status = "the configuration was not reloaded; the one before goes on"
            try:
                # Hundreds of ZVMs take a second to read and check, and scrapes go on meanwhile.
                config = await in_poll_thread(self._load)
                if self._stopping:
                    return "the exporter is stopping"
                self._poll_by(config)
            except Exception as error:
                ours = not isinstance(error, ConfigError)  # of a mistake in the file, a traceback tells nothing more
                problem = f"{type(error).__name__}: {error}" if ours else str(error)
                self.telemetry.reloaded(successful=False)
                log.warning(
                    "the configuration was not reloaded; the one in force goes on", error=problem, exc_info=ours
                )
                return problem
            else:
                self.telemetry.reloaded(successful=True)
                self.poller.start()
                log.info("configuration reloaded", zvms=len(self.poller.names()))
                status = self.status()
                return ""
            finally:
                self.pages.forget()
                self._supervisor.ready(status)

    async def start(self, listeners: Sequence[Listener], flags: WebFlags) -> None:
        """Poll, and serve on *listeners* as the *flags* say. `configure` comes first."""
        self._server = Server(
            self.pages,
            self.poller,
            flags,
            collectors=tuple(_TABLES),
            reload=self.reload,
            configuration=lambda: show(self._config),
            wall=self._clock.wall,
        )
        await self._server.start(listeners)
        addresses = ",".join(listener.text for listener in listeners)
        structlog.get_logger().info(
            "listening", addresses=addresses, version=__version__, zvms=len(self.poller.names())
        )
        self.poller.start()

    async def stop(self) -> None:
        """Close the listeners, stop polling, log out of each ZVM; within a few seconds whatever they do."""
        log = structlog.get_logger()
        log.info("stopping")
        self._stopping = True
        self._supervisor.stopping()
        closing = [self.poller.stop(), *([self._server.stop()] if self._server is not None else [])]
        for ended in await asyncio.gather(*closing, return_exceptions=True):  # one that fails ends not the other
            if isinstance(ended, Exception):
                log.error("stopping ended by an error of ours", exc_info=ended)
        log.info("stopped")

    async def once(self, *, own: bool = False) -> bytes:
        """Poll each ZVM once and return the page in the text format; with *own*, also the exporter's own metrics."""
        try:
            await self.poller.once()
            return unzipped(
                await (self.pages.whole() if own else self.pages.narrowed(self.poller.names(), tuple(_TABLES)))
            )
        finally:
            await self.poller.stop()

    async def check(self) -> list[Checked]:
        """Poll each ZVM once and return what came of it."""
        try:
            await self.poller.once()
            return await asyncio.gather(*(self._checked(status) for status in self.poller.statuses()))
        finally:
            await self.poller.stop()

    def status(self) -> str:
        """Return in words what the service does."""
        zvms = len(self.poller.names())
        return f"polls {zvms} ZVM{'' if zvms == 1 else 's'}"

    async def _checked(self, status: Status) -> Checked:
        # Whoever failed would only fail again, after one more timeout.
        version = await self.poller.version(status.name) if any(one.success for one in status.outcomes) else ""
        return Checked(status, version)

    def _load(self) -> Config:
        config = self._load_all()
        return replace(config, zvms=tuple(zvm for zvm in config.zvms if self._shard.owns(zvm.name)))

    def _poll_by(self, config: Config) -> None:
        self.poller.reconfigure(config.zvms)
        self._slots.resize(config.max_answers)
        self._config = config


@dataclass(frozen=True)
class Checked:
    """A ZVM that was polled once, and its version, "" where it did not tell."""

    status: Status
    version: str

    @property
    def good(self) -> bool:
        """Whether no collector failed."""
        return all(outcome.good for outcome in self.status.outcomes)

    def __str__(self) -> str:
        status = self.status
        if not self.good:
            failures: dict[str, list[str]] = {}
            for one in status.outcomes:
                if not one.good:
                    failures.setdefault(f"{one.reason}: {one.error}", []).append(one.collector)
            told = (f"{failure} ({', '.join(failed)})" for failure, failed in failures.items())
            return f"{status.name}: failed: {'; '.join(told)}"
        vms = f"{status.summary.vms} VMs, " if status.summary else ""
        seconds = max(outcome.duration for outcome in status.outcomes)
        absent = ", ".join(outcome.collector for outcome in status.outcomes if not outcome.supported)
        version = self.version or "of unknown version"
        return f"{status.name}: ok: Zerto {version}, {vms}{status.series} series, {seconds:.2f} s" + (
            f"; the ZVM does not have, or not for this user: {absent}" if absent else ""
        )


def _say_stale(zvm: str, collector: str) -> None:
    structlog.get_logger().warning("samples dropped: older than stale_after", zvm=zvm, collector=collector)
