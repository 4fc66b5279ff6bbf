"""When a ZVM is not to be asked: after a refusal, and for as long as it says itself (Retry-After)."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Final

from exporter.zvm.errors import AuthError, StatusError, ZvmError

LONGEST_SECONDS: Final = 600.0


@dataclass(frozen=True)
class _Pause:
    """No request before *until* (monotonic seconds): every one fails at once with *error* and *text*."""

    until: float
    error: Callable[[str], ZvmError]
    text: str


class Backoff:
    """Holds back logins, or requests to one endpoint. *first* is the longest wait after a first refusal, in seconds."""

    def __init__(self, first: float, monotonic: Callable[[], float], rng: random.Random) -> None:
        self._first = first
        self._monotonic = monotonic
        self._rng = rng
        self._refusals = 0
        self._pause: _Pause | None = None

    def check(self) -> None:
        """Raise the error for which the ZVM is not to be asked now, if there is one."""
        if self._pause is None:
            return
        left = self._pause.until - self._monotonic()
        if left > 0:
            raise self._pause.error(f"{self._pause.text}; not asked again for {left:.0f} s")
        self._pause = None

    def refused(self, text: str) -> AuthError:
        """Back off from a ZVM that refuses our login, each time twice as long; return the error to raise."""
        longest = min(LONGEST_SECONDS, self._first * 2.0 ** min(self._refusals, 20))
        self._refusals += 1
        seconds = longest * self._rng.uniform(0.75, 1.0)
        self._begin(seconds, AuthError, text)
        return AuthError(f"{text}; next login in {seconds:.0f} s or at a reload")

    def obey(self, what: str, status: int, retry_after: str) -> None:
        """Wait as long as the header *retry_after* of an answer says."""
        seconds = seconds_of(retry_after)
        if seconds > 0:
            text = f"{what}: HTTP {status} with Retry-After {seconds:.0f} s"
            self._begin(seconds, partial(StatusError, status=status), text)

    def accepted(self) -> None:
        """A request was let in: the next refusal is a first one again."""
        self._refusals = 0

    def release(self) -> None:
        """Forget it all: the next request is sent at once."""
        self._refusals = 0
        self._pause = None

    def _begin(self, seconds: float, error: Callable[[str], ZvmError], text: str) -> None:
        until = self._monotonic() + seconds
        if self._pause is None or self._pause.until < until:  # of two reasons the one that lasts longer
            self._pause = _Pause(until, error, text)


def seconds_of(retry_after: str) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), 0 for none, at most LONGEST_SECONDS."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(retry_after)
            # HTTP's dates are in GMT, whether they say so or not.
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return min(seconds, LONGEST_SECONDS) if seconds > 0 else 0.0
