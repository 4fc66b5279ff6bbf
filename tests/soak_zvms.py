"""The simulated ZVMs of the soak, in a process of their own.

    python tests/soak_zvms.py 100 folder

*folder* holds `server.pem` (key and certificate). The first line on standard output is a JSON object of the URLs by
name. Each line on standard input is then an order, answered by a line; its end is the end.

Each answer about VMs and VPGs is stamped with the time at which it was given, as the time of the last test: so that a
sample on a page tells how old it is, whatever the exporter says of that.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from soak_plan import CLIENT_SECRET, PASSWORD, SESSION_SECONDS, TOKEN_SECONDS, USERNAME, Site, estate

from exporter.simulator import Estate, Fault, Simulator, pair
from exporter.simulator.control import CONSTRUCTORS

_STAMPED = "/v1/v"
_LOWEST, _HIGHEST = 18000, 32000  # below the ports that a connection of somebody else may be given meanwhile


class Order(msgspec.Struct):
    """What is to be done, and to which ZVM where it is to one."""

    do: str
    zvm: str = ""
    path: str = ""
    fault: str = ""
    args: dict[str, Any] = {}


class Done(msgspec.Struct):
    """What came of it: what was wrong, and the sessions that are open, by ZVM."""

    error: str = ""
    sessions: dict[str, int] = {}


def _stamped(documents: list[Any]) -> list[Any]:
    now = datetime.fromtimestamp(round(time.time(), 3), UTC).isoformat()
    for document in documents:
        document["LastTest"] = now
    return documents


class Zvms:
    """The simulators, and what can be done to them."""

    def __init__(self, sites: Iterable[Site], context: ssl.SSLContext) -> None:
        self._simulators: dict[str, Simulator] = {}
        self._acts: dict[str, Callable[[Order], Awaitable[None]]] = {
            "set": self._set,
            "clear": self._clear,
            "stop": self._stop,
            "start": self._start,
            "expire": self._expire,
            "tell": self._tell,
        }
        for site, estate_of_it in _estates(list(sites)):
            self._simulators[site.name] = simulator = Simulator(
                estate_of_it,
                auth=site.auth,
                generation="windows" if site.windows else "appliance",
                username=USERNAME,
                password=PASSWORD,
                service_clients={"soak": CLIENT_SECRET},
                token_lifetime=TOKEN_SECONDS,
                refresh_lifetime=SESSION_SECONDS,
                session_idle=SESSION_SECONDS,
                ssl_context=context if site.tls else None,
                record=False,
            )
            simulator.faults.add(_STAMPED, Fault("stamped", mutate=_stamped))

    async def start(self) -> dict[str, str]:
        """Start them all and return their URLs."""
        ports = iter(range(random.randint(_LOWEST, _HIGHEST - 2000), _HIGHEST))  # noqa: S311 - no secret
        for simulator in self._simulators.values():
            await _start_on_one_of(simulator, ports)
        return {name: simulator.url for name, simulator in self._simulators.items()}

    async def stop(self) -> None:
        """Stop them all."""
        await asyncio.gather(*(simulator.stop() for simulator in self._simulators.values()))

    async def obey(self, order: Order) -> Done:
        """Do what is ordered."""
        try:
            await self._acts[order.do](order)
        except (KeyError, TypeError, OSError, RuntimeError) as error:
            return Done(f"{order}: {type(error).__name__}: {error}")
        return Done("", {name: simulator.live_sessions for name, simulator in self._simulators.items()})

    async def _set(self, order: Order) -> None:
        # What is only met at a login is met at once where the token is gone.
        if order.path == "/auth/" or order.path.startswith("/v1/session"):
            await self._expire(order)
        # Beside the stamps, and after them, where the path is the same.
        self._simulators[order.zvm].faults.add(order.path, CONSTRUCTORS[order.fault](**order.args))

    async def _clear(self, order: Order) -> None:
        book = self._simulators[order.zvm].faults
        book.clear()
        book.add(_STAMPED, Fault("stamped", mutate=_stamped))

    async def _stop(self, order: Order) -> None:
        await self._simulators[order.zvm].stop()

    async def _start(self, order: Order) -> None:
        simulator = self._simulators[order.zvm]
        await simulator.start(port=simulator.port)

    async def _expire(self, order: Order) -> None:
        self._simulators[order.zvm].expire_tokens()

    async def _tell(self, order: Order) -> None:
        """Do nothing: the sessions are told in any case."""


def _estates(sites: list[Site]) -> Iterator[tuple[Site, Estate]]:
    by_name = {site.name: site for site in sites}
    for site in sites:
        if site.peer is None:
            yield site, Estate(site.name, vms=site.vms, seed=1)
        elif site.name < site.peer:
            other = by_name[site.peer]
            first, second = pair((site.name, site.vms), (other.name, other.vms), seed=1)
            yield site, first
            yield other, second


async def _start_on_one_of(simulator: Simulator, ports: Iterator[int]) -> None:
    for port in ports:
        try:
            await simulator.start(port=port)
        except OSError:
            continue
        return
    raise RuntimeError("no port is free")


async def _serve(count: int, folder: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    zvms = Zvms(estate(count), context)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(zvms.stop)
        _say(await zvms.start())
        async for line in orders:
            _say(await zvms.obey(msgspec.json.decode(line, type=Order)))


def _say(what: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
