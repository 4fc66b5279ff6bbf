"""The terms on which an answer is decoded: how much memory it may take, and who may stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exporter.zvm.settings import DEFAULT_MAX_BODY

_ROWS: Final = 2  # rows of usual records take 1.25 to 1.7 times the bytes that they were sent in
_ROWS_AT_LEAST: Final = 4 * 2**20  # bytes; of records of a few bytes each, they take ten times as many


class StoppedError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Terms:
    """How large the rows may get, and whom to ask and tell while they are made.

    `stopped` tells whether nobody waits for them any more. `spent` is told how many bytes from the start of the answer
    are not looked at again. Both are called in the thread that decodes, after each few hundred records.
    """

    max_body: int = DEFAULT_MAX_BODY
    stopped: Callable[[], object] = bool
    spent: Callable[[int], object] = bool

    @property
    def max_rows(self) -> int:
        """How many bytes of memory the rows of one answer may take."""
        return max(_ROWS * self.max_body, _ROWS_AT_LEAST)

    def go_on(self) -> None:
        """Raise StoppedError where nobody waits for the answer any more."""
        if self.stopped():
            raise StoppedError

    def reached(self, position: int) -> None:
        """Take note that the bytes before *position* are done with; raises as `go_on`."""
        self.go_on()
        self.spent(position)
