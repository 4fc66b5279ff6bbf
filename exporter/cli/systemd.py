"""Tell systemd how the service is: ready, reloading, stopping, alive. Nothing is sent where it did not start us."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

import structlog

_NOBODY: Final[Mapping[str, str]] = {}


class Notifier:
    """The sending end of sd_notify(3), as the variables of the service's *environment* say.

    Packages that do this are either unmaintained or need a compiler, for one datagram.
    """

    def __init__(self, environment: Mapping[str, str] = _NOBODY) -> None:
        """Send to `NOTIFY_SOCKET`, if there is one, and be alive within each `WATCHDOG_USEC`."""
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of an abstract address. Others than these two are for virtual machines.
        self._address = address.replace("@", "\0", 1) if address[:1] in {"/", "@"} else ""
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        interval = environment.get("WATCHDOG_USEC", "") if ours else ""
        self._watchdog_seconds = int(interval) / 1_000_000 if interval.isdecimal() else 0.0
        self._stopping = False

    def ready(self, status: str) -> None:
        """Say that the service serves, after a start or a reload; *status* is for `systemctl status`."""
        if not self._stopping:
            self._send("READY=1", f"STATUS={' '.join(status.split())}")

    def reloading(self) -> None:
        """Say that a reload begins; `ready` ends it, whatever came of it."""
        if not self._stopping:
            # The time is what Type=notify-reload tells this reload from an older one by.
            self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the service ends; nothing takes that back."""
        self._stopping = True
        self._send("STOPPING=1", "STATUS=")

    async def keep_alive(self) -> None:
        """Say twice in each interval of the watchdog that the event loop turns, until cancelled."""
        while self._address and self._watchdog_seconds:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_seconds / 2)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as unix:
                unix.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            structlog.get_logger().warning("systemd was not told", message=lines[0], error=error.strerror)
