"""Texts as the values that they stand for."""

from __future__ import annotations

import re
from typing import Final

_DURATION: Final = re.compile(
    "".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in ("y", "w", "d", "h", "m(?!s)", "s", "ms"))
)
_MILLISECONDS: Final = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1)
_SIZE: Final = re.compile(r"([0-9]{1,15}) ?(B|KiB|MiB|GiB)?")
_SIZE_BYTES: Final = {None: 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_WHOLE: Final = re.compile(r"[0-9]{1,15}")
_BOOLEANS: Final = {"true": True, "false": False}


def duration(text: str) -> float | None:
    """Return the seconds of a Prometheus duration such as `1m30s`, None if it is none."""
    match = _DURATION.fullmatch(text) if text else None
    if match is None:
        return None
    return sum(int(part) * unit for part, unit in zip(match.groups(), _MILLISECONDS, strict=True) if part) / 1000


def size(text: str) -> int | None:
    """Return the bytes of a size such as `256MiB`, None if it is none."""
    match = _SIZE.fullmatch(text)
    return int(match[1]) * _SIZE_BYTES[match[2]] if match else None


def whole(text: str) -> int | None:
    """Return the whole number *text*, None if it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def boolean(text: str) -> bool | None:
    """Return what `true` and `false` mean, None for anything else."""
    return _BOOLEANS.get(text.lower())
