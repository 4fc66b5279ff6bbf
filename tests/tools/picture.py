"""docs/architecture.svg: the rooms of exporter/ as boxes, and which of them imports which."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Final

from tools import ROOT
from tools.imports import PACKAGE, modules, names, rooms

FILE: Final = ROOT / "docs" / "architecture.svg"

Graph = Mapping[str, Collection[str]]

_WIDTH: Final = 920
_EDGE: Final = 10  # between the boxes and the edge of the picture
_BETWEEN: Final = 16  # boxes of a row
_ARROW: Final = 30  # between two rows
_LINE: Final = 17  # of text
_WIDEST: Final = 560  # a box
_LETTER: Final = 7.2  # the width of one, on average
_STYLE: Final = """\
  svg { font: 13px system-ui, sans-serif; --back: #ffffff; --box: #f3f5f8; --line: #8a94a3; --text: #1d2530; }
  @media (prefers-color-scheme: dark) { svg { --back: #0d1117; --box: #1b222c; --line: #7d8896; --text: #e4e9f0; } }
  .back { fill: var(--back) }
  .box { fill: var(--box); stroke: var(--line) }
  .arrow { fill: none; stroke: var(--line); stroke-width: 1.5 }
  .head { fill: var(--line) }
  text { fill: var(--text) }
  .name { font-weight: 600; font-size: 14px }
"""


@dataclass(frozen=True)
class _Box:
    name: str
    x: float
    y: float
    width: float
    lines: list[str]

    @property
    def height(self) -> int:
        return (len(self.lines) + 1) * _LINE + 14


def text() -> str:
    """Return the picture as SVG."""
    graph = {name: _imports(name) for name in names()}
    boxes = {box.name: box for box in _boxes(_rows(graph))}
    height = max(box.y + box.height for box in boxes.values()) + _EDGE
    return "\n".join([*_drawn(boxes, _needed(graph), height), ""])


def _imports(room: str) -> set[str]:
    return {other for path in modules(room) for other in rooms(path)} - {room}


def _rows(graph: Graph) -> list[list[str]]:
    """Return the rooms row by row: each stands below all that import it."""
    users = {room: [other for other in graph if room in graph[other]] for room in graph}

    @cache
    def row(room: str) -> int:
        return max((row(user) + 1 for user in users[room]), default=0)

    return [[room for room in graph if row(room) == number] for number in range(max(map(row, graph)) + 1)]


def _needed(graph: Graph) -> dict[str, list[str]]:
    """Return *graph* without the imports that follow from others: of what is imported, what is imported already."""

    @cache
    def reached(room: str) -> frozenset[str]:
        return frozenset(graph[room]).union(*map(reached, graph[room]))

    return {
        room: sorted(other for other in others if not any(other in reached(via) for via in others))
        for room, others in graph.items()
    }


def _boxes(rows: list[list[str]]) -> Iterator[_Box]:
    y = float(_EDGE)
    for row in rows:
        width = min((_WIDTH - 2 * _EDGE - (len(row) - 1) * _BETWEEN) / len(row), _WIDEST)
        x = (_WIDTH - len(row) * width - (len(row) - 1) * _BETWEEN) / 2
        placed = []
        for number, room in enumerate(row):
            lines = textwrap.wrap(_purpose(room), int((width - 20) / _LETTER))
            placed.append(_Box(room, x + number * (width + _BETWEEN), y, width, lines))
        yield from placed
        y += max(box.height for box in placed) + _ARROW


def _purpose(room: str) -> str:
    """Return the first sentence of what a room says of itself."""
    path = PACKAGE / room / "__init__.py"
    docstring = ast.get_docstring(ast.parse((path if path.exists() else PACKAGE / f"{room}.py").read_text()))
    assert docstring is not None, room
    sentence = " ".join(docstring.partition("\n\n")[0].split()).partition(". ")[0]
    return sentence.replace("`", "").rstrip(".") + "."


def _drawn(boxes: Mapping[str, _Box], graph: Graph, height: float) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img">'
    yield "<title>The rooms of exporter/, and which of them imports which</title>"
    yield f"<style>\n{_STYLE}</style>"
    yield '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '  <path class="head" d="M0 0 8 4 0 8z"/>\n</marker>'
    yield f'<rect class="back" width="{_WIDTH}" height="{height:g}" rx="6"/>'
    for room, others in graph.items():
        for other in others:
            yield _arrow(boxes, room, other)
    for box in boxes.values():
        yield f'<rect class="box" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height}" rx="5"/>'
        yield f'<text class="name" x="{box.x + 10:g}" y="{box.y + 20:g}">{box.name}</text>'
        for number, line in enumerate(box.lines, 1):
            yield f'<text x="{box.x + 10:g}" y="{box.y + 20 + number * _LINE:g}">{escape(line)}</text>'
    yield "</svg>"


def _arrow(boxes: Mapping[str, _Box], room: str, other: str) -> str:
    """Return the arrow from *room* down to *other*; past the boxes between them, if there are any."""
    begin, end = boxes[room], boxes[other]
    top, bottom = begin.y + begin.height, end.y
    x1, x2 = _port(begin, end), _port(end, begin)
    between = [box for box in boxes.values() if top <= box.y and box.y + box.height <= bottom]
    if between:
        side = max(box.x + box.width for box in between) + _BETWEEN
        x1 = begin.x + begin.width * 0.9
        x2 = end.x + end.width * 0.9
        path = f"M{x1:g} {top:g}C{side:g} {top + _ARROW:g} {side:g} {bottom - _ARROW:g} {x2:g} {bottom:g}"
    else:
        middle = (top + bottom) / 2
        path = f"M{x1:g} {top:g}C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {bottom:g}"
    return f'<path class="arrow" marker-end="url(#head)" d="{path}"/>'


def _port(box: _Box, other: _Box) -> float:
    """Return where on the edge of *box* an arrow to or from *other* ends: towards its middle."""
    towards = other.x + other.width / 2
    return min(max(towards, box.x + box.width * 0.2), box.x + box.width * 0.8)
