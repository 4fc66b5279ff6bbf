"""The paths of the ZVM's API that are not a collector's: login, logout, who the ZVM is, how it names states."""

from __future__ import annotations

from typing import Final

SESSION_ADD: Final = "/v1/session/add"
SESSION: Final = "/v1/session"
REALM: Final = "/auth/realms/zerto"
DISCOVERY: Final = f"{REALM}/.well-known/openid-configuration"
TOKEN: Final = f"{REALM}/protocol/openid-connect/token"
LOGOUT: Final = f"{REALM}/protocol/openid-connect/logout"
LOCAL_SITE: Final = "/v1/localsite"
STATUSES: Final = "/v1/vpgs/statuses"
SUBSTATUSES: Final = "/v1/vpgs/substatuses"

# Answers that have a few hundred bytes.
SMALL: Final = frozenset({DISCOVERY, STATUSES, SUBSTATUSES})

# Logins and logouts: all that can be sent besides GET.
WRITES: Final = frozenset({("POST", SESSION_ADD), ("DELETE", SESSION), ("POST", TOKEN), ("POST", LOGOUT)})
