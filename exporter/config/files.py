"""Files that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def contents(files: Mapping[str, Path | None]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return by their keys what *files* hold, and of those that cannot be read why; None is no file."""
    held: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    for key, file in files.items():
        try:
            if file is not None:
                held[key] = file.read_bytes()
        except OSError as error:
            unreadable[key] = f"cannot read {file}: {error.strerror}"
    return held, unreadable
