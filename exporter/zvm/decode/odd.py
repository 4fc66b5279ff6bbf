"""The bytes of one record of JSON that msgspec does not take as they are, read as far as they can be."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

UNREADABLE: Final = (ValueError, RecursionError)  # msgspec.DecodeError and UnicodeDecodeError are such
# A surrogate that is half of no pair; escaped backslashes and whole pairs are matched only to be passed over.
_SURROGATE: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def read_record(record: bytes) -> tuple[Any, bool]:
    """Return what *record* holds, and whether all of its numbers are ones that msgspec reads.

    Raises:
        ValueError: it cannot be read.
        RecursionError: it is nested too deeply.
    """
    try:
        return msgspec.json.decode(record), True
    except msgspec.DecodeError:
        return json.loads(record), False  # of numbers without bound one costs itself, not its record


def in_unicode(record: bytes) -> bytes:
    """Return *record* with a replacement for each half of a surrogate pair.

    No text can hold one, and msgspec would refuse the whole record for one in a name.
    """
    if b"\\u" not in record:
        return record
    return _SURROGATE.sub(lambda found: rb"\ufffd" if found[1] else found[0], record)
