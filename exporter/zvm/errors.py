"""The ways in which asking a ZVM can fail, each with the reason under which it is counted."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar, Final

_NOT_THERE: Final = frozenset(
    {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)


class ZvmError(Exception):
    """A request to a ZVM that brought no usable answer.

    Its text is one line for the person who must act and holds no secret. `reason` is the value of
    the label `outcome` of `zerto_exporter_polls_total`.
    """

    reason: ClassVar[str]
    status: int = 0
    """The HTTP status with which the ZVM answered what it was asked for; 0 where it did not, or was not asked."""


class AuthError(ZvmError):
    """The ZVM refused the login."""

    reason = "auth"


class ClosedError(AuthError):
    """The login was granted, but not this request: its endpoint alone is held back for a while."""

    status = 401


class SecretError(AuthError):
    """There was nothing to log in with. The ZVM was not asked, so there is nothing to back off from."""


class ConnectError(ZvmError):
    """No connection: name, route, port, TLS; or it broke before an answer began."""

    reason = "connect"


class RequestTimeoutError(ZvmError):
    """The answer did not arrive within `timeout`."""

    reason = "timeout"


class StatusError(ZvmError):
    """An HTTP status other than the one that was asked for.

    `status` is 0 where a login was answered so: that tells nothing of the resource that was asked for.
    """

    reason = "http"

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status

    @property
    def absent(self) -> bool:
        """Whether the ZVM says that it does not have what it was asked for, or not for this user."""
        return self.status in _NOT_THERE


class DecodeError(ZvmError):
    """An answer that is not what the API documents: cut off, no JSON, another shape."""

    reason = "decode"


class TooLargeError(ZvmError):
    """An answer over `max_body`; it was read no further."""

    reason = "too_large"


REASONS: Final = tuple(
    error.reason for error in (AuthError, ConnectError, RequestTimeoutError, StatusError, DecodeError, TooLargeError)
)
