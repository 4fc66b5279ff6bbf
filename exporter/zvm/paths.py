"""Paths of the ZVM's API: those that no collector has of its own, and how an id becomes a part of a path.

An *endpoint* is the template of a path, `/v1/vpgs/{id}/checkpoints/stats`. Whatever is remembered or counted is so by
endpoint: there are a few dozen of them, and as many paths as the ZVM has objects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from exporter.zvm.errors import DecodeError
from exporter.zvm.settings import KEYCLOAK_REALM

SESSION_ADD: Final = "/v1/session/add"
SESSION: Final = "/v1/session"
LOCAL_SITE: Final = "/v1/localsite"
STATUSES: Final = "/v1/vpgs/statuses"
SUBSTATUSES: Final = "/v1/vpgs/substatuses"

_KEY: Final = re.compile(r"\{(\w+)\}")
_LONGEST_SEGMENT: Final = 255  # characters, quoted; the web server of Windows takes no longer ones
_QUOTED: Final = 100  # characters of an id that an error may show

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


def path_of(endpoint: str, ids: Mapping[str, str]) -> str:
    """Return the path of *endpoint*, in which each `{key}` is replaced by the one of *ids*, quoted.

    Raises:
        DecodeError: one of the *ids*, which come out of answers, can be no segment of a path.
        ValueError: the *ids* are not those of *endpoint*.
    """
    keys = _KEY.findall(endpoint)
    if sorted(keys) != sorted(ids):
        raise ValueError(f"{endpoint} has the ids {keys}, not {sorted(ids)}")
    for key, value in ids.items():
        if not _is_segment(value) or len(quote(value, safe="")) > _LONGEST_SEGMENT:
            raise DecodeError(f"the {key} {value[:_QUOTED]!a} can be no part of a path")
    return _KEY.sub(lambda key: quote(ids[key[1]], safe=""), endpoint)


def _is_segment(text: str) -> bool:
    """Tell whether *text* can be one step of a path, and stay one."""
    return bool(text) and text.isprintable() and not {"/", "\\"} & set(text) and bool(text.strip("."))


def login_paths(realm: str) -> LoginPaths:
    """Return the paths of *realm*, which `realm_problem` has nothing against."""
    return _below(quote(realm, safe=""))


def realm_problem(realm: str) -> str:
    """Return why *realm* can be no realm's name, "" where it can: it must be one step of a path, and stay one."""
    if _is_segment(realm):
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
