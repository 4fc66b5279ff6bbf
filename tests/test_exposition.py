"""Rendering: escaping, absent and impossible values, duplicates, slices; whatever comes, the page parses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Page, plain

from exporter.prometheus import table as exposition
from exporter.prometheus.table import MEBIBYTES, NONE, PERCENT, Metric, Rendered, Table, Unit

Row = tuple[str, Any]

GAUGE: Metric[Row] = Metric("a_gauge", "A help.", "the test", NONE, lambda row: row[1])
TABLE: Table[Row] = Table({"name": lambda row: row[0]}, GAUGE)


def text_of(rendered: Rendered, table: Table[Any] = TABLE) -> str:
    pairs = zip(table.metrics, rendered.blocks, strict=True)
    return plain(part for metric, block in pairs for part in (metric.header, block.fragment)).decode()


def lines(table: Table[Any], rows: Sequence[Any], **constant: str) -> list[str]:
    text = text_of(table.render(constant, rows), table)
    return [line for line in text.splitlines() if not line.startswith("#")]


names = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(st.tuples(names, st.integers(0, 2**63 - 1) | st.floats(0, allow_infinity=False)), max_size=20), names)
def test_whatever_the_names_the_page_parses_to_what_went_in(rows: list[Row], constant: str) -> None:
    page = Page(text_of(TABLE.render({"zvm": constant}, rows)))
    first: dict[str, float] = {}
    for name, value in rows:
        first.setdefault(name, value)
    found = {labels["name"]: value for labels, value in page.all("a_gauge", zvm=constant)}
    assert found == first


@pytest.mark.parametrize("value", [None, -1, -0.5, math.nan, math.inf, -math.inf])
def test_what_is_not_known_or_not_possible_gives_no_sample(value: float | None) -> None:
    rendered = TABLE.render({}, [("before", 1), ("bad", value), ("after", 2)])
    assert lines(TABLE, [("before", 1), ("bad", value), ("after", 2)]) == [
        'a_gauge{name="before"} 1',
        'a_gauge{name="after"} 2',
    ]
    assert rendered.series == 2
    assert rendered.impossible == (0 if value is None else 1)


def test_what_overflows_in_its_base_unit_is_impossible_too() -> None:
    table: Table[Row] = Table(
        TABLE.labels, Metric("a_size_bytes", "A help.", "the test", MEBIBYTES, lambda row: row[1])
    )
    rendered = table.render({}, [("huge", 1.7e308), ("fine", 2)])
    assert lines(table, [("huge", 1.7e308), ("fine", 2)]) == ['a_size_bytes{name="fine"} 2097152']
    assert rendered.impossible == 1


@pytest.mark.parametrize(
    ("unit", "value", "sample"),
    [
        (NONE, 0, "0"),
        (NONE, True, "1"),
        (NONE, False, "0"),
        (NONE, 2**63 - 1, "9223372036854775807"),
        (NONE, 0.1, "0.1"),
        (NONE, 1e-7, "1e-7"),
        (NONE, 4.48681640625, "4.48681640625"),
        (MEBIBYTES, 153600, "161061273600"),
        (PERCENT, 57, "0.57"),
        (PERCENT, 175, "1.75"),
        (Unit("_seconds", factor=60), 1441, "86460"),
    ],
)
def test_values_are_exact(unit: Unit, value: float, sample: str) -> None:
    table: Table[Row] = Table(TABLE.labels, Metric("a_gauge", "A help.", "the test", unit, lambda row: row[1]))
    assert lines(table, [("x", value)]) == [f'a_gauge{{name="x"}} {sample}']


def test_the_first_of_two_rows_with_the_same_labels_wins() -> None:
    rows = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5)]
    assert lines(TABLE, rows) == ['a_gauge{name="a"} 1', 'a_gauge{name="b"} 2', 'a_gauge{name="c"} 4']
    assert TABLE.render({}, rows).duplicates == 2


def test_rows_that_differ_only_in_an_attribute_are_one() -> None:
    """An attribute comes before what identifies a row, and two rows with the same identity are never both there."""
    rows = [("a", "x", 1), ("b", "x", 2), ("a", "y", 3), ('"', '%s"', 4)]
    metric: Metric[tuple[str, str, int]] = Metric("a_gauge", "A help.", "the test", NONE, lambda row: row[2])
    table = Table({"name": lambda row: row[0]}, metric, attributes={"side": lambda row: row[1]})
    rendered = table.render({"zvm": "%s"}, rows)
    assert [line for line in text_of(rendered).splitlines() if not line.startswith("#")] == [
        'a_gauge{zvm="%s",side="x",name="a"} 1',
        'a_gauge{zvm="%s",side="x",name="b"} 2',
        'a_gauge{zvm="%s",side="%s\\"",name="\\""} 4',
    ]
    assert rendered.duplicates == 1


def test_names_that_differ_only_in_what_is_escaped_are_not_the_same() -> None:
    rows = [("\n", 1), ("\\n", 2), ('"', 3), ('\\"', 4)]
    assert TABLE.render({}, rows).duplicates == 0
    assert len(Page(text_of(TABLE.render({}, rows))).values("a_gauge")) == 4


def test_a_slice_ends_where_no_reader_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"n{index}", index if index % 7 else None) for index in range(100)]
    whole = lines(TABLE, rows, zvm="z")
    monkeypatch.setattr(exposition, "_SLICE", 9)
    assert lines(TABLE, rows, zvm="z") == whole
    assert len(whole) == 85


def test_duplicates_are_found_across_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "_SLICE", 2)
    assert TABLE.render({}, [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("c", 1)]).duplicates == 2


def test_a_metric_has_its_own_labels_after_those_of_its_table() -> None:
    info: Metric[Row] = Metric(
        "an_info", "A help.", "the test", NONE, lambda _: 1, {"first": lambda row: row[0] * 2, "second": lambda _: "%s"}
    )
    table: Table[Row] = Table(TABLE.labels, GAUGE, info)
    assert lines(table, [('"', 5), ("b", None)], zvm="%s%%") == [
        'a_gauge{zvm="%s%%",name="\\""} 5',
        'an_info{zvm="%s%%",name="\\"",first="\\"\\"",second="%s"} 1',
        'an_info{zvm="%s%%",name="b",first="bb",second="%s"} 1',
    ]


def test_a_table_may_have_no_labels_of_its_own() -> None:
    table: Table[Row] = Table({}, GAUGE)
    assert lines(table, [("x", 1)], zvm="nyc") == ['a_gauge{zvm="nyc"} 1']


def test_no_rows_give_empty_blocks() -> None:
    rendered = TABLE.render({"zvm": "nyc"}, [])
    assert (rendered.series, [block.samples for block in rendered.blocks]) == (0, [0])
    assert lines(TABLE, []) == []


def test_help_is_escaped() -> None:
    metric: Metric[Row] = Metric("a_gauge", "Back\\slash\nand line.", "the test", NONE, lambda row: row[1])
    assert plain([metric.header]).decode() == (
        "# HELP a_gauge Back\\\\slash\\nand line. (the test)\n# TYPE a_gauge gauge\n"
    )
