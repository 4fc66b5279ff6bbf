"""Where a JSON value ends that is too long to be read: only its brackets and quotes are looked at.

It is looked at in windows, as one call of C must not last.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

_WINDOW: Final = 2**16  # bytes
_DEEPEST: Final = 10_000  # brackets in brackets; msgspec and json read a thousand
_STEP: Final = [(byte in b"[{") - (byte in b"]}") for byte in range(256)]  # what a byte does to the depth
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if not _STEP[byte])
_MARK: Final = re.compile(rb'["\[\]{}]')


def end_of_value(body: bytes | bytearray, start: int) -> int:
    """Return where the array, object or string ends that begins at *start* of *body*; 0 if it does not.

    A place is found if it is JSON; if not, that is left to whoever reads on from there.
    """
    depth, quoted, at = 0, False, start
    if body[start] not in b'"[{':
        return 0
    while at < len(body):
        window = _without_escapes(body, at)
        pieces = window.split(b'"')
        brackets = b"".join(pieces[quoted::2]).translate(None, _NO_BRACKETS)
        closing = brackets.count(b"]") + brackets.count(b"}")
        if closing >= depth and (not depth or 0 in accumulate(map(_STEP.__getitem__, brackets), initial=depth)):
            end = _end_in(window, depth, quoted=quoted)
            if end:
                return at + end
        depth += len(brackets) - 2 * closing
        if depth > _DEEPEST:
            return 0
        quoted ^= len(pieces) % 2 == 0
        at += len(window)
    return 0


def _without_escapes(body: bytes | bytearray, at: int) -> bytes:
    """Return the next window of *body*, in which no quote is escaped any more; every place is what it was."""
    window = bytes(body[at : at + _WINDOW]).replace(rb"\\", b"..").replace(rb"\"", b"..")
    if window.endswith(b"\\") and len(window) > 1:  # what it escapes is in the next window
        return window[:-1]
    return window


def _end_in(window: bytes, depth: int, *, quoted: bool) -> int:
    """Return the place in *window* behind the mark with which the value ends, 0 where it does not."""
    for mark in _MARK.finditer(window):
        if mark[0] == b'"':
            quoted = not quoted
        elif not quoted:
            depth += _STEP[mark[0][0]]
        if depth <= 0 and not quoted:
            return mark.end()
    return 0
