"""The golden page: two ZVMs' answers in, the whole page out, byte for byte; and proof that the page notices.

`make docs` writes it; test_docs.py holds it true. Its diff is what a reviewer reads.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from support import Page
from tools import golden
from tools.golden import FILE as GOLDEN
from tools.golden import TABLES

from exporter.prometheus import samples
from exporter.prometheus.store import COLLECTOR_TABLE, ZVM_TABLE
from exporter.prometheus.table import Metric, Table, Unit

OLD = ("vms", "vpgs")  # the collectors that there were before there was the label role
BEFORE_ROLE = GOLDEN.parent / "page_before_role.txt"
KNOWN = {line.split()[2] for line in BEFORE_ROLE.read_text().splitlines() if line.startswith("# TYPE ")}
LIKE_A_HISTOGRAM = "zerto_vm_volume_count "  # a gauge with a name that its users know
ALL_TABLES: Sequence[Table[Any]] = (
    ZVM_TABLE,
    COLLECTOR_TABLE,
    *(table for tables in TABLES.values() for table in tables),
)


def test_but_for_role_and_new_metrics_the_page_is_the_one_before_there_was_the_label_role() -> None:
    """Users' queries hang on the page: what was there stays, in its order, with its labels and values."""
    before = [re.sub(r'(?<=[{,])role="\w*",?', "", line) for line in BEFORE_ROLE.read_text().splitlines()]
    now = [re.sub(r'(?<=[{,])role="\w*",?', "", line) for line in golden.text().splitlines() if not is_new(line)]
    assert now == before


def is_new(line: str) -> bool:
    """Tell whether *line* is of a metric, or of a collector, that there was not before."""
    collector = re.search(r'collector="(\w+)"', line)
    return name_of(line) not in KNOWN or (collector is not None and collector[1] not in OLD)


def name_of(line: str) -> str:
    return line.split()[2] if line.startswith("#") else line.partition("{")[0]


def test_the_label_role_is_on_every_sample_of_a_vm_and_a_vpg_and_on_no_other() -> None:
    for name, labels in Page(GOLDEN.read_text()).samples:
        assert ("role" in dict(labels)) == bool({"vm_id", "vpg_id"} & dict(labels).keys()), name


def test_both_ways_to_read_a_page_agree() -> None:
    """The quick one is what most tests take."""
    text = GOLDEN.read_text() + 'escaped{of="\\\\n\\n\\"}{,="} 1e3\n'
    assert Page(text, quick=True).samples == Page(text).samples


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
    said = [line for line in checked.stderr.decode().splitlines() if not line.startswith(LIKE_A_HISTOGRAM)]
    assert (checked.stdout, said) == (b"", [])


def remade(table: Table[Any], metrics: Sequence[Metric[Any]], **changes: Any) -> Table[Any]:
    """Return *table* with these *metrics*, and other labels or attributes where *changes* say so."""
    return Table(
        changes.get("labels", table.labels),
        *metrics,
        attributes=changes.get("attributes", table.attributes),
        each=table.each,
    )


def changed(table: Table[Any], index: int, **changes: Any) -> Table[Any]:
    metrics = list(table.metrics)
    metrics[index] = dataclasses.replace(metrics[index], **changes)
    return remade(table, metrics)


def reordered(labels: Mapping[str, Any], index: int) -> dict[str, Any]:
    items = list(labels.items())
    items[index], items[index + 1] = items[index + 1], items[index]
    return dict(items)


def mutations(table: Table[Any]) -> Iterator[tuple[str, Table[Any]]]:
    """Yield each way of getting one row of a table wrong that could go unseen, by a name."""
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
            yield f"{metric.name}-{what}", changed(table, index, **change)
        for other in table.metrics:
            if other is not metric and other.unit == unit and not metric.labels and not other.labels:
                swapped = changed(table, index, value=other.value)
                yield f"{metric.name}-value-of-{other.name}", swapped
        for place, label in enumerate(metric.labels):
            blank = changed(table, index, labels={**metric.labels, label: lambda _: "?"})
            yield f"{metric.name}-label-{label}", blank
            if place + 1 < len(metric.labels):
                order = changed(table, index, labels=reordered(metric.labels, place))
                yield f"{metric.name}-order-{label}", order
    yield from mutations_of_labels(table)


def mutations_of_labels(table: Table[Any]) -> Iterator[tuple[str, Table[Any]]]:
    for place, label in enumerate(table.labels):
        blank = {**table.labels, label: lambda _: "?"}
        yield f"{table.metrics[0].name}-label-{label}", remade(table, table.metrics, labels=blank)
        if place + 1 < len(table.labels):
            order = reordered(table.labels, place)
            yield f"{table.metrics[0].name}-order-{label}", remade(table, table.metrics, labels=order)
    for label in table.attributes:
        blank = {**table.attributes, label: lambda _: "?"}
        yield f"{table.metrics[0].name}-label-{label}", remade(table, table.metrics, attributes=blank)


@pytest.mark.parametrize(
    ("collector", "position"), [(name, position) for name, tables in TABLES.items() for position in range(len(tables))]
)
def test_a_wrong_row_changes_the_page(collector: str, position: int) -> None:
    table = TABLES[collector][position]
    right = golden.text({collector: (table,)})  # which test_docs.py holds to be what is on the golden page
    unseen = [what for what, wrong in mutations(table) if golden.text({collector: (wrong,)}) == right]
    assert not unseen


@pytest.mark.parametrize("character", ["\\", "\n", '"'])
def test_a_missing_escape_changes_the_page(character: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = samples.escape

    def without(value: str) -> str:
        return character.join(map(whole, value.split(character)))

    monkeypatch.setattr(samples, "escape", without)
    assert golden.text() != GOLDEN.read_text()


def test_metrics_are_in_the_order_of_the_tables() -> None:
    lines = GOLDEN.read_text().splitlines()
    order = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert order == list(dict.fromkeys(metric.name for table in ALL_TABLES for metric in table.metrics))
