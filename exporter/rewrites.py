"""Files that somebody may rewrite at any moment: whether they still hold what was read.

A stamp of times and size is not enough: `cp` empties a file before it fills it, and a file system's clock may stand
still for some milliseconds, or for two seconds. So contents are compared, and a stamp is believed only once it is old.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

SETTLED_SECONDS: Final = 2.0  # no file system's clock is coarser: a younger stamp may hide a second change

Contents = Mapping[Path, bytes | None]  # None: the file cannot be read
Stamps = dict[Path, tuple[int, ...]]


class Rewrites:
    """Files, and the contents that were acted on last."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._contents: Contents = {}
        self._stamps: Stamps = {}
        self._since = 0.0
        self._believed = False

    def keep(self, contents: Contents) -> None:
        """Take *contents* for those that were acted on; their files are the ones to look at."""
        self._contents = contents
        self._believed = False

    def any(self) -> bool:
        """Tell whether a file holds something else than what was acted on.

        It takes a look at each file's times and size, and reads them all while these are younger than two seconds.
        """
        now, seen = self._monotonic(), stamps(self._contents)
        if seen != self._stamps:
            self._stamps, self._since, self._believed = seen, now, False
        elif self._believed:
            return False
        if read(self._contents) != self._contents:
            return True
        self._believed = self.settled() and stamps(self._contents) == seen
        return False

    def settled(self) -> bool:
        """Tell whether the files have rested for two seconds, as far as `any` has seen."""
        return self._monotonic() - self._since >= SETTLED_SECONDS


def read(files: Iterable[Path]) -> Contents:
    """Return what each of *files* holds."""
    return {file: _bytes(file) for file in files}


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def stamps(files: Iterable[Path]) -> Stamps:
    """Return what changes when one of *files* does: its times in nanoseconds first, () where they cannot be told."""
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:
        return ()
    # The time of change too: the other can be set, as by `cp -p`.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev
