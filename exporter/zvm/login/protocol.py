"""What a login method is, and what it obtains."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from exporter.zvm.answer import Answer
from exporter.zvm.errors import StatusError


class Send(Protocol):
    """Sends one request without a credential; raises ZvmError where there is no answer at all."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, int] | None = None,
    ) -> Awaitable[Answer]: ...


@dataclass(frozen=True)
class Credential:
    """What makes a request an authenticated one.

    `renew_at` and `ends_at` are on the monotonic clock, in seconds; None means that only a 401 tells its end.
    `advice` is what to look at where it is granted, and every request refused.
    """

    headers: Mapping[str, str] = field(repr=False)
    login: Login
    renew_at: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    ends_at: float | None = None
    advice: str = ""


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


def expect_ok(answer: Answer, what: str) -> None:
    """Raise StatusError unless *answer* to *what* is a success."""
    if answer.status != 200:
        # What a login answers is not quoted: it may hold a token that we have not learned.
        raise StatusError(f"{what}: HTTP {answer.status}, expected 200")
