"""The list of all metrics, docs/metrics.md, from the tables in the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from exporter import collectors
from exporter.collectors.base import Collector
from exporter.collectors.enums import STATUS, SUBSTATUS
from exporter.config.show import duration
from exporter.polling.poller import POLL_OUTCOMES
from exporter.prometheus.store import COLLECTOR_TABLE, ZVM_TABLE
from exporter.prometheus.table import Metric, Table
from exporter.prometheus.telemetry import Telemetry
from exporter.zvm.observer import LOGIN_OUTCOMES
from tools import ROOT, costs

FILE: Final = ROOT / "docs" / "metrics.md"

_INTRODUCTION: Final = """\
# Metrics

Generated from the tables in the code by `make docs`; a test holds it true. All are gauges but for those that
end in `_total` (counters) or are marked as histograms.

- Every sample of a ZVM has the label `zvm`, the name in the configuration, and that ZVM's own `labels`. The exporter's
  own metrics have `zvm` where they are about one, without its `labels`.
- The exporter's own metrics are those of the end of the last poll; with hundreds of ZVMs, of some seconds before. They
  are never older than 30 seconds.
- Units are base units: seconds, bytes, ratios. "MB" in the API is MiB: the value is multiplied by 1048576.
- What the ZVM did not send, or what is not possible, gives no sample. Nothing is 0 that is not known to be 0.
- A VM in several VPGs has a sample for each: `(vm_id, vpg_id)` is its key.
- Counters are what the ZVM sends. It begins at 0 when it restarts, and a VM that is protected from the other side has
  other series: take `rate()` first and sums of it afterwards. What of a VM's writes looks encrypted is told by servers
  before 10.0 for each VPG of the VM, by later ones once for a VM: these series have no `vpg` and no `vpg_id`.
- A VM and its VPG are listed by the ZVM that protects them and by the one that recovers them. The label `role` of their
  samples tells which: `protected`, `recovery`, `local` for both, empty where the ZVM does not say. `{role!="recovery"}`
  counts each once. It changes when the sides do: at a failover or a move.
"""


def text() -> str:
    """Return the whole document."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield _INTRODUCTION
    yield costs.text()
    yield _section("About each ZVM", ZVM_TABLE)
    yield _rows(COLLECTOR_TABLE)
    for collector in collectors.ALL:
        yield from _of(collector)
    yield "\n## Of the exporter\n\nOn pages that `zvm` or `collect[]` narrow, only with `collect[]=exporter`.\n\n"
    yield "| metric | labels | what it is |\n|---|---|---|\n"
    yield from _own_metrics()
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


def _of(collector: Collector[Any]) -> Iterator[str]:
    """Yield the section of *collector*: what it asks, how often, and its metrics."""
    often = "at each `interval`" if collector.interval is None else f"every {duration(collector.interval)}"
    budget = ", within its budget" if collector.by_object else ""
    yield f"\n## {collector.title}: collector `{collector.name}`\n\n"
    yield f"{', '.join(costs.requests(collector))}: {often}{budget}. "
    yield "Polled by default.\n\n" if collector.standard else "Polled only where `collectors` names it.\n\n"
    yield "| metric | labels | what it is | from |\n|---|---|---|---|\n"
    yield from map(_rows, collector.tables)


def _section(title: str, table: Table[Any]) -> str:
    return f"\n## {title}\n\n| metric | labels | what it is | from |\n|---|---|---|---|\n{_rows(table)}"


def _rows(table: Table[Any]) -> str:
    return "".join(_row(metric, [*table.attributes, *table.labels, *metric.labels]) for metric in table.metrics)


def _row(metric: Metric[Any], labels: list[str]) -> str:
    named = ", ".join(f"`{label}`" for label in labels)
    return f"| `{metric.name}` | {named} | {metric.help} | {metric.source} |\n"


def _own_metrics() -> Iterator[str]:
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
