"""The credential of one ZVM: got by one login at a time, renewed before it ends, given back at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from exporter.zvm.errors import AuthError, SecretError, ZvmError
from exporter.zvm.login.backoff import Backoff
from exporter.zvm.login.protocol import Credential, Login, Send
from exporter.zvm.observer import Reporter

_RENEWAL_SECONDS = 2.0  # more a request with a good token does not wait for the next one
_RENEW_AGAIN_SHARE = 0.25  # of the time that a token has left


class Credentials:
    """Keeps the credential that *login* obtains by *send*."""

    def __init__(
        self, zvm: str, login: Login, send: Send, backoff: Backoff, reporter: Reporter, monotonic: Callable[[], float]
    ) -> None:
        self._login = login
        self._send = send
        self._backoff = backoff
        self._reporter = reporter
        self._monotonic = monotonic
        self._current: Credential | None = None
        self._renew_again_at = 0.0  # monotonic seconds; until then nobody asks for a successor of the current one
        self._renewal_failed = False
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
        pending = self._pending
        if current is not None and current is not rejected and (left := self._left(current)) > 0:
            await asyncio.wait([pending], timeout=min(_RENEWAL_SECONDS, left / 2))
            if not pending.done():
                self._renew_later(current)
                return current
        return await asyncio.shield(pending)

    async def close(self, hurry: asyncio.Event | None = None, last_seconds: float = 1.5) -> None:
        """Log out, so that no session is left at the ZVM; a login under way may take its time until *hurry* is set.

        From then on it has *last_seconds*; without *hurry*, from now on.
        """
        if self._pending is not None and hurry is not None:
            # A login that the ZVM is about to grant would leave its session behind.
            hurried = asyncio.create_task(hurry.wait())
            await asyncio.wait([self._pending, hurried], return_when=asyncio.FIRST_COMPLETED)
            hurried.cancel()
        if self._pending is not None:
            await asyncio.wait([self._pending], timeout=last_seconds)
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])
        credential, self._current = self._current, None
        if credential is not None:
            await self._give_back(credential)

    def _fresh(self, credential: Credential) -> bool:
        renew_at = credential.renew_at
        return renew_at is None or self._monotonic() < max(renew_at, self._renew_again_at)

    def _left(self, credential: Credential) -> float:
        """Return the seconds for which *credential* is still good."""
        return 0.0 if credential.ends_at is None else credential.ends_at - self._monotonic()

    def _renew_later(self, credential: Credential) -> None:
        self._renew_again_at = self._monotonic() + self._left(credential) * _RENEW_AGAIN_SHARE

    def _obtained(self, task: asyncio.Task[Credential]) -> None:
        self._pending = None
        if not task.cancelled():
            task.exception()  # who waited has it; where nobody waits any more it is not lost: it is counted

    async def _obtain(self, before: Credential | None, *, anew: bool) -> Credential:
        try:
            self._backoff.check()
            credential = await self._asked(before, anew=anew)
        except ZvmError as error:
            refused = isinstance(error, AuthError) and not isinstance(error, SecretError)
            if before is None or anew or refused or self._left(before) <= 0:
                raise
            self._renew_later(before)
            if not self._renewal_failed:
                self._renewal_failed = True
                self._log.warning(
                    "the token was not renewed; polling goes on with it",
                    error=str(error),
                    seconds_left=round(self._left(before), 1),
                )
            return before
        if self._renewal_failed:
            self._renewal_failed = False
            self._log.info("the token is renewed again")
        self._renew_again_at = 0.0
        self._current = credential
        if before is not None and anew:
            await self._give_back(before)  # the ZVM refused it, but may keep its session
        return credential

    async def _asked(self, before: Credential | None, *, anew: bool) -> Credential:
        """Log in *anew*, or renew *before*; it is counted."""
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
            raise self._backoff.refused(str(error)) from error
        except asyncio.CancelledError:
            outcome = ""
            raise
        finally:
            if outcome:
                self._reporter.login(outcome)
        return credential

    async def _give_back(self, credential: Credential) -> None:
        try:
            await self._login.logout(self._send, credential)
        except ZvmError as error:
            self._log.info("logout failed", error=str(error))
