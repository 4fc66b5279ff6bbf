"""The session API of a Windows ZVM: POST /v1/session/add with HTTP Basic, then x-zerto-session, then DELETE.

The JSON of the body may say whose account it is: 0 or nothing is Windows, 1 is the hypervisor's manager.

A session ends after a time without a request, however long it has lived (GET of any endpoint then answers 401).
"""

import base64
import binascii
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

HEADER = "x-zerto-session"

Account = Literal["any", "windows", "hypervisor"]

_METHOD: Final[dict[Account, int]] = {"windows": 0, "hypervisor": 1}


class _Body(msgspec.Struct):
    method: int = msgspec.field(name="AuthenticationMethod", default=0)


@dataclass(slots=True)
class _Session:
    since: float
    used: float


class Sessions:
    """The open sessions. Times in seconds of the clock."""

    def __init__(
        self, username: str, password: str, idle: float, clock: Callable[[], float], account: Account = "any"
    ) -> None:
        self._credentials = (username, password)
        self._account: Account = account
        self._idle = idle
        self._clock = clock
        self._open: dict[str, _Session] = {}

    def login(self, authorization: str, body: bytes = b"") -> str | None:
        """The identifier of a new session, or None where the credentials are not right, or of another kind of account.

        Raises:
            msgspec.DecodeError: the body is not what it should be.
        """
        method = msgspec.json.decode(body, type=_Body, strict=False).method if body else 0
        if _basic(authorization) != self._credentials or _METHOD.get(self._account, method) != method:
            return None
        identifier = str(uuid.uuid4())
        self._open[identifier] = _Session(self._clock(), self._clock())
        return identifier

    def logout(self, identifier: str) -> bool:
        """End a session; False if there is none of that identifier."""
        return self._open.pop(identifier, None) is not None

    def touch(self, identifier: str) -> bool:
        """Whether the session is open; if so it is used now."""
        session = self._live().get(identifier)
        if session is None:
            return False
        session.used = self._clock()
        return True

    def age(self, identifier: str) -> float | None:
        """Seconds since the login of an open session."""
        session = self._live().get(identifier)
        return None if session is None else self._clock() - session.since

    def forget(self) -> None:
        """End all of them, as a restart does."""
        self._open.clear()

    def __len__(self) -> int:
        return len(self._live())

    def _live(self) -> dict[str, _Session]:
        now = self._clock()
        self._open = {key: session for key, session in self._open.items() if now - session.used < self._idle}
        return self._open


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (username, password) if colon else None
