"""Text of a ZVM made harmless. It may hold what a terminal obeys, or what makes it look like something else."""

from __future__ import annotations

import re
from typing import Final

# Controls, lone surrogates, separators of lines, and what changes the direction of the text around it.
_ACTING: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def harmless(text: str) -> str:
    r"""Return *text* with what acts written as Python would: `\x1b`, `\u202e`."""
    return _ACTING.sub(lambda acting: ascii(acting[0])[1:-1], text)


def in_json(text: str) -> str:
    r"""Return JSON *text*, whose strings may hold what acts, with that written as JSON has it: `\u001b`."""
    return _ACTING.sub(lambda acting: acting[0] if acting[0] == "\n" else f"\\u{ord(acting[0]):04x}", text)
