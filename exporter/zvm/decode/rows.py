"""Bytes of an answer to typed rows, whatever the form and the spelling in which a server sends them.

Servers differ in the case of their keys, send numbers as strings and enums by name, answer XML
where JSON was asked for, and now and then send a record that does not fit. The common case is one
pass of msgspec, a slice at a time, in the dialect of the server. Where a slice does not fit, each of its records is
tried by itself, and only one that does not fit is read in Python.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from exporter.counts import NOTHING, Counts
from exporter.zvm.decode.dialect import Dialect, Keys, Shape, folded
from exporter.zvm.decode.fitting import convert, fit, kind
from exporter.zvm.decode.json_array import LONGEST, MOST, Buffer, JsonArray, one_value
from exporter.zvm.decode.kept import Kept
from exporter.zvm.decode.layout import LIST, Layout
from exporter.zvm.decode.odd import UNREADABLE, in_unicode, read_record
from exporter.zvm.decode.terms import Terms
from exporter.zvm.decode.xml import is_xml, parse_xml, parse_xml_one
from exporter.zvm.errors import DecodeError

Row = TypeVar("Row", bound=Struct)
Repair = Callable[[dict[str, Any]], None]

_DIALECTS: Final = 8  # kept of one resource; of all ZVMs that there are hardly two differ
_LESSONS: Final = 8  # new dialects for one answer: each takes a millisecond
_STUDIED: Final = 16  # odd records of a slice whose keys are looked at
_APART: Final = msgspec.json.Decoder(list[Raw])
_USUAL: Final = Terms()


@dataclass
class Decoded(Generic[Row]):
    """The rows of an answer, and what of it did not fit.

    `at` is the middle of the request, in seconds since the epoch by our clock; 0 where it was not one request.
    """

    rows: list[Row] = field(default_factory=list)
    lost: Counts = NOTHING
    at: float = 0.0


class Decoder(Generic[Row]):
    """Decodes answers whose records are *row*, a msgspec struct; *layout* tells where in an answer they are.

    A key is matched whatever its case, in objects and lists of objects within the record too. A field without a default
    is required: a record without it is left out. *repair* may complete a record whose identity is not where servers
    usually put it; it gets the record with its keys case-folded. An answer that holds what nobody may see, be it in
    fields that are not read, is not *quoted* in an error.
    """

    def __init__(
        self, row: type[Row], repair: Repair | None = None, layout: Layout = LIST, *, quoted: bool = True
    ) -> None:
        self.layout = layout
        self.quoted = quoted
        self.shape = Shape(row)
        self.repair = repair
        self.canonical = msgspec.json.Decoder(row)
        self._dialects: tuple[Dialect[Row], ...] = (Dialect(self.shape, Keys()),)

    def decode(self, body: Buffer, content_type: str, quote: str, terms: Terms = _USUAL) -> Decoded[Row]:
        """Decode *body* on *terms*; *quote* is how to quote it in an error.

        Raises:
            DecodeError: it has not the form that `layout` tells, or is one object that lacks a required field.
            TooLargeError: its records would take too much memory.
            StoppedError: nobody waits for it any more.
        """
        answer, layout = _Answer(self, self._dialects, quote, terms), self.layout
        xml = is_xml(body, content_type)
        if layout.one:
            answer.read_one(parse_xml_one(body, quote, terms) if xml else one_value(body, quote), layout)
        elif xml:
            for record in parse_xml(body, quote, terms, layout):
                answer.take(record)
        else:
            answer.read(JsonArray(body, quote, terms, layout))
        self._remember(answer.dialect)
        return Decoded(answer.rows, answer.lost)

    def _remember(self, dialect: Dialect[Row]) -> None:
        """Know *dialect* next time: all ZVMs of an owner tend to speak alike. One that never fitted comes last."""
        if dialect is self._dialects[0]:
            return
        others = [other for other in self._dialects if other is not dialect and not dialect.keys.have(other.keys)]
        fits = dialect.fits
        self._dialects = (dialect, *others[: _DIALECTS - 1]) if fits else (*others[: _DIALECTS - 1], dialect)


class _Answer(Generic[Row]):
    """An answer that is being decoded."""

    def __init__(self, decoder: Decoder[Row], dialects: Sequence[Dialect[Row]], quote: str, terms: Terms) -> None:
        self.rows: list[Row] = []
        self.dialect = dialects[0]
        self._others = dialects[1:]
        self._shape = decoder.shape
        self._repair = decoder.repair
        self._canonical = decoder.canonical
        self._quote = quote
        self._terms = terms
        self._kept = Kept(self.rows, terms.max_rows, quote)
        self._count = 0
        self._invalid = [0, 0]  # records, values
        self._complaint = ""
        self._lessons = _LESSONS

    @property
    def lost(self) -> Counts:
        """What of the answer did not fit."""
        records, values = self._invalid
        return Counts(records, values, complaint=self._complaint)

    def read(self, records: JsonArray) -> None:
        """Take all *records*, as many at once as fit."""
        while records.more:
            piece = records.several()
            before = self._count
            if piece is not None and self._several(piece):
                records.passed(self._count - before)
                continue
            while records.more:
                self._one(records.one())
                if not records.within:
                    break

    def read_one(self, record: Any, layout: Layout) -> None:
        """Take the *record* that is all of the answer: bytes of JSON, or what was XML. Null is no record.

        Raises:
            DecodeError: it is no row.
        """
        if layout.key and isinstance(record, bytes):
            try:
                record = msgspec.json.decode(record)
            except UNREADABLE as error:
                raise DecodeError(f"expected {layout.expected}: {error}: got {self._quote}") from error
        if layout.key:
            record = {layout.key: record}
        if isinstance(record, bytes) and record != b"null":
            self._alone(record)
        elif not isinstance(record, bytes) and record is not None:
            self.take(record)
        if self.lost and not self.rows:
            complaint = self._complaint.removeprefix("record 0").lstrip(".: ")
            raise DecodeError(f"expected {layout.expected}: {complaint}: got {self._quote}")

    def _alone(self, raw: bytes) -> None:
        """Take the record *raw*, in whatever dialect it fits."""
        for dialect in (self.dialect, *self._others):
            self.dialect = dialect
            if self._typed(raw):
                dialect.fits = True
                break
        else:
            self._learn([self._odd(raw)], anew=True)
        self._kept.measure()

    def take(self, record: Any) -> None:
        """Take *record*, which was XML."""
        self._limit(1)
        if isinstance(record, dict):
            self._untyped(record)
        else:
            self._add(None, [f": expected an object, got {kind(record)}"])
        self._kept.measure()

    def _several(self, piece: memoryview) -> bool:
        """Take the array *piece*; return False, and take nothing, where that is not JSON."""
        rows = self._fitting(piece)
        if rows is not None:
            self._limit(len(rows))
            self._shape.count(rows)
            self.rows += rows
            self._count += len(rows)
        else:
            try:
                raws = _APART.decode(piece)
            except UNREADABLE:
                return False
            self._limit(len(raws))
            typed = 0
            odd: list[Any] = []
            for raw in raws:
                self._terms.go_on()
                if self._typed(raw):
                    typed += 1
                else:
                    record = self._odd(bytes(raw))
                    if len(odd) < _STUDIED:
                        odd.append(record)
            self._learn(odd, anew=not typed)
        self._kept.look(piece.tobytes(), self.dialect.overhead)
        return True

    def _fitting(self, piece: memoryview) -> list[Row] | None:
        """Return the rows of the array *piece* where all of it fits a dialect."""
        # Once the first records are known, whatever does not fit is odd by itself.
        for dialect in (self.dialect, *(() if self._count else self._others)):
            with suppress(*UNREADABLE):
                rows = dialect.all.decode(piece)
                dialect.fits = True
                self.dialect = dialect
                return rows
        return None

    def _one(self, raw: bytes | None) -> None:
        """Take the record *raw*, None for one that is too long."""
        self._limit(1)
        if raw is None:
            self._add(None, [f": longer than {LONGEST} bytes"])
        elif not self._typed(raw):
            self._learn([self._odd(raw)], anew=False)
            self._kept.look(raw, self.dialect.overhead)

    def _typed(self, raw: bytes | Raw) -> bool:
        """Take the record *raw* if it fits the dialect; tell whether it does."""
        try:
            row = self.dialect.one.decode(raw)
        except UNREADABLE:
            return False
        self._add(row, ())
        return True

    def _odd(self, raw: bytes) -> Any:
        """Take the record *raw*, which does not fit the dialect; return what it holds, None where that is no record."""
        raw = in_unicode(raw)
        try:
            record, exact = read_record(raw)
        except UnicodeDecodeError as error:
            return self._not_unicode(raw, error)
        except UNREADABLE as error:
            return self._add(None, [f": unreadable: {error}"])
        if not isinstance(record, dict):
            return self._add(None, [f": expected an object, got {kind(record)}"])
        self._untyped(record, exact=exact)
        return record

    def _not_unicode(self, raw: bytes, error: UnicodeDecodeError) -> Any:
        """Take the record *raw* if what is no Unicode is in no field: there it costs nothing."""
        with suppress(*UNREADABLE):
            record = json.loads(raw.decode("utf-8", "replace"))
            if not self._shape.misses(record):
                self._add(self._canonical.decode(raw), ())
                return record
        return self._add(None, [f": unreadable: {error}"])

    def _untyped(self, record: dict[str, Any], *, exact: bool = True) -> None:
        """Take *record*: as a whole if it fits then, value by value if not; *exact* as `read_record` tells."""
        complaints: list[str] = []
        record = folded(record)
        if self._repair is not None:
            self._repair(record)
        row = convert(self._shape, record) if exact else None
        if row is None:
            row = fit(self._shape, record, "", complaints)
        self._add(row, complaints)

    def _add(self, row: Row | None, complaints: Sequence[str]) -> None:
        if row is not None:
            self._shape.count((row,))
            self.rows.append(row)
        if complaints:
            self._invalid[0] += 1
            self._invalid[1] += len(complaints)
            self._complaint = self._complaint or f"record {self._count}{complaints[0]}"
        self._count += 1

    def _limit(self, more: int) -> None:
        self._terms.go_on()
        if self._count + more > MOST:
            raise DecodeError(f"expected at most {MOST} records, got {self._quote}")

    def _learn(self, odd: Sequence[Any], *, anew: bool) -> None:
        """Go on in a dialect that has the keys of the *odd* records, too; or, *anew*, of no others."""
        if not self._lessons:
            return
        keys = Keys() if anew else self.dialect.keys.copy()
        for record in odd:
            keys.learn(self._shape, record)
        if not self.dialect.keys.have(keys):
            self._lessons -= 1
            self.dialect = Dialect(self._shape, keys)
