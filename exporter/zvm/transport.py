"""Requests to one ZVM over HTTP(S), each sent with the headers that are given, and why they fail.

Only `GET`, login and logout can be sent from here: nothing that this program does changes a ZVM.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Final

import aiohttp
import structlog
from yarl import URL

from exporter.zvm.answer import Answer, read
from exporter.zvm.connections import Connections, Pool, Use
from exporter.zvm.errors import ConnectError, RequestTimeoutError, ZvmError
from exporter.zvm.failures import Failures
from exporter.zvm.login.secrets import Scrubber
from exporter.zvm.observer import Reporter
from exporter.zvm.paths import login_paths
from exporter.zvm.proxy import Proxy
from exporter.zvm.resolver import LOOKUPS
from exporter.zvm.settings import Settings
from exporter.zvm.slots import Slot
from exporter.zvm.tls import Follower
from exporter.zvm.tries import Tries

_LOGIN_BODY: Final = 2**20  # bytes
_LEAST: Final = 2  # requests at a time


class Transport:
    """The connections to one ZVM."""

    def __init__(
        self,
        settings: Settings,
        scrubber: Scrubber,
        reporter: Reporter,
        monotonic: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._scrubber = scrubber
        self._reporter = reporter
        self._monotonic = monotonic
        self._wall = wall
        self._paths = login_paths(settings.auth.realm)
        self._url = settings.url.rstrip("/")
        self._proxy = Proxy(settings, scrubber)
        self._tls = Follower(settings.name, settings.tls)
        self._connections = Connections(settings.timeout, settings.interval)
        self._tries = Tries(settings.name, settings.timeout)
        self._failures = Failures(settings, scrubber, self._proxy)
        # Never only one: whoever lets one thing wait for another has room for what must not wait.
        self._at_once = asyncio.Semaphore(max(settings.max_requests, _LEAST))
        self._log = structlog.get_logger().bind(zvm=settings.name)

    async def send(  # noqa: PLR0913 - each is a part of a request
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, int] | None = None,
        params: Mapping[str, str] | None = None,
        slot: Slot | None = None,
        endpoint: str = "",
    ) -> Answer:
        """Send one request and return its answer, whatever the status; *slot* is taken when the answer begins.

        *endpoint* is the template of *path* where it has one: by that it is counted. Of more than `max_requests` at a
        time, or two where that is one, the others wait; that counts for no `timeout`.

        Raises:
            ZvmError: there is no answer.
            ValueError: the request could change the ZVM.
        """
        if method != "GET" and (method, path) not in self._paths.writes:
            raise ValueError(f"{method} {path} is neither login nor logout")
        async with self._at_once:
            request = {"headers": headers, "data": form, "json": json, "params": params}
            return await self._timed(method, path, endpoint or path, slot, **request)

    async def _timed(self, method: str, path: str, endpoint: str, slot: Slot | None, **request: Any) -> Answer:
        started = self._monotonic()
        code = "bug"
        try:
            answer = await self._exchange(method, path, endpoint, slot, **request)
            code = str(answer.status)
        except ZvmError as error:
            code = error.reason
            raise
        except asyncio.CancelledError:
            code = ""  # nobody waits for it any more; that is no failure
            raise
        finally:
            seconds = self._monotonic() - started
            if code:
                self._reporter.request(self._paths.endpoint(endpoint), code, seconds)
            self._log.debug("request", method=method, path=path, code=code, seconds=round(seconds, 4))
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def _exchange(self, method: str, path: str, endpoint: str, slot: Slot | None, **request: Any) -> Answer:
        what, settings = f"{method} {path}", self._settings
        small = slot is None
        limit = min(settings.max_body, _LOGIN_BODY) if small else settings.max_body
        limit_is = "max_body" if limit == settings.max_body else "one of this kind may be"
        # Building a context takes a while, and at the start every ZVM does: that is no fault of the ZVM.
        route = await self._route(request.pop("headers") or {})
        began = self._wall()
        try:
            async with (
                AsyncExitStack() as used,
                asyncio.timeout(settings.timeout) as deadline,
                await self._begun(used, method, path, endpoint, **route, **request) as response,
            ):
                middle = (began + self._wall()) / 2  # to read the answer may take long, and is no part of it
                if response.status == 407 and self._proxy.url is not None:  # without TLS the proxy answers in place
                    raise ConnectError(f"{what}: {self._failures.refused(407, response.reason or '')}")
                if slot is not None:
                    await _uncounted(slot.begins(), deadline)
                grown = None if slot is None else partial(_grow, slot, deadline)
                answer = await read(response, limit, limit_is, what, self._scrubber, grown)
                return replace(answer, at=middle)
        except TimeoutError as error:
            raise RequestTimeoutError(f"{what}: {self._late()} within {settings.timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectError(f"{what}: {self._failures.why(error)}") from error

    async def _route(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the *headers*, and what else a request needs to reach the ZVM."""
        route = self._proxy.options()
        return {
            "server_hostname": self._settings.tls.server_name,
            "ssl": await self._tls.context() if self._settings.encrypted else True,
            **route,
            "headers": {**route.get("headers", {}), **headers},
        }

    async def _begun(
        self, used: AsyncExitStack, method: str, path: str, endpoint: str, **request: Any
    ) -> aiohttp.ClientResponse:
        """Return the answer as soon as it begins; the connections belong to *used*."""
        url = URL(self._url + path)
        doubtful: Pool | None = None

        async def ask(use: Use, *, fresh: bool) -> aiohttp.ClientResponse:
            nonlocal doubtful
            pool = await used.enter_async_context(self._connections.pool(doubtful if fresh else None))
            doubtful = pool
            return await pool.http.request(method, url, allow_redirects=False, trace_request_ctx=use, **request)

        return await (self._tries.begun(endpoint, ask) if method == "GET" else self._tries.sent(path, ask))

    def _late(self) -> str:
        host = (self._proxy.url or URL(self._url)).raw_host
        if host is not None and LOOKUPS.has(host):
            return f"the name {host} was not resolved (its name server does not answer)"
        return f"no complete answer{self._failures.through}"


async def _grow(slot: Slot, deadline: asyncio.Timeout, size: int) -> None:
    """Wait until the answer of *slot*, of *size* bytes by now, may be read on."""
    if size > slot.bytes:
        await _uncounted(slot.grow(size), deadline)


async def _uncounted(awaited: Awaitable[None], deadline: asyncio.Timeout) -> None:
    """Wait for what is no fault of the ZVM: *deadline* moves by the time that it takes."""
    loop, due = asyncio.get_running_loop(), deadline.when()
    if due is None:
        raise ValueError("a deadline without a time")
    left = due - loop.time()
    deadline.reschedule(None)
    await awaited
    deadline.reschedule(loop.time() + left)
