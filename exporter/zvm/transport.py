"""Requests to one ZVM over HTTP(S) and why they fail. Knows no login and no retry.

Only `GET`, login and logout can be sent from here: nothing that this program does changes a ZVM.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
import structlog
from yarl import URL

from exporter import __version__
from exporter.work import off_loop
from exporter.zvm.answer import Answer, read
from exporter.zvm.errors import ConnectError, RequestTimeoutError, ZvmError
from exporter.zvm.observer import Reporter
from exporter.zvm.paths import DISCOVERY, WRITES
from exporter.zvm.places import Place
from exporter.zvm.secrets import Scrubber
from exporter.zvm.settings import Settings

_LOGIN_BODY: Final = 2**20  # bytes
_REASON: Final = 200  # characters


class Transport:
    """The connections to one ZVM."""

    def __init__(
        self, settings: Settings, scrubber: Scrubber, reporter: Reporter, monotonic: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._scrubber = scrubber
        self._reporter = reporter
        self._monotonic = monotonic
        self._http: aiohttp.ClientSession | None = None
        self._at_once = asyncio.Semaphore(settings.max_requests)
        self._log = structlog.get_logger().bind(zvm=settings.name)

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        place: Place | None = None,
    ) -> Answer:
        """Send one request and return its answer, whatever the status; *place* is taken when the answer begins.

        Of more than `max_requests` at a time the others wait; that counts for no `timeout`.

        Raises:
            ZvmError: there is no answer.
            ValueError: the request could change the ZVM.
        """
        if method != "GET" and (method, path) not in WRITES:
            raise ValueError(f"{method} {path} is neither login nor logout")
        async with self._at_once:
            return await self._timed(method, path, place, headers=headers, data=form, params=params)

    async def _timed(self, method: str, path: str, place: Place | None, **request: Any) -> Answer:
        started = self._monotonic()
        code = "bug"
        try:
            answer = await self._exchange(method, path, place, **request)
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
                self._reporter.request(path, code, seconds)
            self._log.debug("request", method=method, path=path, code=code, seconds=round(seconds, 4))
        return answer

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def _exchange(self, method: str, path: str, place: Place | None, **request: Any) -> Answer:
        what, settings = f"{method} {path}", self._settings
        small = method != "GET" or path == DISCOVERY
        limit = min(settings.max_body, _LOGIN_BODY) if small else settings.max_body
        limit_is = "max_body" if limit == settings.max_body else "a login's may be"
        try:
            async with (
                asyncio.timeout(settings.timeout) as deadline,
                (await self._session()).request(
                    method,
                    URL(settings.url.rstrip("/") + path),
                    allow_redirects=False,
                    server_hostname=settings.tls.server_name,
                    **request,
                ) as response,
            ):
                if place is not None:
                    await _uncounted(place.begins(), deadline)
                return await read(response, limit, limit_is, what, self._scrubber)
        except TimeoutError as error:
            raise RequestTimeoutError(f"{what}: no complete answer within {settings.timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectError(f"{what}: {self._why(error)}") from error

    async def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            try:
                # Reading the system's certificates takes a while, and at the start every ZVM does.
                context = await off_loop(self._settings.tls.context)
            except OSError as error:
                raise ConnectError(
                    f"tls: cannot use ca_file, cert_file or key_file: {error.strerror or error}"
                ) from error
            if self._http is None:
                self._http = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(
                        ssl=context,
                        # Over the pause between two polls, so that not each begins with a handshake.
                        keepalive_timeout=2 * self._settings.interval,
                    ),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None),
                    auto_decompress=False,  # aiohttp's own has no limit on what a small body expands to
                    headers={
                        "Accept": "application/json",
                        "Accept-Encoding": "gzip",
                        "User-Agent": f"zerto-exporter/{__version__}",
                    },
                )
        return self._http

    def _why(self, error: Exception) -> str:
        url = self._settings.url
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            why = self._line(error.certificate_error)
            return f"the certificate of {url} cannot be verified (tls.ca_file, tls.server_name): {why}"
        why = self._line(error)
        if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
            return f"no TLS connection to {url} (is the port right?): {why}"
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return f"the name of {url} cannot be resolved: {why}"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"no connection to {url} (is the port right?): {os.strerror(error.errno) if error.errno else why}"
        if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
            hint = " (does it expect https?)" if url.startswith("http://") else ""
            return f"{url} closed the connection before its answer{hint}: {why}"
        return f"{url}: no valid HTTP answer: {why}"

    def _line(self, error: BaseException) -> str:
        text = " ".join(str(error).split())
        if isinstance(error, aiohttp.ClientResponseError):
            # Then aiohttp quotes a header, and may cut a secret in it short.
            text = text.partition(" when reading: ")[0]
        text = self._scrubber.beginning(text, _REASON).encode("utf-8", "backslashreplace").decode()
        return text or type(error).__name__


async def _uncounted(awaited: Awaitable[None], deadline: asyncio.Timeout) -> None:
    """Wait for what is no fault of the ZVM: *deadline* moves by the time that it takes."""
    loop, due = asyncio.get_running_loop(), deadline.when()
    if due is None:
        raise ValueError("a deadline without a time")
    left = due - loop.time()
    deadline.reschedule(None)
    await awaited
    deadline.reschedule(loop.time() + left)
