"""The golden page: two ZVMs' answers in, the whole page out.

The answers are `tests/fixtures/<ZVM>_<collector>.json`. A ZVM without such a file has nothing of that collector.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from exporter import collectors
from exporter.prometheus.gzip import gzipped, unzipped
from exporter.prometheus.store import Health, Store
from exporter.prometheus.table import Table
from tools import ROOT

FILE: Final = ROOT / "tests" / "golden" / "page.txt"
TABLES: Final[Mapping[str, Table[Any]]] = {collector.name: collector.table for collector in collectors.ALL}

_FIXTURES: Final = ROOT / "tests" / "fixtures"
_ZVMS: Final[Mapping[str, tuple[str, dict[str, str]]]] = {
    "nyc": ("appliance", {"region": "us-east"}),
    "lon": ("windows", {}),
}


def text(tables: Mapping[str, Table[Any]] = TABLES) -> str:
    """Return the page, made with the *tables* of the collectors."""
    store = Store(tables, monotonic=lambda: 0.0)
    for zvm, (generation, labels) in _ZVMS.items():
        for collector, table in tables.items():
            rows = _answered(generation, collector)
            if rows is not None:
                store.put(zvm, collector, table.render({"zvm": zvm, **labels}, rows), stale_after=60.0)
        health = [Health("vms", success=True, duration=0.125, last_success=1_800_000_000.5)]
        health += [Health("vpgs", success=zvm == "nyc", duration=0.25, last_success=None)]
        store.put_health(zvm, labels, health, up=True)
    return unzipped(gzipped(*store.page())).decode()


@functools.cache
def _answered(generation: str, collector: str) -> Sequence[Any] | None:
    fixture = _FIXTURES / f"{generation}_{collector}.json"
    if not fixture.exists():
        return None
    decoded = getattr(collectors, collector).DECODER.decode(fixture.read_bytes(), "application/json", "")
    assert decoded.complaint == "", fixture
    rows: Sequence[Any] = decoded.rows
    return rows
