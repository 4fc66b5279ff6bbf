"""The Grafana dashboards: the committed JSON is that of the code, and keeps the rules of Grafana's linter and ours.

The rules are those that dashboard-linter documents, under the names that it gives them, so that its file .lint holds
for both. `make dashboards` writes the JSON and the list in the document anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import promql_parser
import pytest
import yaml
from boards import BOARDS, FOLDER, path, render
from boards.document import DOCUMENT, listed
from boards.parts import REPOSITORY, Board
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard
from rule_files import RULES

ROOT = Path(__file__).parent.parent
PROVISIONING = FOLDER.parent / "provisioning"
RUNBOOKS = ROOT / "docs" / "runbooks"
DURATION = {"$__rate_interval": "5m", "$__range": "1h"}
OF_PROMETHEUS = {"up", "scrape_duration_seconds"}
LONGEST = 600  # characters of a query: a longer one can neither be read nor mended
OF_FEW = {"zerto-vpg", "zerto-vm"}  # dashboards of chosen VPGs or VMs, never of all
# They ask what each ZVM lists, in whatever role, or which ids there are.
WHATEVER_ROLE = {
    "ZVMs, those down first",
    "VPGs by ZVM and role",
    "Each ZVM",
    "VPGs gone",
    "VMs gone",
    "Gone or missing",
    "VPGs with one ZVM, by name",
    "VPGs",
    "Protected VMs",
    "Suspected VMs",
    "Most encrypted",
}

Node = TypeVar("Node", bound=promql_parser.Expr)
Json = dict[str, Any]
Slot = tuple[str, str | None]  # the titles of a dashboard and of its panel


@cache
def committed() -> list[Json]:
    return [json.loads(path(board).read_text()) for board in BOARDS]


def panels(board: Json) -> Iterator[Json]:
    return (panel for panel in board["panels"] if panel["type"] != "row")


def targets() -> Iterator[tuple[Json, Json, str]]:
    for board in committed():
        for panel in panels(board):
            for target in panel["targets"]:
                yield board, panel, target["expr"]


@cache
def parsed(expression: str) -> promql_parser.Expr:
    """Parse a query as Grafana would send it."""
    for name, duration in DURATION.items():
        expression = expression.replace(name, duration)
    return promql_parser.parse(re.sub(r"(?<!\")\$(test_every|objective)", "1", expression))


@cache
def parts(expression: str) -> list[promql_parser.Expr]:
    """Return the parts of a query."""
    found: list[promql_parser.Expr] = []

    def visit(node: promql_parser.Expr) -> bool:
        found.append(node)
        return True

    promql_parser.walk(parsed(expression), visit)
    return found


def nodes(expression: str, kind: type[Node]) -> list[Node]:
    """Return the parts of a query that are of one *kind*."""
    return [part for part in parts(expression) if isinstance(part, kind)]


def violations(rule: Callable[[Json], Iterator[str | None]]) -> set[Slot]:
    return {(board["title"], panel) for board in committed() for panel in rule(board)}


def variable(board: Json, name: str) -> Json:
    (found,) = (candidate for candidate in board["templating"]["list"] if candidate["name"] == name)
    return dict(found)


def lacks(board: Json, name: str) -> bool:
    """Tell whether a dashboard lacks a variable of that name, as the linter wants it."""
    wanted = {"type": "query", "label": name.title(), "multi": True, "allValue": ".+"}
    return not any(
        candidate["name"] == name
        and candidate["datasource"]["uid"] == "$datasource"
        and wanted.items() <= candidate.items()
        for candidate in board["templating"]["list"]
    )


def template_datasource(board: Json) -> Iterator[None]:
    found = [one for one in board["templating"]["list"] if one["type"] == "datasource"]
    if [(one["name"], one["label"], one["query"]) for one in found] != [("datasource", "Data source", "prometheus")]:
        yield None


def template_job(board: Json) -> Iterator[None]:
    if lacks(board, "job"):
        yield None


def template_instance(board: Json) -> Iterator[None]:
    if lacks(board, "instance"):
        yield None


def template_label_promql(board: Json) -> Iterator[None]:
    for one in board["templating"]["list"]:
        if one["type"] == "query":
            query = re.fullmatch(r"label_values\((.+), \w+\)", one["query"])
            if query is None or not nodes(query[1], promql_parser.VectorSelector):
                yield None


def template_on_time_change_reload(board: Json) -> Iterator[None]:
    if any(one["type"] == "query" and one["refresh"] != 2 for one in board["templating"]["list"]):
        yield None


def panel_datasource(board: Json) -> Iterator[str]:
    for panel in panels(board):
        if {used["datasource"]["uid"] for used in (panel, *panel["targets"])} != {"$datasource"}:
            yield panel["title"]


def panel_title_description(board: Json) -> Iterator[str]:
    return (panel["title"] for panel in panels(board) if not panel["title"] or not panel.get("description"))


def panel_units(board: Json) -> Iterator[str]:
    known = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}
    for panel in panels(board):
        fields = panel["fieldConfig"]["defaults"]
        if panel["type"] in {"stat", "table", "timeseries"} and not fields.get("mappings"):
            overridden = (
                property_["value"]
                for override in panel["fieldConfig"]["overrides"]
                for property_ in override["properties"]
                if property_["id"] == "unit"
            )
            if not {fields.get("unit"), *overridden} <= known:
                yield panel["title"]


def panel_no_targets(board: Json) -> Iterator[str]:
    return (panel["title"] for panel in panels(board) if not panel["targets"])


def among_queries(wrong: Callable[[str], bool]) -> Callable[[Json], Iterator[str]]:
    """Make a rule of what is *wrong* with a query."""

    def rule(board: Json) -> Iterator[str]:
        for panel in panels(board):
            if any(wrong(target["expr"]) for target in panel["targets"]):
                yield panel["title"]

    return rule


def no_promql(expression: str) -> bool:
    try:
        parsed(expression)
    except ValueError:
        return True
    return False


def other_window(expression: str) -> bool:
    """Tell whether a rate is over another window than Grafana's."""
    return bool(re.search(r"\b(i?rate)\([^\[\]]*\[(?!\$__rate_interval\])", expression))


def without_matcher(label: str) -> Callable[[str], bool]:
    def wrong(expression: str) -> bool:
        wanted = (label, f"${label}")
        return any(
            wanted not in {(matcher.name, matcher.value) for matcher in selector.matchers.matchers}
            for selector in nodes(expression, promql_parser.VectorSelector)
        )

    return wrong


def bare_counter(expression: str) -> bool:
    counted = [
        argument.vector_selector
        for call in nodes(expression, promql_parser.Call)
        if call.func.name in {"rate", "irate", "increase"}
        for argument in call.args
        if isinstance(argument, promql_parser.MatrixSelector)
    ]
    selectors = nodes(expression, promql_parser.VectorSelector)
    return sum(is_counter(one) for one in selectors) > sum(is_counter(one) for one in counted)


def is_counter(selector: promql_parser.VectorSelector) -> bool:
    return bool(re.search(r"_(total|bucket|sum|count)$", selector.name or "")) and ":" not in (selector.name or "")


def uneditable(board: Json) -> Iterator[None]:
    if board["editable"]:
        yield None


LINTER: dict[str, Callable[[Json], Iterator[str | None]]] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-promql-rule": among_queries(no_promql),
    "target-rate-interval-rule": among_queries(other_window),
    "target-job-rule": among_queries(without_matcher("job")),
    "target-instance-rule": among_queries(without_matcher("instance")),
    "target-counter-agg-rule": among_queries(bare_counter),
    "uneditable-dashboard": uneditable,
}


def exceptions() -> dict[str, Json]:
    found: dict[str, Json] = yaml.safe_load((FOLDER / ".lint").read_text())["exclusions"]
    return found


@pytest.mark.parametrize("name", LINTER)
def test_a_rule_of_the_linter_is_kept_but_for_the_exceptions(name: str) -> None:
    excepted = exceptions().get(name)
    found = violations(LINTER[name])
    if excepted is None:
        assert not found
    elif "entries" in excepted:
        assert found == {(entry["dashboard"], entry["panel"]) for entry in excepted["entries"]}
    else:
        assert found


def test_each_exception_is_from_a_rule_and_has_a_reason() -> None:
    assert exceptions().keys() <= LINTER.keys()
    assert all(exception["reason"] for exception in exceptions().values())


@pytest.mark.parametrize(
    ("rule", "query"),
    [
        (no_promql, "sum by (zvm) zerto_up{"),
        (other_window, 'rate(zerto_exporter_polls_total{job=~"$job"}[5m])'),
        (without_matcher("job"), 'zerto_up{job=~"$job"} or zerto_up'),
        (bare_counter, "sum(zerto_exporter_polls_total)"),
        (bare_counter, "increase(zerto_exporter_polls_total[$__range]) or zerto_exporter_polls_total"),
    ],
)
def test_what_a_rule_is_against_is_found(rule: Callable[[str], bool], query: str) -> None:
    assert rule(query)


def test_the_dashboard_of_the_exporter_can_be_narrowed_to_one() -> None:
    assert "Zerto / Exporter" not in {title for title, _ in violations(LINTER["template-instance-rule"])}
    assert "Zerto / Exporter" not in {title for title, _ in violations(LINTER["target-instance-rule"])}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_the_json_is_that_of_the_code(board: Board) -> None:
    assert path(board).read_text() == render(board), "make dashboards"


def test_there_is_no_other_json() -> None:
    assert set(FOLDER.glob("*.json")) == {path(board) for board in BOARDS}


def test_the_document_lists_every_panel() -> None:
    assert DOCUMENT.read_text() == listed(DOCUMENT.read_text(), BOARDS), "make dashboards"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_the_json_has_only_what_the_schema_of_grafana_has(board: Board) -> None:
    """The SDK's types are made from Grafana's schema: what they do not know would be lost on the way."""
    text = path(board).read_text()
    read = Dashboard.from_json(json.loads(text))
    assert json.loads(json.dumps(read, cls=JSONEncoder)) == json.loads(text)
    assert read.schema_version == 41


def test_the_names_in_addresses_never_change() -> None:
    assert [board.uid for board in BOARDS] == [
        "zerto-overview",
        "zerto-vpg",
        "zerto-vm",
        "zerto-sites",
        "zerto-journal",
        "zerto-slo",
        "zerto-vras",
        "zerto-peers",
        "zerto-datastores",
        "zerto-ransomware",
        "zerto-evidence",
        "zerto-coverage",
        "zerto-exporter",
    ]
    assert all(board["tags"] == ["zerto", "disaster-recovery"] for board in committed())


@pytest.mark.parametrize("board", committed(), ids=lambda board: board["uid"])
def test_panels_do_not_overlap_and_are_told_apart(board: Json) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        slot = panel["gridPos"]
        cells = {
            (x, y) for x in range(slot["x"], slot["x"] + slot["w"]) for y in range(slot["y"], slot["y"] + slot["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert {x for x, _ in taken} == set(range(24))
    for name in ("id", "title"):
        assert len({panel[name] for panel in board["panels"]}) == len(board["panels"]), name


def test_no_data_is_never_shown_as_all_is_well() -> None:
    """The first colour of the thresholds is that of a number that is missing."""
    for board in committed():
        for panel in panels(board):
            assert "No data: " in panel["description"], panel["title"]
            if panel["type"] == "stat":
                defaults = panel["fieldConfig"]["defaults"]
                assert defaults["noValue"] == "No data"
                assert defaults["thresholds"]["steps"][0]["value"] is None
                assert defaults["thresholds"]["steps"][0]["color"] in {"orange", "red"}, panel["title"]
            if panel["type"] == "timeseries":
                assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False


def linked(board: Json) -> Iterator[str]:
    """Return the addresses of all links of a dashboard."""
    for link in board["links"]:
        if link["type"] == "link":
            yield link["url"]
    for panel in panels(board):
        for link in panel.get("links", []):
            yield link["url"]
        yield from clicked(panel)


def clicked(panel: Json) -> Iterator[str]:
    """Return where a click on a number, a cell or a line of a panel leads to."""
    for properties in overridden(panel).values():
        yield from (link["url"] for link in properties.get("links", ()))


def overridden(panel: Json) -> dict[str, Json]:
    """Return what a panel overrides, by the field or the pattern of fields."""
    return {
        override["matcher"]["options"]: {one["id"]: one["value"] for one in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }


def columns(panel: Json) -> dict[str, str]:
    """Return the headers of a table by the field that each is of."""
    (arranged,) = (one["options"] for one in panel["transformations"] if one["id"] == "organize")
    return dict(arranged["renameByName"])


def tables() -> Iterator[tuple[Json, Json]]:
    return ((board, panel) for board in committed() for panel in panels(board) if panel["type"] == "table")


def test_a_link_to_a_dashboard_fills_variables_that_it_has() -> None:
    names = {board["uid"]: {one["name"] for one in board["templating"]["list"]} for board in committed()}
    for board in committed():
        for url in linked(board):
            if url.startswith("/d/"):
                uid, _, query = url.removeprefix("/d/").partition("?")
                carried = set(re.findall(r"\$\{(\w+):queryparam\}", query))
                assert {"datasource", "job"} <= carried <= names[board["uid"]] & names[uid]
                assert set(re.findall(r"var-(\w+)=", query)) <= names[uid]


def test_each_dashboard_lists_all_of_them() -> None:
    for board in committed():
        (others,) = (link for link in board["links"] if link["type"] == "dashboards")
        assert others["asDropdown"]
        assert others["keepTime"]
        assert others["includeVars"]
        assert all(set(others["tags"]) <= set(one["tags"]) for one in committed())


def test_a_number_leads_to_the_list_of_what_it_counts() -> None:
    by_id = {board["uid"]: {panel["id"]: panel for panel in board["panels"]} for board in committed()}
    alone = set()
    for board in committed():
        for panel in panels(board):
            if panel["type"] == "stat":
                urls = list(clicked(panel))
                alone |= {panel["title"]} if not urls else set()
                for url in urls:
                    uid, number = re.fullmatch(r"/d/([\w-]+)\?.+&viewPanel=(\d+)", url).groups()  # type: ignore[union-attr]
                    assert by_id[uid][int(number)]["type"] in {"table", "timeseries", "state-timeline"}, panel["title"]
    assert alone == {"Time with data"}


def test_a_link_to_a_vpg_or_a_vm_passes_it_and_not_who_told_of_it() -> None:
    """By its id too, since a name may be at two sites; and the ZVM that told of it may be down by then."""
    passed = {"zerto-vpg": {"vpg", "vpg_id"}, "zerto-vm": {"vm", "vm_id"}}
    found = 0
    for board in committed():
        for panel in panels(board):
            for url in clicked(panel):
                uid, _, query = url.removeprefix("/d/").partition("?")
                if uid in passed:
                    found += 1
                    assert set(re.findall(r"var-(\w+)=", query)) == passed[uid], panel["title"]
    assert found > 10
    for uid, names in passed.items():
        (board,) = (board for board in committed() if board["uid"] == uid)
        hidden = {one["name"] for one in board["templating"]["list"] if one.get("hide") == 2}
        assert hidden == {name for name in names if name.endswith("_id")}


def test_each_list_of_vpgs_vms_and_zvms_leads_to_them() -> None:
    for _, panel in tables():
        shown = columns(panel)
        for field in {"vpg", "vm", "zvm"} & shown.keys():
            linking = "links" in overridden(panel).get(shown[field], {})
            # A ZVM beside a VPG or a VM is who tells of it.
            assert linking or (field == "zvm" and {"vpg", "vm"} & shown.keys()), (panel["title"], field)


def test_a_cell_that_links_takes_its_values_from_columns_of_its_table() -> None:
    found = 0
    for _, panel in tables():
        for url in clicked(panel):
            found += 1
            taken = set(re.findall(r"\$\{__data\.fields\.(\w+):percentencode\}", url))
            assert taken
            assert taken <= set(columns(panel).values())
    assert found > 5


def test_no_table_shows_a_value_that_is_no_column() -> None:
    """A query that is asked for its labels has a value too: 1, which says nothing."""
    for _, panel in tables():
        (arranged,) = (one["options"] for one in panel["transformations"] if one["id"] == "organize")
        assert len(panel["targets"]) > 1, panel["title"]
        values = {f"Value #{target['refId']}" for target in panel["targets"]}
        left_out = {name for name, out in arranged["excludeByName"].items() if out}
        assert values - columns(panel).keys() <= left_out, panel["title"]
        assert "Time" in left_out


def test_titles_fit_their_panels() -> None:
    """Eight characters go into a column of Grafana's grid at 1600 pixels; two icons take the place of nine."""
    for board in committed():
        for panel in panels(board):
            assert len(panel["title"]) <= 8 * panel["gridPos"]["w"] - 9, (board["title"], panel["title"])


def test_tables_and_their_headers_fit_their_panels() -> None:
    """At 1600 pixels: a column without a width takes 150 at least; a filter, and the arrow of an order, take theirs."""
    for _, panel in tables():
        properties = overridden(panel)
        headers = [header for header in columns(panel).values() if not properties.get(header, {}).get("custom.hidden")]
        fixed = {header: properties.get(header, {}).get("custom.width") for header in headers}
        left = 65 * panel["gridPos"]["w"] - 18 - sum(filter(None, fixed.values()))
        shared = left / max(1, list(fixed.values()).count(None))
        assert shared >= (150 if None in fixed.values() else 0), panel["title"]
        widths = {header: width or shared for header, width in fixed.items()}
        ordered = {one["displayName"] for one in panel["options"]["sortBy"]}
        for header, width in widths.items():
            assert 7 * len(header) + 36 + 25 * (header in ordered) <= width, (panel["title"], header)


def test_a_cell_with_a_colour_says_what_it_means_that_there_is_no_value() -> None:
    """Else it is a patch of the first colour, without a word."""
    for _, panel in tables():
        for header, properties in overridden(panel).items():
            if properties.get("custom.cellOptions", {}).get("type") == "color-background":
                told = [one for one in properties.get("mappings", ()) if one["type"] == "special"]
                assert [one["options"]["match"] for one in told] == ["null+nan"], (panel["title"], header)


def test_a_number_in_a_table_says_what_it_means_that_there_is_none() -> None:
    """Else the cell is blank, which reads as none or as all is well."""
    for board, panel in tables():
        properties = overridden(panel)
        for field, header in columns(panel).items():
            if field.startswith("Value #"):
                told = [one["type"] for one in properties.get(header, {}).get("mappings", ())]
                assert "special" in told, (board["title"], panel["title"], header)


def test_a_legend_has_no_last_value_of_what_may_have_ended() -> None:
    """Grafana takes the last point of each line for it, however long ago that was."""
    for board in committed():
        for panel in panels(board):
            ends = any(re.search(r" > 0$|count by \((status|.*role)\)", one["expr"]) for one in panel["targets"])
            if panel["type"] == "timeseries" and ends:
                assert panel["options"]["legend"]["calcs"] == ["max"], (board["title"], panel["title"])


def test_where_nothing_to_list_is_the_good_case_no_data_is_not_said() -> None:
    said = {panel["title"]: panel["fieldConfig"]["defaults"].get("noValue") for _, panel in tables()}
    good = {
        "Gone or missing",
        "VPGs with one ZVM, by name",
        "Suspected VPGs",
        "Suspected VMs",
        "Not proved in time",
    }
    assert {title for title, words in said.items() if words} == good
    assert all("not known" in str(said[title]) for title in good)


def test_what_is_said_of_a_table_without_rows_is_not_said_in_its_cells() -> None:
    found = 0
    for _, panel in tables():
        for header in columns(panel).values() if panel["fieldConfig"]["defaults"].get("noValue") else ():
            found += 1
            properties = overridden(panel)[header]
            told = [one["type"] for one in properties.get("mappings", ())]
            assert "special" in told or properties["noValue"] == "", (panel["title"], header)
    assert found > 20


def test_a_table_has_room_for_a_second_row() -> None:
    """Two sites may have a VPG or a VM of the same name."""
    assert all(panel["gridPos"]["h"] >= 5 for _, panel in tables())


def test_the_colour_of_a_missing_number_is_below_all_others() -> None:
    """Grafana takes the first threshold for 0 where it sorts them."""
    for board in committed():
        for panel in panels(board):
            steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
            assert all(step["value"] >= 0 for step in steps[1:]), panel["title"]


def test_a_budget_that_is_overdrawn_is_red_and_one_that_is_not_known_is_not() -> None:
    ((mapping, defaults),) = (
        (panel["fieldConfig"]["defaults"]["mappings"][0], panel["fieldConfig"]["defaults"])
        for board in committed()
        for panel in panels(board)
        if panel["title"] == "Error budget left"
    )
    assert mapping["options"]["from"] < -100  # no lower end is one at 0, for Grafana
    assert (mapping["options"]["to"], mapping["options"]["result"]["color"]) == (0, "red")
    assert defaults["thresholds"]["steps"][0]["color"] == "orange"


def test_what_is_counted_has_no_parts_on_its_axis() -> None:
    """Nor an axis to 100 where all is 0."""
    for board in committed():
        for panel in panels(board):
            counted = all(re.match(r"(count|sum by \(status\) \(count)", one["expr"]) for one in panel["targets"])
            if panel["type"] == "timeseries" and counted:
                defaults = panel["fieldConfig"]["defaults"]
                assert (defaults.get("decimals"), defaults["custom"].get("axisSoftMax")) == (0, 1), panel["title"]


def test_a_link_to_a_document_leads_somewhere() -> None:
    """The runbooks are named after the alerts."""
    for board in committed():
        for url in linked(board):
            if url.startswith("https://"):
                assert url.startswith(REPOSITORY + "/docs/")
                file = ROOT / url.removeprefix(REPOSITORY + "/")
                if RUNBOOKS.exists() or file.parent != RUNBOOKS:
                    assert file.exists() or file == RUNBOOKS, url


def test_every_metric_that_is_asked_for_exists() -> None:
    documented = set(re.findall(r"`(zerto_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    documented |= {f"{name}_bucket" for name in documented}
    rules = "".join(file.read_text() for file in RULES.glob("*.yml"))
    for _, panel, expression in targets():
        for selector in nodes(expression, promql_parser.VectorSelector):
            name = str(selector.name)
            if ":" in name:
                assert not rules or f"record: {name}\n" in rules, name
            else:
                assert name in documented | OF_PROMETHEUS or name.startswith("process_"), (panel["title"], name)


def recorded(expression: str) -> set[str]:
    return set(re.findall(r"\b\w+:zerto_\w+:\w+", expression))


def of_vpgs_and_vms(expression: str) -> list[promql_parser.VectorSelector]:
    """Return the selectors of the exporter's own metrics of VPGs and VMs."""
    selectors = nodes(expression, promql_parser.VectorSelector)
    return [one for one in selectors if re.match(r"zerto_(vm|vpg)_", str(one.name))]


def test_no_query_is_too_long_to_be_read() -> None:
    assert {panel["title"]: len(query) for _, panel, query in targets() if len(query) > LONGEST} == {}


def test_what_is_counted_once_is_chosen_by_role() -> None:
    """By the exporter's label, or by a recorded series that has each once."""
    for board, panel, query in targets():
        found = of_vpgs_and_vms(query)
        if found and panel["title"] not in WHATEVER_ROLE:
            roles = {m.value for one in found for m in one.matchers.matchers if m.name == "role"}
            assert roles or recorded(query), (board["title"], panel["title"])


def test_of_one_vpg_or_vm_no_query_reads_all() -> None:
    """Its name is always chosen there, its identity only where two share the name: a match by that alone reads all."""
    for board, panel, query in targets():
        chosen = {"zerto-vpg": "$vpg", "zerto-vm": "$vm"}.get(board["uid"])
        for selector in of_vpgs_and_vms(query) if chosen else ():
            assert chosen in {m.value for m in selector.matchers.matchers}, (panel["title"], str(selector))


def test_a_line_of_all_vpgs_only_selects_and_adds_up() -> None:
    """To match series with series at hundreds of points costs Prometheus minutes where there are many."""
    for board, panel, query in targets():
        if panel["type"] == "timeseries" and board["uid"] not in OF_FEW and (recorded(query) or of_vpgs_and_vms(query)):
            assert not any(str(one.name).startswith("zerto_vm_") for one in of_vpgs_and_vms(query)), panel["title"]
            # What is chosen at the end is worked out once.
            at_each = re.sub(r" and on \(vpg_id\) (top|bottom)k\(10, [^()]*\{[^{}]*\} @ end\(\)\)", "", query)
            assert not re.search(r"\b(on|ignoring|unless|and|topk|bottomk)\b", at_each), panel["title"]


def test_a_line_of_a_vpg_goes_on_when_another_zvm_tells_of_it() -> None:
    for board in committed():
        if board["uid"] in OF_FEW:
            for panel in panels(board):
                if panel["type"] in {"timeseries", "state-timeline"}:
                    for target in panel["targets"]:
                        (told_apart,) = re.findall(r"^(?:max|sum) by \(([\w, ]+)\) \(", target["expr"])
                        assert "zvm" not in told_apart.split(", "), panel["title"]
                        assert "{{zvm}}" not in target["legendFormat"], panel["title"]


def test_a_panel_says_which_rules_it_needs() -> None:
    texts = {file.name: file.read_text() for file in RULES.glob("*.yml")}
    needing = 0
    for board in committed():
        for panel in panels(board):
            asked = set().union(*(recorded(target["expr"]) for target in panel["targets"]))
            files = {name for name, text in texts.items() for one in asked if f"record: {one}\n" in text}
            assert set(re.findall(r"zerto-[a-z-]+\.yml", panel["description"])) == files, panel["title"]
            needing += bool(files)
    assert needing > 10


def test_a_variable_that_is_used_is_there_and_one_that_is_there_is_used() -> None:
    for board in committed():
        has = {one["name"] for one in board["templating"]["list"]}
        text = json.dumps([[panel["targets"] for panel in panels(board)], board["templating"]])
        used = set(re.findall(r"\$(\w+)", text)) - {"__rate_interval", "__range", "__all"}
        assert used == has, board["title"]


def test_grafana_finds_what_is_provisioned() -> None:
    ((source,), (provider,)) = (
        yaml.safe_load((PROVISIONING / file).read_text())[kind]
        for file, kind in (("datasources/prometheus.yaml", "datasources"), ("dashboards/zerto.yaml", "providers"))
    )
    assert (source["type"], source["url"]) == ("prometheus", "${PROMETHEUS_URL}")
    assert provider["type"] == "file"
    assert provider["options"]["path"] in DOCUMENT.read_text()
