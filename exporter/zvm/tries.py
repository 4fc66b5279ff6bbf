"""A request on a connection that was idle and may be dead without a sign: asked again on a fresh one, in time.

Something between us and the ZVM may forget a connection and tell neither end. What is sent then gets no answer and no
error, and the poll would fail for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, Protocol

import aiohttp
import structlog

from exporter.zvm.connections import Use

_PATIENCE_SHARE: Final = 0.25  # of the timeout, before the second try
_LATEST_SHARE: Final = 0.6  # of the timeout; later a second try would not end in time
_FORGETS: Final = 0.9  # what is left of a slow answer after each quicker one


class Ask(Protocol):
    """Sends the request and tells of its connection in *use*; *fresh* is none that was there before."""

    def __call__(self, use: Use, *, fresh: bool) -> Coroutine[Any, Any, aiohttp.ClientResponse]: ...


class Tries:
    """How long one ZVM takes to begin an answer of each endpoint, and what follows: when to ask a second time."""

    def __init__(self, zvm: str, timeout: float) -> None:
        """*timeout* seconds is what a request has, both tries together."""
        self._timeout = timeout
        self._slowest: dict[str, float] = {}
        self._log = structlog.get_logger().bind(zvm=zvm)

    async def begun(self, endpoint: str, ask: Ask) -> aiohttp.ClientResponse:
        """Return the answer that begins first. *ask* sends the request; the second time on a fresh connection.

        There is a second time where an idle connection brings no answer for a while, or is closed by being used.
        The first try goes on beside the second: a ZVM that is only slow still answers, and is known to be slow then.
        Raises what the last try that ended raised, where none has an answer.
        """
        loop = asyncio.get_running_loop()
        use = Use()
        first = loop.create_task(ask(use, fresh=False))
        tries = {first: loop.time()}
        answered: asyncio.Task[aiohttp.ClientResponse] | None = None
        try:
            await asyncio.wait(tries, timeout=self._patience(endpoint))
            if use.reused and (not first.done() or _closed(first)):
                self._log.info("no answer on an idle connection: asked again on a fresh one", path=endpoint)
                tries[loop.create_task(ask(Use(), fresh=True))] = loop.time()
            answered = await _first(tries)
            response = answered.result()
            self._learn(endpoint, loop.time() - tries[answered])
            return response
        finally:
            if answered is None and len(tries) > 1:
                self._learn(endpoint, self._timeout)  # it was not the connection: the next poll asks once
            for one in tries:
                if one is not answered:
                    one.cancel()
                    one.add_done_callback(_left)

    async def sent(self, path: str, ask: Ask) -> aiohttp.ClientResponse:
        """Return the answer to a login or logout, which is sent a second time only if the ZVM did not act on it.

        So it is where a kept connection ends before the first byte of an answer; of a GET, aiohttp sees to that itself.
        """
        use = Use()
        try:
            return await ask(use, fresh=False)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError) as error:
            begun = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)
            if begun or not use.reused:
                raise
            self._log.info("an idle connection was closed: asked again on a fresh one", path=path)
        return await ask(Use(), fresh=True)

    def _patience(self, endpoint: str) -> float | None:
        patience = max(self._timeout * _PATIENCE_SHARE, 2 * self._slowest.get(endpoint, 0.0))
        return patience if patience <= self._timeout * _LATEST_SHARE else None

    def _learn(self, endpoint: str, seconds: float) -> None:
        self._slowest[endpoint] = max(seconds, self._slowest.get(endpoint, 0.0) * _FORGETS)


async def _first(tries: dict[asyncio.Task[aiohttp.ClientResponse], float]) -> asyncio.Task[aiohttp.ClientResponse]:
    """Return the try that first has an answer; where none has, the one that ended last."""
    left = set(tries)
    while True:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        good = [one for one in done if not one.cancelled() and one.exception() is None]
        if good or not left:
            return (good or list(done))[0]


def _closed(task: asyncio.Task[aiohttp.ClientResponse]) -> bool:
    """Tell whether the other end, or what is in between, closed the connection before an answer began."""
    return not task.cancelled() and isinstance(
        task.exception(), aiohttp.ServerDisconnectedError | aiohttp.ClientOSError
    )


def _left(task: asyncio.Task[aiohttp.ClientResponse]) -> None:
    """Have done with a try that is not needed any more: its answer may have come in the same moment."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
