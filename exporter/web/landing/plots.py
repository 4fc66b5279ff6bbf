"""Small plots as paths of SVG: a bar for each minute of an hour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

BARS: Final = 60
WIDTH: Final = 120
HEIGHT: Final = 28
BASE: Final = 22  # bars stand on it, marks hang below

_HIGHEST: Final = BASE - 1
_ACROSS: Final = [WIDTH - (2 * place + 1) * WIDTH // BARS // 2 for place in range(BARS)]
# Of hundreds of ZVMs there are tens of thousands of bars: each is a look-up. What is known to be 0 is seen too.
_BAR: Final = [[f"M{x} {BASE}V{BASE - max(height, 1)}" for height in range(_HIGHEST + 1)] for x in _ACROSS]
_MARK: Final = [f"M{x} {BASE + 2}V{HEIGHT}" for x in _ACROSS]


def bars(values: Iterable[tuple[int, float | None]], most: float | None) -> str:
    """Return the path of a bar for each known value, none of them negative.

    *values* has the place of each bar, 0 for the one on the right; *most* is what the highest one stands for.
    """
    most = most or 1.0  # where all are 0, or there is none
    return "".join([_BAR[place][round(value / most * _HIGHEST)] for place, value in values if value is not None])


def marks(places: Iterable[int]) -> str:
    """Return the path of a mark below the base at each of *places*."""
    return "".join([_MARK[place] for place in places])
