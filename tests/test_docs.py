"""Documents that are made from the code, or held true by it. `make docs` writes the generated ones anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from exporter import collectors
from exporter.collectors.enums import STATUS, SUBSTATUS
from exporter.polling.poller import POLL_OUTCOMES
from exporter.prometheus.store import COLLECTOR_TABLE, ZVM_TABLE
from exporter.prometheus.table import Metric, Table
from exporter.prometheus.telemetry import Telemetry
from exporter.zvm.observer import LOGIN_OUTCOMES

ROOT = Path(__file__).parent.parent
METRICS = ROOT / "docs" / "metrics.md"

INTRODUCTION = """\
# Metrics

Generated from the tables in the code by `make docs`; a test holds it true. All are gauges but for those of the
exporter that end in `_total` (counters) or are marked as histograms.

- Every sample of a ZVM has the label `zvm`, the name in the configuration, and that ZVM's own `labels`. The exporter's
  own metrics have `zvm` where they are about one, without its `labels`.
- The exporter's own metrics are those of the end of the last poll; with hundreds of ZVMs, of some seconds before. They
  are never older than 30 seconds.
- Units are base units: seconds, bytes, ratios. "MB" in the API is MiB: the value is multiplied by 1048576.
- What the ZVM did not send, or what is not possible, gives no sample. Nothing is 0 that is not known to be 0.
- A VM in several VPGs has a sample for each: `(vm_id, vpg_id)` is its key.
- A VM and its VPG are listed by the ZVM that protects them and by the one that recovers them. The label `role` of their
  samples tells which: `protected`, `recovery`, `local` for both, empty where the ZVM does not say. `{role!="recovery"}`
  counts each once. It changes when the sides do: at a failover or a move.
"""


def test_the_list_of_metrics_is_that_of_the_code(*, update: bool) -> None:
    text = "".join(generated())
    if update:
        METRICS.write_text(text)
    assert METRICS.read_text() == text


def generated() -> Iterator[str]:
    yield INTRODUCTION
    yield section("About each ZVM", ZVM_TABLE)
    yield rows(COLLECTOR_TABLE)
    yield section("Of each VM: collector `vms`", collectors.vms.TABLE)
    yield section("Of each VPG: collector `vpgs`", collectors.vpgs.TABLE)
    yield "\n## Of the exporter\n\nOn pages that `zvm` or `collect[]` narrow, only with `collect[]=exporter`.\n\n"
    yield "| metric | labels | what it is |\n|---|---|---|\n"
    yield from own_metrics()
    yield "\n## Names of status and substatus\n\n"
    yield "The labels of `zerto_vm_state` and `zerto_vpg_state`, and the values of the `_code` metrics. "
    yield "A ZVM's own lists of names go before this one (`/v1/vpgs/statuses`, `/v1/vpgs/substatuses`; asked once a "
    yield "login): ZVMs disagree about the status codes 3 and 4, so treat 2, 3 and 4 alike. Without a list, the ZVM's "
    yield "description of a state goes before this one, if it reads as a name; else it names a code that is not here. "
    yield "With neither, such a code is `Unknown(n)`. One name for each meaning: "
    yield f"{', '.join(f'`{alias}` is published as `{name}`' for alias, name in SUBSTATUS.aliases.items())}.\n\n"
    yield "| code | status | substatus |\n|---|---|---|\n"
    for code in range(max(STATUS.codes + SUBSTATUS.codes) + 1):
        status = STATUS.name(code) if code in STATUS.codes else ""
        yield f"| {code} | {status} | {SUBSTATUS.name(code)} |\n"


def section(title: str, table: Table[Any]) -> str:
    return f"\n## {title}\n\n| metric | labels | what it is | from |\n|---|---|---|---|\n{rows(table)}"


def rows(table: Table[Any]) -> str:
    return "".join(row(metric, [*table.attributes, *table.labels, *metric.labels]) for metric in table.metrics)


def row(metric: Metric[Any], labels: list[str]) -> str:
    named = ", ".join(f"`{label}`" for label in labels)
    return f"| `{metric.name}` | {named} | {metric.help} | {metric.source} |\n"


def own_metrics() -> Iterator[str]:
    telemetry = Telemetry(
        "0",
        poll_outcomes=POLL_OUTCOMES,
        login_outcomes=LOGIN_OUTCOMES,
        series=lambda _zvm, _collector: 0,
        process=False,
    )
    telemetry.add_zvm("nyc", ["vms"], ["/v1/vms"], insecure=False, max_series=1)
    for family in telemetry.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in family.samples[0].labels if label != "le")
        kind = " Histogram." if family.type == "histogram" else ""
        yield f"| `{name}` | {labels} | {family.documentation}{kind} |\n"
    yield "| `process_*`, `python_*` | | CPU, memory, open files and garbage collection, by prometheus_client. |\n"


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_metric_that_is_named_exists(document: Path) -> None:
    known = set(re.findall(r"`(zerto_\w+)`", "".join(generated())))
    text = re.sub(r"\b\w+:zerto_\w+:\w+", "", document.read_text())  # recorded ones are test_rules.py's
    named = set(re.findall(r"\bzerto_[a-z0-9_]+[a-z0-9]\b", text)) - {"zerto_exporter"}
    histogram = {f"{name}_{part}" for name in known for part in ("bucket", "sum", "count")}
    assert named <= known | histogram


def test_the_tables_of_collectors_are_all_documented() -> None:
    text = METRICS.read_text()
    for collector in collectors.ALL:
        assert f"collector `{collector.name}`" in text


def queries(document: Path) -> Iterator[str]:
    """Yield the queries in the document's blocks of PromQL: one a line, or over several lines up to a blank one."""
    for block in re.findall(r"^ *```promql\n(.*?)^ *```", document.read_text(), re.MULTILINE | re.DOTALL):
        for lines in re.split(r"\n\s*\n", re.sub(r"#.*", "", block)):
            try:
                promql_parser.parse(lines)
            except ValueError:
                yield from filter(str.strip, lines.splitlines())
            else:
                yield lines


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
