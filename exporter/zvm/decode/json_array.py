"""The records of a JSON array, cut out of its bytes without a look into them.

One call of C holds the interpreter until it ends, and with it the event loop, whatever thread it is in: for seconds
where it is given an answer of 64 MiB. Hence nothing that is looked at here, or given away, is longer than LONGEST.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from exporter.zvm.decode.layout import LIST, Layout
from exporter.zvm.decode.overlong import end_of_value
from exporter.zvm.decode.terms import Terms
from exporter.zvm.errors import DecodeError

Buffer = bytes | bytearray

LONGEST: Final = 2**18  # bytes; a VM takes two thousand
MOST: Final = 100_000  # records; a ZVM protects at most 10,000 VMs

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_NEXT: Final = re.compile(rb'[ \t\n\r]*,[ \t\n\r]*\{[ \t\n\r]*(?:"[^"]*"|\})')
_MOST_MEMBERS: Final = 1000  # of an object with a list in it; real ones have three
_NEXT_WITHIN: Final = 2**12  # bytes in which to look for the next record's first key
_AHEAD: Final = 3  # bytes; what ends a number is seen only behind it: `1e+` is read as 1, and may go on
_GLANCE: Final = 2**14  # bytes; of an answer that fits no more than this is looked at


def one_value(body: Buffer, quote: str) -> bytes:
    """Return the JSON value that *body* is; raises DecodeError, with *quote*, where it is too long to be looked at."""
    if len(body) > LONGEST:
        raise DecodeError(f"expected one value of at most {LONGEST} bytes, got {quote}")
    return bytes(body).removeprefix(_BYTE_ORDER_MARK).strip(b" \t\n\r")


class JsonArray:
    """Gives the JSON array in *body* away from its start, on *terms*: an array of many records, or one record.

    *layout* tells whether it may be a member of an object. *quote* is how to quote the body in an error. Each method
    raises DecodeError where it finds that it is no array.
    """

    def __init__(self, body: Buffer, quote: str, terms: Terms, layout: Layout = LIST) -> None:
        self._body = body
        self._terms = terms
        self._quote = quote
        self._at = 0
        self._look(len(_BYTE_ORDER_MARK) if body.startswith(_BYTE_ORDER_MARK) else 0, _GLANCE)
        self._index = 0
        self._between = b""
        self._cut = 0
        self._piece = memoryview(b"")
        self._members = 0
        self._enclosed = bool(layout.key) and self._next() == "{"
        if self._enclosed:
            self._enter(layout.key.casefold())
        if self._enclosed and self._next() == "n":
            self._pass()
            self._end()
            self.more = False
            return
        if self._next() != "[":
            raise DecodeError(f"expected {layout.expected}, got {quote}")
        self._at += 1
        self.more = self._next() != "]"
        if not self.more:
            self._end_array()

    def several(self) -> memoryview | None:
        """Return an array of the records that come next, None where it is not seen where to cut it off.

        It is cut where a record seems to begin, as the next one does. A wrong guess makes no wrong records: an array
        that does not end with one is no JSON. What is returned is overwritten by the next call. Then either all of it
        is `passed`, or its records are asked for one by one, until `within` it there are none.
        """
        start = self._start + self._at
        self._cut = self._find_cut(start)
        if not self._cut:
            return None
        length = self._cut - start
        if len(self._piece) < length + 2:  # one buffer for all, else what is decoded could keep each of them
            self._piece = memoryview(bytearray(min(LONGEST, len(self._body)) + 2))
        self._piece[0] = ord("[")
        with memoryview(self._body) as view:
            self._piece[1 : length + 1] = view[start : self._cut]
        if self._cut == len(self._body):
            return self._piece[: length + 1]
        self._piece[length + 1] = ord("]")
        return self._piece[: length + 2]

    def passed(self, count: int) -> None:
        """Go on behind the *count* records that `several` gave, as all of it was of use."""
        self._index += count
        self.more = self._cut < len(self._body)
        if self.more:
            self._look(self._cut + 1, 0)

    @property
    def within(self) -> bool:
        """Whether the next record is one of those that `several` gave last."""
        return self.more and self._start + self._at < self._cut

    def one(self) -> bytes | None:
        """Return the next record; None for one that is too long, which is passed over without a look into it."""
        self._next()
        record = self._record()
        following = self._next()
        if following == ",":
            self._at += 1
            self._next()
            self._index += 1
        elif following == "]":
            self.more = False
            self._end_array()
        else:
            raise self._error(f"neither a comma nor the end after record {self._index}")
        return record

    def _find_cut(self, start: int) -> int:
        """Return where to cut off what begins at *start*: a comma or the end of the body; 0 where none is seen."""
        if len(self._body) - start <= LONGEST and not self._enclosed:  # else the array ends before the body
            return len(self._body)
        between = self._between or self._find_between()
        found = self._body.rfind(between, start + 1, start + LONGEST) if between else -1
        self._between = between if found > 0 else b""
        return found + between.index(b",") if found > 0 else 0

    def _find_between(self) -> bytes:
        """Return what stands between the next record and the one after it, up to the latter's first key or its end."""
        self._next()
        end = self._find_end()
        if end is None:
            return b""
        behind = self._start + end
        between = _NEXT.match(self._body, behind, behind + _NEXT_WITHIN)
        return between[0] if between else b""

    def _end_array(self) -> None:
        self._at += 1
        self._end()

    def _end(self) -> None:
        """Pass over what is behind the array: the other members, where it is in an object, and nothing else."""
        while self._enclosed and self._another():
            self._name()
            self._pass()
        if self._next():
            raise self._error("more after its end")

    def _enter(self, key: str) -> None:
        """Go to the value of *key*, case-folded, in the object that begins here."""
        self._at += 1
        if self._next() == "}":
            raise self._error(f"no {key!r} in the object")
        while self._name().casefold() != key:
            self._pass()
            if not self._another():
                raise self._error(f"no {key!r} in the object")

    def _name(self) -> str:
        """Pass over a key of the object and its colon; return the key."""
        self._members += 1
        end = self._find_end() if self._next() == '"' else None
        if end is None or self._members > _MOST_MEMBERS:
            raise self._error("a key is broken, cut off, or one too many")
        name: str = _JSON.raw_decode(self._text, self._at)[0]
        self._at = end
        if self._next() != ":":
            raise self._error("a key without a colon")
        self._at += 1
        return name

    def _pass(self) -> None:
        """Pass over a value of the object."""
        self._next()
        self._record("a member")

    def _another(self) -> bool:
        """Tell whether another member of the object follows, and pass over what tells it."""
        following = self._next()
        if following not in {",", "}"}:
            raise self._error("neither a comma nor the end behind a member")
        self._at += 1
        return following == ","

    def _look(self, start: int, length: int | None = None) -> None:
        self._terms.reached(start)
        # As Latin-1 each byte is a character: a place in the text is one in the body.
        self._start, self._at = start, 0
        self._text: str = self._body[start : start + (LONGEST + _AHEAD if length is None else length)].decode("latin-1")

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

    def _record(self, what: str = "") -> bytes | None:
        end = self._find_end()
        start = self._start + self._at
        if end is not None:
            self._at = end
            return bytes(self._body[start : self._start + end])
        behind = 0 if self._last else end_of_value(self._body, start)
        if behind - start <= LONGEST:
            cut = "cut off" if self._last or not behind else "nested too deep"
            raise self._error(f"{what or f'record {self._index}'} is broken or {cut}")
        self._look(behind)
        return None

    def _find_end(self) -> int | None:
        """Return where in the text the record ends that comes next, None where no end is in sight."""
        end = self._end_in_sight()
        if end is None and len(self._text) - self._at < LONGEST + _AHEAD and not self._last:
            self._look(self._start + self._at)
            end = self._end_in_sight()
        return end

    def _end_in_sight(self) -> int | None:
        try:
            end = _JSON.raw_decode(self._text, self._at)[1]
        except (ValueError, RecursionError):
            return None
        return end if end + _AHEAD <= len(self._text) or self._last else None

    def _error(self, why: str) -> DecodeError:
        return DecodeError(f"expected a JSON array: {why}: got {self._quote}")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


# Numbers stay as they are written: some have more digits than Python reads.
_JSON: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_number)
