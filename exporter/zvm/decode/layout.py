"""The forms that the answers of the API have: where in one its records are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Layout:
    """A form of an answer. *one* says that it is one record, *key* where the records are, or what a value is called."""

    one: bool = False
    key: str = ""

    @property
    def expected(self) -> str:
        """What is expected, in words for an error."""
        if self.one:
            return "one value" if self.key else "one object"
        return f"a JSON array, or an object with one under {self.key!r}" if self.key else "a JSON array"


LIST: Final = Layout()
"""An array of objects: `[{...}, {...}]`; in XML `<ArrayOf...>`."""
OBJECT: Final = Layout(one=True)
"""One object: `{...}`. One row, or none where the answer is null or empty."""


def inside(key: str) -> Layout:
    """Return the form of an object with the list under *key*, `{"Vpgs": [{...}], ...}`; or of the list by itself.

    So pages of a list come too. What else is in the object is passed over; no list at all, null, is an empty one.
    """
    return Layout(key=key)


def value(key: str) -> Layout:
    """Return the form of an answer that is one value, `"2026-11-27T00:00:00Z"`: read as if it was `{key: value}`."""
    return Layout(one=True, key=key)
