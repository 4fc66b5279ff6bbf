"""Host names to addresses, in threads of their own: a lookup that hangs takes nobody else's place.

asyncio looks up names in its few default threads and uvloop in the four of libuv, which nobody can have more of. Where
a name server is gone a lookup takes minutes and cannot be cancelled, so a few dead ZVMs would keep all others from
being found.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

Name = tuple[str, socket.AddressFamily]
Addresses = list[tuple[socket.AddressFamily, str]]

_AT_ONCE: Final = 64  # so that hundreds of ZVMs need no hundreds of threads at the start
_PATIENCE_SECONDS: Final = 1.0  # after which a lookup counts as slow, and no more among those
_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_SCOPED: Final = 4  # the length of an IPv6 address whose last part is the interface


class Lookups:
    """The lookups that are under way: one for each name, whoever asks.

    A name that was slow the last time is looked up beside the others, so that names that hang keep no place. Their
    threads are as many as there are such names.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Name, Future[Addresses]] = {}
        self._waiting: deque[Name] = deque()
        self._began: dict[Name, float] = {}  # of those that have a thread
        self._slow: set[Name] = set()

    def of(self, name: Name) -> Future[Addresses]:
        """Return the lookup of *name* that is under way, or begin one."""
        with self._lock:
            if name not in self._under_way:
                self._under_way[name] = Future()
                self._waiting.append(name)
            lookup = self._under_way[name]
        self._start()
        return lookup

    def has(self, host: str) -> bool:
        """Tell whether *host* is being looked up now."""
        with self._lock:
            return any(name == host for name, _ in self._under_way)

    def give_way(self) -> None:
        """Let others begin in the place of lookups that take long."""
        with self._lock:
            old = time.monotonic() - _PATIENCE_SECONDS
            self._slow.update(name for name, began in self._began.items() if began <= old)
        self._start()

    def _start(self) -> None:
        with self._lock:
            slots = _AT_ONCE - len(self._began.keys() - self._slow)
            quick = [name for name in self._waiting if name not in self._slow][:slots]
            starting = {name for name in self._waiting if name in self._slow}.union(quick)
            self._began.update(dict.fromkeys(starting, time.monotonic()))
            self._waiting = deque(name for name in self._waiting if name not in starting)
        for name in starting:
            try:
                # A daemon: the process can end while it hangs.
                threading.Thread(target=self._look_up, args=(name,), name=f"lookup {name[0]}", daemon=True).start()
            except RuntimeError as error:
                self._end(name).set_exception(OSError(f"no thread for the lookup: {error}"))

    def _look_up(self, name: Name) -> None:
        addresses: Addresses = []
        failure: BaseException | None = None
        try:
            addresses = _addresses(*name)
        except BaseException as error:  # noqa: BLE001 - whoever waits has it; else they would wait for ever
            failure = error
        lookup = self._end(name)
        if failure is None:
            lookup.set_result(addresses)
        else:
            lookup.set_exception(failure)
        self._start()

    def _end(self, name: Name) -> Future[Addresses]:
        with self._lock:
            if time.monotonic() - self._began.pop(name) < _PATIENCE_SECONDS:
                self._slow.discard(name)
            else:
                self._slow.add(name)
            return self._under_way.pop(name)


# Of the whole process: after a reload too, a name is looked up once.
LOOKUPS: Final = Lookups()


class Resolver(AbstractResolver):
    """Looks up names by the system's `getaddrinfo`, one lookup at a time for each name."""

    def __init__(self, lookups: Lookups = LOOKUPS) -> None:
        self._lookups = lookups

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of *host*, with *port* in each.

        Raises:
            OSError: there are none, or no thread can be started.
        """
        loop = asyncio.get_running_loop()
        told = loop.create_future()

        def tell(_: Future[Addresses]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_wake, told)

        lookup = self._lookups.of((host, family))
        lookup.add_done_callback(tell)
        while not told.done():
            await asyncio.wait([told], timeout=_PATIENCE_SECONDS)
            self._lookups.give_way()
        return [
            ResolveResult(hostname=host, host=address, port=port, family=found, proto=0, flags=_NUMERIC)
            for found, address in lookup.result()
        ]

    async def close(self) -> None:
        """Do nothing: a lookup cannot be ended, and others may wait for it."""


def _addresses(host: str, family: socket.AddressFamily) -> Addresses:
    found: Addresses = []
    flags = socket.AI_ADDRCONFIG
    for kind, _, _, _, address in socket.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM, flags=flags):
        numeric = str(address[0])
        if len(address) == _SCOPED and address[3]:  # a link-local one is of no use without its interface
            numeric, _ = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        found.append((kind, numeric))
    return found


def _wake(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)
