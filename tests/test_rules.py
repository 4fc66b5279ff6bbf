"""Recording rules, alerts, their tests and runbooks, and Alertmanager's inhibitions.

promtool and Alertmanager themselves judge; here stands what they cannot know: our metrics, labels and documents.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import promql_parser
import pytest
import yaml
from alertmanager import running
from programs import EACH_PROMETHEUS, SYSTEM, THREE, amtool, of_prometheus
from rule_cases import apart, needed
from rule_files import document
from test_docs import documents, queries
from tools import ROOT
from tools import metrics as metrics_page
from tools.runbooks import FOLDER as RUNBOOKS
from tools.runbooks import RULES, alerts, rules

from exporter.collectors import peers, vras
from exporter.collectors.enums import ENTITY, STATUS, SUBSTATUS, Enum

DEPLOY = ROOT / "deploy" / "prometheus"
CASES = sorted((DEPLOY / "tests").glob("*.yml"))
# Hours and days take promtool long: make check has them.
LONG = {"budget", "budget_of_days", "budget_windows", "budget_windows_of_days", "budget_after_silence"}
LONG |= {"exporter_days", "days_with_gaps", "each_clause"}
OF_VPGS = {"zerto-vpg", "zerto-vpg-of-minutes", "zerto-rpo-budget-alerts"}
OF_VPGS |= {"zerto-estate-vpg", "zerto-estate-vpg-of-minutes"}
REMEMBERED = {"ZertoVpgVanished", "ZertoZvmEmpty"}  # are about what a ZVM no longer lists
ALERTS_PAGE = ROOT / "docs" / "alerts.md"
PAGES = [ALERTS_PAGE, *sorted(RUNBOOKS.glob("*.md"))]
RUNBOOK_URL = "https://github.com/zerto-exporter/zerto-exporter/blob/main/docs/runbooks/{}.md"
TARGET_LABELS = {"job", "instance", "pod"}
LEVELS = "vm|vpg|zvm|zvm_collector|zvm_organization|fleet|job|instance"  # what a recorded series is one of
OF_OTHERS = {"up", "ALERTS", "process_start_time_seconds"}
OWN_LABELS = {"ordinal", "zvms", "peer", "alertname", "alertstate", "severity"}  # of our rules, and ALERTS
OWN_LABELS |= {"own_site", "peer_site", "common_site", "other_site"}
VALUES = {
    "status": {STATUS.name(code) for code in STATUS.codes},
    "substatus": {SUBSTATUS.name(code) for code in SUBSTATUS.codes} | SUBSTATUS.aliases.keys(),
    "role": {"protected", "recovery", "local", ""},
    "protected_type": {ENTITY.name(code) for code in ENTITY.codes},
    "recovery_type": {ENTITY.name(code) for code in ENTITY.codes} | ENTITY.aliases.keys(),
}
# A label of the same name has other values there.
VALUES_OF = {
    metric: {"status": {enum.name(code) for code in enum.codes}}
    for metric, enum in (("zerto_vra_state", vras.STATUS), ("zerto_peer_pairing_state", peers.PAIRING))
}

NAMES = sorted({rule["alert"] for rule in alerts()})
ALWAYS = "ZertoWatchdog"  # it fires whatever there is
CAN_REST = [name for name in NAMES if name != ALWAYS]
OF_ZVMS = ("zerto-zvm", "zerto-estate", "zerto-estate-of-minutes")
OF_EXPORTERS_AND_ZVMS = sorted(
    {rule["alert"] for rule in alerts("zerto-exporter", "zerto-exporter-of-minutes", *OF_ZVMS)} - {ALWAYS}
)
RECORDS = sorted({rule["record"] for rule in rules() if "record" in rule})


def run(*command: str | Path, cwd: Path = DEPLOY) -> str:
    """Return what *command* writes to standard output; it must end well."""
    lean = {**os.environ, "GOGC": "800", "GOMAXPROCS": "1"}  # promtool collects garbage for a third of its time
    done = subprocess.run(command, cwd=cwd, env=lean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# What promtool and amtool say.


@pytest.mark.parametrize("version", EACH_PROMETHEUS)
def test_promtool_accepts_the_rules_and_the_configuration(version: str) -> None:
    promtool = of_prometheus("promtool", version)
    run(promtool, "check", "rules", *RULES, DEPLOY / "example-thresholds.yml")
    run(promtool, "check", "config", DEPLOY / "prometheus.yml")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", [path for path in CASES if path.stem not in LONG], ids=lambda path: path.stem)
def test_each_alert_does_what_its_cases_say(path: Path, tmp_path: Path) -> None:
    """Among the rules that it depends on; the next test has all rules, and all cases."""
    run(of_prometheus("promtool"), "test", "rules", *apart(path, tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", [SYSTEM, THREE])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_alert_does_it_among_all_rules(path: Path, version: str) -> None:
    run(of_prometheus("promtool", version), "test", "rules", path, cwd=path.parent)


def test_a_case_has_every_rule_that_it_depends_on_and_no_other() -> None:
    chain: list[dict[str, Any]] = [
        {"record": "vm:zerto_a:first", "expr": "zerto_a"},
        {"record": "vm:zerto_a:second", "expr": "max(vm:zerto_a:first)"},
        {"alert": "ZertoCause", "expr": "vm:zerto_a:second > 1", "annotations": {"summary": "no other"}},
        {"alert": "ZertoOther", "expr": "zerto_b", "annotations": {"summary": "{{ query `vm:zerto_b:told` }}"}},
        {"record": "vm:zerto_b:told", "expr": "zerto_b"},
        {"alert": "ZertoSymptom", "expr": 'zerto_c unless ALERTS{alertstate="firing", alertname=~"Zerto(Cause|X)"}'},
    ]
    names = {rule.get("record") or rule["alert"] for rule in chain}
    cause = {"ZertoCause", "vm:zerto_a:second", "vm:zerto_a:first"}
    for alert, expected in (
        ("ZertoCause", cause),
        ("ZertoOther", {"ZertoOther", "vm:zerto_b:told"}),
        ("ZertoSymptom", {"ZertoSymptom", *cause}),
    ):
        assert needed({"alert_rule_test": [{"alertname": alert}]}, chain) == expected
    for expr, expected in (
        ("count(vm:zerto_a:second)", cause - {"ZertoCause"}),
        ('ALERTS{alertname="ZertoCause"}', cause),
        ('ALERTS{alertname!="ZertoCause"}', names),
        ("count(ALERTS)", names),
        ("up", set()),
    ):
        assert needed({"promql_expr_test": [{"expr": expr}]}, chain) == expected


def test_amtool_accepts_the_example() -> None:
    quote = run(amtool(), "check-config", "alertmanager.yml")
    assert "SUCCESS" in quote


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "pager"), ("warning", "tickets"), ("info", "nobody")])
def test_each_severity_has_its_receiver(severity: str, receiver: str) -> None:
    routed = run(
        amtool(),
        "config",
        "routes",
        "test",
        "--config.file=alertmanager.yml",
        f"severity={severity}",
        "zvm=nyc",
    )
    assert routed.strip() == receiver


def test_the_watchdog_goes_to_the_dead_mans_switch_alone() -> None:
    labels = (f"alertname={ALWAYS}", "severity=none")
    routed = run(
        amtool(),
        "config",
        "routes",
        "test",
        "--config.file=alertmanager.yml",
        *labels,
    )
    assert routed.strip() == "deadman"


# What each alert has.


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_it_must(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"Zerto([A-Z][a-z]+)+", alert["alert"])
    assert alert["labels"]["severity"] in ({"none"} if alert["alert"] == ALWAYS else {"critical", "warning", "info"})
    assert "for" in alert
    annotations = alert["annotations"]
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == RUNBOOK_URL.format(alert["alert"])
    assert all(annotations.values())


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_has_all_its_parts(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["See it", "What to do", "When it lies"]
    assert list(queries(RUNBOOKS / f"{name}.md")), "no query"


# What the cases of each alert are.


@cache
def cases() -> dict[str, list[dict[str, Any]]]:
    """Return the cases of each alert: their names begin with its own, or with several."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for path in CASES:
        for case in document(path)["tests"]:
            for name in case["name"].partition(": ")[0].split(", "):
                if name in found:
                    found[name].append(case)
    return found


def cases_of(name: str, kind: str) -> list[dict[str, Any]]:
    """Return the cases of the alert *name* in which it fires, is quiet, or goes on while its data are gone."""
    return [case for case in cases()[name] if case["name"].partition(": ")[2].startswith(kind)]


def fires(case: dict[str, Any], name: str) -> bool:
    told = any(one["alertname"] == name and one.get("exp_alerts") for one in case.get("alert_rule_test", []))
    firing = re.compile(rf'count\(ALERTS{{alertname="{name}", alertstate="firing"[^}}]*}}\)')
    return told or any(
        firing.fullmatch(one["expr"]) and one.get("exp_samples") for one in case.get("promql_expr_test", [])
    )


def rests(case: dict[str, Any], name: str) -> bool:
    return any(one["alertname"] == name and not one.get("exp_alerts") for one in case.get("alert_rule_test", []))


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_case_that_fires(name: str) -> None:
    """With its labels and texts in full, and one at which it does not fire yet."""
    chosen = cases_of(name, "fires")
    told = [one for case in chosen for one in case.get("alert_rule_test", []) if one.get("exp_alerts")]
    assert any(one["alertname"] == name for one in told)
    assert name == ALWAYS or any(rests(case, name) for case in chosen)


@pytest.mark.parametrize("name", CAN_REST)
def test_an_alert_has_a_case_that_must_not_fire(name: str) -> None:
    chosen = cases_of(name, "quiet")
    assert any(rests(case, name) and not fires(case, name) for case in chosen)


@pytest.mark.parametrize("name", CAN_REST)
def test_an_alert_has_a_case_in_which_its_data_go(name: str) -> None:
    """It fired, and rests afterwards or before; another one must take over, or its name says that it stays."""
    chosen = cases_of(name, "gone")
    assert any(fires(case, name) and rests(case, name) for case in chosen)


@pytest.mark.parametrize("name", OF_EXPORTERS_AND_ZVMS)
def test_an_alert_has_a_case_in_which_the_exporter_restarts(name: str) -> None:
    """It fires on, though its series were gone for a while and its counters begin anew."""
    chosen = cases_of(name, "reset")
    assert any(fires(case, name) for case in chosen)


def test_what_fires_of_a_vpg_goes_on_while_nobody_answers_for_it() -> None:
    """So a restart of the exporter resolves no page; keep_firing_for covers what is recorded every four minutes."""
    of_vpgs = rules(*OF_VPGS)
    assert len(of_vpgs) > 14
    for alert in of_vpgs:
        if alert["alert"] in REMEMBERED:
            continue
        assert f'ALERTS{{alertname="{alert["alert"]}"' in alert["expr"], alert["alert"]
        assert ":unanswered" in alert["expr"], alert["alert"]
        assert "keep_firing_for" in alert, alert["alert"]


def test_each_severity_of_an_alert_fires_in_a_case() -> None:
    expected = {(alert["alert"], alert["labels"]["severity"]) for alert in alerts()}
    fired = {
        (one["alertname"], told["exp_labels"]["severity"])
        for of_alert in cases().values()
        for case in of_alert
        for one in case.get("alert_rule_test", [])
        for told in one.get("exp_alerts", [])
    }
    assert fired == expected


def test_every_alert_of_a_vpg_or_a_vm_names_the_organization() -> None:
    """So a provider can tell each tenant of his own."""
    told = [
        (alert["alertname"], one["exp_labels"])
        for of_alert in cases().values()
        for case in of_alert
        for alert in case.get("alert_rule_test", [])
        for one in alert.get("exp_alerts", [])
    ]
    of_vpgs = {name for name, labels in told if "vpg_id" in labels}
    assert len(of_vpgs) > 10
    assert {name for name, labels in told if "vpg_id" in labels and "organization" in labels} == of_vpgs


# Which metrics and labels there are.


@cache
def metrics() -> dict[str, set[str]]:
    """Return the labels of each metric of the exporter, from the tables in the code."""
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^\| `(zerto_\w+)` \| ([^|]*) \|", metrics_page.text(), re.MULTILINE):
        found[name] = {*re.findall(r"`(\w+)`", labels), "zvm"} | TARGET_LABELS
    return found


def selectors(expr: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def grouping_labels(expr: str) -> set[str]:
    """Return the labels that *expr* groups or matches by."""
    lists = re.findall(r"\b(?:by|without|on|group_left|group_right|ignoring)\s*\(([^)]*)\)", expr)
    return {label.strip() for names in lists for label in names.split(",") if label.strip()}


def check_expression(expr: str) -> None:
    """Assert that what *expr* names exists: metrics, labels, and the values of labels that are states."""
    everywhere = set().union(*metrics().values())
    for selector in selectors(expr):
        name = selector.name
        assert name is not None, f"a selector without a metric: {expr}"
        assert name in metrics() or name in RECORDS or name in OF_OTHERS, f"no such metric: {name}"
        has = (
            {"alertname", "alertstate", "severity"}
            if name == "ALERTS"
            else metrics().get(name, everywhere | OWN_LABELS)
        )
        for matcher in selector.matchers.matchers:
            assert matcher.name in has, f"{name} has no label {matcher.name}"
            values = VALUES_OF.get(name, VALUES).get(matcher.name)
            if values is not None:
                for value in matcher.value.split("|"):
                    assert any(re.fullmatch(value, one) for one in values), f"no {matcher.name} is {value}"
    assert grouping_labels(expr) <= everywhere | OWN_LABELS, expr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_what_a_rule_names_exists(rule: dict[str, Any]) -> None:
    check_expression(rule["expr"])


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_what_an_annotation_asks_for_exists(alert: dict[str, Any]) -> None:
    for asked in re.findall(r'printf ("(?:[^"\\]|\\.)*")(?=[^}]*\| query)', alert["annotations"]["description"]):
        check_expression(json.loads(asked).replace("%q", '"x"'))


@pytest.mark.parametrize(
    ("expr", "complaint"),
    [
        ("zerto_vm_rpo", "no such metric"),
        ("vpg:zerto_vpg_info:twice", "no such metric"),
        ('zerto_up{vpg="a"}', "has no label"),
        ('zerto_vpg_state{substatus=~"None|DisconnectedFromPear"}', "no substatus is"),
        ("sum by (zwm) (zerto_up)", "zwm"),
        ("rate(zerto_vm_rpo[5m])", "no such metric"),
    ],
)
def test_a_name_that_does_not_exist_is_found(expr: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_expression(expr)


def test_status_and_substatus_of_the_alerts_leave_none_out() -> None:
    """The states that mean trouble by their name are all in an alert."""
    asked = [
        matcher for alert in alerts() for selector in selectors(alert["expr"]) for matcher in selector.matchers.matchers
    ]

    def meant(label: str, enum: Enum, trouble: str) -> None:
        patterns = "|".join(f"(?:{matcher.value})" for matcher in asked if matcher.name == label)
        for name in [*(enum.name(code) for code in enum.codes), *enum.aliases]:
            if re.search(trouble, name):
                assert re.fullmatch(patterns, name), name

    meant("status", STATUS, "NotMeetingSLA")
    meant("substatus", SUBSTATUS, "Error|Disconnected|Paused|NeedsConfiguration|RecoveryPossible")


@pytest.mark.parametrize("record", RECORDS)
def test_a_recorded_series_is_named_and_told(record: str) -> None:
    assert re.fullmatch(
        r"(vm|vpg|zvm|zvm_collector|zvm_organization|fleet|job|instance):zerto_[a-z_]+:[a-z0-9_]+", record
    )
    assert f"`{record}`" in ALERTS_PAGE.read_text()


@pytest.mark.parametrize("of", ["vpg", "vm"])
def test_what_is_named_has_no_label_that_may_change(of: str) -> None:
    """An alert that has the priority of its VPG would begin anew when that is set to another."""
    (named,) = (rule["expr"] for rule in rules() if rule.get("record") == f"vpg:zerto_{of}_info:named")
    stay = {"zvm", "vpg", "vpg_id", "organization", "role"} | TARGET_LABELS
    of_vm = {"vm", "vm_id", "protected_host", "recovery_host", "hardware_version"}
    assert grouping_labels(named) - {"role"} == metrics()[f"zerto_{of}_info"] - stay - of_vm


# What the documents say.


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.stem)
def test_every_recorded_series_that_is_named_exists(page: Path) -> None:
    assert set(re.findall(r"\b\w+:zerto_\w+:\w+", page.read_text())) <= set(RECORDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_query_of_a_page_names_exists(page: Path) -> None:
    for query in queries(page):
        check_expression(query)


@pytest.mark.parametrize("version", EACH_PROMETHEUS)
def test_promtool_accepts_every_query_of_the_documents(version: str, tmp_path: Path) -> None:
    asked = [query for page in documents() for query in queries(page)]
    recorded = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(asked)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "pages", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in run(of_prometheus("promtool", version), "check", "rules", file)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_quoted_log_line_is_one_of_ours(page: Path) -> None:
    code = "".join(path.read_text() for path in (ROOT / "exporter").rglob("*.py"))
    for message in re.findall(r'msg="([^"]+)"', page.read_text()):
        assert f'"{message}"' in code, message


def test_the_thresholds_of_the_page_are_those_that_are_tested() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", ALERTS_PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert (DEPLOY / "example-thresholds.yml").read_text() in blocks


def test_each_threshold_of_the_page_has_its_default() -> None:
    defaults = {
        rule["record"]: rule["expr"].removeprefix("vector(").removesuffix(")")
        for rule in document(DEPLOY / "rules" / "zerto-thresholds.yml")["groups"][0]["rules"]
    }
    told = dict(re.findall(r"^\| `(fleet:\S+)` \| ([^|]+?) \|", ALERTS_PAGE.read_text(), re.MULTILINE))
    seconds = {" days": " * 86400", " hours": " * 3600"}
    for unit, factor in seconds.items():
        told = {name: value.replace(unit, factor) for name, value in told.items()}
    assert told == defaults


# What inhibits what: a real Alertmanager is asked.


def test_the_inhibitions_name_alerts_that_exist() -> None:
    config = yaml.safe_load((DEPLOY / "alertmanager.yml").read_text())
    for rule in config["inhibit_rules"]:
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            name, _operator, value = re.fullmatch(r'(\w+) *(=~|!~|!=|=) *"(.*)"', matcher).groups()  # type: ignore[union-attr]
            if name == "alertname":
                for one in value.split("|"):
                    assert any(re.fullmatch(one, alert) for alert in NAMES), one


Labels = dict[str, str]


def silent(alertmanager: str, fired: list[Labels], expected: int) -> list[Labels]:
    """Send the alerts; return those that are inhibited, once *expected* ones are, or after a while."""
    url = f"http://{alertmanager}/api/v2/alerts"
    body = json.dumps([{"labels": labels} for labels in fired]).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"})):
        pass
    deadline = time.monotonic() + 40
    while True:
        with urlopen(url) as answer:
            known = json.load(answer)
        found = [alert["labels"] for alert in known if alert["status"]["inhibitedBy"]]
        if (len(known) == len(fired) and len(found) == expected) or time.monotonic() > deadline:
            return found
        time.sleep(0.3)  # it tells nobody when it has taken them in


def labels(name: str, **others: str) -> Labels:
    severity = others.pop("severity", None) or next(
        alert["labels"]["severity"] for alert in alerts() if alert["alert"] == name
    )
    return {"alertname": name, "severity": severity, **others}


def test_a_cause_keeps_its_symptoms_silent_and_nothing_else(tmp_path: Path) -> None:
    exporter = {"job": "zerto", "instance": "one:9403"}
    loud = [
        labels("ZertoExporterDown", **exporter),
        labels("ZertoZvmMissing", job="zerto", instance="two:9403", zvm="of-two"),
        labels("ZertoExporterDown", job="replicas", instance="one:9403", severity="warning"),
        labels("ZertoShardMissing", job="replicas"),
        labels("ZertoReplicaCannotPoll", job="replicas", instance="two:9403", zvm="up"),
        labels("ZertoExporterUnsteady", job="replicas", instance="three:9403", severity="critical"),
        labels(ALWAYS),
        labels("ZertoLoginRefused", zvm="refuses"),
        labels("ZertoZvmDown", zvm="down"),
        labels("ZertoDataStale", zvm="half", collector="vpgs"),
        labels("ZertoVmGone", zvm="half", vpg_id="h", vm_id="v"),
        labels("ZertoPeerDisconnected", zvm="half", vpg_id="i"),
        labels("ZertoPeerDisconnected", zvm="down", vpg_id="told-by-the-peer"),
        labels("ZertoPeerDisconnected", zvm="up", vpg_id="cut"),
        labels("ZertoProtectionHalted", zvm="up", vpg_id="halted"),
        labels("ZertoRpoAboveTarget", zvm="up", vpg_id="slow"),
        labels("ZertoReplicationPaused", zvm="up", vpg_id="by-user", severity="warning"),
        labels("ZertoRpoAboveTarget", zvm="up", vpg_id="by-user"),
        labels("ZertoReplicationPaused", zvm="up", vpg_id="by-zerto", severity="critical"),
        labels("ZertoFailoverTestOverdue", zvm="up", vpg_id="cut"),
        labels("ZertoRpoBudgetBurningFast", zvm="up", organization="Acme"),
        labels("ZertoRpoBudgetBurningSlow", zvm="up", organization="Globex"),
        labels("ZertoRecordsCut", zvm="up", collector="vms"),
        labels("ZertoSitesDisconnected", zvm="up", own_site="New York", peer_site="London", common_site="London"),
        labels("ZertoVpgInterrupted", zvm="up", vpg_id="of-a-site", organization="Initech", scope="site"),
        labels("ZertoVpgInterrupted", zvm="up", vpg_id="was-cut", organization="Initech", scope="vpg"),
        labels("ZertoPeerDisconnected", zvm="up", vpg_id="was-cut"),
        labels("ZertoReverseProtectionMissing", zvm="up", vpg_id="failed-over"),
        labels("ZertoVpgError", zvm="up", vpg_id="failed-over", substatus="JournalStorageError"),
        labels("ZertoVpgError", zvm="up", vpg_id="new", substatus="NeedsConfiguration"),
        labels("ZertoEncryptionSuspected", zvm="down", vpg_id="suspected"),
        labels("ZertoVraGhost", zvm="up", vra_id="ghost"),
        labels("ZertoDatastoreNearlyFull", zvm="up", datastore_id="full", severity="critical"),
        labels("ZertoDatastoreNearlyFull", zvm="up", datastore_id="another", severity="warning"),
        labels("ZertoZvmAlert", zvm="up", entity="FileRecoveryComponent", help_identifier="FLR0001"),
        labels("ZertoZvmAlert", zvm="half", entity="Vra", help_identifier="VRA0049"),
    ]
    quiet = [
        labels("ZertoZvmMissing", **exporter, zvm="of-one"),
        labels("ZertoShardMissing", job="zerto"),
        labels("ZertoExporterUnsteady", **exporter),
        labels("ZertoZvmMissing", job="replicas", instance="three:9403", zvm="of-three"),
        labels("ZertoRpoBudgetBurningSlow", zvm="of-one", organization="Acme"),
        labels("ZertoRpoBudgetBurningFast", zvm="of-two"),
        labels("ZertoZvmDown", zvm="refuses"),
        labels("ZertoDataStale", zvm="refuses", collector="vms"),
        labels("ZertoDataStale", zvm="down", collector="vms"),
        labels("ZertoCertificateNotVerified", zvm="down"),
        labels("ZertoJournalHistoryShort", zvm="half", vpg_id="h"),
        labels("ZertoRpoAboveTarget", zvm="up", vpg_id="cut"),
        labels("ZertoVpgNotMeetingSla", zvm="up", vpg_id="cut"),
        labels("ZertoRpoNotCalculated", zvm="up", vpg_id="cut"),
        labels("ZertoRpoAboveTarget", zvm="up", vpg_id="halted"),
        labels("ZertoRpoNotCalculated", zvm="up", vpg_id="halted"),
        labels("ZertoVpgNotMeetingSla", zvm="up", vpg_id="slow"),
        labels("ZertoRpoAboveTarget", zvm="up", vpg_id="by-zerto"),
        labels("ZertoRpoBudgetBurningSlow", zvm="up", organization="Acme"),
        labels("ZertoSeriesNearLimit", zvm="up"),
        labels("ZertoPeerDisconnected", zvm="up", vpg_id="of-a-site"),
        labels("ZertoProtectionHalted", zvm="other", vpg_id="of-a-site"),
        labels("ZertoRpoAboveTarget", zvm="up", vpg_id="was-cut"),
        labels("ZertoRpoBudgetBurningFast", zvm="up", organization="Initech"),
        labels("ZertoVpgError", zvm="up", vpg_id="failed-over", substatus="NeedsConfiguration"),
        labels("ZertoRpoNotCalculated", zvm="up", vpg_id="failed-over"),
        labels("ZertoVraNotReady", zvm="down", vra_id="v", severity="critical"),
        labels("ZertoZvmAlert", zvm="up", entity="Vra", help_identifier="VRA0049"),
        labels("ZertoZvmAlert", zvm="up", entity="Storage", help_identifier="STR0001"),
        labels("ZertoZvmAlert", zvm="up", entity="Vpg", help_identifier="VPG0003"),
        labels("ZertoDatastoreNearlyFull", zvm="up", datastore_id="full", severity="warning"),
    ]
    with running(tmp_path) as address:
        found = silent(address, [*loud, *quiet], len(quiet))
    assert sorted(map(sorted, map(dict.items, found))) == sorted(map(sorted, map(dict.items, quiet)))


RPO_OR_SLA = ("ZertoRpoAboveTarget", "ZertoRpoNotCalculated", "ZertoVpgNotMeetingSla", "ZertoJournalHistoryShort")
BUDGETS = ("ZertoRpoBudgetBurningFast", "ZertoRpoBudgetBurningSlow")
CRITICAL = {"severity": "critical"}
WARNING = {"severity": "warning"}
Told = tuple[str, Labels]
# By the labels that a cause and its symptom have in common: the causes, and what each of them keeps silent.
CAUSES: list[tuple[tuple[str, ...], list[Told], list[Told]]] = [
    (
        ("job", "instance"),
        [("ZertoExporterDown", WARNING)],
        [(name, {}) for name in ("ZertoZvmMissing", "ZertoConfigReloadFailed", "ZertoExporterUnsteady")],
    ),
    (("job", "instance"), [("ZertoExporterUnsteady", CRITICAL)], [("ZertoZvmMissing", {})]),
    (("job",), [("ZertoExporterDown", CRITICAL)], [("ZertoShardMissing", {})]),
    (("zvm",), [("ZertoZvmMissing", {})], [("ZertoLoginRefused", {}), ("ZertoZvmDown", {}), ("ZertoDataStale", {})]),
    (("zvm",), [("ZertoLoginRefused", {})], [("ZertoZvmDown", {}), ("ZertoRecordsLost", {})]),
    (("zvm",), [("ZertoZvmDown", {})], [("ZertoDataStale", {"collector": "vms"}), ("ZertoVraNotReady", {})]),
    (
        ("zvm",),
        [("ZertoDataStale", {"collector": "vms"})],
        [(name, {"vpg_id": "a"}) for name in ("ZertoRpoNotCalculated", "ZertoJournalNearLimit", "ZertoVmGone")],
    ),
    (
        ("zvm",),
        [("ZertoDataStale", {"collector": "vpgs"})],
        [(name, {"vpg_id": "a"}) for name in (*BUDGETS, "ZertoJournalHistoryShort", "ZertoFailoverTestOverdue")],
    ),
    (
        ("vpg_id",),
        [("ZertoVpgInterrupted", {"scope": "site"})],
        [("ZertoPeerDisconnected", {}), ("ZertoProtectionHalted", {})],
    ),
    (
        ("vpg_id",),
        [("ZertoVpgInterrupted", {"scope": "vpg"}), ("ZertoReverseProtectionMissing", {})],
        [(name, {}) for name in RPO_OR_SLA],
    ),
    (
        ("vpg_id",),
        [("ZertoReverseProtectionMissing", {})],
        [("ZertoVpgError", {"substatus": "NeedsConfiguration"})],
    ),
    (("zvm", "organization"), [("ZertoVpgInterrupted", {"scope": "vpg"})], [(name, {}) for name in BUDGETS]),
    (
        ("vpg_id",),
        [
            (name, CRITICAL)
            for name in ("ZertoPeerDisconnected", "ZertoProtectionHalted", "ZertoVpgError", "ZertoReplicationPaused")
        ],
        [(name, {}) for name in (*RPO_OR_SLA, "ZertoInitialSyncLong")],
    ),
    (("vpg_id",), [("ZertoRpoAboveTarget", {})], [("ZertoVpgNotMeetingSla", {})]),
    (("zvm", "organization"), [("ZertoRpoBudgetBurningFast", {})], [("ZertoRpoBudgetBurningSlow", {})]),
    (
        ("zvm",),
        [("ZertoRecordsCut", {})],
        [(name, {}) for name in ("ZertoSeriesNearLimit", "ZertoVpgVanished", "ZertoVmsVanished")],
    ),
    (
        ("zvm",),
        [("ZertoSitesDisconnected", {}), ("ZertoPairingLost", {})],
        [("ZertoZvmAlert", {"entity": "Zvm"}), ("ZertoZvmAlert", {"entity": "Vpg"})],
    ),
    (
        ("zvm",),
        [("ZertoVraNotReady", CRITICAL), ("ZertoVraGhost", {}), ("ZertoHostInMaintenance", {})],
        [("ZertoZvmAlert", {"entity": "Vra"})],
    ),
    (
        ("zvm",),
        [("ZertoLicenseExpiring", CRITICAL), ("ZertoLicenseOverused", {})],
        [("ZertoZvmAlert", {"entity": "License"})],
    ),
    (("zvm",), [("ZertoDatastoreNearlyFull", CRITICAL)], [("ZertoZvmAlert", {"entity": "Storage"})]),
    (("zvm", "vra_id"), [("ZertoVraNotReady", CRITICAL)], [("ZertoVraNotReady", WARNING)]),
    (("zvm",), [("ZertoLicenseExpiring", CRITICAL)], [("ZertoLicenseExpiring", WARNING)]),
    (("zvm", "datastore_id"), [("ZertoDatastoreNearlyFull", CRITICAL)], [("ZertoDatastoreNearlyFull", WARNING)]),
]
# What each of these does not keep silent, though it is about the same ZVM.
BESIDE: list[tuple[Told, Told]] = [
    *(((name, {}), ("ZertoPeerDisconnected", {"vpg_id": "b"})) for name in ("ZertoZvmMissing", "ZertoLoginRefused")),
    (("ZertoLicenseExpiring", CRITICAL), ("ZertoZvmAlert", {"entity": "Vra"})),
    (("ZertoVraGhost", {}), ("ZertoZvmAlert", {"entity": "License"})),
    (("ZertoPairingLost", {}), ("ZertoZvmAlert", {"entity": "Storage"})),
]


def test_each_symptom_alone_is_kept_silent_by_its_cause_alone(tmp_path: Path) -> None:
    """A symptom of the same is silent; one that differs in any of the labels that they have in common is loud."""
    names = itertools.count()

    def of_its_own(name: str, others: Labels) -> Labels:
        """Return an alert about objects of its own: two that both lack a label are equal in it."""
        return labels(name, **({label: f"{label}-{next(names)}" for label in ("zvm", "job", "instance")} | others))

    loud: list[Labels] = []
    quiet: list[Labels] = []
    for common, causes, symptoms in CAUSES:
        for (cause, of_cause), (symptom, of_symptom) in itertools.product(causes, symptoms):
            same = {label: f"{label}-{next(names)}" for label in common}
            loud.append(of_its_own(cause, same | of_cause))
            quiet.append(of_its_own(symptom, same | of_symptom))
            loud += [of_its_own(symptom, same | of_symptom | {label: f"other-{next(names)}"}) for label in common]
    for (cause, of_cause), (other, of_other) in BESIDE:
        same = {"zvm": f"zvm-{next(names)}"}
        loud += [of_its_own(cause, same | of_cause), of_its_own(other, same | of_other)]
    with running(tmp_path) as address:
        found = silent(address, [*loud, *quiet], len(quiet))
    assert sorted(map(sorted, map(dict.items, found))) == sorted(map(sorted, map(dict.items, quiet)))


def test_without_any_exporter_that_alone_is_told(tmp_path: Path) -> None:
    others = [labels(name, zvm="nyc", vpg_id="a") for name in CAN_REST if name != "ZertoExporterDown"]
    with running(tmp_path) as address:
        found = silent(address, [labels("ZertoExporterDown"), labels(ALWAYS), *others], len(others))
    assert sorted(one["alertname"] for one in found) == sorted(one["alertname"] for one in others)


def test_most_zvms_that_are_down_are_told_once(tmp_path: Path) -> None:
    down = [labels("ZertoZvmDown", zvm=zvm) for zvm in ("lon", "nyc", "par")]
    with running(tmp_path) as address:
        found = silent(address, [labels("ZertoMostZvmsDown"), *down], len(down))
    assert sorted(one["zvm"] for one in found) == ["lon", "nyc", "par"]
