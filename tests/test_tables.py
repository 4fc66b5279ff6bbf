"""Every row of every table: what the names, units, help texts and labels of metrics must be."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support import plain

from exporter import collectors
from exporter.prometheus import metric as units
from exporter.prometheus.store import COLLECTOR_TABLE, ZVM_TABLE
from exporter.prometheus.table import MEBIBYTES, Metric, Table, Unit

TABLES: tuple[Table[Any], ...] = (
    ZVM_TABLE,
    COLLECTOR_TABLE,
    *(table for collector in collectors.ALL for table in collector.tables),
)
METRICS: list[Metric[Any]] = [metric for table in TABLES for metric in table.metrics]
UNITS = {unit.suffix for unit in vars(units).values() if isinstance(unit, Unit)} - {""}
ids = [metric.name for metric in METRICS]


def test_a_name_in_several_tables_is_one_metric_and_in_one_collector_only_once() -> None:
    """The page has it once, with the header of one of them."""
    for name in set(ids):
        assert len({(metric.help, metric.unit) for metric in METRICS if metric.name == name}) == 1
    for collector in collectors.ALL:
        own = [metric.name for table in collector.tables for metric in table.metrics]
        assert len(set(own)) == len(own)


@pytest.mark.parametrize("metric", METRICS, ids=ids)
def test_a_name_is_in_snake_case_and_begins_with_zerto(metric: Metric[Any]) -> None:
    assert re.fullmatch(r"zerto(_[a-z0-9]+)+", metric.name)


@pytest.mark.parametrize("metric", METRICS, ids=ids)
def test_name_unit_and_type_say_the_same(metric: Metric[Any]) -> None:
    """A gauge ends as its unit says; a counter ends in `_total`, before it the unit; no other suffix is for either."""
    counted = metric.name.endswith("_total")
    assert metric.type == ("counter" if counted else "gauge")
    name = metric.name.removesuffix("_total")
    if metric.unit.suffix:
        assert name.endswith(metric.unit.suffix)
    else:
        assert not name.endswith(tuple(UNITS - {"_code"}))
    # These are the suffixes of histograms; one gauge has such a name, which its users know.
    assert not name.endswith(("_total", "_count", "_sum", "_bucket")) or name == "zerto_vm_volume_count"
    assert f"# TYPE {metric.name} {metric.type}\n" in plain([metric.header]).decode()


def test_a_metric_that_ends_in_total_is_a_counter() -> None:
    metric: Metric[int] = Metric("a_sent_bytes_total", "Sent.", "a", MEBIBYTES, lambda row: row)
    assert plain([metric.header]).decode().endswith("# TYPE a_sent_bytes_total counter\n")


@pytest.mark.parametrize("metric", METRICS, ids=ids)
def test_a_help_text_is_made_of_sentences(metric: Metric[Any]) -> None:
    assert re.fullmatch(r"[A-Z0-9].*[^.]\.", metric.help)
    assert metric.source


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.metrics[0].name)
def test_labels_are_in_snake_case_and_none_comes_twice(table: Table[Any]) -> None:
    for metric in table.metrics:
        labels = ["zvm", *table.attributes, *table.labels, *metric.labels]
        assert len(set(labels)) == len(labels)
        assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in labels)


# Those whose names are what people say, not what the API does, and what that is there.
SAID_OTHERWISE = {
    "site": "localsite",
    "peers": "peersites",
    "encryption": "encryptionDetection",
    "unprotected": "virtualizationsites",
    "profiles": "serviceprofiles",
    "points_in_time": "pointsInTime",
    "recoveries": "recovery",
    "retention": "ltr",
    "file_restores": "flrs",
}


@pytest.mark.parametrize("collector", collectors.ALL, ids=lambda collector: collector.name)
def test_a_collector_is_named_as_its_resource(collector: Any) -> None:
    assert SAID_OTHERWISE.get(collector.name, collector.name) in collector.endpoint.split("/")
