"""Who may come in: TLS, client certificates and users of our own HTTP side, as the file of `--web.config.file` says.

The file and the certificates that it names are looked at with each connection and each request, and read again where
they have changed: a renewed certificate needs no restart. Whatever state a rewrite leaves them in for a moment, nobody
comes in who could not before: what would give up TLS, all users or client certificates is not taken without a restart.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import ipaddress
import os
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

import bcrypt
import structlog
from aiohttp import hdrs, web

from exporter.config import ConfigError, WebConfig, parse_web
from exporter.rewrites import Contents, Rewrites, read

_PROBES: Final = ("/-/healthy", "/-/ready")

_BCRYPT_BYTES: Final = 72  # of a password; bcrypt looks no further
_CHALLENGE: Final = 'Basic realm="zerto-exporter", charset="UTF-8"'
_TRIES: Final = 3  # to read files that are rewritten meanwhile
_PAUSE_SECONDS: Final = 1.0  # before files that could not be used are tried again, though they look as they did


class Access:
    """Lets in whom the web configuration *file* allows; with *open_probes*, anybody to those."""

    def __init__(
        self,
        file: Path,
        *,
        open_probes: bool = False,
        prefix: str = "",
        waiting: int = 32,
        remembered: int = 1000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read *file*; *prefix* stands before the path of each probe.

        At most *waiting* passwords are being hashed, and who comes then is sent away for a moment. Of the last
        *remembered* logins the outcome is known.

        Raises:
            ConfigError: it cannot be used.
        """
        self._probes = probes(prefix) if open_probes else frozenset()
        self._file = file
        self._open_probes = open_probes
        self._monotonic = monotonic
        self._rewrites = Rewrites(monotonic=monotonic)
        self._complaint = ""
        self._next_try = 0.0
        try:
            self._config, self._context, contents = self._read()
        except OSError as error:
            raise ConfigError(str(file), [f"its certificates cannot be read: {error}"]) from error
        self._rewrites.keep(contents)
        self._logins = _Logins(waiting, remembered)
        self.ssl_context: ssl.SSLContext | None = _Following.of(self._fresh_context) if self._context else None
        if self._context is None and self._config.basic_auth_users:
            structlog.get_logger().warning("passwords without TLS: whoever is in between can read them", file=str(file))

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every answer, as configured."""
        return self._config.http_server_config.headers

    @web.middleware
    async def middleware(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        """Answer 401 or 403 to whom may not come in."""
        self._follow()
        if request.path not in self._probes:
            self._check_certificate(request)
            await self._check_login(request)
        response: web.StreamResponse = await handler(request)
        return response

    def _check_certificate(self, request: web.Request) -> None:
        tls = self._config.tls_server_config
        if tls is None or tls.client_auth_type == "NoClientCert":
            return
        certificate = request.get_extra_info("peercert")
        if not certificate:
            if tls.client_auth_type == "RequireAndVerifyClientCert":
                raise web.HTTPForbidden(text="a client certificate is required\n")
        elif tls.client_allowed_sans and not _sans(certificate) & set(tls.client_allowed_sans):
            raise web.HTTPForbidden(text="no name of this client certificate is allowed\n")

    async def _check_login(self, request: web.Request) -> None:
        users = self._config.basic_auth_users
        if not users:
            return
        given = _credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        if given is None or not await self._logins.good(users, *given):
            raise web.HTTPUnauthorized(text="unauthorized\n", headers={hdrs.WWW_AUTHENTICATE: _CHALLENGE})

    def _fresh_context(self) -> ssl.SSLContext:
        self._follow()
        if self._context is None:
            raise RuntimeError("TLS that was on is off")
        return self._context

    def _follow(self) -> None:
        """Read again what has changed; what cannot be used changes nothing and is told once."""
        changed = self._rewrites.any()
        if not changed and (not self._complaint or self._monotonic() < self._next_try):
            return
        self._next_try = self._monotonic() + _PAUSE_SECONDS
        contents = read(self._files(self._config))
        try:
            if _may_be_cut(contents[self._file]) and not self._rewrites.settled():
                return
            config, context, contents = self._read()
            _refuse_less(self._file, self._config, config)
        except _RestlessError as error:
            self._rewrites.keep(dict.fromkeys(contents))  # what it held in between may be what it holds in the end
            self._complain(str(error))
            return
        except (ConfigError, OSError) as error:
            self._rewrites.keep(contents)
            self._complain(str(error))
            return
        self._rewrites.keep(contents)
        self._config, self._context, self._complaint = config, context, ""
        structlog.get_logger().info("web configuration read again", file=str(self._file))

    def _complain(self, problem: str) -> None:
        if problem != self._complaint:
            self._complaint = problem
            structlog.get_logger().warning(
                "the web configuration was not read again; the one in force goes on",
                file=str(self._file),
                error=problem,
            )

    def _read(self) -> tuple[WebConfig, ssl.SSLContext | None, Contents]:
        """Return what the files say, and what they held when they said it.

        Raises:
            ConfigError: it cannot be used, or changes all the while.
            OSError: a certificate or a key went bad between two looks at it.
        """
        for _ in range(_TRIES):
            try:
                text = self._file.read_bytes()
            except OSError as error:
                raise ConfigError(str(self._file), [f"cannot be read: {error.strerror}"]) from error
            config = parse_web(self._file, text)
            before = read(self._files(config))
            tls = config.tls_server_config
            context = None if tls is None else tls.context(optional=self._open_probes)
            if before[self._file] == text and before == read(before):
                return config, context, before
        raise _RestlessError(str(self._file), ["it changes while it is read"])

    def _files(self, config: WebConfig) -> tuple[Path, ...]:
        tls = config.tls_server_config
        return (self._file, *(tls.files if tls is not None else ()))


class _RestlessError(ConfigError):
    """A file changed each time that it was read."""


class _Following(ssl.SSLContext):
    """A context that asks for each connection which context is the one in force."""

    _current: Callable[[], ssl.SSLContext]

    @classmethod
    def of(cls, current: Callable[[], ssl.SSLContext]) -> Self:
        following = cls(ssl.PROTOCOL_TLS_SERVER)
        following._current = current
        return following

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        return self._current().wrap_bio(*arguments, **options)


class _Logins:
    """Checks passwords in a thread, for it takes long on purpose; remembers the outcome, for a scraper comes often."""

    def __init__(self, most_waiting: int, remembered: int) -> None:
        self._most_waiting = most_waiting
        self._remembered = remembered
        self._key = os.urandom(32)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="login")
        self._known: OrderedDict[bytes, asyncio.Task[bool]] = OrderedDict()
        self._waiting = 0

    async def good(self, users: Mapping[str, str], name: str, password: bytes) -> bool:
        """Tell whether *name* has *password*; one that nobody has takes as long as one that somebody has."""
        known = name in users
        hashed = users[name] if known else max(users.values(), key=_cost)
        digest = hashlib.blake2b(
            b"\0".join((name.encode("utf-8", "surrogateescape"), hashed.encode(), password)), key=self._key
        ).digest()
        check = self._known.get(digest)
        if check is None:
            if self._waiting >= self._most_waiting:
                raise web.HTTPServiceUnavailable(text="too many logins at once\n", headers={hdrs.RETRY_AFTER: "1"})
            self._waiting += 1
            check = self._known[digest] = asyncio.create_task(self._check(password, hashed))
            while len(self._known) > self._remembered:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(digest)
        return await asyncio.shield(check) and known

    async def _check(self, password: bytes, hashed: str) -> bool:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, bcrypt.checkpw, password[:_BCRYPT_BYTES], hashed.encode())
        finally:
            self._waiting -= 1


def probes(prefix: str) -> frozenset[str]:
    """Return the paths that tell how the exporter is, after the *prefix* of every path."""
    return frozenset(prefix + path for path in _PROBES)


def _cost(hashed: str) -> str:
    return hashed[4:6]


def _credentials(header: str) -> tuple[str, bytes] | None:
    """Return name and password of an Authorization *header* of HTTP Basic (RFC 7617), None where it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    if not colon or b"\0" in password:  # bcrypt knows no NUL
        return None
    return name.decode("utf-8", "surrogateescape"), password


def _sans(certificate: Mapping[str, Any]) -> set[str]:
    """Return the subject alternative names of a peer's *certificate* as the ssl module tells them."""
    names = set()
    for kind, name in certificate.get("subjectAltName", ()):
        names.add(str(ipaddress.ip_address(name)) if kind == "IP Address" else name)
    return names


def _may_be_cut(text: bytes | None) -> bool:
    """Tell whether *text* ends within a line: a name at its end may be the beginning of a longer one."""
    return text is not None and text != b"" and not text.endswith(b"\n")


def _refuse_less(file: Path, old: WebConfig, new: WebConfig) -> None:
    """Refuse *new* without a protection that *old* has: *file* may be half written.

    Raises:
        ConfigError: *new* gives up something.
    """
    problems = []
    if old.basic_auth_users and not new.basic_auth_users:
        problems.append("basic_auth_users: to let everybody in needs a restart")
    before, after = old.tls_server_config, new.tls_server_config
    required = "RequireAndVerifyClientCert"
    if before is None or after is None:
        if before is not after:
            problems.append("tls_server_config: to turn TLS on or off needs a restart")
    elif before.client_auth_type == required != after.client_auth_type:
        problems.append("tls_server_config.client_auth_type: to require no client certificate needs a restart")
    elif before.client_allowed_sans and not after.client_allowed_sans:
        problems.append("tls_server_config.client_allowed_sans: to allow every name needs a restart")
    if problems:
        raise ConfigError(str(file), problems)
