"""Documents that are made from the code, or held true by it. `make docs` writes the generated ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
from tools import ROOT, metrics
from tools.documents import generated

from exporter import collectors


@pytest.mark.parametrize(("document", "text"), generated().items(), ids=lambda path: getattr(path, "name", ""))
def test_a_generated_document_is_what_the_code_makes(document: Path, text: str) -> None:
    assert document.read_text() == text, "run: make docs"


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_metric_that_is_named_exists(document: Path) -> None:
    known = set(re.findall(r"`(zerto_\w+)`", metrics.text()))
    text = re.sub(r"\b\w+:zerto_\w+:\w+", "", document.read_text())  # recorded ones are test_rules.py's
    named = set(re.findall(r"\bzerto_[a-z0-9_]+[a-z0-9]\b", text)) - {"zerto_exporter"}
    histogram = {f"{name}_{part}" for name in known for part in ("bucket", "sum", "count")}
    assert named <= known | histogram


def test_the_tables_of_collectors_are_all_documented() -> None:
    text = metrics.text()
    for collector in collectors.ALL:
        assert f"collector `{collector.name}`" in text


def queries(document: Path) -> Iterator[str]:
    """Yield the queries of *document*: in its blocks, with a blank line between, and in its sentences."""
    text = document.read_text()
    for block in re.findall(r"^ *```promql\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from filter(str.strip, re.split(r"\n\s*\n", re.sub(r"#.*", "", block)))
    for code in re.findall(r"`([^`\n]+)`", text):
        if re.search(r"\bzerto_", code) and re.search(r"[ ({]", code) and is_promql(code):
            yield code


def is_promql(text: str) -> bool:
    try:
        promql_parser.parse(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_query_is_one(document: Path) -> None:
    for query in queries(document):
        promql_parser.parse(query)
        for name in re.findall(r"\b(?:rate|increase)\(([a-z_]+)", query):
            assert name.endswith(("_total", "_sum", "_count", "_bucket")), f"{query}: a gauge has no rate"


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_only_counters_are_called_so(document: Path) -> None:
    """In a table under the head `counter`, and in a sentence that says that a metric counts."""
    for table in re.findall(r"^\| counter \|.*\n((?:\|.*\n)+)", document.read_text(), re.MULTILINE):
        names = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
        assert [name for name in names if not name.endswith("_total")] == []
    counting = re.findall(r"`(zerto_\w+)`\s+counts\b|[Cc]ounted in\s+`(zerto_\w+)`", document.read_text())
    assert [name for pair in counting for name in pair if name and not name.endswith("_total")] == []


def test_the_figures_of_the_readme_are_those_that_were_measured() -> None:
    """Each number of the chapter on speed stands in the tables and outputs of docs/performance.md."""
    chapter = (ROOT / "README.md").read_text().partition("\n## Speed\n")[2].partition("\n## ")[0]
    measured = figures((ROOT / "docs" / "performance.md").read_text())
    quote = [row.split("|")[2] for row in chapter.splitlines() if row.startswith("| ")][1:]
    after = chapter.rpartition("|\n")[2]
    assert len(quote) > 5
    assert len(figures(after)) > 3
    assert [text for text in [*quote, after] if not figures(text) <= measured] == []


def figures(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", text)))
