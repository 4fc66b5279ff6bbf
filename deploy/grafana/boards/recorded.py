"""Which file of rules records a series: a panel says what it needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FILES: Final = sorted((Path(__file__).parents[2] / "prometheus" / "rules").glob("*.yml"))
_FILE_OF: Final = {
    record: file.name
    for file in _FILES
    for record in re.findall(r"^ *- record: (\S+)$", file.read_text(), re.MULTILINE)
}


def records(query: str) -> frozenset[str]:
    """Return the recorded series that *query* asks."""
    return frozenset(re.findall(r"\b\w+:\w+:\w+\b", query))


def without_rules(queries: Sequence[str]) -> str:
    """Return the sentence that says what the panel of *queries* lacks where the rules are not loaded; or nothing."""
    asked = [records(query) for query in queries]
    files = sorted({_FILE_OF[record] for names in asked for record in names})
    if not files:
        return ""
    lacks = "there is no data either" if all(asked) else "some columns are empty"
    return f" Where Prometheus does not have the rules of {' and '.join(files)}, {lacks}."
