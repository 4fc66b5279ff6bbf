"""Variants of a row's struct, each for the keys that one kind of server sends.

msgspec passes over a key that it does not know, and so it does over one in another case: the value would be lost
without a word. A variant knows all keys that were met, under the case that was met, and refuses any other: then the
record is looked at more closely, and the next variant knows its keys too. Keys that are of no use are declared as raw
JSON, which costs next to nothing.
"""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import NoneType, UnionType
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Raw, Struct

Row = TypeVar("Row", bound=Struct)

MOST_KEYS: Final = 64  # of one object, beyond those of its struct; real ones have ten
_MOST_STUDIED: Final = 4 * MOST_KEYS  # keys of an object that are looked at to learn them
_LONGEST_KEY: Final = 128  # characters
_TEXT: Final = 57  # bytes that a text takes beside its characters, if all are ASCII
UNBOUNDED: Final = sys.maxsize  # overhead of a row that has lists: what they take is measured
_USELESS: Final = 56  # bytes: a place in the row, and what lies there
NOTHING: Final = Raw(b"null")  # what rows share that lack a useless key
_SHARED: Final = 64  # lists of fewer items are shared by all rows


class Shape(Generic[Row]):
    """The fields of a struct, by the names that they have on the wire."""

    def __init__(self, struct: type[Row]) -> None:
        self.struct = struct
        self.fields = msgspec.structs.fields(struct)
        self.known = {field.encode_name.casefold(): field for field in self.fields}
        self.nested: dict[str, Shape[Any]] = {
            field.name: Shape(option) for field in self.fields for option in options(field.type) if _is_struct(option)
        }
        self.listed: dict[str, Shape[Any]] = {
            field.name: Shape(item)
            for field in self.fields
            for item in _items(field.type)
            if _is_struct(item) and item.__struct_fields__
        }
        self.required = {field.encode_name for field in self.fields if field.required}
        # What a text takes beside its characters, in each of the fields.
        self.overhead: int = struct.__basicsize__ + _TEXT * len(self.fields)
        self.overhead += sum(shape.overhead for shape in self.nested.values())
        counted = {field.name: item for field in self.fields for item in _items(field.type) if _is_counted(item)}
        if any(field.name not in counted and _items(field.type) for field in self.fields):
            self.overhead = UNBOUNDED
        self._counted = [
            (name, tuple([item()] * length for length in range(_SHARED))) for name, item in counted.items()
        ]

    def count(self, rows: Sequence[Row]) -> None:
        """Replace in *rows* each list of which only the length counts by one that costs nothing: shared, or a range."""
        for name, shared in self._counted:
            for row in rows:
                items = getattr(row, name)
                if items is not None:
                    length = len(items)
                    setattr(row, name, shared[length] if length < _SHARED else range(length))

    def misses(self, record: Any) -> bool:
        """Tell whether *record* has a field under a key in another case, which msgspec would pass over."""
        if not isinstance(record, dict):
            return False
        for key, value in record.items():
            known = self.known.get(key.casefold())
            if known is not None and key != known.encode_name:
                return True
            if known is not None and any(shape.misses(item) for shape, item in self.parts(known.name, value)):
                return True
        return False

    def parts(self, name: str, value: Any) -> list[tuple[Shape[Any], Any]]:
        """Return the objects in the *value* of the field *name*, each with its shape."""
        if name in self.nested:
            return [(self.nested[name], value)]
        return [(self.listed[name], item) for item in value] if name in self.listed and isinstance(value, list) else []

    def canonical(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the struct has a field for of *record*, whose keys are case-folded, under the struct's keys."""
        found: dict[str, Any] = {}
        for key, value in record.items():
            known = self.known.get(key)
            if known is not None:
                parts = [
                    shape.canonical(folded(item)) if isinstance(item, dict) else item
                    for shape, item in self.parts(known.name, value)
                ]
                found[known.encode_name] = parts[0] if known.name in self.nested else parts or value
        return found


@dataclass
class Keys:
    """The keys that were met in an object, in the order of the wire; of each the field that it is, "" for none."""

    met: dict[str, str] = field(default_factory=dict)
    nested: dict[str, Keys] = field(default_factory=dict)  # by the names of the fields

    def copy(self) -> Keys:
        """Return the same keys, to learn more."""
        nested = {name: keys.copy() for name, keys in self.nested.items()}
        return Keys(dict(self.met), nested)

    def have(self, other: Keys) -> bool:
        """Tell whether there is nothing to learn from *other*."""
        return self.met.items() >= other.met.items() and all(
            name in self.nested and self.nested[name].have(keys) for name, keys in other.nested.items()
        )

    @property
    def useless(self) -> int:
        """How many of the keys are of no use."""
        return self._others + sum(keys.useless for keys in self.nested.values())

    @property
    def _others(self) -> int:
        return sum(not name for name in self.met.values())

    def learn(self, shape: Shape[Any], record: Any) -> None:
        """Add those keys of *record*, of the struct of *shape*, that fit to what is known; never without bound."""
        if not isinstance(record, dict):
            return
        spelled, others = set(self.met.values()), self._others
        for key, value in islice(record.items(), _MOST_STUDIED):
            known = shape.known.get(key.casefold())
            if known is None:
                if others < MOST_KEYS and _plain(key) and key not in self.met:
                    self.met[key] = ""
                    others += 1
            elif _plain(key):
                if known.name not in spelled:
                    self.met[key] = known.name
                    spelled.add(known.name)
                for part, item in shape.parts(known.name, value)[:_MOST_STUDIED]:
                    self.nested.setdefault(known.name, Keys()).learn(part, item)


class Dialect(Generic[Row]):
    """Decoders of an array and of one record whose *keys* are those that were met, and no others.

    `overhead` is how many bytes a row takes at most beside the characters of its texts. `fits` becomes true with the
    first array that did.
    """

    def __init__(self, shape: Shape[Row], keys: Keys) -> None:
        self.keys = keys
        self.overhead = shape.overhead + keys.useless * _USELESS
        self.fits = False
        variant = _variant(shape, keys)
        self.all: msgspec.json.Decoder[list[Row]] = msgspec.json.Decoder(list[variant])  # type: ignore[valid-type] # it is a value here
        self.one: msgspec.json.Decoder[Row] = msgspec.json.Decoder(variant)


def folded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return *record* with its keys case-folded; of two that are the same then, the last."""
    return {key.casefold(): value for key, value in record.items()}


def _variant(shape: Shape[Row], keys: Keys) -> type[Row]:
    spelled = {name: key for key, name in keys.met.items() if name}
    fields: dict[str, tuple[str, Any, Any]] = {}  # by their keys
    for known in shape.fields:
        nested, listed, kind = shape.nested.get(known.name), shape.listed.get(known.name), known.type
        null = NoneType in options(kind)
        if nested is not None and nested.fields:
            kind = _variant(nested, keys.nested.get(known.name, Keys()))
        elif listed is not None:
            kind = list[_variant(listed, keys.nested.get(known.name, Keys()))]  # type: ignore[misc] # it is a value here
        if kind is not known.type and null:
            kind = kind | None
        name = spelled.get(known.name, known.encode_name)
        default = {} if known.required else {"default": known.default, "default_factory": known.default_factory}
        fields[name] = known.name, kind, msgspec.field(name=name, **default)
    useless = (key for key, name in keys.met.items() if not name)
    for number, key in enumerate(useless):
        fields[key] = f"other_{number}", Raw, msgspec.field(name=key, default=NOTHING)
    config, get = shape.struct.__struct_config__, operator.attrgetter(*(known.name for known in shape.fields))

    def same(one: Row, other: object) -> bool:
        return getattr(type(other), "variant_of", type(other)) is shape.struct and get(one) == get(other)

    # What is raw is looked at by nobody: it lies in a buffer that has been used again since. Fields are in the order
    # of the wire: msgspec looks for a key from where the last one was. A subclass would have the order of its parent.
    return msgspec.defstruct(  # type: ignore[return-value] # like the struct in all that is asked of it
        shape.struct.__name__,
        [fields.pop(key) for key in keys.met] + [*fields.values()],
        namespace={
            **dict(inspect.getmembers(shape.struct, inspect.isfunction)),
            "variant_of": shape.struct,
            "__eq__": same,
            "__hash__": lambda one: hash(get(one)),
            "__repr__": lambda one: f"{shape.struct.__name__}{get(one)!r}",
        },
        kw_only=True,
        forbid_unknown_fields=True,
        frozen=config.frozen,
        gc=config.gc,
    )


def options(kind: Any) -> tuple[Any, ...]:
    """Return the types of which *kind* is a union: itself, if it is none."""
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _items(kind: Any) -> list[Any]:
    """Return the type of the items of which *kind* is a list, if it is one."""
    return [item for option in options(kind) if get_origin(option) is list for item in get_args(option)]


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _is_counted(item: Any) -> bool:
    """Tell whether of a list of *item* only the length counts, as nothing is in one."""
    return _is_struct(item) and not item.__struct_fields__


def _plain(key: str) -> bool:
    """Tell whether a struct can have *key*; and who would send another?"""
    return len(key) <= _LONGEST_KEY and key.isprintable() and key.isascii() and not {'"', "\\"} & set(key)
