"""Clients that are slow, silent, gone or no HTTP at all: over real sockets, on both event loops, plain and with TLS."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, NoReturn, cast

import pytest
import structlog
import uvloop
from structlog.testing import LogCapture, capture_logs
from structlog.typing import EventDict, WrappedLogger
from test_access import GOOD, TLS, USERS, Files
from test_server import VMS, Site

from exporter.web import descriptors
from exporter.web.access import Access
from exporter.web.clients import Limits, Seldom
from exporter.web.listen import listen
from exporter.web.server import Server, WebFlags

NEVER = 3600.0
SOON = 0.05
BUFFER = 2**14  # bytes of each socket, so that a page need not be large to be more than they hold
# Values that compress badly: gzip too is more than sockets and TLS hold, which is half a megabyte on either side.
LARGE = VMS.render({"zvm": "nyc"}, [hash((1, row)) % 10**15 for row in range(150_000)])
HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"

Scenario = Callable[[], Coroutine[Any, Any, None]]
Loops = Callable[[Scenario], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return cast("Callable[[], asyncio.AbstractEventLoop]", request.param)


@pytest.fixture
def run(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Loops:
    """Return what runs a scenario, on each of the event loops that the exporter may have."""

    def running(scenario: Scenario) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(asyncio.wait_for(scenario(), 30))

    return running


@pytest.fixture
def tls(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> bool:
    """Tell whether to serve with TLS: on one of the two loops, where a test does not ask for both on both."""
    return loop_factory is uvloop.new_event_loop


class Here:
    """A server with a large page, and raw connections to it."""

    def __init__(self, site: Site, port: int, context: ssl.SSLContext | None) -> None:
        self.site = site
        self.port = port
        self.context = context

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.port))
        name = "127.0.0.1" if self.context else None
        return await asyncio.open_connection(sock=line, ssl=self.context, server_hostname=name, limit=2**12)

    async def ask(self, *requests: bytes) -> bytes:
        """Send *requests* and return all that comes until the server closes; nothing where it cuts the line."""
        answer = b""
        with suppress(ConnectionError):
            reader, writer = await self.connect()
            for request in requests:
                writer.write(request)
            answer = await reader.read()
            writer.close()
        return answer


class Heard(LogCapture):
    """The log, and whether there was a line."""

    def __init__(self) -> None:
        super().__init__()
        self._line = asyncio.Event()

    def __call__(self, logger: WrappedLogger, method_name: str, event_dict: EventDict) -> NoReturn:
        self._line.set()
        super().__call__(logger, method_name, event_dict)

    async def wait(self) -> None:
        await self._line.wait()


PATIENT = Limits(head=NEVER, idle=NEVER, unread=NEVER, answer=NEVER, closing=SOON)


def limits(**changed: Any) -> Limits:
    return replace(PATIENT, **changed)


async def reloaded() -> str:
    return ""


@asynccontextmanager
async def serving(
    files: Files | None = None, given: Limits | None = None, *, users: bool = False, max_requests: int = 40
) -> AsyncIterator[Here]:
    site = Site()
    site.store.put("nyc", "vms", LARGE, 600)
    access = Access(files.write(TLS + (USERS if users else ""))) if files else None
    flags = WebFlags(access=access, limits=given or limits(), max_requests=max_requests, lifecycle=True)
    server = Server(
        site.pages, site.polls, flags, collectors=("vms", "vpgs"), reload=reloaded, configuration=str, wall=lambda: 1.0
    )
    listener = listen("127.0.0.1:0")
    listener.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    await server.start([listener])
    try:
        yield Here(site, listener.port, files.client() if files else None)
    finally:
        await server.stop()


@pytest.fixture
def door(tmp_path: Any, *, tls: bool) -> Files | None:
    return Files(tmp_path) if tls else None


def page(encoding: str) -> bytes:
    return f"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {encoding}\r\n\r\n".encode()


async def ended(reader: asyncio.StreamReader) -> None:
    """Return once the server has closed, in whatever way."""
    try:
        while await reader.read(2**16):
            pass
    except OSError:
        return


async def test_the_usual_limits_are_those_of_the_documents() -> None:
    usual = Limits.of_process()
    assert (usual.head, usual.idle, usual.unread, usual.answer) == (10, 90, 20, 120)


def test_a_connection_that_says_nothing_is_closed(run: Loops, door: Files | None) -> None:
    async def scenario() -> None:
        async with serving(door, limits(head=SOON)) as here:
            reader, writer = await here.connect()
            await ended(reader)
            writer.close()

    run(scenario)


def test_a_request_that_trickles_in_is_cut_however_often_a_byte_comes(run: Loops, door: Files | None) -> None:
    async def scenario() -> None:
        async with serving(door, limits(head=4 * SOON)) as here:
            reader, writer = await here.connect()
            gone = asyncio.create_task(ended(reader))
            writer.write(b"GET / HTTP/1.1\r\nX: ")
            while not gone.done():
                writer.write(b"x")
                await asyncio.sleep(SOON / 5)
            writer.close()

    run(scenario)


def test_a_kept_connection_waits_for_its_next_request_but_not_for_half_of_one(run: Loops, door: Files | None) -> None:
    async def scenario() -> None:
        async with serving(door, limits(head=6 * SOON)) as here:
            reader, writer = await here.connect()
            silent, other = await here.connect()
            for _ in range(2):
                writer.write(HEALTHY)
                assert await reader.readuntil(b"healthy\n")
                await ended(silent)  # which had as long as the kept one was idle
            other.close()
            writer.write(HEALTHY[:20])
            await ended(reader)
            writer.close()

    run(scenario)


def test_a_connection_without_a_further_request_is_closed(run: Loops, door: Files | None) -> None:
    async def scenario() -> None:
        async with serving(door, limits(idle=SOON)) as here:
            assert b"healthy\n" in await here.ask(HEALTHY)

    run(scenario)


def test_a_silent_tls_handshake_is_given_up(run: Loops, tmp_path: Any) -> None:
    async def scenario() -> None:
        async with serving(Files(tmp_path), limits(head=SOON)) as here:
            here.context = None
            assert await here.ask() == b""

    run(scenario)


def test_half_a_request_is_cut_before_a_login_is_asked_for(run: Loops, tmp_path: Any) -> None:
    async def scenario() -> None:
        async with serving(Files(tmp_path), limits(head=SOON), users=True) as here:
            login = f"Authorization: {GOOD['Authorization']}\r\n".encode()
            assert await here.ask(b"GET / HTTP/1.1\r\nHost: a\r\n", login) == b""
        async with serving(Files(tmp_path), users=True) as here:
            assert b"401" in (await here.ask(HEALTHY[:-2] + b"Connection: close\r\n\r\n")).splitlines()[0]

    run(scenario)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("limit", ["unread", "answer"])
def test_a_client_that_does_not_read_is_cut_and_told_of(
    run: Loops, door: Files | None, encoding: str, limit: str
) -> None:
    heard = Heard()
    structlog.configure(processors=[heard])

    async def scenario() -> None:
        given = limits(**{limit: SOON, "idle": SOON, "piece": BUFFER, "shared_piece": BUFFER})
        async with serving(door, given) as here:
            reader, writer = await here.connect()
            transport = cast("asyncio.ReadTransport", writer.transport)
            writer.write(page(encoding))
            head = await reader.readuntil(b"\r\n\r\n")
            transport.pause_reading()
            await heard.wait()
            transport.resume_reading()
            await ended(reader)
            writer.close()
        assert b" 200 " in head
        assert [line["event"] for line in heard.entries] == [
            "a client did not take its answer in time; its connection was closed"
        ]

    run(scenario)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_clients_that_go_away_write_nothing_to_the_log(
    run: Loops, door: Files | None, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def go_away(here: Here, number: int) -> None:
        reader, writer = await here.connect()
        writer.write(page(encoding))
        if number % 2:
            await reader.read(1000)
        if number % 3:
            writer.transport.abort()
        writer.close()

    async def scenario() -> None:
        async with serving(door, max_requests=0) as here:
            for _ in range(4):
                await asyncio.gather(*(go_away(here, number) for number in range(25)))
            close = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            assert b"healthy\n" in await here.ask(close)

    run(scenario)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_too_many_requests_at_once_are_sent_away_but_for_probes(run: Loops) -> None:
    async def scenario() -> None:
        async with serving(max_requests=1) as here:
            reader, writer = await here.connect()
            writer.write(page("identity"))
            await reader.readuntil(b"\r\n\r\n")
            close = b"Connection: close\r\n\r\n"
            with capture_logs() as logs:
                for _ in range(3):
                    refused = await here.ask(page("gzip")[:-2] + close)
                    assert refused.startswith(b"HTTP/1.1 503 ")
                    assert b"\r\nRetry-After: 5\r\n" in refused
            for path in (b"/-/healthy", b"/-/ready"):
                assert b" 200 " in await here.ask(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + close)
            assert [(line["limit"], line["times"]) for line in logs] == [(1, 1)]
            while not reader.at_eof() and b"zerto_vpg_iops" not in await reader.readline():
                pass
            writer.transport.abort()
            writer.close()
            while b" 200 " not in (await here.ask(page("gzip")[:-2] + close)).splitlines()[0]:
                continue

    run(scenario)


def test_near_the_last_descriptor_a_client_is_sent_away_and_the_log_says_so(run: Loops, door: Files | None) -> None:
    async def scenario() -> None:
        async with serving(door, limits(few=1, descriptors=1)) as here:  # as if it were reached
            reader, writer = await here.connect()  # the first is let in, whoever has all the descriptors
            writer.write(HEALTHY)
            assert await reader.readuntil(b"healthy\n")
            with capture_logs() as logs:
                for _ in range(3):
                    with suppress(OSError):
                        assert await here.ask(HEALTHY) == b""
            writer.close()
        assert [(line["log_level"], line["limit"]) for line in logs] == [("warning", 1)]
        assert "file descriptors run out" in logs[0]["event"]

    run(scenario)


async def test_what_asyncio_says_of_a_failed_accept_is_said_once_and_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving():
        with capture_logs() as logs:
            for _ in range(3):
                context = {
                    "message": "socket.accept() out of system resource",
                    "exception": OSError(24, "Too many open files"),
                }
                asyncio.get_running_loop().call_exception_handler(context)
            asyncio.get_running_loop().call_exception_handler({"message": "something else"})
    assert len(logs) == 1
    assert [record.message for record in caplog.records] == ["something else"]


def test_the_limit_of_descriptors_is_raised_to_what_the_process_may_have() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], 512), before[1]))
    try:
        descriptors.allow_most()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        assert descriptors.limit() == (None if before[1] == resource.RLIM_INFINITY else before[1])
        assert descriptors.lowest_free() > 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_process_without_a_bound_of_descriptors_takes_every_client() -> None:
    assert Limits().for_clients == float("inf")
    assert Limits(descriptors=1024).for_clients == 896
    assert Limits(descriptors=64).for_clients == 56


def test_a_warning_that_comes_often_is_logged_once_a_minute_with_how_often() -> None:
    now = [0.0]
    warn = Seldom("full", monotonic=lambda: now[0])
    with capture_logs() as logs:
        for now[0] in (0.0, 1.0, 59.0, 60.0, 61.0):
            warn(limit=3)
    assert [line["times"] for line in logs] == [1, 3]


@pytest.mark.parametrize("size", [9_000, 32_000])
def test_long_headers_as_proxies_add_them_are_taken(run: Loops, size: int) -> None:
    async def scenario() -> None:
        async with serving() as here:
            cookie = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: " + b"x" * size + b"\r\n\r\n"
            assert b" 200 " in await here.ask(cookie)
            line = b"GET /?" + b"x" * size + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            assert b" 200 " in await here.ask(line)

    run(scenario)


@pytest.mark.parametrize(
    "request_",
    [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nA B: c\r\n\r\n", b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n"],
)
def test_the_answer_to_what_is_no_http_has_our_headers_and_no_version(
    run: Loops, door: Files | None, request_: bytes
) -> None:
    async def scenario() -> None:
        async with serving(door) as here:
            answer = (await here.ask(request_)).lower()
        assert answer.startswith((b"http/1.0 400 ", b"http/1.1 400 "))
        assert b"x-content-type-options: nosniff" in answer
        assert b"content-security-policy: default-src 'none'" in answer
        for told in (b"server:", b"aiohttp", b"python", b"traceback"):
            assert told not in answer

    run(scenario)


async def test_the_body_of_a_reload_is_not_read() -> None:
    """However long it is said to be: the answer comes, and the connection goes."""
    async with serving() as here:
        head = b"POST /-/reload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n"
        reader, writer = await here.connect()
        writer.write(head + b"x" * 100_000)
        assert b" 200 " in await reader.readline()
        writer.transport.abort()
        writer.close()
