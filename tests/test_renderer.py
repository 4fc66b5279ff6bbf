"""A renderer remembers: whatever came before, its page is that of a new one, and what has not changed is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, Struct, structs
from support import plain

from exporter import collectors
from exporter.prometheus import table as exposition
from exporter.prometheus.metric import NoNumber
from exporter.prometheus.reads import fields_read
from exporter.prometheus.table import MEBIBYTES, NONE, PERCENT, Metric, Rendered, Renderer, Table, Value


class Size(Struct, frozen=True):
    kind: int | str | None = None
    value: int | float | None = None


class Box(Struct):
    name: str
    side: str = ""
    value: int | float | bool | None = None
    size: Size | None = None
    tag: str | None = None
    parts: list[int] | None = None


class Marked(Size, frozen=True):
    """As the decoder's own types: what is raw there lies in a buffer that has been used again since."""

    other: Raw = Raw(b"1")


def _dated(text: str | None) -> Value:
    return None if text is None else NoNumber(text)


def _anything(box: Box) -> Value:
    return len(structs.astuple(box))


BOXES: Table[Box] = Table(
    {"name": lambda box: box.name},
    Metric(
        "a_info", "A help.", "a", NONE, lambda _: 1, {"tag": lambda box: box.tag or "", "side": lambda box: box.side}
    ),
    Metric("a_value", "A help.", "a", NONE, lambda box: box.value),
    Metric("a_size_bytes", "A help.", "a", MEBIBYTES, lambda box: None if box.size is None else box.size.value),
    Metric("a_size_ratio", "A help.", "a", PERCENT, lambda box: None if box.size is None else box.size.value),
    Metric("a_date", "A help.", "a", NONE, lambda box: _dated(box.tag)),
    Metric("a_parts", "A help.", "a", NONE, lambda box: None if box.parts is None else len(box.parts)),
    Metric("a_length", "A help.", "a", NONE, _anything),
    attributes={"side": lambda box: box.side},
)

numbers = st.sampled_from([None, 0, 1, 1.0, True, False, 2.5, -1, -0.0, math.nan, math.inf, 1e308, 2**62, 2**70])
boxes = st.builds(
    Box,
    name=st.sampled_from(["a", "b", "c", "d", "e", "f", 'q"', "x\ny"]),
    side=st.sampled_from(["", "x", "%s"]),
    value=numbers,
    size=st.none() | st.builds(Size, st.sampled_from([None, 1, "1"]), numbers),
    tag=st.sampled_from([None, "", "t", "\\"]),
    parts=st.none() | st.lists(st.integers(0, 3), max_size=2),
)


@st.composite
def polls(draw: st.DrawFn) -> list[list[Box]]:
    """Draw what a ZVM answers, poll after poll: some rows are others, some are new, gone, twice or elsewhere."""
    rows = draw(st.lists(boxes, max_size=9))
    answers = [rows]
    for _ in range(draw(st.integers(1, 4))):
        rows = list(rows)
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(rows)))
            match draw(st.sampled_from(["change", "new", "gone", "swap", "again"])):
                case "change" if at < len(rows):
                    field = draw(st.sampled_from(Box.__struct_fields__))
                    rows[at] = structs.replace(rows[at], **{field: getattr(draw(boxes), field)})
                case "gone" if at < len(rows):
                    del rows[at]
                case "swap":
                    rows = rows[at:] + rows[:at]
                case "again" if at < len(rows):
                    rows.append(structs.replace(rows[at], value=7))
                case _:
                    rows.insert(at, draw(boxes))
        answers.append(rows)
    return answers


def text_of(rendered: Rendered) -> list[bytes]:
    return [plain([block.fragment]) for block in rendered.blocks]


@settings(max_examples=150)
@given(polls(), st.none() | st.sets(st.sampled_from([metric.name for metric in BOXES.metrics])))
def test_after_any_polls_the_page_is_that_of_a_new_renderer(answers: list[list[Box]], names: set[str] | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exposition, "_SLICE", 3)
        renderer = Renderer(BOXES, {"zvm": "n%s"}, names, lambda box: (box.name, box.tag))
        for rows in answers:
            kept, new = renderer.render(rows), BOXES.render({"zvm": "n%s"}, rows, names)
            assert text_of(kept) == text_of(new)
            assert [block.samples for block in kept.blocks] == [block.samples for block in new.blocks]
            assert (kept.duplicates, kept.impossible, kept.complaint) == (new.duplicates, new.impossible, new.complaint)
            assert kept.kept == tuple((box.name, box.tag) for box in rows)


def made(renderer: Renderer[Any], rows: Sequence[Any]) -> dict[str, tuple[int, ...]]:
    """Return which fragments each metric has."""
    blocks = renderer.render(rows).blocks
    metrics = (metric.name for metric in BOXES.metrics)
    return {name: tuple(map(id, block.parts)) for name, block in zip(metrics, blocks, strict=True)}


def test_what_has_not_changed_keeps_its_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are made anew, of that slice alone; what reads a row as a whole always is."""
    monkeypatch.setattr(exposition, "_SLICE", 2)

    def rows(**changes: Any) -> list[Box]:
        six = [Box(name, "x", 1, Size(2, 3), "", [1]) for name in "abcdef"]
        return [*six[:2], structs.replace(six[2], **changes), *six[3:]]

    renderer = Renderer(BOXES, {})
    before = made(renderer, rows())
    old_fragments = renderer.render(rows())
    for changes, changed in (({"value": 2}, {"a_value"}), ({"size": Size(2, 4)}, {"a_size_bytes", "a_size_ratio"})):
        before, now = made(renderer, rows()), made(renderer, rows(**changes))
        for name in before.keys() - {"a_length"}:
            kept = [one == other for one, other in zip(before[name], now[name], strict=True)]
            assert kept == ([True, False, True] if name in changed else [True] * len(kept)), name
    assert old_fragments.series == 36


def test_what_is_kept_of_rows_stays_the_same_object_until_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "_SLICE", 2)

    def rows(*names: str, **changes: Any) -> list[Box]:
        return [structs.replace(Box(name, "x", 1), **changes) for name in names]

    renderer = Renderer(BOXES, {}, keeps=lambda box: (box.name, box.tag))
    kept = renderer.render(rows(*"abcd")).kept
    assert renderer.render(rows(*"abcd", value=2)).kept is kept
    changed = renderer.render([*rows(*"abc"), *rows("d", tag="t")]).kept
    assert changed == (*kept[:3], ("d", "t"))
    assert changed[0] is kept[0]
    assert renderer.render(rows(*"ab")).kept == kept[:2]
    assert renderer.render([]).kept == ()


def test_after_an_error_nothing_is_taken_for_what_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "_SLICE", 2)
    fails: list[str] = []

    def value(box: Box) -> Value:
        return 1 / 0 if box.name in fails else box.value

    table: Table[Box] = Table(
        {"name": lambda box: box.name},
        Metric("a_value", "A help.", "a", NONE, lambda box: box.value),
        Metric("a_fragile", "A help.", "a", NONE, value),
    )
    renderer = Renderer(table, {})
    old = [Box(name, value=1, tag="") for name in "abcd"]
    renderer.render(old)
    new = [Box(name, value=2, tag="") for name in "abcd"]
    fails.append("c")
    with pytest.raises(ZeroDivisionError):
        renderer.render(new)
    fails.clear()
    for rows in (new, old, new):
        assert text_of(renderer.render(rows)) == text_of(table.render({}, rows))


def test_what_is_raw_in_a_row_changes_nothing() -> None:
    def rows(raw: bytes) -> list[Box]:
        return [Box("a", "x", 1, Marked(2, 3, Raw(raw)))]

    renderer = Renderer(BOXES, {})
    assert made(renderer, rows(b"1"))["a_size_bytes"] == made(renderer, rows(b"[2, 3]"))["a_size_bytes"]


@pytest.mark.parametrize(
    ("function", "read"),
    [
        (lambda row: row.a, {"a"}),
        (lambda row: None if row.a is None else len(row.a.b) + row.c, {"a", "c"}),
        (lambda row: [one for one in row.a if one], {"a"}),
        (lambda _: 1, set()),
        (lambda row: row, None),
        (lambda row: row[0], None),
        (_anything, None),
        (lambda row: sorted([2], key=lambda _: row.a), None),
        (str, None),
        (lambda: 1, None),
    ],
)
def test_of_a_function_that_only_reads_attributes_it_is_known_which(
    function: Callable[[Any], object], read: Iterable[str] | None
) -> None:
    assert fields_read(function) == read


@pytest.mark.parametrize("collector", collectors.ALL, ids=lambda collector: collector.name)
def test_every_metric_of_ours_can_be_kept(collector: Any) -> None:
    """One that passes its row on costs its rendering at each poll: let it pass the fields on."""
    functions: list[Any] = []
    for table in collector.tables:
        functions += [*table.labels.values(), *table.attributes.values()]
        for metric in table.metrics:
            functions += [metric.value, *metric.labels.values()]
    functions += [] if collector.keeps is None else [collector.keeps]
    assert all(fields_read(function) is not None for function in functions)


def test_a_number_that_is_too_large_to_compare_is_one_of_many() -> None:
    """A code may have any number of digits; what it costs is that its metrics are made at each poll."""
    table = collectors.vms.TABLE
    body = b'[{"VmIdentifier":"a","VpgIdentifier":"b","Status":%d,"ActualRPO":6}]' % 2**70
    renderer = Renderer(table, {})
    rendered = [renderer.render(collectors.vms.DECODER.decode(body, "", "").rows) for _ in range(2)]
    assert rendered[0].series == rendered[1].series > 0
    assert text_of(rendered[0]) == text_of(rendered[1])


def test_a_row_may_be_spread_over_several() -> None:
    class Store(Struct):
        id: str
        used: dict[str, int]

    class Use(Struct):
        id: str
        kind: str
        bytes: int

    table: Table[Use] = Table(
        {"id": lambda use: use.id, "kind": lambda use: use.kind},
        Metric("a_used_bytes", "A help.", "a", NONE, lambda use: use.bytes or None),
        each=lambda store: [Use(store.id, kind, used) for kind, used in store.used.items()],
    )
    stores = [Store("a", {"journal": 1, "recovery": 2}), Store("b", {}), Store("c", {"journal": 0})]
    rendered = table.render({}, stores)
    assert text_of(rendered) == [b'a_used_bytes{id="a",kind="journal"} 1\na_used_bytes{id="a",kind="recovery"} 2\n']
    assert [table.samples(use) for use in table.spread(stores)] == [1, 1, 0]
