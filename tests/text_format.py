"""Pages in the text format, read quickly: what the exporter writes, without a check of its form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_SAMPLE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")


def samples_of(page: str) -> Iterator[tuple[str, str, float]]:
    """Yield name, labels as they are written, and value of each sample."""
    for name, labels, value in _SAMPLE.findall(page):
        yield name, labels, float(value)


def labels_of(text: str) -> dict[str, str]:
    """Return the labels that are written in *text*."""
    return {name: _ESCAPED.sub(_meant, value) for name, value in _LABEL.findall(text)}


def _meant(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
