"""The login of a Windows ZVM: `POST /v1/session/add` with HTTP Basic. The session ends after 30 idle minutes.

The JSON body says whose account it is: of Windows, or of the hypervisor's manager (vCenter, SCVMM). A ZVM that is told
nothing takes it for one of Windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from exporter.zvm.errors import AuthError, DecodeError, SecretError, StatusError, ZvmError
from exporter.zvm.login.protocol import Credential, Send, expect_ok
from exporter.zvm.login.secrets import Scrubber, basic, read_secret
from exporter.zvm.paths import SESSION, SESSION_ADD
from exporter.zvm.settings import Auth

SESSION_HEADER = "x-zerto-session"

_VCENTERS_OWN: Final = "@vsphere.local"  # no domain of Windows has that name
_NO_JSON: Final = frozenset({400, 415, 422})  # the body is refused, and nobody looked at the password
_BROKEN_BY_JSON: Final = _NO_JSON | {500, 501}


@dataclass(frozen=True)
class _Account:
    """A kind of account, and the body by which the ZVM is told of it; None for no body."""

    name: str
    body: Mapping[str, int] | None


_WINDOWS: Final = _Account("a Windows account", {"AuthenticationMethod": 0})
_UNSAID: Final = _Account("a Windows account", None)
_HYPERVISOR: Final = _Account("a hypervisor account", {"AuthenticationMethod": 1})


class _NotTakenError(StatusError):
    """The ZVM takes no body that names a kind of account."""


class SessionLogin:
    """Tries the kinds of accounts that may be meant, each at most once a login, and remembers which was granted."""

    def __init__(self, auth: Auth, scrubber: Scrubber) -> None:
        self._auth = auth
        self._scrubber = scrubber
        self._granted: _Account | None = None

    async def login(self, send: Send) -> Credential:
        username = read_secret("username", self._auth.username, self._auth.username_file)
        if ":" in username:
            raise SecretError("auth.username: must not hold a colon, HTTP Basic has no way to send it")
        password = read_secret("password", self._auth.password, self._auth.password_file)
        authorization = basic(username, password)
        self._scrubber.learn(password, authorization.removeprefix("Basic "))
        failures: list[ZvmError] = []
        for account in self._accounts(username):
            try:
                return await self._try(send, authorization, account)
            except (AuthError, _NotTakenError) as error:
                failures.append(error)
            except ZvmError as error:
                failures.append(error)
                break
        if not any(isinstance(failure, AuthError) for failure in failures):
            raise failures[-1]
        # One refused kind makes it a refused login, whatever became of the other: the next one has to wait.
        raise AuthError(f"login refused for user {username!r}: {'; '.join(map(str, failures))} (auth.account)")

    async def renew(self, send: Send, credential: Credential) -> Credential:  # noqa: ARG002 - of Login; a session cannot be renewed
        return await self.login(send)

    async def logout(self, send: Send, credential: Credential) -> None:
        await send("DELETE", SESSION, headers=credential.headers)

    def _accounts(self, username: str) -> tuple[_Account, ...]:
        if self._granted is not None:
            return (self._granted,)
        match self._auth.account:
            case "windows":
                return (_WINDOWS,)
            case "hypervisor":
                return (_HYPERVISOR,)
            case "auto" if username.casefold().endswith(_VCENTERS_OWN):
                return (_HYPERVISOR, _WINDOWS)
            case "auto":
                return (_WINDOWS, _HYPERVISOR)

    async def _try(self, send: Send, authorization: str, account: _Account) -> Credential:
        headers = {"Authorization": authorization}
        answer = await send("POST", SESSION_ADD, headers=headers, json=account.body)
        if account is _WINDOWS and answer.status in _BROKEN_BY_JSON:
            # What every ZVM understood before there was a choice.
            account = _UNSAID
            answer = await send("POST", SESSION_ADD, headers=headers)
        if answer.status in {401, 403}:
            raise AuthError(f"HTTP {answer.status} at {SESSION_ADD} as {account.name}")
        if account is _HYPERVISOR and answer.status in _NO_JSON:
            raise _NotTakenError(
                f"POST {SESSION_ADD}: HTTP {answer.status}: the ZVM takes no {account.name} (auth.account windows)"
            )
        if answer.status == 404:
            raise StatusError(
                f"POST {SESSION_ADD}: HTTP 404: no session API here (appliances use auth.method keycloak)"
            )
        expect_ok(answer, f"POST {SESSION_ADD}")
        session = answer.headers.get(SESSION_HEADER)
        if not session:
            raise DecodeError(f"POST {SESSION_ADD}: HTTP 200 without the header {SESSION_HEADER}")
        self._scrubber.learn_token(session)
        self._granted = account
        advice = f"auth.account (it was taken for {account.name}), the user's rights in vCenter, the licence"
        return Credential({SESSION_HEADER: session}, self, advice=advice)
