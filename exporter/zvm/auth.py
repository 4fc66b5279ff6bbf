"""Login methods: how each obtains, renews and gives back a credential. Knows no connection and no retry.

Sources: the ZVM's OpenAPI document (tag Sessions) for Keycloak's token endpoint, Zerto's REST API
guide for `/v1/session/add`, RFC 6749 for the grants, OpenID Connect RP-initiated logout.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from exporter.zvm.answer import QUOTED, Answer
from exporter.zvm.errors import AuthError, DecodeError, StatusError
from exporter.zvm.paths import DISCOVERY, LOGOUT, SESSION, SESSION_ADD, TOKEN
from exporter.zvm.secrets import Scrubber, basic, read_secret
from exporter.zvm.settings import KEYCLOAK_CLIENT, Auth

SESSION_HEADER = "x-zerto-session"

_MARGIN_SECONDS = 30.0
_MARGIN_SHARE = 0.2


class Send(Protocol):
    """Sends one request without a credential; raises ZvmError where there is no answer at all."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Awaitable[Answer]: ...


@dataclass(frozen=True)
class Credential:
    """What makes a request an authenticated one.

    `renew_at` is on the monotonic clock, in seconds; None means that only a 401 tells its end.
    """

    headers: Mapping[str, str] = field(repr=False)
    login: Login
    renew_at: float | None = None
    refresh_token: str | None = field(default=None, repr=False)


class Login(Protocol):
    """One login method."""

    async def login(self, send: Send) -> Credential:
        """Obtain a credential. Raises AuthError where the ZVM refuses, another ZvmError where it fails."""
        ...

    async def renew(self, send: Send, credential: Credential) -> Credential:
        """Obtain the successor of *credential* before it ends."""
        ...

    async def logout(self, send: Send, credential: Credential) -> None:
        """Give *credential* back, so that no session is left at the ZVM."""
        ...


class _Tokens(msgspec.Struct):
    """The token endpoint's answer: SuccessTokenResult in the OpenAPI document, times in seconds."""

    access_token: str
    expires_in: Any = None
    refresh_token: str | None = None


class _Refusal(msgspec.Struct):
    """The token endpoint's refusal: ErrorResult in the OpenAPI document."""

    error: str = ""
    error_description: str = ""


@dataclass(frozen=True)
class SessionLogin:
    """`POST /v1/session/add` with HTTP Basic: the Windows ZVM. The session ends after 30 idle minutes."""

    auth: Auth
    scrubber: Scrubber

    async def login(self, send: Send) -> Credential:
        password = read_secret("password", self.auth.password, self.auth.password_file)
        authorization = basic(self.auth.username or "", password)
        self.scrubber.learn(password, authorization.removeprefix("Basic "))
        answer = await send("POST", SESSION_ADD, headers={"Authorization": authorization})
        if answer.status in {401, 403}:
            raise AuthError(f"login refused for user {self.auth.username!r}: HTTP {answer.status} at {SESSION_ADD}")
        if answer.status == 404:
            raise StatusError(
                f"POST {SESSION_ADD}: HTTP 404: no session API here (appliances use auth.method keycloak)"
            )
        _expect_ok(answer, f"POST {SESSION_ADD}")
        session = answer.headers.get(SESSION_HEADER)
        if not session:
            raise DecodeError(f"POST {SESSION_ADD}: HTTP 200 without the header {SESSION_HEADER}")
        self.scrubber.learn_token(session)
        return Credential({SESSION_HEADER: session}, self)

    async def renew(self, send: Send, credential: Credential) -> Credential:  # noqa: ARG002 - of Login; a session cannot be renewed
        return await self.login(send)

    async def logout(self, send: Send, credential: Credential) -> None:
        await send("DELETE", SESSION, headers=credential.headers)


@dataclass(frozen=True)
class KeycloakLogin:
    """Keycloak of the appliance: the password grant, or the client-credentials grant for a client of its own."""

    auth: Auth
    scrubber: Scrubber
    monotonic: Callable[[], float]
    own_client: bool = False

    async def login(self, send: Send) -> Credential:
        client_id = self.auth.client_id or KEYCLOAK_CLIENT
        if self.own_client:
            return await self._grant(send, {"grant_type": "client_credentials"}, who=f"client {client_id!r}")
        password = read_secret("password", self.auth.password, self.auth.password_file)
        self.scrubber.learn(password)
        grant = {"grant_type": "password", "username": self.auth.username or "", "password": password}
        return await self._grant(send, grant, who=f"user {self.auth.username!r}")

    async def renew(self, send: Send, credential: Credential) -> Credential:
        """Use the refresh token where there is one: each password grant would open one more session."""
        if credential.refresh_token is None:
            return await self.login(send)
        grant = {"grant_type": "refresh_token", "refresh_token": credential.refresh_token}
        try:
            return await self._grant(send, grant, who="refresh token")
        except AuthError:
            return await self.login(send)

    async def logout(self, send: Send, credential: Credential) -> None:
        if credential.refresh_token is not None:
            form = {"refresh_token": credential.refresh_token, **self._client()}
            await send("POST", LOGOUT, form=form)

    def _client(self) -> dict[str, str]:
        client = {"client_id": self.auth.client_id or KEYCLOAK_CLIENT}
        if self.auth.client_secret is not None or self.auth.client_secret_file is not None:
            secret = read_secret("client_secret", self.auth.client_secret, self.auth.client_secret_file)
            self.scrubber.learn(secret)
            client["client_secret"] = secret
        return client

    async def _grant(self, send: Send, grant: Mapping[str, str], *, who: str) -> Credential:
        asked_at = self.monotonic()
        answer = await send("POST", TOKEN, form={**grant, **self._client()})
        if answer.status in {400, 401, 403}:
            raise AuthError(f"login refused for {who}: HTTP {answer.status} at {TOKEN}{_why(answer, self.scrubber)}")
        _expect_ok(answer, f"POST {TOKEN}")
        try:
            tokens = msgspec.json.decode(answer.body, type=_Tokens, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DecodeError(f"POST {TOKEN}: no token in the answer: {error}") from error
        self.scrubber.learn_token(tokens.access_token, tokens.refresh_token)
        lifetime = _seconds(tokens.expires_in)
        margin = min(_MARGIN_SECONDS, lifetime * _MARGIN_SHARE)
        return Credential(
            {"Authorization": f"Bearer {tokens.access_token}"},
            self,
            renew_at=asked_at + lifetime - margin,
            refresh_token=tokens.refresh_token or None,
        )


@dataclass(frozen=True)
class AutoLogin:
    """Asks the ZVM which of the two it has, without a credential, then logs in that way."""

    session: SessionLogin
    keycloak: KeycloakLogin

    async def login(self, send: Send) -> Credential:
        return await (await self._found(send)).login(send)

    async def renew(self, send: Send, credential: Credential) -> Credential:
        return await credential.login.renew(send, credential)

    async def logout(self, send: Send, credential: Credential) -> None:
        await credential.login.logout(send, credential)

    async def _found(self, send: Send) -> Login:
        answer = await send("GET", DISCOVERY)
        if answer.status == 404:
            return self.session
        if answer.status != 200:
            raise StatusError(
                f"GET {DISCOVERY}: HTTP {answer.status}, expected 200 (Keycloak) or 404 (session API); "
                f"set auth.method to tell which: {answer.said}"
            )
        try:
            msgspec.json.decode(answer.body, type=dict)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DecodeError(f"GET {DISCOVERY}: expected a JSON object, got {answer.said}") from error
        return self.keycloak


def login_for(auth: Auth, scrubber: Scrubber, monotonic: Callable[[], float]) -> Login:
    """Return the login method that *auth* asks for."""
    session = SessionLogin(auth, scrubber)
    keycloak = KeycloakLogin(auth, scrubber, monotonic, own_client=auth.method == "keycloak_client")
    match auth.method:
        case "session":
            return session
        case "keycloak" | "keycloak_client":
            return keycloak
        case "auto":
            return AutoLogin(session, keycloak)


def _seconds(expires_in: Any) -> float:
    """Return the lifetime of a token, a minute where the answer does not tell it as a number."""
    try:
        return max(float(expires_in), 0.0)
    except (TypeError, ValueError):
        return 60.0


def _expect_ok(answer: Answer, what: str) -> None:
    if answer.status != 200:
        # What a login answers is not quoted: it may hold a token that we have not learned.
        raise StatusError(f"{what}: HTTP {answer.status}, expected 200")


def _why(answer: Answer, scrubber: Scrubber) -> str:
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    said = ": ".join(part for part in (refusal.error, refusal.error_description) if part)
    return f" ({scrubber.beginning(said, QUOTED)!r})" if said else ""
