"""The parts of a dashboard: a board, its rows and panels. A module for each kind of panel."""

from boards.parts.board import DATASOURCE, Board, Panel, Query, Row, Variable, build
from boards.parts.cells import Column, rows, share
from boards.parts.colors import ALL_OF_IT, ANY_IS_BAD, ANY_IS_ODD, AT_LEAST_ALL, COUNT, Names, Steps
from boards.parts.lines import chart, latencies, timeline
from boards.parts.links import REPOSITORY, Link, To
from boards.parts.numbers import count

__all__ = [
    "ALL_OF_IT",
    "ANY_IS_BAD",
    "ANY_IS_ODD",
    "AT_LEAST_ALL",
    "COUNT",
    "DATASOURCE",
    "REPOSITORY",
    "Board",
    "Column",
    "Link",
    "Names",
    "Panel",
    "Query",
    "Row",
    "Steps",
    "To",
    "Variable",
    "build",
    "chart",
    "count",
    "latencies",
    "rows",
    "share",
    "timeline",
]
