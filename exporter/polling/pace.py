"""When the slower collectors of a ZVM take their turns, so that a minute never has many of their requests."""

from __future__ import annotations

from typing import Final

_MOST: Final = 10  # requests in any minute; with the fast collectors' six at the usual interval that makes sixteen
_MINUTE: Final = 60.0
_ROUNDING: Final = 0.001
_SHARE: Final = 0.5  # of its interval that a collector waits at most
_LONGEST: Final = 120.0


class Pace:
    """The turns that the slower collectors of one ZVM have had in the last minute, or will have.

    Those that come each minute or more often keep their beat, and count in any minute. The others have what they leave.
    """

    def __init__(self) -> None:
        self._turns: list[tuple[float, int]] = []
        self._in_any_minute: dict[str, float] = {}

    def wait(self, collector: str, now: float, requests: int, interval: float) -> float:
        """Take a turn for so many *requests* of a *collector*; return in how many seconds it is, 0 for at once.

        It is soon: where what is configured is more than fits in a minute, at the time that has least of it.
        """
        if interval <= _MINUTE:
            self._in_any_minute[collector] = requests * _MINUTE / interval
            return 0.0
        most = max(_MOST - sum(self._in_any_minute.values()), 1)
        self._turns = [turn for turn in self._turns if turn[0] > now - _MINUTE]
        latest = now + min(interval * _SHARE, _LONGEST)
        times = sorted({now, *(at + _MINUTE for at, _ in self._turns if at + _MINUTE <= latest)})
        chosen = min(times, key=lambda at: max(self._beside(at) + requests, most))
        self._turns.append((chosen, requests))
        return chosen - now

    def _beside(self, time: float) -> int:
        """Return how many requests there are within a minute of *time*."""
        return sum(requests for at, requests in self._turns if abs(at - time) < _MINUTE - _ROUNDING)
