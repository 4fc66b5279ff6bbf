"""How the poll of one collector ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from exporter.counts import NOTHING, Counts

SUCCESS: Final = "success"
UNSUPPORTED: Final = "unsupported"
BUG: Final = "bug"


@dataclass
class Outcome:
    """The end of one poll of one collector; `duration` in seconds."""

    collector: str
    reason: str = SUCCESS  # or UNSUPPORTED, or why it failed
    error: str = ""  # the sentence for it
    bug: BaseException | None = None  # an exception of our own
    duration: float = 0.0
    series: int = 0
    rows: int = 0
    lost: Counts = NOTHING  # what of the answer did not reach the page
    excluded: int = 0  # records that the configuration leaves out
    cut: int = 0  # records left out because of `max_series`

    @property
    def success(self) -> bool:
        """Whether the poll brought rows."""
        return self.reason == SUCCESS

    @property
    def supported(self) -> bool:
        """Whether the ZVM has what was asked for, as far as is known."""
        return self.reason != UNSUPPORTED

    @property
    def good(self) -> bool:
        """Whether nothing failed: there are rows, or it is known that there can be none."""
        return self.success or not self.supported


@dataclass(frozen=True)
class Failure:
    """A poll of a collector that failed, *at* a time in seconds since the epoch."""

    at: float
    collector: str
    error: str
