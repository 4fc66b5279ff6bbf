"""What becomes of rows: blocks of samples, and what could not be one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from exporter.prometheus.gzip import Fragment, joined


@dataclass(frozen=True)
class Block:
    """The samples of one metric from one source of rows. *parts* follow one another on the page."""

    parts: tuple[Fragment, ...]
    samples: int

    @property
    def fragment(self) -> Fragment:
        """All parts as one."""
        return joined(self.parts)


EMPTY: Final = Block((), 0)


@dataclass(frozen=True)
class Rendered:
    """A table's blocks in the order of its metrics, and what of the rows is not in them.

    `duplicates` counts the rows left out because an earlier one has the same labels, `impossible` the
    values that are no possible measurement: negative, infinite or not a number. `complaint` is one of these in words.
    `kept` is what the renderer was to keep of each row, left out or not: the same object while it stays the same.
    """

    blocks: tuple[Block, ...]
    duplicates: int
    impossible: int
    complaint: str = ""
    kept: Sequence[Any] = ()

    @property
    def series(self) -> int:
        """The number of samples in all blocks."""
        return sum(block.samples for block in self.blocks)


def together(first: Rendered, *others: Rendered) -> Rendered:
    """Return the tables of the same rows as one; duplicates and what is kept are those of the *first*."""
    tables = (first, *others)
    return Rendered(
        blocks=tuple(block for one in tables for block in one.blocks),
        duplicates=first.duplicates,
        impossible=sum(one.impossible for one in tables),
        complaint=next((one.complaint for one in tables if one.complaint), ""),
        kept=first.kept,
    )
