"""Host names to addresses, each name in a thread of its own: a lookup that hangs takes nobody else's place.

asyncio looks up names in its few default threads and uvloop in the four of libuv, which nobody can have more of. Where
a name server is gone a lookup takes minutes and cannot be cancelled, so a few dead ZVMs would keep all others from
being found.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

Name = tuple[str, socket.AddressFamily]
Addresses = list[tuple[socket.AddressFamily, str]]

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_SCOPED: Final = 4  # the length of an IPv6 address whose last part is the interface

# Of the whole process: whoever asks for a name that is being looked up waits for that lookup, also after a reload.
_under_way: dict[Name, Future[Addresses]] = {}
_lock: Final = threading.Lock()


class Resolver(AbstractResolver):
    """Looks up names by the system's `getaddrinfo`, one lookup at a time for each name."""

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

        lookup = _begun((host, family))
        lookup.add_done_callback(tell)
        await told
        return [
            ResolveResult(hostname=host, host=address, port=port, family=found, proto=0, flags=_NUMERIC)
            for found, address in lookup.result()
        ]

    async def close(self) -> None:
        """Do nothing: a lookup cannot be ended, and others may wait for it."""


def looks_up(host: str) -> bool:
    """Tell whether *host* is being looked up now."""
    with _lock:
        return any(name == host for name, _ in _under_way)


def _begun(name: Name) -> Future[Addresses]:
    """Return the lookup of *name* that is under way, or begin one."""
    with _lock:
        if name in _under_way:
            return _under_way[name]
        lookup: Future[Addresses] = Future()
        _under_way[name] = lookup
    try:
        # A daemon: the process can end while it hangs.
        threading.Thread(target=_look_up, args=(name, lookup), name=f"lookup {name[0]}", daemon=True).start()
    except RuntimeError as error:
        with _lock:
            del _under_way[name]
        lookup.set_exception(OSError(f"no thread for the lookup: {error}"))
    return lookup


def _look_up(name: Name, lookup: Future[Addresses]) -> None:
    addresses: Addresses = []
    failure: BaseException | None = None
    try:
        addresses = _addresses(*name)
    except BaseException as error:  # noqa: BLE001 - whoever waits has it; else they would wait for ever
        failure = error
    with _lock:
        del _under_way[name]
    if failure is None:
        lookup.set_result(addresses)
    else:
        lookup.set_exception(failure)


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
