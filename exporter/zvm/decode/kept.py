"""How much memory the rows of one answer take, and that it is not too much."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import astuple

from exporter.zvm.decode.dialect import NOTHING
from exporter.zvm.errors import TooLargeError

_RAW: Final = 48  # bytes


class Kept:
    """Watches that the *rows* of an answer take no more than *most* bytes; *quote* is how to quote it in an error.

    To measure each takes as long as to decode it. So they are taken for as much as they can be at most, until that is
    too much: only then those are measured that were not yet.
    """

    def __init__(self, rows: Sequence[Struct], most: int, quote: str) -> None:
        self._rows = rows
        self._limit = most
        self._quote = quote
        self._seen = 0
        self._bytes = 0  # at most
        self._measured = 0  # rows
        self._measured_bytes = 0

    def look(self, text: bytes, overhead: int) -> None:
        """Take note of the new rows: *text* is what they were made of, *overhead* what each takes at most beside that.

        Raises:
            TooLargeError: all together take too much.
        """
        # One character beyond ASCII can make its text four times as wide, and only an escape can hide it.
        width = 1 if text.isascii() and b"\\" not in text else 4
        self._bytes += width * (overhead * (len(self._rows) - self._seen) + len(text))
        self._seen = len(self._rows)
        if self._bytes > self._limit:
            self.measure()

    def measure(self) -> None:
        """Take note of the new rows as they are; raises as `look`."""
        self._measured_bytes += sum(map(size_of, self._rows[self._measured :]))
        self._measured = self._seen = len(self._rows)
        self._bytes = self._measured_bytes
        if self._bytes > self._limit:
            raise TooLargeError(
                f"the records of the answer take more than {self._limit} bytes of memory, "
                f"which is the most with this max_body, from record {self._seen - 1} on: {self._quote}"
            )


def size_of(row: Any) -> int:
    """Return how many bytes *row* takes, with all that is in it."""
    if isinstance(row, Raw):
        return _RAW  # what it says of itself is no size but an address
    inside: Iterable[Any] = ()
    if isinstance(row, Struct):
        inside = astuple(row)
    elif isinstance(row, list) and not (row and isinstance(row[0], Struct) and not row[0].__struct_fields__):
        inside = row  # of items without fields there is one, which all lists share
    return sys.getsizeof(row) + sum(size_of(value) for value in inside if value is not None and value is not NOTHING)
