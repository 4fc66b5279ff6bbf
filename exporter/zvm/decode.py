"""Bytes of an answer to typed rows. Knows the wire, not what a field means.

Servers differ in the case of their keys, send numbers as strings and enums by name, answer XML
where JSON was asked for, and now and then send a record that does not fit. The common case is one
pass of msgspec, a slice at a time; only an answer that does not fit is read again, record by record, value by value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Generic, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from exporter.zvm.errors import DecodeError
from exporter.zvm.records import MOST, Buffer, Records, in_slices
from exporter.zvm.xml import is_xml, parse_xml

Row = TypeVar("Row", bound=Struct)
Repair = Callable[[dict[str, Any]], None]

_LONGEST_LIST = 2**14  # bytes; the API's lists of names have a thousand
# A surrogate that is half of no pair; escaped backslashes and whole pairs are matched only to be passed over.
_SURROGATE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_UNREADABLE = (ValueError, RecursionError)  # msgspec.DecodeError and UnicodeDecodeError are such


@dataclass
class Decoded(Generic[Row]):
    """The rows of an answer, and what of it did not fit.

    `invalid_records` counts the records in which something did not fit: left out where that was the
    identity, else published without the value. `invalid_values` counts the values. `complaint` is the
    first of them in words, for the log.
    """

    rows: list[Row] = field(default_factory=list)
    invalid_records: int = 0
    invalid_values: int = 0
    complaint: str = ""


class Decoder(Generic[Row]):
    """Decodes an answer that is an array of *row*, a msgspec struct.

    A key is matched whatever its case. *repair* may complete a record whose identity is not where
    servers usually put it; it gets the record with its keys case-folded.
    """

    def __init__(self, row: type[Row], repair: Repair | None = None) -> None:
        self._shape = _Shape(row)
        self._repair = repair
        self._all: msgspec.json.Decoder[list[Row]] = msgspec.json.Decoder(list[row])  # type: ignore[valid-type] # row is a value here
        self._one = msgspec.json.Decoder(row)

    def decode(self, body: Buffer, content_type: str, said: str) -> Decoded[Row]:
        """Decode *body*; *said* is how to quote it in an error.

        Raises:
            DecodeError: it is no array of records at all.
        """
        if is_xml(body, content_type):
            return self._salvage(parse_xml(body, said), said)
        records = iter(Records(body, said))
        first = next(records, None)
        if first is None:
            return Decoded()
        rows = self._fitting(body, first, said)
        if rows is None:
            return self._salvage(chain((first,), records), said)
        return Decoded(rows)

    def _fitting(self, body: Buffer, first: bytes, said: str) -> list[Row] | None:
        """Return the rows of *body* if all of it fits; *first* is its first record, and as good as any for the keys."""
        rows: list[Row] = []
        try:
            # A byte that is no UTF-8 costs nothing where no field is: only the keys matter here.
            if self._shape.misses(json.loads(first.decode("utf-8", "replace"))):
                return None
            for part in in_slices(body, first, self._all.decode):
                rows += part
                _limit(len(rows), said)
        except _UNREADABLE:
            return None
        return rows

    def _salvage(self, records: Iterable[Any], said: str) -> Decoded[Row]:
        decoded: Decoded[Row] = Decoded()
        for index, record in enumerate(records):
            _limit(index + 1, said)
            complaints: list[str] = []
            row = self._record(record, complaints)
            if row is not None:
                decoded.rows.append(row)
            if complaints:
                decoded.invalid_records += 1
                decoded.invalid_values += len(complaints)
                decoded.complaint = decoded.complaint or f"record {index}{complaints[0]}"
        return decoded

    def _record(self, record: Any, complaints: list[str]) -> Row | None:
        if isinstance(record, bytes):
            raw = _in_unicode(record)
            try:
                record = _untyped(raw)
            except (ValueError, RecursionError) as error:
                complaints.append(f": unreadable: {error}")
                return None
            if not self._shape.misses(record):
                with suppress(*_UNREADABLE):
                    return self._one.decode(raw)
        if not isinstance(record, dict):
            complaints.append(f": expected an object, got {_kind(record)}")
            return None
        folded = _folded(record)
        if self._repair is not None:
            self._repair(folded)
        return self._shape.fit(folded, "", complaints)


class _Shape(Generic[Row]):
    """The fields of a struct, ready to be filled one by one from an untyped record."""

    def __init__(self, struct: type[Row]) -> None:
        self._struct = struct
        self._fields = msgspec.structs.fields(struct)
        self._known = {field.encode_name.casefold(): field for field in self._fields}
        self._nested = {
            field.name: _Shape(option)
            for field in self._fields
            for option in get_args(field.type)
            if isinstance(option, type) and issubclass(option, Struct)
        }

    def misses(self, record: Any) -> bool:
        """Tell whether *record* has a field under a key in another case, which msgspec would pass over."""
        if not isinstance(record, dict):
            return False
        for key, value in record.items():
            field = self._known.get(key.casefold())
            if field is not None and key != field.encode_name:
                return True
            if field is not None and field.name in self._nested and self._nested[field.name].misses(value):
                return True
        return False

    def fit(self, record: dict[str, Any], path: str, complaints: list[str]) -> Row | None:
        """Build the struct from *record*, whose keys are case-folded; None where a required field does not fit."""
        values: dict[str, Any] = {}
        for known in self._fields:
            here = f"{path}.{known.encode_name}"
            value = record.get(known.encode_name.casefold())
            if value is not None:
                fitted = self._value(known, value, here, complaints)
                if fitted is not None:
                    values[known.name] = fitted
            if known.required and known.name not in values:
                if value is None:
                    complaints.append(f"{here}: missing")
                return None
        return self._struct(**values)

    def _value(self, known: msgspec.structs.FieldInfo, value: Any, path: str, complaints: list[str]) -> Any:
        nested = self._nested.get(known.name)
        if nested is not None and isinstance(value, str) and not value.strip():
            return None  # an empty XML element; an object that is not there
        if nested is not None and isinstance(value, dict):
            return nested.fit(_folded(value), path, complaints)
        if any(get_origin(option) is list for option in get_args(known.type)):
            value = _items(value)
        try:
            fitted = msgspec.convert(value, known.type, strict=False)
        except msgspec.ValidationError as error:
            complaints.append(f"{path}: {error}")
            return None
        if isinstance(fitted, float) and not math.isfinite(fitted):
            complaints.append(f"{path}: expected a finite number, got {value!r}")
            return None
        return fitted


def decode_names(body: Buffer, content_type: str, said: str) -> tuple[str, ...]:
    """Decode an answer that is an array of strings, such as `GET /v1/vpgs/statuses`.

    Raises:
        DecodeError: it is not.
    """
    if len(body) > _LONGEST_LIST:
        raise DecodeError(f"expected an array of strings of at most {_LONGEST_LIST} bytes, got {said}")
    try:
        if is_xml(body, content_type):
            return tuple(msgspec.convert(list(parse_xml(body, said)), list[str]))
        return tuple(msgspec.json.decode(body, type=list[str]))
    except _UNREADABLE as error:
        raise DecodeError(f"expected an array of strings, got {said}") from error


def _untyped(record: bytes) -> Any:
    """Return what *record* holds.

    Raises:
        ValueError: it cannot be read.
        RecursionError: it is nested too deeply.
    """
    try:
        return msgspec.json.decode(record)
    except msgspec.DecodeError:
        return json.loads(record)  # which knows numbers without bound: one of them costs itself, not its record


def _in_unicode(record: bytes) -> bytes:
    # No text can hold half a surrogate pair, and msgspec would refuse the whole record for one in a name.
    if b"\\u" not in record:
        return record
    return _SURROGATE.sub(lambda found: rb"\ufffd" if found[1] else found[0], record)


def _limit(count: int, said: str) -> None:
    if count > MOST:
        raise DecodeError(f"expected at most {MOST} records, got {said}")


def _folded(record: dict[str, Any]) -> dict[str, Any]:
    return {key.casefold(): value for key, value in record.items()}


def _items(value: Any) -> Any:
    # XML cannot tell an array from an object: <Volumes><VmVolumeApi/></Volumes> reads as one with a key.
    if isinstance(value, dict):
        return [item for items in value.values() for item in (items if isinstance(items, list) else [items])]
    return [] if isinstance(value, str) and not value.strip() else value


def _kind(value: Any) -> str:
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "null")
