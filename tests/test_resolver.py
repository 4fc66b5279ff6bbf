"""Names of ZVMs that do not resolve take nobody's place, whichever event loop runs."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import uvloop
from support import COLLECTORS, PASSWORD, DrivenClock, Recorder, start_exporter

from exporter.collectors import vms
from exporter.config import Zvm as ZvmConfig
from exporter.simulator import Estate, Simulator
from exporter.zvm.client import Zvm
from exporter.zvm.errors import RequestTimeoutError
from exporter.zvm.resolver import LOOKUPS, Lookups, Resolver
from exporter.zvm.settings import Auth, Settings

HEALTHY: Final = 10
DEAD: Final = 50
LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


class NameServer:
    """Stands in for the system's lookups: `alive...` is this machine, `dead...` hangs, each lookup is in the record."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hang = threading.Event()
        self._new = threading.Semaphore(0)
        self._told = 0
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host: str, *args: Any, **options: Any) -> list[Any]:
        if not host.endswith(".test"):
            return self._real(host, *args, **options)
        hang = self.hang
        self.asked.append(host)
        self._new.release()
        if host.startswith("dead"):
            hang.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 0))]

    def begun(self, count: int = 0) -> list[str]:
        """Wait for *count* lookups; return those since the last time, in the order of their names' numbers."""
        for _ in range(count):
            assert self._new.acquire(timeout=10)
        since, self._told = self.asked[self._told :], len(self.asked)
        return sorted(since, key=lambda host: (len(host), host) if host.startswith("dead") else (99, host))

    def end(self, lookups: list[Any]) -> None:
        """End the lookups that hang, and have later ones hang again."""
        ended, self.hang = self.hang, threading.Event()
        ended.set()
        for lookup in lookups:
            lookup.exception(10)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.hang.set()


@LOOPS
def test_healthy_zvms_are_up_while_fifty_names_hang(
    new_loop: Callable[[], asyncio.AbstractEventLoop], names: NameServer
) -> None:
    async def poll_twice() -> None:
        clock = DrivenClock()
        simulator = Simulator(Estate("nyc", vms=1, seed=1), auth="session", password=PASSWORD)
        await simulator.start()
        auth = Auth(method="session", username=simulator.username, password=PASSWORD)
        hosts = [*(f"dead-{n}" for n in range(DEAD)), *(f"alive-{n}" for n in range(HEALTHY))]
        keys: dict[str, Any] = {"auth": auth, "timeout": 600.0, "collectors": COLLECTORS}  # no lookup's turn ends
        zvms = [ZvmConfig(name=host, url=f"http://{host}.test:{simulator.port}", **keys) for host in hosts]
        running = await start_exporter(zvms, clock)
        try:
            await clock.idle(HEALTHY)
            await clock.advance(30)
            page = await running.page()
        finally:
            names.hang.set()
            await running.session.close()
            await running.exporter.stop()
            await simulator.stop()
        assert sum(page.values("zerto_up")) == HEALTHY
        assert sum(page.values("zerto_exporter_polls_total", collector="vms", outcome="success")) == 2 * HEALTHY

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(poll_twice())
    assert len(names.asked) == DEAD + HEALTHY


@LOOPS
def test_one_lookup_at_a_time_for_a_name_whoever_asks(
    new_loop: Callable[[], asyncio.AbstractEventLoop], names: NameServer
) -> None:
    """Who gives up ends nobody else's waiting, and one name's failure is told to all that wait for it."""

    async def ask() -> list[Any]:
        one, other = Resolver(), Resolver()
        waiting = [asyncio.create_task(which.resolve("dead.test", 443)) for which in (one, one, other)]
        given_up = waiting.pop()
        await asyncio.sleep(0)
        given_up.cancel()
        await one.close()
        assert LOOKUPS.has("dead.test")
        assert not LOOKUPS.has("alive.test")
        names.hang.set()
        failures = await asyncio.gather(*waiting, return_exceptions=True)
        assert not LOOKUPS.has("dead.test")
        return failures

    with asyncio.Runner(loop_factory=new_loop) as runner:
        failures = runner.run(ask())
    assert [type(failure) for failure in failures] == [socket.gaierror] * 2
    assert names.asked == ["dead.test"]


def test_lookups_that_hang_give_way(names: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at once, until they are slow; a name that was slow is none of them, until it is quick again."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    lookups = Lookups()
    dead = [f"dead-{n}.test" for n in range(100)]

    def ask(*hosts: str) -> list[Any]:
        return [lookups.of((host, socket.AF_UNSPEC)) for host in hosts]

    asked = ask(*dead, "alive.test")
    assert names.begun(64) == dead[:64]
    lookups.give_way()
    assert names.begun() == []
    now += 1
    lookups.give_way()
    assert names.begun(37) == [*dead[64:], "alive.test"]
    assert asked.pop().result(5)

    now += 1
    names.end(asked)
    asked = ask(*dead, "alive.test")
    assert names.begun(101) == [*dead, "alive.test"]

    names.end(asked)
    asked = ask(*dead)
    assert names.begun(64) == dead[:64]
    names.end(asked[:64])


async def test_an_address_has_the_port_that_was_asked_for(names: NameServer) -> None:
    (found,) = await Resolver().resolve("alive.test", 9669)
    assert (found["host"], found["port"], found["family"]) == ("127.0.0.1", 9669, socket.AF_INET)


async def test_a_link_local_address_keeps_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    address = ("fe80::1", 0, 0, 1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET6, 1, 6, "", address)])
    monkeypatch.setattr(socket, "getnameinfo", lambda asked, _: (f"{asked[0]}%eth0", "0"))
    (found,) = await Resolver().resolve("zvm.test", 443)
    assert (found["host"], found["family"]) == ("fe80::1%eth0", socket.AF_INET6)


async def test_no_thread_for_a_lookup_is_an_error_of_this_lookup(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as few:
        few.setattr(threading.Thread, "start", refused)
        with pytest.raises(OSError, match="no thread for the lookup: can't start new thread"):
            await Resolver().resolve("alive.test", 443)
    assert await Resolver().resolve("alive.test", 443)


def test_a_loop_that_is_closed_is_told_nothing(names: NameServer) -> None:
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(Resolver().resolve("dead.test", 443))
    loop.run_until_complete(asyncio.sleep(0))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    loop.close()
    names.hang.set()
    while LOOKUPS.has("dead.test"):
        threading.Event().wait(0.001)


async def test_a_name_that_hangs_is_said_to_hang(names: NameServer, recorder: Recorder) -> None:
    zvm = Zvm(
        Settings(name="nyc", url="https://dead.test", timeout=0.1, auth=Auth(username="u", password="p")), recorder
    )
    with pytest.raises(RequestTimeoutError, match=r"the name dead\.test was not resolved .* within 0\.1 s"):
        await zvm.get(vms.PATH, vms.DECODER)
    await zvm.close()


async def test_an_address_in_the_url_is_no_name(names: NameServer, recorder: Recorder) -> None:
    simulator = Simulator(Estate("nyc", vms=1, seed=1), auth="session", password=PASSWORD)
    await simulator.start()
    auth = Auth(method="session", username=simulator.username, password=PASSWORD)
    zvm = Zvm(Settings(name="nyc", url=simulator.url, auth=auth), recorder)
    assert await zvm.version()
    await zvm.close()
    await simulator.stop()
    assert names.asked == []
