"""The connections to one ZVM: how they are opened, how long they are kept, and when none of them is to be trusted."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import aiohttp

from exporter import __version__
from exporter.zvm.resolver import Resolver

HEADER_BYTES: Final = 2**15  # of one line of a header; proxies and gateways add cookies and policies of 10 KiB

# Bytes; more is read as it comes, but not joined with what came before it, which would copy all of an answer: of
# 10,000 VMs that takes a quarter of what it costs to read it.
_READ_AHEAD: Final = 2**16
_IDLE_SECONDS: Final = 60.0  # firewalls forget a silent connection, often without a word to either end
_PROBE_SECONDS: Final = 15  # below the shortest time after which they do, so that they do not
_PROBES: Final = 3
_AFTER_SECONDS: Final = 5.0


@dataclass(eq=False)
class Use:
    """What became known of the connection of one request: whether it had served another one before."""

    reused: bool = False


@dataclass(eq=False)
class Pool:
    """Connections that are opened where there is none, and kept for the next request."""

    http: aiohttp.ClientSession
    users: int = 0
    retired: bool = False


class Connections:
    """The pool of connections to one ZVM, and pools that were given up while requests in them go on."""

    def __init__(self, timeout: float, interval: float) -> None:
        """Have no connection yet; one on which nothing is acknowledged soon after *timeout* seconds ends."""
        self._timeout = timeout
        # Over the pause between two polls, so that not each begins with a handshake. Not much longer: connections take
        # turns, so that one more than are needed would be used now and then, and kept for ever.
        self._idle = min(1.25 * interval, _IDLE_SECONDS)
        self._current: Pool | None = None
        self._closed = False

    @asynccontextmanager
    async def pool(self, doubtful: Pool | None = None) -> AsyncIterator[Pool]:
        """Have a pool for as long as the block runs; never *doubtful*, which nobody is given any more."""
        if doubtful is not None and doubtful is self._current:
            doubtful.retired, self._current = True, None
        if self._current is None or self._current.http.closed:
            self._current = Pool(self._session())
        pool = self._current
        pool.users += 1
        try:
            yield pool
        finally:
            pool.users -= 1
            if not pool.users and (pool.retired or self._closed):
                await pool.http.close()

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        if self._current is not None:
            await self._current.http.close()

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=Resolver(), keepalive_timeout=self._idle, socket_factory=self._socket
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,  # aiohttp's own has no limit on what a small body expands to
            read_bufsize=_READ_AHEAD,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": f"zerto-exporter/{__version__}",
            },
            trace_configs=[_traced()],
        )

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = address
        opened = socket.socket(family=family, type=kind, proto=protocol)
        options = {
            "TCP_KEEPIDLE": _PROBE_SECONDS,
            "TCP_KEEPINTVL": _PROBE_SECONDS,
            "TCP_KEEPCNT": _PROBES,
            # Longer than a request has, so that it is always the request that says why it failed.
            "TCP_USER_TIMEOUT": int((self._timeout + _AFTER_SECONDS) * 1000),
        }
        with suppress(OSError):  # a sandbox may refuse an option: the connection is as good without
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in options.items():
                if hasattr(socket, name):  # not every system has each
                    opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return opened


def _traced() -> aiohttp.TraceConfig:
    """Tell the `Use` that a request was sent with what connection it got; of several tries the last counts."""

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.reused = True

    async def opened(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.reused = False

    traces = aiohttp.TraceConfig()
    traces.on_connection_reuseconn.append(reused)
    traces.on_connection_create_start.append(opened)
    return traces
