"""Connections of clients, and how long each may take. Knows aiohttp's server and no page.

aiohttp waits forever for a request that has begun, and for a client that does not read. Each such connection holds a
descriptor, and what it was to be sent: so a few hundred could keep everybody else out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from exporter.web import descriptors

_OPTIONS: Final[Mapping[str, Any]] = {
    "max_line_size": 2**15,  # bytes of the first line, and of each header: proxies add long ones
    "max_field_size": 2**15,
    "lingering_time": 2.0,  # seconds for the rest of a body, which nobody reads
    "auto_decompress": False,
    "access_log": None,
}
_UNSENT: Final = 2**16  # bytes that may wait for a client to read, before its answer waits
_FULL: Final = "file descriptors run out: new connections are closed, so that the ZVMs can still be polled"
_ACCEPT_FAILED: Final = "socket.accept() out of system resource"
# A client has gone, as clients do: so say asyncio, and uvloop of a connection with TLS.
_NOBODY_READS: Final = frozenset({"socket.send() raised exception.", "SSL connection is closed"})


@dataclass(frozen=True)
class Limits:
    """Seconds that a client has, what is written to it at once, and how many connections there may be."""

    head: float = 10.0  # for a TLS handshake; then for the head of a request, from the connection or its first byte on
    idle: float = 90.0  # between an answer and the next request
    unread: float = 20.0  # in which it takes nothing of an answer
    answer: float = 120.0  # to take a whole answer
    closing: float = 10.0  # to take the rest, and to close, once we have closed
    piece: int = 2**18  # bytes that are written at once, of what each client has for itself
    shared_piece: int = 2**22  # bytes, of what the connections have in common: each write more costs time
    few: int = 50  # connections that are taken as long as there is a descriptor: it is not they that take them all
    descriptors: int | None = None  # that this process may have open; None for as many as it likes

    @classmethod
    def of_process(cls) -> Limits:
        """Return the usual ones, with the descriptors that this process may have open."""
        return cls(descriptors=descriptors.limit())

    @property
    def for_clients(self) -> float:
        """How many descriptors may be open when a client comes: the rest is for ZVMs and files."""
        return float("inf") if self.descriptors is None else self.descriptors - max(self.descriptors // 8, 8)


class Seldom:
    """A warning that is logged at most once a minute, and then with how often it was called for."""

    def __init__(self, event: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._monotonic = monotonic
        self._next = float("-inf")
        self._times = 0

    def __call__(self, **fields: object) -> None:
        """Log it with *fields*, or count it."""
        self._times += 1
        now = self._monotonic()
        if now >= self._next:
            structlog.get_logger().warning(self._event, times=self._times, **fields)
            self._next, self._times = now + 60.0, 0


class Connections:
    """Makes the connections of a *runner*; `headers` are those of an answer to what is no HTTP."""

    def __init__(self, runner: web.AppRunner, limits: Limits, headers: Callable[[], Mapping[str, str]]) -> None:
        self.limits = limits
        self.headers = headers
        self.loop = asyncio.get_running_loop()
        self.unread = Seldom("a client did not take its answer in time; its connection was closed")
        self._full = Seldom(_FULL)
        if runner.server is None:
            raise RuntimeError("the runner is not set up")
        self._runner = runner
        self._server = runner.server
        self._servers: list[asyncio.Server] = []
        logging.getLogger("aiohttp.server").addFilter(_is_ours)
        logging.getLogger("asyncio").addFilter(self._is_news)

    async def listen(self, bound: socket.socket, context: ssl.SSLContext | None) -> None:
        """Take connections from a socket, with TLS if there is a *context*."""
        server = await self.loop.create_server(
            self._one,
            sock=bound,
            ssl=context,
            ssl_handshake_timeout=self.limits.head if context else None,
            ssl_shutdown_timeout=self.limits.closing if context else None,
        )
        self._servers.append(server)

    async def close(self) -> None:
        """Take no more connections, and end those that there are as the runner does."""
        for server in self._servers:
            server.close()
        await self._runner.cleanup()
        logging.getLogger("asyncio").removeFilter(self._is_news)

    def _one(self) -> Connection:
        """Return what a connection that was just accepted is handled by."""
        refused = (
            descriptors.lowest_free() >= self.limits.for_clients and len(self._server.connections) >= self.limits.few
        )
        if refused:
            self._full(limit=self.limits.descriptors)
        return Connection(self._server, self, refused=refused)

    def _is_news(self, record: logging.LogRecord) -> bool:
        """Say in our way, and once a minute, what asyncio says each second with a traceback."""
        text = record.getMessage()
        if not text.startswith(_ACCEPT_FAILED):
            return text not in _NOBODY_READS
        self._full(limit=self.limits.descriptors)
        return False


class Connection(RequestHandler):
    """One connection, which is cut when its client takes too long."""

    __slots__ = ("_due", "_line", "_of", "_refused", "_unread")

    def __init__(self, server: web.Server, of: Connections, *, refused: bool) -> None:
        super().__init__(server, loop=of.loop, keepalive_timeout=of.limits.idle, **_OPTIONS)
        self._of = of
        self._refused = refused
        self._line: asyncio.Transport | None = None
        self._due: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._line = self.transport
        if self._line is not None:
            self._line.set_write_buffer_limits(_UNSENT)  # with TLS it would be eight times as much
        self._cut_in(0.0 if self._refused else self._of.limits.head)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._relieve()
        if self._unread is not None:
            self._unread.cancel()
        self._line = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        between = self._waiter is not None
        heads = self._request_count
        super().data_received(data)
        if self._request_count != heads:
            self._relieve()
        elif between and self._due is None:
            self._cut_in(self._of.limits.head)

    async def start(self) -> None:
        """Answer the requests of this connection until it ends; then its client must take what is left."""
        try:
            await super().start()
        finally:
            self._cut_in(self._of.limits.closing)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no HTTP, or to what failed; raises *exc* where the client has gone."""
        if isinstance(exc, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise exc
        answer = super().handle_error(request, status, exc, message)
        if not isinstance(exc, HttpProcessingError):
            return answer
        return _Malformed(status, message or "", self._of.headers())

    def _watch_reading(self) -> None:
        """Cut the line if the client takes nothing for a while."""
        if self._line is not None:
            left = self._line.get_write_buffer_size()
            self._unread = self._of.loop.call_later(self._of.limits.unread, self._check_reading, left)

    def _check_reading(self, before: int) -> None:
        if self._line is None:
            return
        if self._line.get_write_buffer_size() < before:
            self._watch_reading()
        else:
            self._of.unread(client=self._peer())
            self._line.abort()

    def _peer(self) -> str:
        return str(self.peername[0]) if isinstance(self.peername, tuple) else ""

    def _cut_in(self, seconds: float) -> None:
        """Cut the line in so many *seconds*, unless it is gone or relieved by then."""
        self._relieve()
        if self._line is not None:
            self._due = self._of.loop.call_later(seconds, self._line.abort)

    def _relieve(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


class _Malformed(web.Response):
    """The answer to what is no HTTP. No application sees it, so it brings its own headers, and not aiohttp's name."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        super().__init__(status=status, text=text, headers=headers)
        self.force_close()

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop(hdrs.SERVER, None)


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell whether an error is not that of a client that speaks no HTTP: anybody could fill the log with those."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)
