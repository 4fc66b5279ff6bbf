"""The list of dashboards and panels in docs/dashboards.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from boards.parts import Board

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "dashboards.md"

_MARK: Final = "<!-- From here on made by `make dashboards`. -->\n"


def listed(text: str, boards: Sequence[Board]) -> str:
    """Return *text*, the document as it is, with the list of what *boards* are now."""
    written, mark, _ = text.partition(_MARK)
    return written + mark + "".join(_list(boards))


def _list(boards: Sequence[Board]) -> Iterator[str]:
    for board in boards:
        yield f"\n## {board.title.removeprefix('Zerto / ')}\n\n{board.question}\n\n"
        chosen = ", ".join(f"`{variable.name}`" for variable in board.variables)
        yield f"`{board.uid}.json`; variables {chosen}.\n\n"
        yield "| panel | what it answers | no data means |\n|---|---|---|\n"
        for panel in board.panels:
            yield f"| {panel.title} | {panel.answers} | {panel.no_data[0].upper()}{panel.no_data[1:]} |\n"
