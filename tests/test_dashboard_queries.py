"""Every query of dashboards and documents, asked of a real Prometheus that scrapes an estate in trouble.

It scrapes two exporters that poll the same ZVMs, each with a cluster of its own.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from boards import BOARDS
from boards.parts import Panel
from grafana_foundation_sdk.models.dashboard import VariableModel
from programs import SYSTEM, THREE, tool
from prometheus_server import Prometheus, QueryError, Sample, needs_prometheus, until
from rule_files import RULES, document
from test_docs import documents
from test_docs import queries as queries_of

from exporter.config import Zvm

pytestmark = pytest.mark.timeout(400)  # the first test waits for the estate

ROOT = Path(__file__).parent.parent
STORED_SECONDS = 3.0  # a scrape or a group of rules that takes longer is late by more than its interval
ZVMS = ("nyc", "lon", "par")
STANDARD = Zvm(name="nyc", url="https://zvm.example.com").collectors
OF_TARGETS = {"job", "instance", "cluster"}
# Each exporter has its own polls: they add up, or vary. Rates of a few seconds are not the same of two scrapes.
OF_POLLS = r"zerto_exporter_(build|polls|api|logins)|_duration_|\b(rate|increase)\("
CHOSEN = {
    "job": "zerto",
    "instance": ".+",
    "zvm": ".+",
    "organization": ".*",
    "vpg": ".+",
    "vm": ".+",
    "vpg_id": ".+",
    "vm_id": ".+",
    "test_every": str(180 * 86400),
    "objective": "0.99",
    "__rate_interval": "5s",
    "__range": "1m",
}


@dataclass
class Estate:
    """A Prometheus with the samples of the estate, before and after something was taken out of it."""

    prometheus: Prometheus
    before: float
    after: float

    def ask(self, expression: str, **chosen: str) -> list[Sample]:
        """Return what *expression* gives with the variables as they are *chosen*, on windows of seconds."""
        asked = expression
        for name, value in (CHOSEN | chosen).items():
            asked = re.sub(rf"\${name}\b", value.replace("\\", "\\\\"), asked)
        asked = asked.replace("offset 1d", f"offset {1000 * (self.after - self.before):.0f}ms")
        asked = re.sub(r"\[\w+:\w+\]", "[5s:250ms]", asked)
        assert "$" not in asked, asked
        return self.prometheus.query(asked, self.after)

    def number(self, board: str, panel: str, **chosen: str) -> float:
        """Return the one number of a panel."""
        (expression,) = panel_of(board, panel).queries
        ((_, value),) = self.ask(expression, **chosen)
        return value


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with troubled(tmp_path_factory.mktemp("prometheus"), SYSTEM) as estate:
        yield estate


@contextmanager
def troubled(folder: Path, version: str) -> Iterator[Estate]:
    """Run the estate in trouble, two exporters of it and a Prometheus of this *version* with our rules."""
    needs_prometheus(version)
    program = [sys.executable, str(Path(__file__).parent / "troubled_estate.py")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as exporter:
        try:
            assert exporter.stdout is not None
            target = exporter.stdout.readline().split("/")[2]
            config = configuration(target, rules_of_every_second(folder))
            with Prometheus(folder, config, version=version) as prometheus:
                estate = settled(prometheus, exporter)
                prometheus.rest()
                exporter.send_signal(signal.SIGTERM)
                yield estate
        finally:
            exporter.send_signal(signal.SIGTERM)
            exporter.wait(timeout=20)


def rules_of_every_second(folder: Path) -> list[str]:
    """Write the rules without the intervals of their own, which are minutes; return the files."""
    files = []
    for path in RULES.glob("*.yml"):
        groups = document(path)["groups"]
        files.append(folder / path.name)
        files[-1].write_text(yaml.safe_dump({"groups": [group | {"interval": "1s"} for group in groups]}))
    return [str(file) for file in files]


def configuration(target: str, rules: list[str]) -> dict[str, Any]:
    """Return the configuration of a Prometheus that scrapes the exporter as if there were two that poll the same."""
    both = [
        {"targets": [target], "labels": {"cluster": "east"}},
        {"targets": [target], "labels": {"cluster": "west", "instance": "second"}},
    ]
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": rules,
        "scrape_configs": [
            {"job_name": "zerto", "static_configs": both},
            {"job_name": "other", "static_configs": [{"targets": ["127.0.0.1:1"]}]},
        ],
    }


def settled(prometheus: Prometheus, exporter: subprocess.Popen[str]) -> Estate:
    """Wait until there is enough of everything, before and after a VPG and a VM are taken out."""
    rows = "count(group by (zvm, vpg_id) (zerto_vpg_info))"
    # A scrape that came too late would leave its target without samples.
    of_both = (
        "count(up{job='zerto'} == 1) == 2",
        'sum(zerto_collector_success{collector=~"vms|vpgs"}) == 10',
        "count(vpg:zerto_trouble:rating) and count(zvm_organization:zerto_vm:count)",
    )
    before = held(prometheus, *of_both)
    ((_, listed),) = prometheus.query(rows, before)
    exporter.send_signal(signal.SIGUSR1)
    after = held(
        prometheus,
        *of_both,
        # Both ZVMs of the pair must tell it: that a VPG is gone, and that another is empty now.
        f"{rows} == {listed - 2} and "
        "count(group by (zvm, vpg_id) (zerto_vpg_state{substatus='EmptyProtectionGroup'})) == 2",
        # What is recorded of them follows, one group after the other.
        "count(vpg:zerto_trouble:rating) == count(group by (vpg_id) (zerto_vpg_info)) and "
        "count(vpg:zerto_vpg_state:listed{substatus='EmptyProtectionGroup'}) == 1 and "
        "count(vpg:zerto_trouble:rating == 3) == 1 and sum(zvm_organization:zerto_rpo_missed:count) == "
        "count(vpg:zerto_vpg_configured_rpo_seconds:once unless on (vpg_id) vpg:zerto_vpg_state:in_transit)",
        *(
            f"count({of_each}) == count(group by (vpg_id) ({of_each.split(':')[1]}))"
            for of_each in ("vpg:zerto_vpg_configured_rpo_seconds:once", "vpg:zerto_vpg_used_storage_bytes:listed")
        ),
        # Rates need failures in two samples, windows a few seconds.
        # And no RPO has just passed its target, which is recorded a little later.
        "sum(zvm_organization:zerto_rpo_missed:count) - sum(zvm_organization:zerto_rpo_missed:sum) == "
        "count(max by (vpg_id) (zerto_vpg_actual_rpo_seconds) <= max by (vpg_id) (zerto_vpg_configured_rpo_seconds)) "
        "and on () count(rate(zerto_exporter_api_requests_total{code='500'}[5s]) > 0) >= 2",
    )
    return Estate(prometheus, before, after)


def held(prometheus: Prometheus, *conditions: str) -> float:
    """Return a moment at which each of *conditions* gave something, and before which nothing more will be stored."""
    moments: list[float] = []

    def all_hold() -> bool:
        moments[:] = [time.time() - STORED_SECONDS]
        return all(prometheus.query(condition, moments[0]) for condition in conditions)

    until(all_hold, " and ".join(conditions), 150)
    return moments[0]


def panel_of(board: str, title: str) -> Panel:
    (found,) = (
        panel for candidate in BOARDS if candidate.uid == board for panel in candidate.panels if panel.title == title
    )
    return found


def queries() -> Iterator[Any]:
    for board in BOARDS:
        for panel in board.panels:
            for number, query in enumerate(panel.queries):
                yield pytest.param(query, id=f"{board.uid}-{panel.title}-{number}")


def queries_of_documents() -> Iterator[Any]:
    for page in documents():
        if page.stem in {"CHANGELOG", "migration"}:
            continue  # the one has queries of before, the other the equals of others' metrics: of each target its own
        for number, query in enumerate(queries_of(page)):
            yield pytest.param(query, id=f"{page.stem}-{number}")


def variables() -> Iterator[Any]:
    for board in BOARDS:
        for variable in board.variables:
            model = variable.builder.build()
            if model.type_val == "query":
                yield pytest.param(model, id=f"{board.uid}-{variable.name}")


@pytest.mark.parametrize("query", list(queries()))
def test_without_data_a_query_gives_none(estate: Estate, query: str) -> None:
    """A 0 that nobody measured would read as all is well."""
    asked = re.sub(r"\w+:zerto_\w+:\w+({[^}]*})?", "nothing", query).replace('job=~".*zerto.*"', 'job="nothing"')
    assert estate.ask(asked, job="nothing") == []


def told(rows: list[Sample]) -> list[tuple[tuple[tuple[str, str], ...], float]]:
    """Return *rows* in an order, without the labels that the two exporters do not share."""
    return sorted(
        (tuple(sorted((name, text) for name, text in found.items() if name not in OF_TARGETS)), value)
        for found, value in rows
    )


def asked_of_one(query: str) -> str:
    """Return *query* with what the exporters say taken from one of them; what is recorded stays."""
    everything = re.sub(r"(?<![\w:])(zerto_\w+)(?![\w:{])", r"\1{}", query)
    return re.sub(r"(?<![\w:])(zerto_\w+){", r'\1{cluster="east",', everything).replace(",}", "}")


def of_two_exporters(estate: Estate, query: str) -> list[Sample]:
    """Return what *query* gives; assert that it is what it gives of one exporter, and nothing twice."""
    query = re.sub(r"\b(topk|bottomk) ?\(\s*\d+,", "sort(", query)  # of equal ones any may be among the ten
    query = re.sub(r"\[\d+[mhd]\]", "[20s]", query)  # at the start only one of the two was scraped
    rows = estate.ask(query)
    if any(OF_TARGETS & found.keys() for found, _ in rows) and not re.search(r"zerto_v(m|pg)_", query):
        return rows  # of the exporters themselves: one row of each
    two, one = told(rows), told(estate.ask(asked_of_one(query)))
    assert len({labels for labels, _ in two}) == len(two)
    if "deriv(" in query:
        return rows  # what grows just now differs by when it was scraped
    assert [labels for labels, _ in two] == [labels for labels, _ in one]
    if re.search(r"\b(sum|count)\b", query) and not re.search(OF_POLLS, query):
        assert [value for _, value in two] == pytest.approx([value for _, value in one], rel=0.2)
    return rows


@pytest.mark.parametrize("query", list(queries_of_documents()))
def test_a_query_of_a_document_says_of_two_exporters_what_it_says_of_one(estate: Estate, query: str) -> None:
    of_two_exporters(estate, query)


@pytest.mark.parametrize("series", ['{__name__=~"[a-z_]+:zerto_.+"}', "ALERTS"])
def test_a_rule_tells_of_two_exporters_each_thing_once(estate: Estate, series: str) -> None:
    of_zvms = [row for row in estate.ask(series) if not {"job", "instance"} & row[0].keys()]
    seen = Counter(labels for labels, _ in told(of_zvms))
    assert seen
    assert [labels for labels, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("query", list(queries()))
def test_a_query_of_a_dashboard_gives_data_and_each_once(estate: Estate, query: str) -> None:
    assert of_two_exporters(estate, query.removesuffix(" > 0"))  # which leaves out those that are 0


@pytest.mark.slow
def test_prometheus_3_answers_every_query_too(tmp_path: Path) -> None:
    with troubled(tmp_path, THREE) as estate:
        for (query,) in (one.values for one in queries()):
            assert of_two_exporters(estate, query.removesuffix(" > 0")), query
        for (query,) in (one.values for one in queries_of_documents()):
            of_two_exporters(estate, query)


@pytest.mark.parametrize("variable", list(variables()))
def test_a_variable_has_values(estate: Estate, variable: VariableModel) -> None:
    asked = str(variable.query)
    for name, value in CHOSEN.items():
        asked = asked.replace(f"${name}", value)
    selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", asked).groups()  # type: ignore[union-attr]
    assert estate.prometheus.label_values(label, selector)


def test_a_query_that_is_wrong_is_not_taken_for_one_without_data(estate: Estate) -> None:
    with pytest.raises(QueryError):
        estate.ask("sum by (zvm) zerto_up{")


def labels(estate: Estate, selector: str, *names: str) -> set[tuple[str, ...]]:
    return {tuple(found.get(name, "") for name in names) for found, _ in estate.ask(selector)}


def test_each_is_counted_once_though_two_zvms_list_it(estate: Estate) -> None:
    vpgs, vms = labels(estate, "zerto_vpg_info", "vpg_id"), labels(estate, "zerto_vm_info", "vm_id")
    assert len(estate.ask("zerto_vpg_info")) > len(vpgs)
    assert estate.number("zerto-overview", "VPGs") == len(vpgs)
    assert estate.number("zerto-overview", "Protected VMs") == len(vms)


def test_what_only_the_recovering_zvm_reports_is_counted_too(estate: Estate) -> None:
    listed = labels(estate, 'zerto_vpg_info{zvm="lon"}', "vpg_id")
    protected = labels(estate, 'zerto_vpg_info{zvm="lon", role="protected"}', "vpg_id")
    assert len(protected) < len(listed)
    assert estate.number("zerto-overview", "VPGs", zvm="lon") == len(listed)


def test_no_table_has_a_vpg_or_a_vm_twice(estate: Estate) -> None:
    for board, title, identity in (
        ("zerto-overview", "VPGs, worst first", ("vpg_id",)),
        ("zerto-vpg", "Its VMs", ("vpg_id", "vm_id")),
        ("zerto-journal", "Histories, shortest first", ("vpg_id",)),
        ("zerto-journal", "Fullest journals", ("vpg_id",)),
    ):
        for query in panel_of(board, title).queries:
            rows = estate.ask(query)
            assert len(rows) == len({tuple(found[name] for name in identity) for found, _ in rows}), title


def test_the_columns_of_a_table_belong_to_the_same_rows(estate: Estate) -> None:
    """Grafana merges answers by the labels that all of them have: those must tell the rows apart."""
    for board in BOARDS:
        for panel in board.panels:
            if len(panel.queries) > 1 and panel.is_table:
                answers = [[set(found) for found, _ in estate.ask(query)] for query in panel.queries]
                shared = set.intersection(*(row for answer in answers for row in answer))
                assert all(
                    len({tuple(found[name] for name in shared) for found, _ in rows}) == len(rows)
                    for rows in (estate.ask(query) for query in panel.queries)
                ), panel.title


def truth(estate: Estate, metric: str) -> dict[str, float]:
    """Return the values of a metric by the VPG; both ZVMs of a pair say the same but for a second or two."""
    return {found["vpg_id"]: value for found, value in estate.ask(metric)}


def starting(estate: Estate) -> set[str]:
    """Return the VPGs in their first synchronization: without an RPO, and without the history that was promised."""
    return {vpg for (vpg,) in labels(estate, 'zerto_vpg_state{status="Initializing"}', "vpg_id")}


def test_the_numbers_of_the_overview_are_those_of_the_estate(estate: Estate) -> None:
    rpo, promised = truth(estate, "zerto_vpg_actual_rpo_seconds"), truth(estate, "zerto_vpg_configured_rpo_seconds")
    history = truth(estate, "zerto_vpg_history_seconds")
    to_be = truth(estate, "zerto_vpg_configured_history_seconds")
    missed = labels(estate, 'zerto_vpg_state{status=~".*NotMeetingSLA"}', "vpg_id")
    missing = labels(estate, "zerto_vm_exists == 0", "vm_id")
    for title, expected in (
        ("ZVMs down", 0),
        ("Polls failing", 1),
        ("Never polled", 1),
        ("Scrapes failed", 0),
        ("VPGs gone", 1),
        ("VPGs missing their SLA", len(missed)),
        ("VPGs over their RPO", sum(rpo[vpg] > promised[vpg] for vpg in rpo)),
        ("VPGs without an RPO", len(promised.keys() - rpo.keys())),
        ("VPGs with short history", sum(history[vpg] < to_be[vpg] for vpg in history.keys() - starting(estate))),
        ("VMs missing", len(missing)),
        ("Failover tests running", 1),
    ):
        assert estate.number("zerto-overview", title) == expected, title
    worst = max(rpo[vpg] / promised[vpg] for vpg in rpo)
    assert estate.number("zerto-overview", "Worst RPO of promised") == pytest.approx(worst, rel=0.05)


def test_a_table_has_no_column_that_nobody_named(estate: Estate) -> None:
    """Grafana makes a column of each label."""
    for board in BOARDS:
        for panel in board.panels:
            if panel.is_table:
                found = {name for query in panel.queries for row, _ in estate.ask(query) for name in row}
                assert found <= panel.fields, (board.title, panel.title)


def test_a_vm_in_several_vpgs_that_is_gone_is_one_vm(estate: Estate) -> None:
    before = {found["vm_id"] for found, _ in estate.prometheus.query("zerto_vm_info", estate.before)}
    gone = before - {vm for (vm,) in labels(estate, "zerto_vm_info", "vm_id")}
    assert gone
    assert estate.number("zerto-overview", "VMs gone") == len(gone)
    queries = panel_of("zerto-overview", "Gone or missing").queries
    listed = set().union(*(labels(estate, query, "what", "vm_id") for query in queries))
    assert {vm for what, vm in listed if what == "VM gone"} == gone
    assert {what for what, _ in listed} == {"VPG gone", "VM gone", "VM missing"}


def test_a_zvm_that_answers_for_some_is_not_down_and_what_it_did_not_answer_is_not_none(estate: Estate) -> None:
    answers, _, vms, vpgs = (
        estate.ask(query) for query in panel_of("zerto-overview", "ZVMs, those down first").queries
    )
    assert {found["zvm"]: value for found, value in answers} == {"nyc": 2, "lon": 2, "par": 1}
    assert {found["zvm"] for found, _ in vms} == {"nyc", "lon"}
    assert {found["zvm"] for found, _ in vpgs} == {"nyc", "lon", "par"}


def test_a_zvm_that_went_down_is_down_though_its_hourly_poll_was_a_good_one(tmp_path: Path) -> None:
    said = {"nyc": {"vms": 0, "vpgs": 0, "license": 1}, "par": {"vms": 0, "vpgs": 1}, "lon": {"vms": 1, "vpgs": 1}}
    said["ams"] = {"license": 0}
    success = 'zerto_collector_success{{job="zerto", zvm="{}", collector="{}"}}'
    series = [
        {"series": success.format(zvm, collector), "values": f"{good}x9"}
        for zvm, collectors in said.items()
        for collector, good in collectors.items()
    ]
    series += [{"series": f'zerto_up{{job="zerto", zvm="{zvm}"}}', "values": "0x9"} for zvm in said]
    expected = {"nyc": 0, "par": 1, "lon": 2, "ams": 0}
    answers = panel_of("zerto-overview", "ZVMs, those down first").queries[0]
    asked = expected_of(answers, "5m", {f'{{zvm="{zvm}"}}': value for zvm, value in expected.items()})
    judged(tmp_path, series, [asked])


def expected_of(query: str, when: str, expected: Mapping[str, float]) -> dict[str, Any]:
    """Return promtool's test of a *query*, all chosen, with the values that it is to give by their labels."""
    samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
    for name in ("job", "zvm", "vpg", "organization"):
        query = query.replace(f"${name}", ".*")
    return {"expr": query, "eval_time": when, "exp_samples": samples}


def judged(folder: Path, series: list[dict[str, str]], asked: list[dict[str, Any]]) -> None:
    """Assert that promtool finds of the *series* what is *asked*."""
    file = folder / "tests.yml"
    file.write_text(yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": asked}]}))
    command = [tool("promtool", "Debian: prometheus"), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_zvm_lists_that_cannot_be_read_is_not_gone(tmp_path: Path) -> None:
    """Of the ZVMs par and ams fail, of which the last samples of ams still count; lon answers. Each has lost one."""
    day, more = "1x1440", "1x9"
    listed = {"lon": {"1": f"{day} {more}", "2": day}, "ams": {"3": f"{day} {more}", "4": day}, "par": {"5": day}}
    answers = {"lon": "1x1450", "ams": "1x1442 0x7", "par": "1x1430 0x20"}
    info = 'zerto_v{}_info{{job="zerto", zvm="{}", vpg="name", vpg_id="{}", vm="name", vm_id="{}"}}'
    series = [
        {"series": info.format(kind, zvm, number, number), "values": values}
        for kind in ("m", "pg")
        for zvm, numbers in listed.items()
        for number, values in numbers.items()
    ]
    success = 'zerto_collector_success{{job="zerto", zvm="{}", collector="{}"}}'
    series += [
        {"series": success.format(zvm, collector), "values": values}
        for collector in ("vms", "vpgs")
        for zvm, values in answers.items()
    ]
    series += [{"series": f'zerto_up{{job="zerto", zvm="{zvm}"}}', "values": "1x1450"} for zvm in listed]
    vpgs, vms, _ = panel_of("zerto-overview", "Gone or missing").queries
    numbers = [panel_of("zerto-overview", title).queries[0] for title in ("VPGs gone", "VMs gone")]
    labels = '{{what="{}", vpg="name", vpg_id="{}", vm="{}", vm_id="{}"}}'
    gone = [
        expected_of(vpgs, "1448m", {'{what="VPG gone", vpg="name", vpg_id="2"}': 1}),
        expected_of(vms, "1448m", {labels.format("VM gone", number, "name", number): 1 for number in "2"}),
    ]
    judged(tmp_path, series, [*gone, *(expected_of(number, "1448m", {"{}": 1}) for number in numbers)])
    only_par = [number.replace("$zvm", "par") for number in numbers]
    judged(tmp_path, series, [expected_of(number, "1448m", {}) for number in only_par])


def test_what_writes_nothing_has_no_share_that_is_encrypted(tmp_path: Path) -> None:
    of_vm = '{{job="zerto", zvm="nyc", vm="{0}", vm_id="{0}"}}'
    written = {"both": ("0+300x30", "0+300x30"), "plain": ("7x30", "0+300x30"), "none": ("7x30", "9x30")}
    series = [
        {"series": f"{metric}{of_vm.format(vm)}", "values": values}
        for vm, (encrypted, plain) in written.items()
        for metric, values in (
            ("zerto_vm_encrypted_bytes_total", encrypted),
            ("zerto_vm_unencrypted_bytes_total", plain),
            ("zerto_vm_suspicion_level", "1x30"),
        )
    ]
    share = panel_of("zerto-ransomware", "Suspected VMs").queries[1]
    told_of = '{{vm="{0}", vm_id="{0}"}}'
    judged(tmp_path, series, [expected_of(share, "30m", {told_of.format("both"): 0.5, told_of.format("plain"): 0})])


def test_the_worst_vras_and_datastores_are_first_whoever_says_what_is_wrong(tmp_path: Path) -> None:
    """An alert, a state, a ghost, a health, an availability and a share each do it alone, and the worst counts."""
    told = '{{job="zerto", zvm="nyc", {0}="{1}", {0}_id="{1}"{2}}}'
    vras = {  # an alert, a ghost, a state: how bad it is in all
        "fine": (0, 0, "Installed", 0),
        "warned": (1, 0, "Installing", 1),
        "alert": (2, 0, "Installed", 2),
        "ghost": (0, 1, "HostInMaintenanceMode", 2),
        "state": (0, 0, "HostPasswordChanged", 2),
        "maintained": (0, 0, "HostInMaintenanceMode", 1),
    }
    stores = {  # bytes that are free of 1000, a health, an availability
        "fine": (500, "Normal", "Normal", 0),
        "full": (29, "Normal", "Normal", 2),
        "nearly": (99, "Normal", "Normal", 1),
        "health": (500, "Error", "Normal", 2),
        "warned": (500, "Warning", "Normal", 1),
        "lost": (99, "Warning", "Unavailable", 2),
        "maintained": (500, "Normal", "EnteringMaintenance", 1),
    }
    values = {
        **{f"zerto_vra_alert_status_code{told.format('vra', name, '')}": one[0] for name, one in vras.items()},
        **{f"zerto_vra_ghost{told.format('vra', name, '')}": one[1] for name, one in vras.items()},
        **{"zerto_vra_state" + told.format("vra", name, f', status="{one[2]}"'): 1 for name, one in vras.items()},
        **{f"zerto_datastore_free_bytes{told.format('datastore', name, '')}": one[0] for name, one in stores.items()},
        **{f"zerto_datastore_capacity_bytes{told.format('datastore', name, '')}": 1000 for name in stores},
        **{
            "zerto_datastore_state" + told.format("datastore", name, f', health="{one[1]}", availability="{one[2]}"'): 1
            for name, one in stores.items()
        },
    }
    asked = [
        expected_of(
            panel_of(board, panel).queries[-1],
            "5m",
            {f'{{zvm="nyc", {what}="{name}", {what}_id="{name}"}}': one[-1] for name, one in all_of_them.items()},
        )
        for board, panel, what, all_of_them in (
            ("zerto-vras", "Each VRA", "vra", vras),
            ("zerto-datastores", "Each datastore", "datastore", stores),
        )
    ]
    judged(tmp_path, [{"series": name, "values": f"{value}x9"} for name, value in values.items()], asked)


def test_a_license_without_an_end_is_not_one_that_nobody_tells(tmp_path: Path) -> None:
    license_of = 'zerto_license_{}{{job="zerto", zvm="nyc"{}}}'
    ends = panel_of("zerto-datastores", "License ends in").queries[0]
    info = {"series": license_of.format("info", ', type="Enterprise"'), "values": "1x9"}
    end = {"series": license_of.format("expiry_timestamp_seconds", ""), "values": "1000x9"}
    judged(tmp_path, [info, end], [expected_of(ends, "5m", {"{}": 700})])
    judged(tmp_path, [info], [expected_of(ends, "5m", {"{}": -1})])
    judged(tmp_path, [end | {"values": "100x9"}, info], [expected_of(ends, "5m", {"{}": 0})])
    judged(tmp_path, [{"series": "up", "values": "1x9"}], [expected_of(ends, "5m", {})])


def test_which_peer_is_cut_off_is_told_only_of_that_one(tmp_path: Path) -> None:
    state = 'zerto_peer_pairing_state{{job="zerto", zvm="nyc", peer="{0}", peer_id="{0}", status="{1}"}}'
    peers = {"lon": "Paired", "par": "Unpaired", "ams": "Incompatible", "new": "Pairing"}
    series = [{"series": state.format(*one), "values": "1x9"} for one in peers.items()]
    cut = 'zvm:zerto_vpg_disconnected:count{zvm="nyc", own_site="nyc", peer_site="par"}'
    paired, *_, cut_off = panel_of("zerto-peers", "Each peer").queries
    told = '{{zvm="nyc", peer="{0}", peer_id="{0}"}}'
    rating = {told.format(peer): value for peer, value in (("lon", 0), ("par", 2), ("ams", 2), ("new", 1))}
    asked = [expected_of(paired, "5m", rating), expected_of(cut_off, "5m", {told.format("par"): 4})]
    judged(tmp_path, [*series, {"series": cut, "values": "4x9"}], asked)


def test_where_no_exporter_was_ever_seen_its_targets_are_found_by_the_name_of_their_job(estate: Estate) -> None:
    (asked,) = panel_of("zerto-overview", "Scrapes failed").queries
    assert [value for _, value in estate.ask(asked, job="()")] == [0]
    assert [value for _, value in estate.ask(asked.replace(".*zerto.*", "other"), job="()")] == [1]
    assert [value for _, value in estate.ask(asked.replace(".*zerto.*", "other"))] == [0]


def test_what_increased_before_is_no_row_of_a_zvm_that_nobody_asks_now(estate: Estate) -> None:
    """Nor a green 0 of an exporter that nobody scrapes."""
    now = r"\b(zerto_up|zerto_exporter_build_info|zerto_exporter_series|vpg:zerto_vpg_info:once)\b"
    for board, title in (
        ("zerto-sites", "Each ZVM"),
        ("zerto-exporter", "Polls that failed"),
        ("zerto-exporter", "By ZVM and collector"),
        ("zerto-slo", "VPGs by time within the RPO"),
    ):
        for query in panel_of(board, title).queries:
            if re.search(r"increase\(|_over_time\(", query):
                assert estate.ask(query)
                assert estate.ask(re.sub(now, "nothing", query)) == [], title


def test_a_line_has_as_many_series_as_its_panel_says(estate: Estate) -> None:
    for title in ("Fullest journals over time", "Shortest histories over time", "Largest journals by VPG"):
        (query,) = panel_of("zerto-journal", title).queries
        rows = estate.ask(query)
        assert len(rows) == len({found["vpg_id"] for found, _ in rows}) == 10, title


def test_a_zvm_of_which_one_collector_was_never_polled_well_is_not_said_to_be_in_time(estate: Estate) -> None:
    for board, table in (("zerto-overview", "ZVMs, those down first"), ("zerto-sites", "Each ZVM")):
        assert labels(estate, panel_of(board, table).queries[1], "zvm") == {("nyc",), ("lon",)}


def test_none_in_trouble_is_0_and_not_nothing(estate: Estate) -> None:
    rated = {
        found["vpg"]: value for found, value in estate.ask(panel_of("zerto-overview", "VPGs, worst first").queries[0])
    }
    healthy = next(vpg for vpg, rating in rated.items() if rating == 0)
    for title in ("VPGs missing their SLA", "VPGs over their RPO", "VPGs with short history"):
        assert estate.number("zerto-overview", title, vpg=healthy) == 0


def test_the_worst_is_first_and_rated_for_what_is_wrong_with_it(estate: Estate) -> None:
    rated = {
        found["vpg_id"]: value
        for found, value in estate.ask(panel_of("zerto-overview", "VPGs, worst first").queries[0])
    }
    state = {found["vpg_id"]: (found["status"], found["substatus"]) for found, _ in estate.ask("zerto_vpg_state")}
    rpo = truth(estate, "zerto_vpg_actual_rpo_seconds")
    fine = {vpg for vpg, names in state.items() if names == ("MeetingSLA", "None")}
    lacking = {vpg for (vpg,) in labels(estate, "zerto_vm_exists == 0", "vpg_id")}
    assert lacking
    assert {vpg for vpg, rating in rated.items() if rating == 0} == fine - lacking
    empty = {vpg for vpg, (_, substatus) in state.items() if substatus == "EmptyProtectionGroup"}
    assert empty
    assert (
        {vpg for vpg, rating in rated.items() if rating == 3} == empty == state.keys() - rpo.keys() - starting(estate)
    )
    assert {vpg for vpg, rating in rated.items() if rating == 2} == starting(estate)
    assert {vpg for vpg, rating in rated.items() if rating == 4} == (
        state.keys() - fine - empty - starting(estate)
    ) | lacking


def test_the_share_within_the_rpo_counts_an_unknown_one_as_missed_unless_there_can_be_none(estate: Estate) -> None:
    rpo, promised = truth(estate, "zerto_vpg_actual_rpo_seconds"), truth(estate, "zerto_vpg_configured_rpo_seconds")
    empty = {vpg for (vpg,) in labels(estate, 'zerto_vpg_state{substatus="EmptyProtectionGroup"}', "vpg_id")}
    counted = promised.keys() - starting(estate) - empty
    kept = [vpg for vpg in counted if vpg in rpo and rpo[vpg] <= promised[vpg]]
    assert 0 < len(kept) < len(counted)
    assert estate.number("zerto-slo", "VPGs within their RPO now") == pytest.approx(len(kept) / len(counted))


def test_the_time_within_the_rpo_is_that_of_each_vpg(estate: Estate) -> None:
    rpo, promised = truth(estate, "zerto_vpg_actual_rpo_seconds"), truth(estate, "zerto_vpg_configured_rpo_seconds")
    shares = truth(estate, panel_of("zerto-slo", "VPGs by time within the RPO").queries[0])
    assert {vpg for vpg, share in shares.items() if share == 0} == {vpg for vpg in rpo if rpo[vpg] > promised[vpg]}
    assert all(shares[vpg] == 1 for vpg in rpo if rpo[vpg] <= promised[vpg])
    assert not shares.keys() & starting(estate)


def test_the_error_budget_is_what_the_objective_leaves(estate: Estate) -> None:
    recorded = r"zvm_organization:zerto_rpo_missed:(sum|count){[^}]*}\[\w+\]"
    (left,) = panel_of("zerto-slo", "Error budget left").queries
    hundred = {"sum": "vector(1)[5s:1s]", "count": "vector(200)[5s:1s]"}
    asked = re.sub(recorded, lambda found: hundred[found[1]], left)
    assert estate.ask(asked)[0][1] == pytest.approx(1 - (1 / 200) / (1 - 0.99))


@pytest.mark.parametrize("zvm", [".+", "nyc", "lon", "(nyc|lon)"])
def test_a_line_is_of_what_the_numbers_are_of(estate: Estate, zvm: str) -> None:
    """Whichever of the two ZVMs that list a VPG is chosen: the lines are recorded, the numbers are not."""
    statuses, used = (
        sum(value for _, value in estate.ask(panel_of(board, title).queries[0], zvm=zvm))
        for board, title in (
            ("zerto-overview", "VPGs by status"),
            ("zerto-journal", "Storage by recovery site"),
        )
    )
    assert statuses == estate.number("zerto-overview", "VPGs", zvm=zvm)
    assert used == pytest.approx(estate.number("zerto-overview", "Used at recovery sites", zvm=zvm), rel=0.05)
