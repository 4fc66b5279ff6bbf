"""How a message calls what was written, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any


def close(word: str, known: Collection[str]) -> str | None:
    """Return the one of *known* that was probably meant by *word*."""
    found = difflib.get_close_matches(word.casefold(), [name.casefold() for name in known], n=1)
    return next((name for name in known if name.casefold() in found), None)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `; did you mean X?` for the likeliest of *known*, else what there is to choose from."""
    meant = close(word, known)
    return f"; did you mean {meant}?" if meant else f"; known are {', '.join(sorted(known))}"


def kind(value: Any) -> str:
    """Return what *value* is, without quoting it."""
    if isinstance(value, str):
        return "a string" if value else "an empty string"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a mapping" if isinstance(value, dict) else "nothing"
