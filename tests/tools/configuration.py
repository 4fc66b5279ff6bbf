"""The table of collectors in docs/configuration.md, from the code. The rest of that document is written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from exporter import collectors
from exporter.config.show import duration
from tools import ROOT

FILE: Final = ROOT / "docs" / "configuration.md"

_PLACE: Final = re.compile(r"(?<=<!-- collectors: written by make docs -->\n).*?(?=<!-- end -->)", re.DOTALL)


def text() -> str:
    """Return the whole document."""
    table = "".join(_table())
    return _PLACE.sub(lambda _: table, FILE.read_text())


def _table() -> Iterator[str]:
    yield "| collector | asks for | every | by default | its records are chosen by |\n|---|---|---|---|---|\n"
    for collector in collectors.ALL:
        every = "`interval`" if collector.interval is None else duration(collector.interval)
        objects = ", for each object" if collector.by_object else ""
        chosen = ", ".join(f"`{label}`" for label in collector.chosen_by) or "nothing"
        standard = "yes" if collector.standard else "no"
        yield f"| `{collector.name}` | `GET {collector.endpoint}`{objects} | {every} | {standard} | {chosen} |\n"
