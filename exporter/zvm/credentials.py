"""The credential of one ZVM: got by one login at a time, renewed before it ends, given back at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from exporter.zvm.auth import Credential, Login, Send
from exporter.zvm.errors import AuthError, SecretError, ZvmError
from exporter.zvm.hold import Hold
from exporter.zvm.observer import Reporter

_LAST_LOGIN_SECONDS = 1.5


class Credentials:
    """Keeps the credential that *login* obtains by *send*."""

    def __init__(
        self, zvm: str, login: Login, send: Send, hold: Hold, reporter: Reporter, monotonic: Callable[[], float]
    ) -> None:
        self._login = login
        self._send = send
        self._hold = hold
        self._reporter = reporter
        self._monotonic = monotonic
        self._current: Credential | None = None
        self._pending: asyncio.Task[Credential] | None = None
        self._log = structlog.get_logger().bind(zvm=zvm)
        self.logins = 0  # a renewed credential is none

    async def valid(self, rejected: Credential | None = None) -> Credential:
        """Return a credential other than *rejected*; whoever asks meanwhile shares one login and its outcome.

        Raises:
            ZvmError: there is none; AuthError where the ZVM refuses.
        """
        current = self._current
        if current is not None and current is not rejected and self._fresh(current):
            return current
        if self._pending is None:
            self._pending = asyncio.create_task(self._obtain(current, anew=current is rejected))
            self._pending.add_done_callback(self._obtained)
        return await asyncio.shield(self._pending)

    async def close(self) -> None:
        """Log out, so that no session is left at the ZVM."""
        if self._pending is not None:
            # A login that the ZVM is about to grant would leave its session behind.
            await asyncio.wait([self._pending], timeout=_LAST_LOGIN_SECONDS)
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])
        credential, self._current = self._current, None
        if credential is not None:
            await self._give_back(credential)

    def _fresh(self, credential: Credential) -> bool:
        return credential.renew_at is None or self._monotonic() < credential.renew_at

    def _obtained(self, task: asyncio.Task[Credential]) -> None:
        self._pending = None
        if not task.cancelled():
            task.exception()  # who waited has it; where nobody waits any more it is not lost: it is counted

    async def _obtain(self, before: Credential | None, *, anew: bool) -> Credential:
        self._hold.check()
        outcome = "failed"
        try:
            if before is None or anew:
                credential = await self._login.login(self._send)
                self.logins += 1
            else:
                credential = await self._login.renew(self._send, before)
            outcome = "success"
        except SecretError:
            raise
        except AuthError as error:
            outcome = "refused"
            self._current = None
            raise self._hold.refused(str(error)) from error
        except asyncio.CancelledError:
            outcome = ""
            raise
        finally:
            if outcome:
                self._reporter.login(outcome)
        self._current = credential
        if before is not None and anew:
            await self._give_back(before)  # the ZVM refused it, but may keep its session
        return credential

    async def _give_back(self, credential: Credential) -> None:
        try:
            await self._login.logout(self._send, credential)
        except ZvmError as error:
            self._log.info("logout failed", error=str(error))
