"""One record to a row: as a whole if it fits, be it in texts for numbers; else value by value, as far as they fit."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, TypeVar, get_origin

import msgspec
from msgspec import Struct

from exporter.zvm.decode.dialect import Shape, folded, options

Row = TypeVar("Row", bound=Struct)


def convert(shape: Shape[Row], record: dict[str, Any]) -> Row | None:
    """Build the struct of *shape* from *record*, whose keys are case-folded, if all of it fits: be it as texts."""
    known = shape.canonical(record)
    if not known.keys() >= shape.required:
        return None
    for strict in (True, False):
        with suppress(msgspec.ValidationError):
            row = msgspec.convert(known, shape.struct, strict=strict)
            return row if strict or _finite(row) else None
    return None


def fit(shape: Shape[Row], record: dict[str, Any], path: str, complaints: list[str]) -> Row | None:
    """Build the struct of *shape* from *record*, whose keys are case-folded; None where a required field lacks.

    To *complaints* each value is added that does not fit, with the way to it: *path* leads to the record.
    """
    values: dict[str, Any] = {}
    for key, known in shape.known.items():
        value = record.get(key)
        if value is not None:
            fitted = _value(shape, known, value, f"{path}.{known.encode_name}", complaints)
            if fitted is not None:
                values[known.name] = fitted
        if known.encode_name in shape.required and known.name not in values:
            if value is None:
                complaints.append(f"{path}.{known.encode_name}: missing")
            return None
    return shape.struct(**values)


def kind(value: Any) -> str:
    """Return in words what a *value* of JSON is."""
    names = {dict: "an object", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "an array" if isinstance(value, list) else "null")


def _value(shape: Shape[Any], known: msgspec.structs.FieldInfo, value: Any, path: str, complaints: list[str]) -> Any:
    nested, listed = shape.nested.get(known.name), shape.listed.get(known.name)
    if nested is not None and _blank(value):
        return None  # an empty XML element; an object that is not there
    if nested is not None and isinstance(value, dict):
        return fit(nested, folded(value), path, complaints)
    if any(get_origin(option) is list for option in options(known.type)):
        value = _items(value)
    if listed is not None and isinstance(value, list):
        return _list(listed, value, path, complaints)
    try:
        fitted = msgspec.convert(value, known.type, strict=False)
    except msgspec.ValidationError as error:
        complaints.append(f"{path}: {error}")
        return None
    if isinstance(fitted, float) and not math.isfinite(fitted):
        complaints.append(f"{path}: expected a finite number, got {value!r}")
        return None
    return fitted


def _list(shape: Shape[Row], items: list[Any], path: str, complaints: list[str]) -> list[Row]:
    rows: list[Row] = []
    for number, item in enumerate(items):
        if item is None or _blank(item):
            continue
        if not isinstance(item, dict):
            complaints.append(f"{path}[{number}]: expected an object, got {kind(item)}")
            continue
        row = fit(shape, folded(item), f"{path}[{number}]", complaints)
        if row is not None:
            rows.append(row)
    return rows


def _items(value: Any) -> Any:
    # XML cannot tell an array from an object: <Volumes><VmVolumeApi/></Volumes> reads as one with a key.
    if isinstance(value, dict):
        return [item for items in value.values() for item in (items if isinstance(items, list) else [items])]
    return [] if _blank(value) else value


def _blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _finite(value: Any) -> bool:
    """Tell whether every number in *value* is finite."""
    if isinstance(value, Struct):
        return all(map(_finite, msgspec.structs.astuple(value)))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
