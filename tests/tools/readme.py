"""What README.md says of the collectors and of how many metrics there are. The rest of it is written by hand."""

from __future__ import annotations

import re
from typing import Final

from exporter import collectors
from tools import ROOT, costs

FILE: Final = ROOT / "README.md"


def text() -> str:
    """Return the whole document.

    Raises:
        ValueError: a place that is written here is not there, or twice.
    """
    told = {metric.name for one in collectors.ALL for table in one.tables for metric in table.metrics}
    written = FILE.read_text()
    for place, what in (
        (r"(?<=lists them all, )\d+(?= about what ZVMs tell)", str(len(told))),
        (r"^\| `vms`, .* \|$", f"| {_names(standard=True)} | {_names(standard=False)} |"),
        (r"(?<=a ZVM gets \[)\d+(?= requests a minute\])", f"{costs.requests_a_minute():.0f}"),
    ):
        written, count = re.subn(place, what, written, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"expected once in {FILE.name}, found {count} times: {place}")
    return written


def _names(*, standard: bool) -> str:
    return ", ".join(f"`{one.name}`" for one in collectors.ALL if one.standard is standard)
