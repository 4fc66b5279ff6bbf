"""What of an answer did not reach the page, counted: one sum from the first byte to the last sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Counts:
    """What was lost on the way from an answer to the page; `+` adds what was lost further on."""

    invalid_records: int = 0
    """Records in which something did not fit: left out where that was the identity, else published without it."""
    invalid_values: int = 0
    """Values that did not fit their field, or are no possible measurement."""
    duplicate_records: int = 0
    """Records left out because an earlier one has the same labels."""
    complaint: str = ""
    """The first of the losses in words, for the log."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.invalid_records + other.invalid_records,
            self.invalid_values + other.invalid_values,
            self.duplicate_records + other.duplicate_records,
            self.complaint or other.complaint,
        )

    def __bool__(self) -> bool:
        """Whether anything was lost."""
        return any(self.numbers)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Records, values, duplicates: what tells whether the losses are others than before."""
        return self.invalid_records, self.invalid_values, self.duplicate_records


NOTHING: Final = Counts()
