"""One ZVM as a client sees it: requests, their limits, and the credential that they carry.

Only `GET`, login and logout can be sent from here: nothing that this program does changes a ZVM.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import aiohttp
import msgspec
import structlog
from yarl import URL

from exporter import __version__
from exporter.zvm.auth import REALM, SESSION_ADD, Answer, Credential, login_for
from exporter.zvm.decode import Decoded, Decoder, Row, decode_names
from exporter.zvm.errors import (
    AuthError,
    ConnectError,
    DecodeError,
    RequestTimeoutError,
    StatusError,
    TooLargeError,
    ZvmError,
)
from exporter.zvm.secrets import Scrubber
from exporter.zvm.settings import Settings

Params = Mapping[str, str]

LONGEST_HOLD_SECONDS: Final = 600.0
LOGIN_OUTCOMES: Final = ("success", "refused", "failed")

LOCAL_SITE: Final = "/v1/localsite"

_LOGIN_BODY = 2**20
_QUOTED_BYTES = 100
_SCRUBBED_BYTES = 2**16
_IN_LINE = 2**18  # bytes; decoding less takes under a millisecond, a thread would cost more


class Observer(Protocol):
    """Is told of each request and login, to count them."""

    def request(self, zvm: str, endpoint: str, code: str, seconds: float) -> None:
        """A request ended: *code* is the HTTP status, or the reason for which there is none."""
        ...

    def login(self, zvm: str, outcome: str) -> None:
        """A login ended: *outcome* is one of LOGIN_OUTCOMES."""
        ...


@dataclass(frozen=True)
class _Hold:
    """No request before *until* (monotonic seconds): every one fails at once with *error*'s text."""

    until: float
    error: type[ZvmError]
    text: str


class Zvm:
    """A client of one ZVM.

    Renews its credential before it ends, logs in anew once after a 401, backs off when a login is
    refused so that a wrong password cannot lock the account, and obeys Retry-After.
    """

    def __init__(
        self,
        settings: Settings,
        observer: Observer,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self._observer = observer
        self._monotonic = monotonic
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._scrubber = Scrubber()
        self._scrubber.learn(settings.auth.password, settings.auth.client_secret)
        self._login = login_for(settings.auth, self._scrubber, monotonic)
        self._credential: Credential | None = None
        self._pending: asyncio.Task[Credential] | None = None
        self._refusals = 0
        self._hold: _Hold | None = None
        self._names: dict[str, tuple[str, ...]] = {}
        self._http: aiohttp.ClientSession | None = None
        self._log = structlog.get_logger().bind(zvm=settings.name)

    async def get(self, path: str, decoder: Decoder[Row], params: Params | None = None) -> Decoded[Row]:
        """Return the records of `GET path`.

        Raises:
            ZvmError: there is no usable answer; its class says why.
        """
        answer = await self._get(path, params)
        arguments = (answer.body, answer.headers.get("Content-Type", ""), answer.said)
        try:
            if len(answer.body) <= _IN_LINE:
                return decoder.decode(*arguments)
            return await asyncio.to_thread(decoder.decode, *arguments)
        except DecodeError as error:
            raise DecodeError(self._scrubber.scrub(f"GET {path}: {error}")) from error

    async def names(self, path: str) -> tuple[str, ...]:
        """Return the ZVM's own list of names at *path*, asked once a login; empty where it has none.

        Raises:
            AuthError: the credential was refused; any other failure costs only the names.
        """
        if path not in self._names:
            try:
                answer = await self._get(path, None)
                content_type = answer.headers.get("Content-Type", "")
                self._names[path] = decode_names(answer.body, content_type, answer.said)
            except AuthError:
                raise
            except ZvmError as error:
                self._log.warning("no list of names from the ZVM", path=path, error=str(error))
                self._names[path] = ()
        return self._names[path]

    async def version(self) -> str:
        """Return `Version` of `GET /v1/localsite`, "" where the ZVM does not tell."""
        try:
            answer = await self._get(LOCAL_SITE, None)
            site = msgspec.json.decode(answer.body, type=dict[str, Any])
        except (ZvmError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._log.debug("no version from the ZVM", error=str(error))
            return ""
        folded = {key.casefold(): value for key, value in site.items()}
        return str(folded.get("version") or "")

    def release(self) -> None:
        """Forget refused logins and Retry-After: the next request is sent at once."""
        self._refusals = 0
        self._hold = None

    async def close(self) -> None:
        """Log out, so that no session is left at the ZVM, and close the connections."""
        if self._pending is not None:
            self._pending.cancel()
            with suppress(asyncio.CancelledError, ZvmError):
                await self._pending
        credential, self._credential = self._credential, None
        if self._http is None:
            return
        try:
            if credential is not None:
                await credential.login.logout(self._send, credential)
        except ZvmError as error:
            self._log.info("logout failed", error=str(error))
        finally:
            await self._http.close()

    async def _get(self, path: str, params: Params | None) -> Answer:
        credential = await self._authenticated()
        answer = await self._send("GET", path, headers=credential.headers, params=params)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            credential = await self._authenticated(rejected=credential)
            answer = await self._send("GET", path, headers=credential.headers, params=params)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                self._credential = None
                raise self._refused(f"GET {path}: HTTP 401 again, right after a new login: {answer.said}")
        if answer.status != HTTPStatus.OK:
            hint = " (the user lacks the role for it)" if answer.status == HTTPStatus.FORBIDDEN else ""
            raise StatusError(f"GET {path}: HTTP {answer.status}{hint}: {answer.said}")
        return answer

    async def _authenticated(self, rejected: Credential | None = None) -> Credential:
        """Return a credential other than *rejected*; whoever asks meanwhile shares one login and its outcome."""
        current = self._credential
        fresh = current is not None and (current.renew_at is None or self._monotonic() < current.renew_at)
        if current is not None and current is not rejected and fresh:
            return current
        if self._pending is None:
            renewable = current if current is not rejected else None
            self._pending = asyncio.create_task(self._obtain(renewable))
            self._pending.add_done_callback(self._obtained)
        return await asyncio.shield(self._pending)

    def _obtained(self, task: asyncio.Task[Credential]) -> None:
        self._pending = None
        if not task.cancelled():
            task.exception()  # who waited has it; where nobody waits any more it is not lost: it is counted

    async def _obtain(self, renewable: Credential | None) -> Credential:
        self._check_hold()
        outcome = "failed"
        try:
            if renewable is not None:
                credential = await self._login.renew(self._send, renewable)
            else:
                credential = await self._login.login(self._send)
            outcome = "success"
        except AuthError as error:
            outcome = "refused"
            self._credential = None
            raise self._refused(str(error)) from error
        finally:
            self._observer.login(self.settings.name, outcome)
        self._refusals = 0
        self._names.clear()
        self._credential = credential
        return credential

    def _refused(self, text: str) -> AuthError:
        longest = min(LONGEST_HOLD_SECONDS, self.settings.interval * 2.0 ** min(self._refusals, 20))
        self._refusals += 1
        seconds = longest * self._rng.uniform(0.75, 1.0)
        self._hold = _Hold(self._monotonic() + seconds, AuthError, text)
        return AuthError(f"{text}; next login in {seconds:.0f} s or at a reload")

    def _check_hold(self) -> None:
        if self._hold is not None:
            left = self._hold.until - self._monotonic()
            if left > 0:
                raise self._hold.error(f"{self._hold.text}; not asked again for {left:.0f} s")
            self._hold = None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        params: Params | None = None,
    ) -> Answer:
        if method == "GET":
            self._check_hold()
        started = self._monotonic()
        code = "bug"
        try:
            answer = await self._exchange(method, path, headers=headers, data=form, params=params)
            code = str(answer.status)
        except ZvmError as error:
            code = error.reason
            raise
        finally:
            seconds = self._monotonic() - started
            self._observer.request(self.settings.name, path, code, seconds)
            self._log.debug("request", method=method, path=path, code=code, seconds=round(seconds, 4))
        self._obey_retry_after(answer, f"{method} {path}")
        return answer

    async def _exchange(self, method: str, path: str, **request: Any) -> Answer:
        what = f"{method} {path}"
        seconds = self.settings.timeout
        login = path.startswith((SESSION_ADD, REALM))
        limit = min(self.settings.max_body, _LOGIN_BODY) if login else self.settings.max_body
        try:
            async with (
                asyncio.timeout(seconds),
                self._session().request(
                    method,
                    URL(self.settings.url.rstrip("/") + path),
                    allow_redirects=False,
                    server_hostname=self.settings.tls.server_name,
                    **request,
                ) as response,
            ):
                if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
                    location = self._scrubber.scrub(response.headers.get("Location", ""))[:_QUOTED_BYTES]
                    raise StatusError(f"{what}: HTTP {response.status}: a redirect to {location!r} is not followed")
                body = await _read(response, limit, what)
                said = self._quote(body, response.headers.get("Content-Type", "no content type"))
                return Answer(response.status, response.headers, body, said)
        except TimeoutError as error:
            raise RequestTimeoutError(f"{what}: no complete answer within {seconds:g} s") from error
        except aiohttp.ClientPayloadError as error:
            raise DecodeError(f"{what}: the answer is cut off: {_first_line(error)}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectError(self._scrubber.scrub(f"{what}: {_why_no_connection(error, self.settings)}")) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            context = self.settings.tls.context()
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context),
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

    def _obey_retry_after(self, answer: Answer, what: str) -> None:
        if answer.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            seconds = _retry_after(answer.headers.get("Retry-After", ""))
            if seconds > 0:
                text = f"{what}: HTTP {answer.status} with Retry-After {seconds:g} s"
                self._hold = _Hold(self._monotonic() + seconds, StatusError, text)

    def _quote(self, body: bytearray, content_type: str) -> str:
        if not body:
            return f"{content_type}, empty body"
        text = self._scrubber.scrub(body[:_SCRUBBED_BYTES].decode("utf-8", "replace"))[:_QUOTED_BYTES]
        return f"{content_type}, {len(body)} bytes: {text!r}"


async def _read(response: aiohttp.ClientResponse, limit: int, what: str) -> bytearray:
    body = bytearray()
    async for chunk in _plain(response, limit, what):
        body += chunk
        if len(body) > limit:
            raise TooLargeError(f"{what}: the answer is larger than max_body, {limit} bytes")
    return body


async def _plain(response: aiohttp.ClientResponse, limit: int, what: str) -> AsyncIterator[bytes]:
    """Yield the body, decompressed: never more than *limit* + 1 bytes from one chunk, whatever it holds."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        async for chunk in response.content.iter_any():
            yield chunk
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise DecodeError(f"{what}: Content-Encoding {encoding[:20]!r} was not asked for")
    decompressor = zlib.decompressobj(wbits=31)
    try:
        async for chunk in response.content.iter_any():
            data = chunk
            while data:
                yield decompressor.decompress(data, limit + 1)
                data = decompressor.unconsumed_tail or decompressor.unused_data
                if decompressor.eof:  # RFC 1952: a gzip file may have several members
                    decompressor = zlib.decompressobj(wbits=31)
    except zlib.error as error:
        raise DecodeError(f"{what}: broken gzip: {error}") from error


def _retry_after(value: str) -> float:
    """Return the seconds of a Retry-After header (a number or an HTTP date), at most LONGEST_HOLD_SECONDS."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(seconds, LONGEST_HOLD_SECONDS)


def _why_no_connection(error: Exception, settings: Settings) -> str:
    url = settings.url
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = _first_line(error.certificate_error)
        return f"the certificate of {url} cannot be verified (tls.ca_file, tls.server_name): {why}"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return f"no TLS connection to {url} (is the port right?): {_first_line(error)}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name of {url} cannot be resolved: {_first_line(error)}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {url} (is the port right?): {error.strerror or _first_line(error)}"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
        return f"{url} closed the connection before its answer: {_first_line(error)}"
    return f"{url}: no valid HTTP answer: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
