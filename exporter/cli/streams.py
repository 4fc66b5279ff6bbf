"""The standard streams, which may be closed, a pipe that nobody reads or a file on a full disk.

What cannot be written is lost; it ends nothing and changes no exit code.
"""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


class Losing:
    """Writes to the text *stream* and loses what cannot be written; *lost* counts that."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lost = 0

    def write(self, text: str) -> None:
        """Write *text* at once."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):  # ValueError: of a stream that was closed
            self.lost += 1

    def flush(self) -> None:
        """Do nothing: whatever is written is flushed."""


def complete() -> None:
    """Put something in the place of standard streams that are closed, before any other file is opened.

    Else the first socket would have the number of standard error, and whatever is written there would go to its other
    end. What is there now can be read, and is empty; it cannot be written, so that nothing is lost without a word.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # has the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - by number


def settle() -> None:
    """Drop what cannot be written, at the end: else Python would try it again and exit with a code of its own."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            discard(number)


def discard(number: int) -> None:
    """Let what is written to the file descriptor *number* from now on go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def tell(text: str) -> None:
    """Write a line to standard output."""
    Losing(sys.stdout).write(f"{text}\n")


def complain(text: str) -> None:
    """Write a line to standard error."""
    Losing(sys.stderr).write(f"{text}\n")
