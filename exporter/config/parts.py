"""A configuration in several files: the first has everything, each further one a list of ZVMs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any, Final

from exporter.config.document import UNREADABLE, Expanded, read_file, step
from exporter.config.problems import ConfigError

FILES_KEY: Final = "zvms_files"

_MAGIC: Final = frozenset("*?[")


@dataclass(frozen=True)
class Part:
    """A list of ZVMs, *entries*, as it was read: the value of *key* in *file*, or all of it where that is "".

    Messages name the file too, unless that is "". Relative paths start from *folder*.
    """

    file: str
    key: str
    folder: Path
    entries: Any

    @property
    def path(self) -> str:
        """How messages call the list."""
        return ": ".join(filter(None, (self.file, self.key)))

    def item(self, index: int) -> str:
        """Return how messages call the ZVM at *index*."""
        return f"{self.file}: {self.key}[{index}]" if self.file else f"{self.key}[{index}]"


def matched(patterns: Iterable[Path]) -> list[Path]:
    """Return the files that *patterns* name or match, those of one pattern in the order of their names.

    Raises:
        ConfigError: a pattern matches none. A file that is named and missing is left to whoever reads it.
    """
    found: list[Path] = []
    for pattern in patterns:
        files = _files(pattern)
        if not files:
            raise ConfigError(str(pattern), ["no file matches"])
        found.extend(files)
    return found


def further_files(first: Path, document: Any, given: Sequence[Path], problems: list[str]) -> list[Path]:
    """Return the files that belong to the *first*: those *given* with it, then those that its *document* names.

    Each comes once, and the first is none of them, whatever matches it. Mistakes are appended to *problems*.
    """
    patterns = document.get(FILES_KEY) if isinstance(document, dict) else None
    found = list(given)
    if patterns is not None and not isinstance(patterns, list):
        if patterns is not UNREADABLE:
            problems.append(f"{FILES_KEY}: expected a list of files or patterns such as zvms.d/*.yaml")
        patterns = None
    for index, pattern in enumerate(patterns or ()):
        if not isinstance(pattern, str) or not pattern or not pattern.isprintable():
            if pattern is not UNREADABLE:
                problems.append(f"{FILES_KEY}[{index}]: expected a file or a pattern such as zvms.d/*.yaml")
            continue
        files = _files(first.parent / os.path.expanduser(pattern))  # noqa: PTH111 - ~nobody stays as it is
        if not files:
            shown = "" if isinstance(pattern, Expanded) else f" {pattern!r}"
            problems.append(f"{FILES_KEY}[{index}]: no file matches{shown}")
        found.extend(files)
    by_place: dict[str, Path] = {}
    for file in found:
        by_place.setdefault(os.path.realpath(file), file)
    by_place.pop(os.path.realpath(first), None)
    return list(by_place.values())


def read_part(file: Path, first: Path, environment: Mapping[str, str], problems: list[str]) -> Part:
    """Read a further *file*: a list of ZVMs, or a mapping whose one key is `zvms`.

    Mistakes are appended to *problems* with the name of the file. Relative paths start from the file's own folder.
    """
    here: list[str] = []
    key, entries = "", UNREADABLE
    try:
        entries = read_file(file, environment, here)
    except ConfigError as error:
        here = error.problems
    if isinstance(entries, dict):
        here.extend(_misplaced(entries, first))
        key, entries = "zvms", entries.get("zvms")
    problems.extend(f"{file}: {problem}" for problem in here)
    return Part(str(file), key, file.parent, entries)


def _misplaced(document: Mapping[str, Any], first: Path) -> Iterator[str]:
    for key in document:
        if key != "zvms":
            yield f"{step('', key)}: only zvms can be here, all else belongs in {first}"


def _files(pattern: Path) -> list[Path]:
    text = str(pattern)
    if _MAGIC.isdisjoint(text) or pattern.exists():
        return [pattern]
    matching = glob(text, recursive=True)  # noqa: PTH207 - Path's own would match hidden files
    return sorted(file for file in map(Path, matching) if file.is_file())
