"""The golden page: two ZVMs' answers in, the whole page out, byte for byte; and proof that the page notices.

`pytest tests/test_page.py --update` writes it anew; its diff is what a reviewer reads.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import Page, plain

from exporter import collectors
from exporter.collectors import vms, vpgs
from exporter.prometheus import table as exposition
from exporter.prometheus.store import COLLECTOR_TABLE, ZVM_TABLE, Health, Store
from exporter.prometheus.table import Table, Unit
from exporter.zvm.decode.rows import Decoder

FIXTURES = Path(__file__).parent / "fixtures"
GOLDEN = Path(__file__).parent / "golden" / "page.txt"
BEFORE_ROLE = Path(__file__).parent / "golden" / "page_before_role.txt"
NEW_METRICS: frozenset[str] = frozenset()  # those that there are since then
TABLES: Mapping[str, Table[Any]] = {collector.name: collector.tables[0] for collector in collectors.ALL}
ALL_TABLES: Sequence[Table[Any]] = (ZVM_TABLE, COLLECTOR_TABLE, *TABLES.values())
SOURCES: Mapping[str, tuple[str, dict[str, str]]] = {
    "nyc": ("appliance", {"region": "us-east"}),
    "lon": ("windows", {}),
}
DECODERS: Mapping[str, Decoder[Any]] = {"vms": vms.DECODER, "vpgs": vpgs.DECODER}


def page(tables: Mapping[str, Table[Any]] = TABLES) -> str:
    store = Store({name: (table,) for name, table in tables.items()}, monotonic=lambda: 0.0)
    for zvm, (generation, labels) in SOURCES.items():
        for collector, table in tables.items():
            body = (FIXTURES / f"{generation}_{collector}.json").read_bytes()
            decoded = DECODERS[collector].decode(body, "application/json", "")
            assert decoded.lost.complaint == ""
            store.put(zvm, collector, table.render({"zvm": zvm, **labels}, decoded.rows), stale_after=60.0)
        health = [Health("vms", success=True, duration=0.125, last_success=1_800_000_000.5, interval=30.0)]
        health += [Health("vpgs", success=zvm == "nyc", duration=0.25, last_success=None, interval=30.0)]
        store.put_health(zvm, labels, health, up=True)
    return plain(store.page()).decode()


def test_the_page_is_the_golden_one(*, update: bool) -> None:
    if update:
        GOLDEN.write_text(page())
    assert page() == GOLDEN.read_text()


def test_but_for_role_and_new_metrics_the_page_is_the_one_before_there_was_the_label_role() -> None:
    """Users' queries hang on the page: what was there stays, in its order, with its labels and values."""
    before = [re.sub(r'(?<=[{,])role="\w*",?', "", line) for line in BEFORE_ROLE.read_text().splitlines()]
    now = [re.sub(r'(?<=[{,])role="\w*",?', "", line) for line in page().splitlines() if not is_new(line)]
    assert now == before


def is_new(line: str) -> bool:
    name = line.split()[2] if line.startswith("#") else line.partition("{")[0]
    return name in NEW_METRICS


def test_the_label_role_is_on_every_sample_of_a_vm_and_a_vpg_and_on_no_other() -> None:
    for name, labels in Page(GOLDEN.read_text()).samples:
        assert ("role" in dict(labels)) == name.startswith(("zerto_vm_", "zerto_vpg_")), name


def test_every_metric_has_a_sample_on_the_golden_page() -> None:
    samples = {name for name, _ in Page(GOLDEN.read_text()).samples}
    assert samples == {metric.name for table in ALL_TABLES for metric in table.metrics}


def test_promtool_finds_nothing_in_the_golden_page() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert "CI" not in os.environ, "CI must have promtool"
        pytest.skip("promtool is not installed (Debian: prometheus)")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=GOLDEN.read_bytes(), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def changed(table: Table[Any], index: int, **changes: Any) -> Table[Any]:
    metrics = list(table.metrics)
    metrics[index] = dataclasses.replace(metrics[index], **changes)
    return Table(table.labels, *metrics, attributes=table.attributes)


def reordered(labels: Mapping[str, Any], index: int) -> dict[str, Any]:
    items = list(labels.items())
    items[index], items[index + 1] = items[index + 1], items[index]
    return dict(items)


def mutations() -> Iterator[Any]:
    """Each way of getting one row of one table wrong that could go unseen."""
    for collector, table in TABLES.items():
        for index, metric in enumerate(table.metrics):
            unit: Unit = metric.unit
            wrong: dict[str, dict[str, Any]] = {
                "factor": {"unit": dataclasses.replace(unit, factor=unit.factor * 1000)},
                "divisor": {"unit": dataclasses.replace(unit, divisor=unit.divisor * 1000)},
                "name": {"name": metric.name + "_x"},
                "help": {"help": metric.help + " "},
                "source": {"source": metric.source + " "},
                "value": {"value": lambda _: None},
            }
            for what, change in wrong.items():
                yield pytest.param(collector, changed(table, index, **change), id=f"{metric.name}-{what}")
            for other in table.metrics:
                if other is not metric and other.unit == unit and not metric.labels and not other.labels:
                    swapped = changed(table, index, value=other.value)
                    yield pytest.param(collector, swapped, id=f"{metric.name}-value-of-{other.name}")
            for place, label in enumerate(metric.labels):
                blank = changed(table, index, labels={**metric.labels, label: lambda _: "?"})
                yield pytest.param(collector, blank, id=f"{metric.name}-label-{label}")
                if place + 1 < len(metric.labels):
                    order = changed(table, index, labels=reordered(metric.labels, place))
                    yield pytest.param(collector, order, id=f"{metric.name}-order-{label}")
        for what, wrong_labels in mutations_of_labels(table):
            yield pytest.param(collector, wrong_labels, id=f"{collector}-{what}")


def mutations_of_labels(table: Table[Any]) -> Iterator[tuple[str, Table[Any]]]:
    for place, label in enumerate(table.labels):
        blank = {**table.labels, label: lambda _: "?"}
        yield f"label-{label}", Table(blank, *table.metrics, attributes=table.attributes)
        if place + 1 < len(table.labels):
            order = reordered(table.labels, place)
            yield f"order-{label}", Table(order, *table.metrics, attributes=table.attributes)
    for label in table.attributes:
        blank = {**table.attributes, label: lambda _: "?"}
        yield f"label-{label}", Table(table.labels, *table.metrics, attributes=blank)


@pytest.mark.parametrize(("collector", "table"), list(mutations()))
def test_a_wrong_row_changes_the_page(collector: str, table: Table[Any]) -> None:
    assert page({**TABLES, collector: table}) != GOLDEN.read_text()


@pytest.mark.parametrize("character", ["\\", "\n", '"'])
def test_a_missing_escape_changes_the_page(character: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exposition.escape

    def without(value: str) -> str:
        return character.join(map(whole, value.split(character)))

    monkeypatch.setattr(exposition, "escape", without)
    assert page() != GOLDEN.read_text()


def test_metrics_are_in_the_order_of_the_tables() -> None:
    lines = GOLDEN.read_text().splitlines()
    order = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert order == [metric.name for table in ALL_TABLES for metric in table.metrics]
