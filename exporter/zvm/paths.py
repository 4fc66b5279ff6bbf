"""The paths of the ZVM's API that are not a collector's: login, logout, who the ZVM is, how it names states."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote

from exporter.zvm.settings import KEYCLOAK_REALM

SESSION_ADD: Final = "/v1/session/add"
SESSION: Final = "/v1/session"
LOCAL_SITE: Final = "/v1/localsite"
STATUSES: Final = "/v1/vpgs/statuses"
SUBSTATUSES: Final = "/v1/vpgs/substatuses"

# Lists that have a few hundred bytes.
SMALL: Final = frozenset({STATUSES, SUBSTATUSES})

_OF_SESSIONS: Final = frozenset({("POST", SESSION_ADD), ("DELETE", SESSION)})


class LoginPaths(NamedTuple):
    """The paths of a realm of Keycloak."""

    discovery: str
    token: str
    logout: str

    @property
    def writes(self) -> frozenset[tuple[str, str]]:
        """Logins and logouts, with sessions as well: all that can be sent besides GET."""
        return _OF_SESSIONS | {("POST", self.token), ("POST", self.logout)}

    def endpoint(self, path: str) -> str:
        """Return what *path* is counted as: there is no name of a realm in it but that of every appliance."""
        if self == _APPLIANCE:
            return path
        return dict(zip(self, _ANY, strict=True)).get(path, path)


def login_paths(realm: str) -> LoginPaths:
    """Return the paths of *realm*, which `realm_problem` has nothing against."""
    return _below(quote(realm, safe=""))


def realm_problem(realm: str) -> str:
    """Return why *realm* can be no realm's name, "" where it can: it must be one step of a path, and stay one."""
    if realm and realm.isprintable() and not {"/", "\\"} & set(realm) and realm.strip("."):
        return ""
    return "expected the name of a realm of Keycloak, without slashes and not only dots"


def _below(segment: str) -> LoginPaths:
    realm = f"/auth/realms/{segment}"
    openid = f"{realm}/protocol/openid-connect"
    return LoginPaths(f"{realm}/.well-known/openid-configuration", f"{openid}/token", f"{openid}/logout")


_ANY: Final = _below("{realm}")
_APPLIANCE: Final = login_paths(KEYCLOAK_REALM)

DISCOVERY: Final = _APPLIANCE.discovery
TOKEN: Final = _APPLIANCE.token
LOGOUT: Final = _APPLIANCE.logout
