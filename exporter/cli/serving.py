"""Serve until the process is told to end: the signals, and what systemd is told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

from exporter.app import Exporter
from exporter.cli import signals
from exporter.cli.systemd import Notifier
from exporter.web.listen import Listener
from exporter.web.server import WebFlags


def _nothing() -> None:
    """Do nothing."""


async def serve(
    exporter: Exporter,
    listeners: Sequence[Listener],
    flags: WebFlags,
    notifier: Notifier | None = None,
    stopping: Callable[[], object] = _nothing,
) -> None:
    """Have *exporter* poll and serve until SIGTERM or SIGINT, call *stopping* and stop it; SIGHUP reloads."""
    notifier = notifier or Notifier()
    stop = asyncio.Event()
    reloads: set[asyncio.Task[str]] = set()

    def reload() -> None:
        task = asyncio.create_task(exporter.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    handlers = {signal.SIGTERM: stop.set, signal.SIGINT: stop.set, signal.SIGHUP: reload}
    signals.take_over(asyncio.get_running_loop(), handlers)
    alive = asyncio.create_task(notifier.keep_alive())
    try:
        await exporter.start(listeners, flags)
        notifier.ready(exporter.status())
        await stop.wait()
        stopping()
    finally:
        await exporter.stop()
        alive.cancel()
