"""A document as YAML gives it to structs, value by value: each mistake is noted at its path, and reading goes on.

Never quotes a value under `auth`: it may be a secret in the wrong place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from exporter.config.schema import Zvm
from exporter.zvm.settings import DEFAULT_TIMEOUT, Auth, Tls

_DURATION: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_DURATION_SECONDS: Final = (604800, 86400, 3600, 60, 1, 0.001)
_SIZE: Final = re.compile(r"(\d+) ?(B|KiB|MiB|GiB)")
_SIZE_BYTES: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

_DURATIONS: Final = frozenset({"interval", "timeout", "stale_after"})
_SECTIONS: Final[Mapping[str, type[Auth | Tls]]] = {"auth": Auth, "tls": Tls}
_OF_EACH: Final = frozenset({"name", "url"})
_ONE_OF: Final = (("password", "password_file"), ("client_secret", "client_secret_file"))


class Reader:
    """Reads the document; mistakes are appended to *problems*, relative paths start from *folder*."""

    def __init__(self, problems: list[str], folder: Path) -> None:
        self._problems = problems
        self._folder = folder

    def zvms(self, document: Any) -> list[tuple[str, Zvm]]:
        """Return the ZVMs that could be read, each with its path."""
        if not self._is_mapping(document, "the file"):
            return []
        self._unknown(document, ("defaults", "zvms"), "")
        defaults = document.get("defaults") or {}
        known = self._struct(Zvm, defaults, "defaults") if self._is_mapping(defaults, "defaults") else {}
        for key in sorted(_OF_EACH & known.keys()):
            self._problems.append(f"defaults.{key}: belongs to each ZVM, not to the defaults")
            del known[key]
        entries = document.get("zvms")
        if not isinstance(entries, list) or not entries:
            self._problems.append(f"zvms: expected a list of at least one ZVM, got {_kind(entries)}")
            return []
        read = [(f"zvms[{index}]", entry) for index, entry in enumerate(entries)]
        zvms = [(path, self._zvm(entry, path, known)) for path, entry in read if self._is_mapping(entry, path)]
        return [(path, zvm) for path, zvm in zvms if zvm is not None]

    def _zvm(self, entry: dict[Any, Any], path: str, defaults: dict[str, Any]) -> Zvm | None:
        own = self._struct(Zvm, entry, path)
        missing = [key for key in sorted(_OF_EACH) if key not in own]
        for key in missing:
            if entry.get(key) is None:
                self._problems.append(f"{path}.{key}: missing")
        if missing:
            return None
        values = _merged(defaults, own)
        if "timeout" not in values and "interval" in values:  # who polls often need not set both
            values["timeout"] = min(DEFAULT_TIMEOUT, values["interval"])
        for section, struct in _SECTIONS.items():
            values[section] = struct(**values.get(section, {}))
        return Zvm(**values)

    def _struct(self, struct: type[Zvm | Auth | Tls], mapping: dict[Any, Any], path: str) -> dict[str, Any]:
        known = {field.name: field for field in msgspec.structs.fields(struct)}
        self._unknown(mapping, known, path)
        values: dict[str, Any] = {}
        for key, value in mapping.items():
            if key in known and value is not None:
                read = self._value(key, known[key].type, value, f"{path}.{key}")
                if read is not None:
                    values[key] = read
        return values

    def _value(self, key: str, kind: Any, value: Any, path: str) -> Any:
        if key in _SECTIONS:
            return self._struct(_SECTIONS[key], value, path) if self._is_mapping(value, path) else None
        if key in _DURATIONS:
            return self._parsed(_duration(value), "a duration such as 30s or 1m30s", value, path)
        if key == "max_body":
            return self._parsed(_size(value), "a size such as 256MiB", value, path)
        if key == "collectors":
            return self._list(value, path)
        if key in {"filters", "labels"}:
            return self._strings(value, path) if self._is_mapping(value, path) else None
        if kind is bool:
            return self._parsed(value if isinstance(value, bool) else None, "true or false", value, path)
        options = [option for option in get_args(kind) if get_origin(kind) is Literal]
        if options and value not in options:
            return self._parsed(None, " | ".join(options), value, path)
        text = self._parsed(value if isinstance(value, str) and value else None, "a string", value, path)
        return self._folder / Path(text).expanduser() if text and Path in get_args(kind) else text

    def _list(self, value: Any, path: str) -> tuple[str, ...] | None:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self._parsed(None, "a list of names", value, path)
        return None

    def _strings(self, mapping: dict[Any, Any], path: str) -> dict[str, str]:
        strings: dict[str, str] = {}
        for key, value in mapping.items():
            if isinstance(value, bool):  # before int, which it is too: the API writes true, Python True
                strings[str(key)] = str(value).lower()
            elif isinstance(value, str | int):
                strings[str(key)] = str(value)
            else:
                self._parsed(None, "a string", value, f"{path}.{key}")
        return strings

    def _parsed(self, read: Any, expected: str, value: Any, path: str) -> Any:
        if read is None:
            quoted = _kind(value) if ".auth." in path or not isinstance(value, str) else repr(value)
            self._problems.append(f"{path}: expected {expected}, got {quoted}")
        return read

    def _is_mapping(self, value: Any, path: str) -> bool:
        if isinstance(value, dict):
            return True
        self._problems.append(f"{path}: expected a mapping, got {_kind(value)}")
        return False

    def _unknown(self, mapping: dict[Any, Any], known: Collection[str], path: str) -> None:
        for key in mapping:
            if key not in known:
                here = f"{path}.{key}" if path else str(key)
                self._problems.append(f"{here}: unknown key{did_you_mean(str(key), known)}")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `; did you mean X?` for the likeliest of *known*, else what there is to choose from."""
    close = difflib.get_close_matches(word.casefold(), [name.casefold() for name in known], n=1)
    meant = [name for name in known if name.casefold() in close]
    return f"; did you mean {meant[0]}?" if meant else f"; known are {', '.join(sorted(known))}"


def _merged(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = {**defaults, **own}
    for key in ("auth", "tls", "filters", "labels"):
        below = {**defaults.get(key, {})}
        above = own.get(key, {})
        for either in _ONE_OF:
            if any(name in above for name in either):  # a ZVM's own secret replaces the default one, in either form
                for name in either:
                    below.pop(name, None)
        merged[key] = {**below, **above}
    return merged


def _duration(value: Any) -> float | None:
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        return None
    parts = zip(match.groups(), _DURATION_SECONDS, strict=True)
    return float(sum(int(part) * seconds for part, seconds in parts if part))


def _size(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _SIZE_BYTES[match[2]] if match else None


def _kind(value: Any) -> str:
    names = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return "a mapping" if isinstance(value, dict) else names.get(type(value), "nothing" if value is None else "a date")
