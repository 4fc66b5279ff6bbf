"""What can be judged of a drawn dashboard without eyes. Takes what `Easel.draw` returned; gives sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Told = Mapping[str, Any]

_IN_SIGHT: Final = 3  # entries of a legend; who has more looks for them
_COLUMN: Final = re.compile(r"(?!Value\b|Time$)[A-Z].*")  # what is not named has the name of a query or of a label


def faults(told: Told) -> list[str]:
    """Return what is wrong with the panels of a drawn dashboard, each with the panel's title."""
    return [f"{panel['title']}: {fault}" for panel in told["panels"] for fault in _of(panel)]


def without_data(told: Told) -> set[str]:
    """Return the titles of the panels that show no data."""
    return {panel["title"] for panel in told["panels"] if _is_empty(panel)}


def _is_empty(panel: Told) -> bool:
    return "No data" in panel["text"].splitlines() or (panel["type"] == "table" and not panel["rows"])


def _of(panel: Told) -> Iterator[str]:
    if panel["failed"]:
        yield f"cannot be drawn: {panel['failed']}"
    if panel["titleCut"]:
        yield "its title is cut off"
    if panel["tooWide"]:
        yield f"its table is {panel['tooWide']} pixels wider than the panel"
    for what, listed in (
        ("stray columns", [header for header in panel["headers"] if not _COLUMN.fullmatch(header)]),
        ("headers that are cut off", panel["headersCut"]),
        ("cells that are cut off", panel["cellsCut"]),
        ("names in its legend that are cut off", panel["legend"]["cut"]),
        ("links to what the data do not have", [link for link in panel["links"] if "${" in link]),
    ):
        if listed:
            yield f"{what}: {', '.join(listed)}"
    entries, seen = panel["legend"]["entries"], panel["legend"]["seen"]
    if seen < min(entries, _IN_SIGHT):
        yield f"of the {entries} lines of its legend {seen} are in sight"
