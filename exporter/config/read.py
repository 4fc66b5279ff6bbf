"""A document as plain values to structs, value by value: each mistake is noted at its path, and reading goes on.

Never quotes a value under `auth`, `proxy_auth` or from a variable: it may be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeGuard, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from exporter.config.document import UNREADABLE, Expanded, step
from exporter.config.parts import FILES_KEY, Part
from exporter.config.scalars import boolean, duration, size, whole
from exporter.config.schema import COLLECTORS, Config, Options, Zvm
from exporter.config.source import Place, Source
from exporter.config.words import close, did_you_mean, kind
from exporter.zvm.settings import DEFAULT_TIMEOUT, Bytes, MaybeEmpty, Secrets

_OF_EACH: Final = ("name", "url")
_ONE_OF: Final = tuple((name, f"{name}_file") for name in ("username", "password", "client_id", "client_secret"))
_SCALARS: Final[dict[Any, tuple[Callable[[str], Any], str]]] = {
    Bytes: (size, "a size such as 256MiB"),
    int: (whole, "a whole number"),
    float: (duration, "a duration such as 30s or 1m30s"),
    bool: (boolean, "true or false"),
}

_OF_ALL: Final = {field.name: field for field in msgspec.structs.fields(Config) if field.name != "zvms"}

AStruct = TypeVar("AStruct", bound=Struct)


class Reader:
    """Reads the document; mistakes are appended to *problems*, relative paths start from *folder*.

    *place* turns the path of a key into the name under which the user wrote it.
    """

    def __init__(self, problems: list[str], folder: Path, place: Place = str) -> None:
        self._problems = problems
        self._folders: tuple[Path, ...] = (folder,)  # of the file that is being read, and of the first one
        self._place = place
        self._broken: set[str] = set()
        self._hidden = False  # what is being read may be a secret

    def zvms(self, document: Any, file: str = "", parts: Sequence[Part] = ()) -> list[tuple[Source, Zvm]]:
        """Return the ZVMs of *document*, which *file* holds, and of *parts*, with what of each could be read."""
        if not isinstance(document, dict):
            self._problems.append(f"expected a mapping with the key zvms, got {kind(document)}")
            return []
        self._unknown(document, ("defaults", "zvms", FILES_KEY, *_OF_ALL), "")
        defaults = document.get("defaults")
        known = {}
        if defaults is not None and self._is_mapping(defaults, "defaults"):
            known = self._struct(Zvm, defaults, "defaults")
        for key in _OF_EACH:
            if known.pop(key, None) is not None:
                self._problems.append(f"defaults.{key}: belongs to each ZVM, not to the defaults")
        own = Part(file if parts else "", "zvms", self._folders[0], document.get("zvms"))
        elsewhere = parts or document.get(FILES_KEY)
        absent = "zvms" in self._broken or (elsewhere and not own.entries)
        return list(self._each(parts if absent else [own, *parts], known))

    def _each(self, parts: Iterable[Part], defaults: dict[str, Any]) -> Iterator[tuple[Source, Zvm]]:
        for part in parts:
            if not isinstance(part.entries, list) or not part.entries:
                self._expected("a list of at least one ZVM", part.entries, part.path)
                continue
            self._folders = (part.folder, *self._folders[-1:])
            for index, entry in enumerate(part.entries):
                path = part.item(index)
                if self._is_mapping(entry, path):
                    yield self._zvm(entry, path, defaults)

    def struct(self, struct: type[Struct], mapping: dict[str, Any]) -> dict[str, Any]:
        """Return what of the document *mapping* could be read as the keys of *struct*, for `built`."""
        return self._struct(struct, mapping, "")

    def of_all(self, document: Any) -> dict[str, Any]:
        """Return the keys that stand beside `zvms` and `defaults`, as far as they could be read."""
        if not isinstance(document, dict):
            return {}
        given = {key: document[key] for key in _OF_ALL if document.get(key) is not None}
        read = {key: self._value(_OF_ALL[key].type, value, key) for key, value in given.items()}
        return {key: value for key, value in read.items() if value is not None}

    def _zvm(self, entry: dict[str, Any], path: str, defaults: dict[str, Any]) -> tuple[Source, Zvm]:
        own = self._struct(Zvm, entry, path)
        for key in _OF_EACH:
            if key not in own:
                if f"{path}.{key}" not in self._broken:
                    self._problems.append(f"{self._place(f'{path}.{key}')}: missing")
                self._broken.add(f"{path}.{key}")
        values = {**dict.fromkeys(_OF_EACH, ""), **_merged(defaults, own)}
        if "timeout" not in values and "interval" in values:  # who polls often need not set both
            values["timeout"] = min(DEFAULT_TIMEOUT, values["interval"])
        own_keys = _keys(own)
        broken = {key.removeprefix(f"{path}.") for key in self._broken if key.startswith(f"{path}.")}
        inherited = {key.removeprefix("defaults.") for key in self._broken if key.startswith("defaults")}
        source = Source(
            path, self._folders, own_keys, _keys(defaults), frozenset(broken | (inherited - own_keys)), self._place
        )
        values["options"] = {name: built(Options, values.pop(name)) for name in COLLECTORS if name in values}
        return source, built(Zvm, values)

    def _struct(self, struct: type[Struct], mapping: dict[str, Any], path: str) -> dict[str, Any]:
        known = _keys_of(struct)
        self._unknown(mapping, known, path)
        values: dict[str, Any] = {}
        for key, value in mapping.items():
            if known.get(key) == MaybeEmpty and value in (None, ""):
                values[key] = ""
            elif key in known and value is not None:
                read = self._value(known[key], value, f"{path}.{key}" if path else key)
                if read is not None:
                    values[key] = read
        return values

    def _value(self, kind: Any, value: Any, path: str) -> Any:
        kind = _given(kind)
        if _is_struct(kind):
            return self._section(kind, value, path)
        if get_origin(kind) is dict:
            item = get_args(kind)[1]
            return self._entries(item, value, path) if self._is_mapping(value, path) else None
        if get_origin(_plain(kind)) is tuple:
            return self._list(kind, value, path)
        return self._scalar(kind, value, path)

    def _section(self, struct: type[Struct], value: Any, path: str) -> dict[str, Any] | None:
        outside, self._hidden = self._hidden, self._hidden or issubclass(struct, Secrets)
        values = self._struct(struct, value, path) if self._is_mapping(value, path) else None
        self._hidden = outside
        return values

    def _scalar(self, kind: Any, value: Any, path: str) -> Any:
        if kind in _SCALARS:
            return self._parsed(*_SCALARS[kind], value, path)
        if get_origin(kind) is Literal:
            options = get_args(kind)
            meant = close(value, options) if isinstance(value, str) else None
            expected = " | ".join(options) + (f" (did you mean {meant}?)" if meant else "")
            return self._parsed(lambda text: text if text in options else None, expected, value, path)
        text = self._text(value, path)
        return self._file(text, path) if text is not None and kind is Path else text

    def _file(self, text: str, path: str) -> Path | None:
        try:
            return self._folders[0] / Path(text).expanduser()
        except RuntimeError:  # ~somebody who is no user of this machine
            self._wrong(path, "cannot tell whose home folder ~ is meant")
            return None

    def _list(self, kind: Any, value: Any, path: str) -> tuple[str, ...] | None:
        if not isinstance(value, list):
            self._expected(f"a list of {get_args(kind)[1]}", value, path)
            return None
        texts = [self._text(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if None in texts:
            self._broken.add(path)
        return tuple(text for text in texts if text is not None)

    def _entries(self, kind: Any, mapping: dict[str, Any], path: str) -> dict[str, Any]:
        entries = {key: self._value(kind, value, step(path, key)) for key, value in mapping.items()}
        return {key: entry for key, entry in entries.items() if entry is not None}

    def _text(self, value: Any, path: str) -> str | None:
        text: str | None = self._parsed(lambda text: text or None, "a string", value, path)
        if text is not None and any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
            self._wrong(path, "holds what is no Unicode text")  # a NUL, or half of a surrogate pair
            return None
        return text

    def _parsed(self, parse: Callable[[str], Any], expected: str, value: Any, path: str) -> Any:
        read = parse(value) if isinstance(value, str) else None
        if read is None:
            self._expected(expected, value, path)
        return read

    def _expected(self, expected: str, value: Any, path: str) -> None:
        self._broken.add(path)
        if value is not UNREADABLE:
            quotable = isinstance(value, str) and value and not isinstance(value, Expanded) and not self._hidden
            self._wrong(path, f"expected {expected}, got {repr(value[:60]) if quotable else kind(value)}")

    def _wrong(self, path: str, problem: str) -> None:
        self._problems.append(f"{self._place(path)}: {problem}")
        self._broken.add(path)

    def _is_mapping(self, value: Any, path: str) -> bool:
        if isinstance(value, dict):
            return True
        self._expected("a mapping", value, path)
        return False

    def _unknown(self, mapping: dict[str, Any], known: Collection[str], path: str) -> None:
        for key in mapping:
            if key in known:
                continue
            meant = close(key, known)
            if meant is not None:
                self._broken.add(f"{path}.{meant}" if path else meant)
            hidden = self._hidden and meant is None
            here = f"{path}.(a key)" if hidden else step(path, key)
            hint = "; is a blank missing after its colon?" if ":" in key else did_you_mean(key, known)
            self._problems.append(f"{here}: unknown key{hint}")


def _keys_of(struct: type[Struct]) -> dict[str, Any]:
    """Return the keys of a mapping that is read as *struct*, with their types."""
    keys = {field.name: field.type for field in msgspec.structs.fields(struct)}
    if keys.pop("options", None) is not None:
        keys |= dict.fromkeys(COLLECTORS, Options)
    return keys


def _given(kind: Any) -> Any:
    """Return what *kind* is where the key is given: without None."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    (given,) = (option for option in get_args(kind) if option is not NoneType)
    return given


def _plain(kind: Any) -> Any:
    """Return *kind* without what is said of it beyond its type."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_struct(kind: Any) -> TypeGuard[type[Struct]]:
    return isinstance(kind, type) and issubclass(kind, Struct)


def built(struct: type[AStruct], values: dict[str, Any]) -> AStruct:
    """Return the *struct* of *values*, in which a struct's own fields stand as a dict."""
    types = {field.name: _given(field.type) for field in msgspec.structs.fields(struct)}
    sections = {name: kind for name, kind in types.items() if _is_struct(kind)}
    return struct(
        **{name: built(sections[name], value) if name in sections else value for name, value in values.items()}
    )


def _merged(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return *own* over *defaults*, mappings key by key."""
    # A ZVM's own secret replaces the default one, in either form.
    replaced = {name for either in _ONE_OF if own.keys() & set(either) for name in either}
    merged = {key: value for key, value in defaults.items() if key not in replaced}
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _keys(values: dict[str, Any]) -> frozenset[str]:
    """Return the keys of *values* and of the mappings in it: `auth`, `auth.username`."""

    def walk(mapping: dict[str, Any], before: str) -> Iterator[str]:
        for key, value in mapping.items():
            yield f"{before}{key}"
            if isinstance(value, dict):
                yield from walk(value, f"{before}{key}.")

    return frozenset(walk(values, ""))
