"""Connections that are kept between polls: how long, and what happens where one has died without a sign."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import aiohttp
import pytest
from structlog.testing import capture_logs
from support import PASSWORD, Recorder, Simulate, ask, zvm_config

from exporter.collectors import vms
from exporter.simulator import Simulator
from exporter.simulator.exchange import Call, Payload
from exporter.simulator.faults import Fault
from exporter.zvm.client import Zvm
from exporter.zvm.connections import Use
from exporter.zvm.errors import ConnectError
from exporter.zvm.settings import Auth, Settings
from exporter.zvm.tries import Ask, Tries

Connect = Callable[[Settings], Zvm]
AGAIN: Final = "no answer on an idle connection: asked again on a fresh one"


class Middlebox:
    """Passes TCP on to *port*, and can forget its connections as firewalls do: it tells neither end.

    Or, with *resets*, the one that sends something.
    """

    def __init__(self, port: int) -> None:
        self.connections = 0
        self.resets = False
        self.port = 0
        self._to = port
        self._generation = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def forget(self) -> None:
        """From now on nothing comes through the connections that there are."""
        self._generation += 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._pump(reader, onward, writer), self._pump(onward_reader, writer, onward))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        known = self._generation
        with suppress(ConnectionError):
            while data := await reader.read(2**16):
                if known == self._generation:
                    writer.write(data)
                elif self.resets:
                    back.transport.abort()
        writer.close()


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(auth="session")
    return started


@pytest.fixture
async def box(sim: Simulator) -> AsyncIterator[Middlebox]:
    started = Middlebox(sim.port)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
def reach(sim: Simulator, box: Middlebox, connect: Connect, ca_file: Path) -> Callable[..., Zvm]:
    """Make a client of the ZVM behind the box."""

    def make(**keys: Any) -> Zvm:
        auth = Auth(method="session", username=sim.username, password=PASSWORD)
        return connect(zvm_config(sim, ca_file=ca_file, url=f"https://127.0.0.1:{box.port}", auth=auth, **keys))

    return make


async def test_a_connection_that_was_forgotten_costs_no_poll(
    reach: Callable[..., Zvm], box: Middlebox, sim: Simulator, recorder: Recorder
) -> None:
    """The fresh one is kept, and nothing is asked twice after that."""
    zvm = reach(timeout=2.0)
    assert await ask(zvm) == 5
    box.forget()
    with capture_logs() as logs:
        assert await ask(zvm) == 5
        assert await ask(zvm) == 5
    assert [line["path"] for line in logs if line["event"] == AGAIN] == [vms.PATH]
    assert (sim.logins, box.connections) == (1, 2)
    assert [request for request in recorder.requests if request[0] == vms.PATH] == [(vms.PATH, "200")] * 3


@pytest.mark.parametrize("resets", [False, True])
async def test_several_connections_that_were_forgotten(
    reach: Callable[..., Zvm], box: Middlebox, sim: Simulator, *, resets: bool
) -> None:
    """None of those that were idle is tried again, whichever request finds out."""
    zvm = reach(timeout=2.0)
    together = asyncio.Event()

    async def meet(call: Call, payload: Payload) -> Any:
        if sum(request.path == vms.PATH for request in sim.requests) == 3:
            together.set()
        await together.wait()
        return await call.send(payload)

    sim.faults.set(vms.PATH, Fault("meet", deliver=meet))
    assert await asyncio.gather(*(ask(zvm) for _ in range(3))) == [5] * 3
    sim.faults.clear()
    assert box.connections == 3
    box.resets = resets
    box.forget()
    assert await ask(zvm) == 5
    assert await asyncio.gather(*(ask(zvm) for _ in range(3))) == [5] * 3


@pytest.mark.parametrize(("idle", "connections"), [(55.0, 1), (65.0, 2)])
async def test_a_connection_that_was_idle_for_a_minute_is_not_used_again(
    reach: Callable[..., Zvm], box: Middlebox, monkeypatch: pytest.MonkeyPatch, idle: float, connections: int
) -> None:
    """Whatever the interval: a firewall forgets it in its own time."""
    zvm = reach(interval=300.0)
    assert await ask(zvm) == 5
    later = time.monotonic() + idle
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: later)
    assert await ask(zvm) == 5
    assert box.connections == connections


async def test_the_system_watches_over_an_idle_connection(
    reach: Callable[..., Zvm], box: Middlebox, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[socket.socket] = []

    class Recorded(socket.socket):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            opened.append(self)

    monkeypatch.setattr(socket, "socket", Recorded)
    assert await ask(reach(timeout=7.0)) == 5
    (ours,) = [one for one in opened if one.fileno() >= 0 and one.getpeername()[1] == box.port]
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < 30
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 12_000


@pytest.mark.parametrize(("size", "good"), [(30_000, True), (40_000, False)])
async def test_headers_of_a_proxy_may_have_32_kib(
    reach: Callable[..., Zvm], sim: Simulator, size: int, *, good: bool
) -> None:
    async def deliver(call: Call, payload: Payload) -> Any:
        return await call.send(Payload(payload.status, payload.body, "application/json", {"X-Policy": "x" * size}))

    sim.faults.set(vms.PATH, Fault("headers", deliver=deliver))
    if good:
        assert await ask(reach()) == 5
    else:
        with pytest.raises(ConnectError, match="no valid HTTP answer"):
            await ask(reach())


class Skipping(asyncio.SelectorEventLoop):
    """A loop in which nothing takes time: where it would wait for a moment, that moment is there."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0
        selector = cast("Any", self)._selector
        real = selector.select

        def select(seconds: float | None) -> Any:
            self._skipped += seconds or 0.0
            return real(0)

        selector.select = select

    def time(self) -> float:
        return super().time() + self._skipped


class Response:
    """What is answered; closed where nobody takes it."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Server:
    """Answers after so many seconds, on a connection that was used before and on a fresh one; an error is raised."""

    def __init__(
        self, *, used: float | Exception, fresh: float | Exception, reused: bool = True, fails_after: float = 8
    ) -> None:
        self.asked: list[bool] = []
        self.responses: list[Response] = []
        self.cancelled = 0
        self._used = used
        self._fresh = fresh
        self._reused = reused
        self._fails_after = fails_after

    def ask(self, use: Use, *, fresh: bool) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        return self._answer(use, fresh=fresh)

    async def _answer(self, use: Use, *, fresh: bool) -> aiohttp.ClientResponse:
        self.asked.append(fresh)
        use.reused = self._reused and not fresh
        what = self._fresh if fresh else self._used
        try:
            await asyncio.sleep(self._fails_after if isinstance(what, Exception) else what)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(what, Exception):
            raise what
        self.responses.append(Response())
        return cast("aiohttp.ClientResponse", self.responses[-1])


def run(scenario: Callable[[Callable[[Ask], Coroutine[Any, Any, float]]], Coroutine[Any, Any, None]]) -> None:
    """Run *scenario* with what asks once and returns how many seconds it took, of at most 20."""
    tries = Tries("nyc", 20.0)

    async def poll(server: Ask) -> float:
        started = asyncio.get_running_loop().time()
        async with asyncio.timeout(20):
            response = await tries.begun(vms.PATH, server)
        assert not cast("Response", response).closed
        return round(asyncio.get_running_loop().time() - started)

    with asyncio.Runner(loop_factory=Skipping) as runner:
        runner.run(scenario(poll))


Poll = Callable[[Ask], Coroutine[Any, Any, float]]


class TestTries:
    def test_a_slow_zvm_is_asked_twice_once_and_never_fails(self) -> None:
        async def scenario(poll: Poll) -> None:
            slow = Server(used=15, fresh=15)
            assert [await poll(slow.ask) for _ in range(10)] == [15] * 10
            assert slow.asked == [False, True] + [False] * 9

        run(scenario)

    def test_a_zvm_that_is_slow_now_and_then_is_not_asked_twice_each_time(self) -> None:
        async def scenario(poll: Poll) -> None:
            quick, slow = Server(used=1, fresh=1), Server(used=9, fresh=9)
            for _ in range(10):
                await poll(slow.ask)
                await poll(quick.ask)
            assert slow.asked.count(True) == 1
            assert quick.asked.count(True) == 0

        run(scenario)

    def test_a_connection_that_hangs_costs_a_quarter_of_the_timeout(self) -> None:
        async def scenario(poll: Poll) -> None:
            dead = Server(used=1000, fresh=2)
            assert [await poll(dead.ask) for _ in range(3)] == [7] * 3
            assert dead.asked == [False, True] * 3
            await asyncio.sleep(0)
            assert dead.cancelled == 3

        run(scenario)

    def test_slowness_is_forgotten(self) -> None:
        async def scenario(poll: Poll) -> None:
            slow, quick, dead = Server(used=15, fresh=15), Server(used=1, fresh=1), Server(used=1000, fresh=1)
            await poll(slow.ask)
            for _ in range(30):
                await poll(quick.ask)
            assert await poll(dead.ask) == 6

        run(scenario)

    def test_a_fresh_connection_is_only_waited_for(self) -> None:
        async def scenario(poll: Poll) -> None:
            server = Server(used=15, fresh=1, reused=False)
            assert await poll(server.ask) == 15
            assert server.asked == [False]

        run(scenario)

    def test_one_that_is_closed_is_asked_again_at_once(self) -> None:
        async def scenario(poll: Poll) -> None:
            closed = Server(used=aiohttp.ServerDisconnectedError(), fresh=1, fails_after=1)
            assert await poll(closed.ask) == 2
            other = Server(used=ValueError("other"), fresh=1, fails_after=1)
            with pytest.raises(ValueError, match="other"):
                await poll(other.ask)
            assert (closed.asked, other.asked) == ([False, True], [False])

        run(scenario)

    def test_one_that_fails_leaves_it_to_the_other(self) -> None:
        async def scenario(poll: Poll) -> None:
            broken = ConnectionResetError("broken")
            assert await poll(Server(used=broken, fresh=4).ask) == 9
            assert await poll(Server(used=15, fresh=broken).ask) == 15

        run(scenario)

    def test_where_both_fail_the_last_says_why(self) -> None:
        async def scenario(poll: Poll) -> None:
            server = Server(used=ConnectionResetError("first"), fresh=ConnectionRefusedError("second"))
            with pytest.raises(ConnectionRefusedError, match="second"):
                await poll(server.ask)
            with pytest.raises(ConnectionResetError, match="only"):
                await poll(Server(used=ConnectionResetError("only"), fresh=1, reused=False).ask)

        run(scenario)

    def test_an_answer_that_nobody_needs_is_closed(self) -> None:
        async def scenario(poll: Poll) -> None:
            server = Server(used=7, fresh=2)
            assert await poll(server.ask) == 7
            await asyncio.sleep(0)
            assert [response.closed for response in server.responses].count(False) == 1

        run(scenario)

    def test_where_nobody_waits_any_more_neither_goes_on(self) -> None:
        async def scenario(poll: Poll) -> None:
            server = Server(used=1000, fresh=1000)
            with pytest.raises(TimeoutError):
                await poll(server.ask)
            await asyncio.sleep(0)
            assert server.cancelled == 2

        run(scenario)

    def test_a_zvm_that_does_not_answer_at_all_is_asked_twice_once(self) -> None:
        async def scenario(poll: Poll) -> None:
            server = Server(used=1000, fresh=1000)
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    await poll(server.ask)
            assert server.asked == [False, True] + [False] * 4

        run(scenario)
