"""The token endpoint of the appliance's Keycloak: three grants, rotation of refresh tokens, logout.

The texts and codes of its refusals are those of a stock Keycloak; the appliance's own were not seen. Access tokens
look like signed JWTs, and nothing verifies them but a look into the book of those that were issued.
"""

import base64
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


class RefusedError(Exception):
    """The token endpoint says no: an HTTP status and an OAuth error code with its description."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Realm:
    """Who may log in, and for how many seconds. The API takes no token that was asked for without `required_scope`."""

    username: str
    password: str
    client_id: str
    service_clients: Mapping[str, str]
    token_lifetime: float
    refresh_lifetime: float
    name: str = "zerto"
    required_scope: str = ""

    def accepts(self, scope: str) -> bool:
        """Whether the API takes a token of that scope."""
        return set(self.required_scope.split()) <= set(scope.split())


@dataclass(slots=True)
class _Login:
    """A Keycloak session: one login and all the tokens that came of it."""

    identifier: str
    client: str
    until: float
    scope: str
    refresh_token: str | None = None
    access: dict[str, float] = field(default_factory=dict)


class Keycloak:
    """The logins of the realm. Times in seconds of the clock."""

    def __init__(self, realm: Realm, clock: Callable[[], float]) -> None:
        self._realm = realm
        self._clock = clock
        self._logins: dict[str, _Login] = {}

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The token endpoint: the answer's JSON for the fields of a form.

        Raises:
            RefusedError: with the status and the error that Keycloak gives.
        """
        match form.get("grant_type"):
            case None | "":
                raise RefusedError(400, "invalid_request", "Missing form parameter: grant_type")
            case "password":
                return self._password(form)
            case "client_credentials":
                return self._client_credentials(form)
            case "refresh_token":
                return self._refresh(form)
            case _:
                raise RefusedError(400, "unsupported_grant_type", "Unsupported grant_type")

    def logout(self, form: Mapping[str, str]) -> None:
        """End the login that a refresh token belongs to.

        Raises:
            RefusedError: the token is dead or missing.
        """
        login = self._of_refresh(form)
        del self._logins[login.identifier]

    def knows(self, token: str) -> bool:
        """Whether an access token is good now."""
        return self.age(token) is not None

    def age(self, token: str) -> float | None:
        """Seconds since a good access token was issued, None for any other."""
        now = self._clock()
        for login in self._live().values():
            issued = login.access.get(token)
            if issued is not None and self._realm.accepts(login.scope) and now - issued < self._realm.token_lifetime:
                return now - issued
        return None

    def revoke(self, token: str) -> None:
        """Make one access token unknown."""
        for login in self._logins.values():
            login.access.pop(token, None)

    def forget(self) -> None:
        """Make every token unknown."""
        self._logins.clear()

    def __len__(self) -> int:
        return len(self._live())

    def _password(self, form: Mapping[str, str]) -> dict[str, Any]:
        client = self._client(form)
        # Both are compared in full, so that a wrong name takes as long as a wrong password.
        good = secrets.compare_digest(form.get("username", "").encode(), self._realm.username.encode())
        good &= secrets.compare_digest(form.get("password", "").encode(), self._realm.password.encode())
        if not good:
            raise RefusedError(401, "invalid_grant", "Invalid user credentials")
        login = self._opened(client, self._realm.refresh_lifetime, form)
        login.refresh_token = _jwt("Refresh")
        return self._answer(login)

    def _client_credentials(self, form: Mapping[str, str]) -> dict[str, Any]:
        client = self._client(form)
        if client not in self._realm.service_clients:
            raise RefusedError(401, "unauthorized_client", "Public client not allowed to retrieve service account")
        return self._answer(self._opened(client, self._realm.token_lifetime, form))

    def _refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        self._client(form)
        login = self._of_refresh(form)
        if not set(form.get("scope", "").split()) <= set(login.scope.split()):
            raise RefusedError(400, "invalid_scope", "Invalid scopes")
        login.refresh_token = _jwt("Refresh")
        login.until = self._clock() + self._realm.refresh_lifetime
        return self._answer(login)

    def _client(self, form: Mapping[str, str]) -> str:
        client = form.get("client_id", "")
        secret = self._realm.service_clients.get(client)
        known = client == self._realm.client_id or secret is not None
        if not known or (secret is not None and not secrets.compare_digest(secret, form.get("client_secret", ""))):
            raise RefusedError(401, "unauthorized_client", "Invalid client or Invalid client credentials")
        return client

    def _of_refresh(self, form: Mapping[str, str]) -> _Login:
        token = form.get("refresh_token", "")
        for login in self._live().values():
            if login.refresh_token == token:
                return login
        raise RefusedError(400, "invalid_grant", "Token is not active")

    def _opened(self, client: str, lifetime: float, form: Mapping[str, str]) -> _Login:
        scope = form.get("scope") or "email profile"
        login = _Login(str(uuid.uuid4()), client, self._clock() + lifetime, scope)
        self._logins[login.identifier] = login
        return login

    def _answer(self, login: _Login) -> dict[str, Any]:
        now, token = self._clock(), _jwt("Bearer")
        fresh = {old: issued for old, issued in login.access.items() if now - issued < self._realm.token_lifetime}
        login.access = {**fresh, token: now}
        answer: dict[str, Any] = {
            "access_token": token,
            "expires_in": int(self._realm.token_lifetime),
            "refresh_expires_in": 0,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": login.scope,
        }
        if login.refresh_token is not None:
            answer |= {
                "refresh_token": login.refresh_token,
                "refresh_expires_in": int(self._realm.refresh_lifetime),
                "session_state": login.identifier,
            }
        return answer

    def _live(self) -> dict[str, _Login]:
        now = self._clock()
        self._logins = {key: login for key, login in self._logins.items() if now < login.until}
        return self._logins


def _jwt(kind: str) -> str:
    """A string of the looks and length of a signed token; the name of its kind is all that it says."""
    head = {"alg": "RS256", "typ": "JWT", "kid": secrets.token_urlsafe(32)}
    claims = {"typ": kind, "jti": str(uuid.uuid4()), "azp": "zerto", "sid": secrets.token_urlsafe(300)}
    parts = (msgspec.json.encode(head), msgspec.json.encode(claims), secrets.token_bytes(256))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
