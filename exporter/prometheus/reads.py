"""Which fields of its row a function reads, and which of them have changed: what a renderer need not ask for again."""

from __future__ import annotations

import dis
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from operator import attrgetter
from types import FunctionType
from typing import Any, Final, get_args

from msgspec import Raw, Struct, msgpack, structs

_LOADS: Final = {"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"}
_ATTRIBUTES: Final = {"LOAD_ATTR", "LOAD_METHOD"}

Function = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class State:
    """What a slice of rows holds, so that it can be compared: their number, and of each field a hash of its values.

    It is Python's own hash, of 64 bits, with a key that no server knows. What is hashed is written by msgpack, which
    tells 1 from 1.0 and from True, and None from NaN.
    """

    rows: int
    fields: Mapping[str, int]


class Reads:
    """What of its rows the labels and the metrics of a table are made of.

    *labels* are the functions of its labels, *metrics* those of each metric.
    """

    def __init__(self, labels: Iterable[Function], metrics: Iterable[Iterable[Function]]) -> None:
        self._labels = _read_by(labels)
        self._metrics = [_read_by(functions) for functions in metrics]
        read = (names for names in (self._labels, *self._metrics) if names is not None)
        self._fields = frozenset[str]().union(*read)

    def state(self, rows: Sequence[Any]) -> State:
        """Return what *rows* hold, at least one; only structs, which have the same fields, can be compared."""
        kind = type(rows[0])
        known = _fields(kind) if issubclass(kind, Struct) else {}
        names = known.keys() & self._fields
        hashes = ((name, _hash(column, known[name])) for name, column in _columns(names, rows)) if names else ()
        return State(len(rows), {name: one for name, one in hashes if one is not None})

    def same_labels(self, before: State, now: State) -> bool:
        """Tell whether the labels of a slice are what they were."""
        return before.rows == now.rows and _same(self._labels, before.fields, now.fields)

    def same_metrics(self, before: State, now: State) -> list[bool]:
        """Tell of each metric whether it is what it was, of a slice whose labels are."""
        return [_same(read, before.fields, now.fields) for read in self._metrics]


@lru_cache(maxsize=256)  # types; a few of each resource, in the dialects of the servers
def _fields(kind: type[Struct]) -> dict[str, type[Struct] | None]:
    """Return the fields of a struct that can be compared, and of each the struct that it holds, None for plain values.

    A raw field lies in a buffer that has been used again since; no metric can read it.
    """
    fields: dict[str, type[Struct] | None] = {}
    for field in structs.fields(kind):
        options = get_args(field.type) or (field.type,)
        held = [option for option in options if isinstance(option, type) and issubclass(option, Struct)]
        within = [item for option in options for item in get_args(option)]
        listed = any(isinstance(item, type) and issubclass(item, Struct) and item.__struct_fields__ for item in within)
        if field.type is not Raw and len(held) <= 1 and not listed:
            fields[field.name] = held[0] if held else None
    return fields


def _columns(names: Collection[str], rows: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """Return what the fields *names*, in any order, hold in all *rows*."""
    kind = type(rows[0])
    if set(map(type, rows)) != {kind}:  # in the dialects of a server, which have other fields besides
        return [(name, list(map(attrgetter(name), rows))) for name in names]
    # All in one list, not in a tuple of each row: so many tuples would set off the collection of garbage.
    values = list(chain.from_iterable(map(structs.astuple, rows)))
    fields = kind.__struct_fields__
    return [(name, values[place :: len(fields)]) for place, name in enumerate(fields) if name in names]


def _hash(column: Sequence[Any], kind: type[Struct] | None) -> int | None:
    """Return the hash of what a field holds in all rows, None where msgpack cannot write it, as a huge number."""
    try:
        return hash(msgpack.encode(column if kind is None else _spread(column, kind)))
    except (OverflowError, TypeError):
        return None


def _spread(column: Sequence[Any], kind: type[Struct]) -> list[Any]:
    """Return what the structs of *column* hold, None among them, by columns."""
    present = [one for one in column if one is not None]
    spread: list[Any] = [[one is not None for one in column] if len(present) < len(column) else len(column)]
    for name, held in _fields(kind).items():
        values = list(map(attrgetter(name), present))
        spread.append(values if held is None else _spread(values, held))
    return spread


def _read_by(functions: Iterable[Function]) -> frozenset[str] | None:
    """Return what *functions* read, None where that cannot be told of one of them."""
    read = [fields_read(function) for function in functions]
    return None if None in read else frozenset[str]().union(*(names for names in read if names is not None))


def _same(read: frozenset[str] | None, before: Mapping[str, int], now: Mapping[str, int]) -> bool:
    """Tell whether the fields *read* hold what they held; what is no field may have changed."""
    return read is not None and all(name in now and before.get(name) == now[name] for name in read)


@lru_cache(maxsize=2**12)  # the functions of all tables; each renderer of each ZVM asks for the same ones
def fields_read(function: Callable[[Any], object]) -> frozenset[str] | None:
    """Return the attributes of its first argument that *function* may read; None where that cannot be told.

    It can where all that is done with the argument is to read attributes by their names, as nearly every metric does.
    One that passes the whole row on, keeps it or subscripts it, or is not written in Python, might read anything.
    """
    if not isinstance(function, FunctionType) or not function.__code__.co_argcount:
        return None
    row = function.__code__.co_varnames[0]
    read = set()
    for one, then in pairwise([*dis.get_instructions(function), None]):
        if one is None or not _concerns(one, row):
            continue
        if one.opname not in _LOADS or then is None or then.opname not in _ATTRIBUTES:
            return None
        read.add(then.argval)
    return frozenset(read)


def _concerns(one: dis.Instruction, variable: str) -> bool:
    # Newer Pythons have instructions for two variables at once.
    named = one.argval if isinstance(one.argval, tuple) else (one.argval,)
    return variable in named and any(kind in one.opname for kind in ("FAST", "DEREF", "CLOSURE", "CELL"))
