"""The equals of other exporters' metrics: each is a query of ours, and none of theirs is forgotten."""

from __future__ import annotations

import re

import promql_parser
import pytest
from test_rules import check_expression
from tools import ROOT

PAGE = ROOT / "docs" / "migration.md"
NAMES_OF_OTHERS = ROOT.parent / "shared" / "peers-metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (?:`([^`]+)`|none) \| (.*) \|$", re.MULTILINE)


def rows(part: int) -> list[tuple[str, str, str]]:
    """Return the rows of one exporter: its name, our query, a remark."""
    return ROW.findall(PAGE.read_text().split("\n## ")[part])


ROWS = [*rows(1), *rows(2)]


@pytest.mark.parametrize("part", [1, 2])
def test_no_metric_is_told_twice(part: int) -> None:
    names = [name for name, _, _ in rows(part)]
    assert len(names) == len(set(names)) > 20


@pytest.mark.parametrize(("name", "query", "remark"), ROWS)
def test_each_has_an_equal_or_a_reason(name: str, query: str, remark: str) -> None:
    if not query:
        assert remark, name
        return
    promql_parser.parse(query)
    check_expression(query)


def test_none_is_forgotten() -> None:
    if not NAMES_OF_OTHERS.exists():
        pytest.skip("the list of the metrics of other exporters is not there")
    theirs = [
        name.removeprefix("zerto_") if part == 2 else name
        for part, text in enumerate(NAMES_OF_OTHERS.read_text().split("\n## "))
        for name in re.findall(r"^\| (\w+) \| [^-]", text, re.MULTILINE)
        if name != "name"
    ]
    assert sorted(theirs) == sorted(name for name, _, _ in ROWS)
