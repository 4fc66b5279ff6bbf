"""Login methods: how each obtains, renews and gives back a credential.

Sources: the ZVM's OpenAPI document (tag Sessions) for Keycloak's token endpoint, Zerto's REST API
guide for `/v1/session/add`, RFC 6749 for the grants, OpenID Connect RP-initiated logout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from exporter.zvm.errors import AuthError, DecodeError, StatusError
from exporter.zvm.login.protocol import Credential, Login, Send, expect_ok
from exporter.zvm.login.secrets import Scrubber, read_secret
from exporter.zvm.login.session import SessionLogin
from exporter.zvm.login.tokens import read_tokens, refusal
from exporter.zvm.paths import LoginPaths, login_paths
from exporter.zvm.settings import KEYCLOAK_CLIENT, Auth

_MARGIN_SECONDS = 30.0
_MARGIN_SHARE = 0.2
_KEYS: Final = {  # of the configuration, by the error of Keycloak that they are to blame for
    "invalid_scope": "auth.scope",
    "invalid_client": "auth.client_id, auth.client_secret",
    "unauthorized_client": "auth.client_id, auth.client_secret",
}


@dataclass(frozen=True)
class KeycloakLogin:
    """Keycloak of the appliance: the password grant, or the client-credentials grant for a client of its own."""

    auth: Auth
    scrubber: Scrubber
    monotonic: Callable[[], float]
    own_client: bool = False

    @property
    def paths(self) -> LoginPaths:
        """The paths of the realm."""
        return login_paths(self.auth.realm)

    async def login(self, send: Send) -> Credential:
        if self.own_client:
            who = f"client {self._client_id()!r}"
            roles = f"the roles of the service account of {who}"
            return await self._grant(send, {"grant_type": "client_credentials"}, who, roles)
        username = read_secret("username", self.auth.username, self.auth.username_file)
        password = read_secret("password", self.auth.password, self.auth.password_file)
        self.scrubber.learn(password)
        who = f"user {username!r}"
        grant = {"grant_type": "password", "username": username, "password": password}
        return await self._grant(send, grant, who, f"the roles of {who}")

    async def renew(self, send: Send, credential: Credential) -> Credential:
        """Use the refresh token where there is one: each password grant would open one more session."""
        if credential.refresh_token is None:
            return await self.login(send)
        grant = {"grant_type": "refresh_token", "refresh_token": credential.refresh_token}
        try:
            renewed = await self._grant(send, grant, "refresh token", "")
        except AuthError:
            return await self.login(send)
        # An answer without a new one means that the old one goes on (RFC 6749, 6).
        refresh_token = renewed.refresh_token or credential.refresh_token
        return replace(renewed, refresh_token=refresh_token, advice=credential.advice)

    async def logout(self, send: Send, credential: Credential) -> None:
        if credential.refresh_token is not None:
            form = {"refresh_token": credential.refresh_token, **self._client()}
            await send("POST", self.paths.logout, form=form)

    def _client_id(self) -> str:
        if self.auth.client_id is None and self.auth.client_id_file is None:
            return KEYCLOAK_CLIENT
        return read_secret("client_id", self.auth.client_id, self.auth.client_id_file)

    def _client(self) -> dict[str, str]:
        client = {"client_id": self._client_id()}
        if self.auth.client_secret is not None or self.auth.client_secret_file is not None:
            secret = read_secret("client_secret", self.auth.client_secret, self.auth.client_secret_file)
            self.scrubber.learn(secret)
            client["client_secret"] = secret
        return client

    async def _grant(self, send: Send, grant: Mapping[str, str], who: str, roles: str) -> Credential:
        asked_at, path = self.monotonic(), self.paths.token
        scope = {"scope": self.auth.scope} if self.auth.scope else {}
        answer = await send("POST", path, form={**grant, **self._client(), **scope})
        if answer.status in {400, 401, 403}:
            why = refusal(answer)
            keys = _KEYS.get(why.error)
            hint = f": see {keys}" if keys else ""
            raise AuthError(f"login refused for {who}: HTTP {answer.status} at {path}{why.told(self.scrubber)}{hint}")
        if answer.status == 404:
            raise StatusError(f"POST {path}: HTTP 404{refusal(answer).told(self.scrubber)}: {self.no_realm}")
        expect_ok(answer, f"POST {path}")
        tokens = read_tokens(answer, f"POST {path}")
        self.scrubber.learn_token(tokens.access, tokens.refresh)
        margin = min(_MARGIN_SECONDS, tokens.lifetime * _MARGIN_SHARE)
        return Credential(
            {"Authorization": f"Bearer {tokens.access}"},
            self,
            renew_at=asked_at + tokens.lifetime - margin,
            refresh_token=tokens.refresh,
            ends_at=asked_at + tokens.lifetime,
            advice=f"auth.scope (it is {self.auth.scope!r}), {roles} in realm {self.auth.realm!r}, the licence",
        )

    @property
    def no_realm(self) -> str:
        """What to look at where Keycloak does not know the realm, or is not there."""
        return f"is auth.realm right? It is {self.auth.realm!r} (a Windows ZVM needs auth.method session)"


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
        path = self.keycloak.paths.discovery
        answer = await send("GET", path)
        if answer.status == 404:
            if refusal(answer).no_realm:
                raise StatusError(f"GET {path}: HTTP 404: {answer.quote}: {self.keycloak.no_realm}")
            return self.session
        if answer.status != 200:
            raise StatusError(
                f"GET {path}: HTTP {answer.status}, expected 200 (Keycloak) or 404 (session API); "
                f"set auth.method to tell which: {answer.quote}"
            )
        try:
            msgspec.json.decode(answer.body, type=dict)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DecodeError(f"GET {path}: expected a JSON object, got {answer.quote}") from error
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
