"""Tables for people, drawn by rich, as wide as there is room. Only `show` loads this: rich takes its time."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.show.rows import Column, Level, Row
from exporter.show.text import harmless

_GAP: Final = 2  # cells between two columns
_LEAST: Final = 10  # cells of a column that is folded where there is no other way
_STYLES: Final = {Level.HALTED: "bold red", Level.BROKEN: "red", Level.UNKNOWN: "yellow", Level.ON_THE_WAY: "cyan"}


@dataclass(frozen=True)
class Page:
    """Where a table goes: *width* in cells, None where a line is as long as it gets; if in colour and in Unicode."""

    width: int | None = None
    terminal: bool = False
    unicode: bool = True


@dataclass
class _Laid:
    """A column with its cells, and how wide it is."""

    column: Column
    cells: list[str]
    width: int

    @property
    def least(self) -> int:
        """How narrow it may be folded."""
        return min(self.width, self.column.least or self.width)


def table(columns: Sequence[Column], rows: Sequence[Row], page: Page) -> tuple[str, list[str]]:
    """Return the table of *rows*, and the titles of the columns for which there is no room on *page*."""
    laid = [_laid(column, rows) for column in columns]
    # A column without a word in it says nothing.
    laid = [one for one in laid if any(one.cells)] or laid
    if page.width is None:
        return _lines(laid), []
    left_out = _fit(laid, page.width)
    # The line under the titles is the one thing that is not in ASCII.
    box, right = (SIMPLE_HEAD, _GAP - 1) if page.unicode else (None, _GAP)
    drawn = Table(box=box, show_edge=False, pad_edge=False, padding=(0, right, 0, 0), header_style="bold")
    for one in laid:
        drawn.add_column(
            one.column.title, justify="right" if one.column.right else "left", width=one.width, overflow="fold"
        )
    for place, row in enumerate(rows):
        style = _STYLES.get(row.level, "")
        cells = [Text(one.cells[place], style=style if one.column.signal else "") for one in laid]
        drawn.add_row(*cells)
    return _drawn(drawn, page), left_out


def _lines(laid: Sequence[_Laid]) -> str:
    """Return one line for each row, for grep and the like; where nothing is folded, rich would take 1 ms a row."""
    padded = [
        [_padded(cell, one.width, right=one.column.right) for cell in (one.column.title, *one.cells)] for one in laid
    ]
    return "".join((" " * _GAP).join(cells).rstrip() + "\n" for cells in zip(*padded, strict=True))


def _padded(cell: str, width: int, *, right: bool) -> str:
    room = " " * (width - cell_len(cell))
    return room + cell if right else cell + room


def _drawn(drawn: Table, page: Page) -> str:
    text = io.StringIO()
    console = Console(
        file=text,
        width=page.width,
        force_terminal=page.terminal,
        color_system="auto" if page.terminal else None,
        markup=False,
        emoji=False,
        highlight=False,
        safe_box=True,
        legacy_windows=False,
    )
    console.print(drawn)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _laid(column: Column, rows: Sequence[Row]) -> _Laid:
    cells = [harmless(column.cell(row.record)) for row in rows]
    return _Laid(column, cells, max(map(cell_len, (column.title, *cells))))


def _fit(laid: list[_Laid], width: int) -> list[str]:
    """Make *laid* fit in *width* by leaving out columns, then by folding some; return the titles of those left out."""
    left_out = []
    while _needs([one.least for one in laid]) > width:
        least = max(laid, key=lambda one: one.column.rank)
        if not least.column.rank:
            break
        left_out.append(least.column.title)
        laid.remove(least)
    _fold(laid, width, lambda one: one.least)
    _fold(laid, width, _folded_at_worst)
    return left_out


def _fold(laid: Sequence[_Laid], width: int, least: Callable[[_Laid], int]) -> None:
    """Fold the widest of *laid*, none below its *least*, until all fit in *width* or can be folded no more."""
    while (over := _needs([one.width for one in laid]) - width) > 0:
        foldable = [one for one in laid if one.width > least(one)]
        if not foldable:
            return
        widest = max(foldable, key=lambda one: one.width)
        others = [one.width for one in foldable if one is not widest]
        widest.width -= max(1, min(over, widest.width - max([least(widest), *others])))


def _folded_at_worst(one: _Laid) -> int:
    """How narrow a name may be folded; what is made of words has been folded already."""
    return min(one.width, _LEAST) if one.column.least and not one.column.signal else one.width


def _needs(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)
