"""The records of a JSON array, cut out of its bytes. Knows where a record ends, nothing of what is in it.

One call of C holds the interpreter until it ends, and with it the event loop, whatever thread it is in: for seconds
where it is given an answer of 256 MiB. Hence nothing that is looked at here, or given away, is longer than LONGEST.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, TypeVar

from exporter.zvm.errors import DecodeError

Buffer = bytes | bytearray
Row = TypeVar("Row")

LONGEST: Final = 2**18  # bytes; a VM takes two thousand
MOST: Final = 100_000  # records; a ZVM protects at most 10,000 VMs

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_NEXT: Final = re.compile(rb'[ \t\n\r]*,[ \t\n\r]*\{[ \t\n\r]*"[^"]*"')
_NEXT_WITHIN: Final = 2**12  # bytes in which to look for the second record's first key
_AHEAD: Final = 3  # bytes; what ends a number is seen only behind it: `1e+` is read as 1, and may go on
_GLANCE: Final = 2**14  # bytes; of an answer that fits no more than the first record is looked at


class Records:
    """Yields the bytes of each record of the JSON array *body*; *said* is how to quote it in an error.

    Raises:
        DecodeError: while it is iterated over. It is no array, or has a record that is too long.
    """

    def __init__(self, body: Buffer, said: str) -> None:
        self._body = body
        self._said = said
        self._look(len(_BYTE_ORDER_MARK) if body.startswith(_BYTE_ORDER_MARK) else 0, _GLANCE)

    def __iter__(self) -> Iterator[bytes]:
        if self._next() != "[":
            raise DecodeError(f"expected a JSON array, got {self._said}")
        self._at += 1
        index = 0
        if self._next() != "]":
            yield self._record(index)
            while self._next() == ",":
                self._at += 1
                self._next()
                index += 1
                yield self._record(index)
        if self._next() != "]":
            raise self._error(f"neither a comma nor the end after record {index}")
        self._at += 1
        if self._next():
            raise self._error("more after its end")

    def _look(self, start: int, length: int | None = None) -> None:
        # As Latin-1 each byte is a character: a place in the text is one in the body.
        self._start, self._at = start, 0
        self._text = self._body[start : start + (length or LONGEST + _AHEAD)].decode("latin-1")

    def _next(self) -> str:
        """Pass over white space; return the character that follows, "" at the end of the body."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._last:
                return ""
            self._look(self._start + self._at)

    @property
    def _last(self) -> bool:
        """Whether the end of the body is in sight."""
        return self._start + len(self._text) >= len(self._body)

    def _record(self, index: int) -> bytes:
        end = self._end()
        if end is None and len(self._text) - self._at < LONGEST + _AHEAD and not self._last:
            self._look(self._start + self._at)
            end = self._end()
        if end is None:
            cut = "cut off" if self._last else f"longer than {LONGEST} bytes"
            raise self._error(f"record {index} is broken, nested too deep or {cut}")
        start, self._at = self._start + self._at, end
        return bytes(self._body[start : self._start + end])

    def _end(self) -> int | None:
        """Return where the record ends that begins here, None where no end is in sight."""
        try:
            end = _JSON.raw_decode(self._text, self._at)[1]
        except (ValueError, RecursionError):
            return None
        return end if end + _AHEAD <= len(self._text) or self._last else None

    def _error(self, why: str) -> DecodeError:
        return DecodeError(f"expected a JSON array: {why}: got {self._said}")


def in_slices(body: Buffer, first: bytes, decode: Callable[[Buffer | memoryview], list[Row]]) -> Iterator[list[Row]]:
    """Yield what *decode* makes of the array *body* in arrays that are not too long; *first* is its first record.

    It is cut where a record seems to begin, as the second does. A wrong guess makes no wrong records: a slice
    that does not end with one is no JSON.

    Raises:
        ValueError: no place to cut was found. And whatever *decode* raises.
    """
    if len(body) <= LONGEST:
        yield decode(body)
        return
    at = body.index(first, 0, 2 * LONGEST)
    after = at + len(first)
    between = _NEXT.match(body, after, after + _NEXT_WITHIN)
    if between is None:
        raise ValueError("a second record was not found")
    comma, start = between[0].index(b","), body.index(b"[", 0, at)
    with memoryview(body if isinstance(body, bytearray) else bytearray(body)) as view:
        while len(body) - start > LONGEST:
            end = body.rindex(between[0], start + 1, start + LONGEST) + comma
            with _lent(view, start, b"["), _lent(view, end, b"]"):
                rows = decode(view[start : end + 1])
            yield rows
            start = end
        with _lent(view, start, b"["):
            rows = decode(view[start:])
        yield rows


@contextmanager
def _lent(view: memoryview, place: int, bracket: bytes) -> Iterator[None]:
    # To copy each slice for the sake of its brackets takes longer than to lend them the places of two commas.
    before, view[place] = view[place], bracket[0]
    try:
        yield
    finally:
        view[place] = before


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


# Numbers stay as they are written: some have more digits than Python reads.
_JSON: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_number)
