"""One ZVM as a client sees it: what it answers, asked with a credential that is kept valid."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog

from exporter.malloc import spent
from exporter.threads import in_large_thread, in_poll_thread
from exporter.zvm.answer import Answer
from exporter.zvm.decode.dialect import folded
from exporter.zvm.decode.names import decode_names
from exporter.zvm.decode.rows import Decoded, Decoder, Row
from exporter.zvm.decode.terms import Terms
from exporter.zvm.errors import AuthError, ClosedError, DecodeError, StatusError, TooLargeError, ZvmError
from exporter.zvm.login.backoff import Backoff
from exporter.zvm.login.credentials import Credentials
from exporter.zvm.login.methods import login_for
from exporter.zvm.login.protocol import Credential
from exporter.zvm.login.secrets import Scrubber
from exporter.zvm.observer import Observer, Reporter
from exporter.zvm.paths import LOCAL_SITE, path_of
from exporter.zvm.settings import DEFAULT_ANSWERS, Settings
from exporter.zvm.slots import Slot, Slots
from exporter.zvm.transport import Transport

Params = Mapping[str, str]

_BYTES_IN_LINE: Final = 2**13  # bytes; decoding less takes 50 us, a thread twice that; nothing but `{}` takes 16 ms
_BLANK: Final = 16  # bytes; line ends, and a byte order mark
_LOCAL_SITE: Final = 2**16  # bytes; it has a few hundred


@dataclass
class _Names:
    """A ZVM's list of names, and which *login* it was asked for in; *in_vain* are who has had the failure since."""

    names: tuple[str, ...] = ()
    login: int = -1
    failed: bool = False
    in_vain: set[str] = field(default_factory=set)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Zvm:
    """A client of one ZVM.

    It renews its credential before that ends, logs in anew once after a 401, and backs off when a login is refused, so
    that a wrong password cannot lock the account. A Retry-After holds back the endpoint that it was answered to, of all
    objects, and no other one: what is asked once an hour, or once for each object, must not stop the rest.
    """

    def __init__(
        self,
        settings: Settings,
        observer: Observer,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        slots: Slots | None = None,
    ) -> None:
        """Have no connection yet; *slots* bound the answers in hand over all ZVMs."""
        self.settings = settings
        self._slots = slots or Slots(DEFAULT_ANSWERS)
        self._scrubber = Scrubber()
        self._scrubber.learn(settings.auth.password, settings.auth.client_secret)
        self._reporter = Reporter(settings.name, observer)
        self._transport = Transport(settings, self._scrubber, self._reporter, monotonic, wall)
        self._new_backoff = partial(Backoff, settings.interval, monotonic, rng or random.Random())  # noqa: S311 - jitter is no secret
        self._backoffs: dict[str, Backoff] = {}  # by endpoint, as all that is remembered here
        self._logins = self._new_backoff()
        login = login_for(settings.auth, self._scrubber, monotonic)
        self._credentials = Credentials(settings.name, login, self._send_login, self._logins, self._reporter, monotonic)
        self._open: set[str] = set()  # to which the ZVM last let us in
        self._names: dict[str, _Names] = {}
        self._described: dict[str, dict[int | str, str]] = {}
        self._log = structlog.get_logger().bind(zvm=settings.name)

    async def get(self, endpoint: str, decoder: Decoder[Row], params: Params | None = None, **ids: str) -> Decoded[Row]:
        """Return the records of `GET endpoint`: a path, or a template of one with a `{key}` for each of *ids*.

        Raises:
            ZvmError: there is no usable answer; its class says why. `DecodeError` also where one of the *ids* can be no
                segment of a path: then nothing is asked.
        """
        try:
            path = path_of(endpoint, ids)
        except DecodeError as error:
            raise DecodeError(self._scrubber.scrub(f"GET {endpoint}: {error}")) from None
        async with self._slots.one() as slot:
            answer = await self._get(endpoint, path, params, slot)
            if _nothing(answer):
                return Decoded()
            try:
                decoded = await self._decoded(answer, decoder, slot)
            except (DecodeError, TooLargeError) as error:
                raise type(error)(self._scrubber.scrub(f"GET {path}: {error}")) from error
            decoded.at = answer.at
            return decoded

    async def names(self, path: str, asker: str) -> tuple[str, ...]:
        """Return the ZVM's own list of names at *path*, asked once a login; empty where it has none.

        A list that could not be had is asked for again when the same *asker* comes anew, which is with the next poll.
        Until then the one of an earlier login is taken.

        Raises:
            AuthError: the login is refused; any other failure costs only the names.
        """
        known = self._names.setdefault(path, _Names())
        async with known.asking:
            if known.login != self._credentials.logins or asker in known.in_vain:
                await self._ask_names(path, known)
            if known.failed:
                known.in_vain.add(asker)
        return known.names

    def described(self, path: str) -> dict[int | str, str]:
        """Return in which words records describe the codes that *path* lists, for the records that do not."""
        return self._described.setdefault(path, {})

    async def version(self) -> str:
        """Return `Version` of `GET /v1/localsite`, "" where the ZVM does not tell."""
        try:
            answer = await self._get(LOCAL_SITE, LOCAL_SITE)
            if len(answer.body) > _LOCAL_SITE:
                raise DecodeError(f"GET {LOCAL_SITE}: expected at most {_LOCAL_SITE} bytes, got {len(answer.body)}")
            site = msgspec.json.decode(answer.body, type=dict[str, Any])
        except (ZvmError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._log.debug("no version from the ZVM", error=str(error))
            return ""
        return str(folded(site).get("version") or "")

    def release(self) -> None:
        """Forget refused logins and Retry-After: the next request is sent at once."""
        self._logins.release()
        for backoff in self._backoffs.values():
            backoff.release()

    def silence(self) -> None:
        """Tell the observer nothing from now on."""
        self._reporter.silence()

    async def close(self, hurry: asyncio.Event | None = None, last_seconds: float = 1.5) -> None:
        """Log out, so that no session is left at the ZVM, and close the connections; as `Credentials.close`."""
        try:
            await self._credentials.close(hurry, last_seconds)
        finally:
            await self._transport.close()

    async def _decoded(self, answer: Answer, decoder: Decoder[Row], slot: Slot) -> Decoded[Row]:
        body, content_type = answer.body, answer.content_type
        quote = answer.quote if decoder.quoted else f"{len(body)} bytes, which may be private and are not shown"
        max_body = self.settings.max_body
        if len(body) <= _BYTES_IN_LINE:
            return decoder.decode(body, content_type, quote, Terms(max_body))
        await slot.read()
        given_up = threading.Event()
        try:
            if not slot.large:
                return await in_poll_thread(decoder.decode, body, content_type, quote, Terms(max_body, given_up.is_set))
            terms = Terms(max_body, given_up.is_set, spent(body))
            return await in_large_thread(decoder.decode, body, content_type, quote, terms)
        finally:
            given_up.set()

    async def _ask_names(self, path: str, known: _Names) -> None:
        seconds = self.settings.timeout / 4  # so that two that hang leave the poll the time that it needs
        try:
            async with asyncio.timeout(seconds):
                answer = await self._get(path, path)
            listed = () if _nothing(answer) else decode_names(answer.body, answer.content_type, answer.quote)
            known.names = listed
        except (ZvmError, TimeoutError) as error:
            if isinstance(error, AuthError) and not isinstance(error, ClosedError):
                raise
            if not known.failed:
                why = str(error) or f"GET {path}: no complete answer within {seconds:g} s"
                self._log.warning("no list of names from the ZVM", path=path, error=why)
            known.failed = True
        else:
            if known.failed:
                self._log.info("a list of names from the ZVM again", path=path)
            known.failed = False
        known.login = self._credentials.logins
        known.in_vain.clear()

    async def _get(self, endpoint: str, path: str, params: Params | None = None, slot: Slot | None = None) -> Answer:
        self._check(endpoint)
        credential = await self._credentials.valid()
        answer = await self._send(endpoint, path, credential, params, slot)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            credential = await self._credentials.valid(rejected=credential)
            answer = await self._send(endpoint, path, credential, params, slot)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                # The login was granted: it is this endpoint that is closed to us, and only it waits.
                why = self._why_closed(endpoint, credential)
                text = f"GET {path}: HTTP 401 again, right after a new login ({why}): {answer.quote}"
                raise ClosedError(str(self._backoff(endpoint).refused(text)))
        self._backoff(endpoint).accepted()
        self._logins.accepted()
        if answer.status == HTTPStatus.FORBIDDEN:
            why = self._why_closed(endpoint, credential)
            raise StatusError(f"GET {path}: HTTP 403 ({why}): {answer.quote}", answer.status)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            raise StatusError(f"GET {path}: HTTP {answer.status}: {answer.quote}", answer.status)
        self._open.add(endpoint)
        return answer

    def _why_closed(self, endpoint: str, credential: Credential) -> str:
        """Remember that *endpoint* is closed to us; return what may be the reason."""
        self._open.discard(endpoint)
        lacks = "the user lacks the role for it"
        return lacks if self._open else f"{lacks}; or, if every path says so, look at {credential.advice}"

    async def _send(
        self, endpoint: str, path: str, credential: Credential, params: Params | None, slot: Slot | None
    ) -> Answer:
        self._check(endpoint)  # it may have been answered while a login was waited for
        answer = await self._transport.send(
            "GET", path, headers=credential.headers, params=params, slot=slot, endpoint=endpoint
        )
        _obey(self._backoff(endpoint), f"GET {path}", answer)
        return answer

    def _backoff(self, endpoint: str) -> Backoff:
        if endpoint not in self._backoffs:
            self._backoffs[endpoint] = self._new_backoff()
        return self._backoffs[endpoint]

    def _check(self, endpoint: str) -> None:
        """Raise the error for which *endpoint* is not to be asked now, if there is one."""
        try:
            self._backoff(endpoint).check()
        except AuthError as error:
            raise ClosedError(str(error)) from error

    async def _send_login(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, int] | None = None,
    ) -> Answer:
        """Send a request of a login. What only the login has to wait for keeps no request with a good token waiting."""
        answer = await self._transport.send(method, path, headers=headers, form=form, json=json)
        _obey(self._logins, f"{method} {path}", answer)
        return answer


def _obey(backoff: Backoff, what: str, answer: Answer) -> None:
    if answer.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        backoff.obey(what, answer.status, answer.headers.get("Retry-After", ""))


def _nothing(answer: Answer) -> bool:
    """Tell whether *answer* says in full that there is nothing: some servers send no body for an empty list.

    One without a length may as well have been cut off before its first byte.
    """
    told = "Content-Length" in answer.headers or "Transfer-Encoding" in answer.headers
    blank = len(answer.body) <= _BLANK and not answer.body.strip(b"\xef\xbb\xbf \t\r\n")
    return answer.status == HTTPStatus.NO_CONTENT or (blank and told)
