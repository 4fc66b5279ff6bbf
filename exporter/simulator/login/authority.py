"""Who may ask: routes the login paths and checks what an API call brings with it.

A ZVM up to 9.0 has sessions, an appliance has Keycloak; a server that has both is for tests. The paths of the one that
is not there answer 404.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from exporter.simulator.exchange import Call, Payload, message
from exporter.simulator.login.keycloak import Keycloak, Realm, RefusedError
from exporter.simulator.login.sessions import HEADER, Account, Sessions

Method = Literal["session", "keycloak", "both"]

_SESSION: Final = "/v1/session"


class Authority:
    """The open sessions and issued tokens, and the counts of logins."""

    def __init__(
        self,
        method: Method,
        realm: Realm,
        session_idle: float,
        clock: Callable[[], float],
        account: Account = "any",
    ) -> None:
        self._sessions = Sessions(realm.username, realm.password, session_idle, clock, account)
        self._realm = f"/auth/realms/{realm.name}"
        self._keycloak = Keycloak(realm, clock)
        self._with_sessions = method in {"session", "both"}
        self._with_keycloak = method in {"keycloak", "both"}
        self.logins = 0
        self.refused_logins = 0
        self.refreshes = 0

    @property
    def live(self) -> int:
        """How many logins are still good."""
        return len(self._sessions) + len(self._keycloak)

    def forget(self) -> None:
        self._sessions.forget()
        self._keycloak.forget()

    def permits(self, headers: Mapping[str, str]) -> bool:
        """Whether an API call brings a good token or session; the session is used thereby."""
        if self._with_keycloak and self._keycloak.knows(_bearer(headers)):
            return True
        return self._with_sessions and self._sessions.touch(headers.get(HEADER, ""))

    def age(self, headers: Mapping[str, str]) -> float | None:
        """Seconds since the token or session of a call was issued; None where it is not good."""
        age = self._keycloak.age(_bearer(headers))
        return self._sessions.age(headers.get(HEADER, "")) if age is None else age

    def revoke(self, headers: Mapping[str, str]) -> None:
        """Make the token or session of a call unknown."""
        self._keycloak.revoke(_bearer(headers))
        self._sessions.logout(headers.get(HEADER, ""))

    def answer(self, call: Call) -> Payload | None:
        """The answer to a request on a login path, None for a request on any other."""
        path = call.path.lower().rstrip("/")
        if path == _SESSION or path.startswith(f"{_SESSION}/"):
            return self._session(call, path) if self._with_sessions else message(404, "Not found")
        if path.startswith("/auth/"):
            return self._openid(call, path) if self._with_keycloak else message(404, "Not found")
        return None

    def _session(self, call: Call, path: str) -> Payload:
        match call.request.method, path.removeprefix(_SESSION):
            case "POST", "/add":
                try:
                    session = self._sessions.login(call.request.headers.get("Authorization", ""), call.record.body)
                except msgspec.DecodeError:
                    return message(400, "The request is invalid.")
                self._count(good=session is not None)
                if session is None:
                    return Payload(401)
                return Payload(200, headers={HEADER: session})
            case "DELETE", "":
                return Payload(200 if self._sessions.logout(call.request.headers.get(HEADER, "")) else 401)
            case _, "" | "/add":
                return Payload(405)
            case _:
                return message(404, "Not found")

    def _openid(self, call: Call, path: str) -> Payload:
        realm = self._realm.lower()
        if path.startswith("/auth/realms/") and path != realm and not path.startswith(f"{realm}/"):
            return Payload(404, msgspec.json.encode({"error": "Realm does not exist"}))
        match call.request.method, path.removeprefix(realm):
            case "GET", "/.well-known/openid-configuration":
                base = f"{call.request.scheme}://{call.request.host}{quote(self._realm)}"
                return Payload(200, msgspec.json.encode(_discovery(base)))
            case "POST", "/protocol/openid-connect/token":
                return self._token(call)
            case "POST", "/protocol/openid-connect/logout":
                try:
                    self._keycloak.logout(call.record.form)
                except RefusedError as refusal:
                    return _refused(refusal)
                return Payload(204)
            case _:
                return Payload(404, msgspec.json.encode({"error": "Unable to find matching target resource method"}))

    def _token(self, call: Call) -> Payload:
        form = call.record.form
        renewing = form.get("grant_type") == "refresh_token"
        try:
            answer = self._keycloak.grant(form)
        except RefusedError as refusal:
            if not renewing:
                self._count(good=False)
            return _refused(refusal)
        if renewing:
            self.refreshes += 1
        else:
            self._count(good=True)
        return Payload(200, msgspec.json.encode(answer), headers={"Cache-Control": "no-store"})

    def _count(self, *, good: bool) -> None:
        if good:
            self.logins += 1
        else:
            self.refused_logins += 1


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _refused(refusal: RefusedError) -> Payload:
    body = {"error": refusal.error, "error_description": refusal.description}
    return Payload(refusal.status, msgspec.json.encode(body))


def _discovery(realm: str) -> dict[str, str | list[str]]:
    openid = f"{realm}/protocol/openid-connect"
    return {
        "issuer": realm,
        "authorization_endpoint": f"{openid}/auth",
        "token_endpoint": f"{openid}/token",
        "end_session_endpoint": f"{openid}/logout",
        "jwks_uri": f"{openid}/certs",
        "grant_types_supported": ["password", "client_credentials", "refresh_token"],
    }
