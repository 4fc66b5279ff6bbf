"""What `make bench-rules` measures: what our rules and dashboards cost a Prometheus that holds 10,000 VMs.

    .venv/bin/python tests/bench_rules.py --data /tmp/bench --groups 'once|vpg' --panels 'sites/VMs by' --vms 2000

Each VM is listed by both of its ZVMs. Rules are evaluated once, at the end of the history; panels are asked as Grafana
asks them, with all chosen, over the range that their dashboard opens with. Figures are processor time of the Prometheus
process, with that of writing the answer. Of rules the memory is told too that was taken for them, which is the same
however busy the machine is. With `--data` the history is kept for the next run.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bench_history import LATER, STEP, Series, labelled, last_end, page, scraped, send, write, write_last
from bench_tools import Line
from prometheus_server import Prometheus
from rule_files import RULES, groups, in_turn

ROOT: Final = Path(__file__).parent.parent
DASHBOARDS: Final = ROOT / "deploy" / "grafana" / "dashboards"

GOAL_OF_RULES_SECONDS: Final = 1.5
GOAL_OF_A_PANEL_SECONDS: Final = 2.0
GOAL_OF_A_QUERY_CHARACTERS: Final = 600

STEPS: Final = 600  # of a panel
INTERVAL_SECONDS: Final = 30  # of scrapes, and of rules that have none of their own
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass
class Asked:
    """Processor time of one query in seconds, its answer, and what went wrong."""

    cpu: float
    data: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


class Server(Prometheus):
    """A Prometheus on a history that ends at *now*, in seconds since the epoch."""

    patience = 300.0  # it reads half an hour of 400,000 series again

    def __init__(self, folder: Path, now: float, given_up: float) -> None:
        options = [f"--query.timeout={given_up:g}s", "--web.enable-remote-write-receiver"]
        options += ["--storage.tsdb.retention.time=10y", "--storage.tsdb.max-block-duration=2h"]
        self._given_up = given_up
        super().__init__(folder, {}, *options)
        self.now = now

    def instant(self, query: str) -> Asked:
        """Ask a *query* of now."""
        return self._measured("/api/v1/query", query=query, time=repr(self.now))

    def over(self, query: str, seconds: float, step: float) -> Asked:
        """Ask a *query* over the last *seconds*."""
        times = {"start": repr(self.now - seconds), "end": repr(self.now), "step": repr(step)}
        return self._measured("/api/v1/query_range", query=query, **times)

    def values(self, selector: str, label: str, seconds: float) -> list[str]:
        """Return the values of *label* among the series of *selector* in the last *seconds*."""
        times = {"start": repr(self.now - seconds), "end": repr(self.now)}
        found: list[str] = self._answer(f"/api/v1/label/{label}/values", **{"match[]": selector}, **times)["data"]
        return found

    def allocated(self) -> float:
        """Return how many MB it has taken since its start, given back or not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._given_up)
        try:
            connection.request("GET", "/metrics")
            found = re.search(rb"^go_memstats_alloc_bytes_total (\S+)", connection.getresponse().read(), re.MULTILINE)
        finally:
            connection.close()
        if found is None:
            raise RuntimeError("Prometheus does not tell what memory it takes")
        return float(found[1]) / 1e6

    def _measured(self, path: str, **parameters: str) -> Asked:
        before = self._cpu()
        answer = self._answer(path, **parameters)
        taken = self._cpu() - before
        if answer["status"] != "success":
            return Asked(taken, error=answer["error"])
        data = answer["data"]
        return Asked(taken, data["result"] if data["resultType"] in {"vector", "matrix"} else [])

    def _answer(self, path: str, **parameters: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._given_up + 60)
        try:
            body = urlencode(parameters)
            if path.endswith("/values"):
                connection.request("GET", f"{path}?{body}")
            else:
                connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


# The history.


def history(folder: Path, vms: int, rules: Path) -> float:
    """Make the history in *folder*, if it is not there as rules are now; return its end in seconds since the epoch."""
    text = b"".join(path.read_bytes() for path in sorted(rules.glob("*.yml")))
    mark = f"{vms} {hashlib.sha256(text).hexdigest()}"
    made = folder / "made.json"
    if made.exists() and (found := json.loads(made.read_text()))["mark"] == mark:
        return float(found["now"])
    kept = folder / f"page-{vms}.txt"
    if not kept.exists():
        kept.write_text(page(vms))
    end = last_end()
    series = list(scraped(kept.read_text()))
    print(f"{len(series)} series of {vms} VMs", flush=True)
    series += recorded(folder, rules, series, end)
    shutil.rmtree(folder / "data", ignore_errors=True)
    write(folder / "data", series, end)
    now = (end + LATER - STEP) / 1000
    with Server(folder, now, 60) as server:
        send(server.port, series, end)
    made.write_text(json.dumps({"mark": mark, "now": now}))
    return now


def recorded(folder: Path, rules: Path, series: list[Series], end: int) -> list[Series]:
    """Return what the recording rules make of *series* at the *end*, those first that others need."""
    shutil.rmtree(folder / "data", ignore_errors=True)
    write_last(folder / "data", series, end)
    found: list[Series] = []
    for ready in in_turn(rules):
        new: list[Series] = []
        with Server(folder, (end - STEP) / 1000, 300) as server:
            for rule in ready:
                asked = server.instant(rule["expr"])
                if asked.error:
                    raise RuntimeError(f"{rule['record']}: {asked.error}")
                new += results(rule, asked)
        if new:
            write_last(folder / "data", new, end)
        found += new
    print(f"{len(found)} recorded series", flush=True)
    return found


def results(rule: dict[str, Any], asked: Asked) -> Iterator[Series]:
    for sample in asked.data:
        labels = {**sample["metric"], **rule.get("labels", {}), "__name__": rule["record"]}
        yield labelled(labels), float(sample["value"][1])


# Rules.


def cost_of_rules(server: Server, groups: Sequence[dict[str, Any]], rounds: int, *, each: bool) -> Iterator[Line]:
    """Measure *groups* of rules, and what all of them take of each interval.

    A figure is the mean of *rounds*: Go collects its garbage when there is enough, so single ones say little.
    """
    rules = [rule for group in groups for rule in group["rules"]]
    taken = dict.fromkeys(map(id, rules), 0.0)
    memory = dict.fromkeys(map(id, rules), 0.0)
    found: dict[int, str] = {}
    for _ in range(rounds):
        for rule in rules:
            before = server.allocated()
            asked = server.instant(rule["expr"])
            memory[id(rule)] += (server.allocated() - before) / rounds
            taken[id(rule)] += asked.cpu / rounds
            found[id(rule)] = asked.error or f"{len(asked.data)} series"
    total = megabytes = 0.0
    for group in groups:
        interval = _seconds(group.get("interval", f"{INTERVAL_SECONDS}s"))
        for rule in group["rules"] if each else ():
            what = f"{memory[id(rule)]:.0f} MB, {found[id(rule)]}"
            yield Line(f"  {rule.get('record') or rule['alert']}", f"{taken[id(rule)] * 1e3:.0f} ms", what)
        once = sum(taken[id(rule)] for rule in group["rules"])
        of_group = sum(memory[id(rule)] for rule in group["rules"])
        total += once * INTERVAL_SECONDS / interval
        megabytes += of_group * INTERVAL_SECONDS / interval
        name = f"group {group['name']}, {len(group['rules'])} rules, every {interval:g} s"
        yield Line(name, f"{once * 1e3:.0f} ms", f"{of_group:.0f} MB")
    met = total <= GOAL_OF_RULES_SECONDS
    yield Line("all rules, each once", f"{sum(taken.values()):.2f} s")
    yield Line(f"memory taken for all rules, of {INTERVAL_SECONDS} s", f"{megabytes:.0f} MB")
    yield Line(f"all rules, of {INTERVAL_SECONDS} s", f"{total:.2f} s", f"<= {GOAL_OF_RULES_SECONDS} s", met)


# Panels.


def cost_of_panels(server: Server, dashboards: Path, chosen: str) -> Iterator[Line]:
    """Measure each panel whose `dashboard/title` matches *chosen*, and the length of its longest query."""
    for path in sorted(dashboards.glob("*.json")):
        board = json.loads(path.read_text())
        seconds = _seconds(board["time"]["from"].removeprefix("now-"))
        values: dict[str, str] | None = None
        for panel in panels(board["panels"]):
            name = f"{path.stem.removeprefix('zerto-')}/{panel['title']}"
            if re.search(chosen, name):
                values = values or variables(server, board, seconds)
                yield cost_of_panel(server, name, panel["targets"], values, seconds)


def cost_of_panel(
    server: Server, name: str, targets: Sequence[dict[str, Any]], values: dict[str, str], seconds: float
) -> Line:
    cpu, errors = 0.0, []
    for target in targets:
        query = filled(target["expr"], values)
        asked = server.instant(query) if target.get("instant") else server.over(query, seconds, seconds / STEPS)
        cpu += asked.cpu
        errors += [asked.error[:60]] * bool(asked.error)
    longest = max(len(target["expr"]) for target in targets)
    how = "now" if all(target.get("instant") for target in targets) else f"{seconds / 3600:g} h"
    good = cpu <= GOAL_OF_A_PANEL_SECONDS and longest <= GOAL_OF_A_QUERY_CHARACTERS and not errors
    what = f"{name}, {how}, {len(targets)} queries" + "".join(f", {error}" for error in errors[:1])
    return Line(what, f"{cpu:.2f} s", f"{longest} chars", good)


def panels(listed: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in listed:
        if panel.get("targets"):
            yield panel
        yield from panels(panel.get("panels", ()))


def variables(server: Server, board: dict[str, Any], seconds: float) -> dict[str, str]:
    """Return what Grafana fills in: All where there is All, else the first value."""
    step = seconds / STEPS
    values = {
        "__range": f"{seconds:g}s",
        "__range_s": f"{seconds:g}",
        "__interval": f"{step:g}s",
        "__rate_interval": f"{max(step + INTERVAL_SECONDS, 4 * INTERVAL_SECONDS):g}s",
    }
    for variable in board["templating"]["list"]:
        if variable["type"] == "custom":
            values[variable["name"]] = variable["current"]["value"]
        elif variable["type"] == "query":
            values[variable["name"]] = variable.get("allValue") or _values(server, variable, values, seconds)
    return values


def _values(server: Server, variable: dict[str, Any], values: dict[str, str], seconds: float) -> str:
    asked = variable["query"]
    asked = filled(asked if isinstance(asked, str) else asked["query"], values)
    call = re.fullmatch(r"label_values\((.*), (\w+)\)", asked)
    if call is None:
        raise RuntimeError(f"expected label_values(selector, label), got {asked}")
    found = [re.escape(value).replace("\\", "\\\\") for value in server.values(call[1], call[2], seconds)]
    return f"({'|'.join(found)})" if variable.get("includeAll") else found[0]


def filled(query: str, values: dict[str, str]) -> str:
    """Return *query* with the *values* of its variables."""
    return re.sub(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})", lambda m: values[m[1] or m[2]], query)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise RuntimeError(f"expected a time such as 6h, got {text}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def main() -> None:
    """Measure and print; exit with 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--data", type=Path, help="where the history is kept for the next run")
    parser.add_argument("--rules", type=Path, default=RULES, help="a folder with rules, such as those of before")
    parser.add_argument("--groups", default="", metavar="PATTERN", help="only these groups of rules")
    parser.add_argument("--each", action="store_true", help="print each rule too")
    parser.add_argument("--rounds", type=int, default=5, help="how often each rule is evaluated")
    parser.add_argument("--no-rules", action="store_true")
    parser.add_argument("--dashboards", type=Path, default=DASHBOARDS, help="a folder with dashboards")
    parser.add_argument("--panels", default="", metavar="PATTERN", help="only these, by dashboard/title")
    parser.add_argument("--no-panels", action="store_true")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds after which a query is given up")
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        now = history(folder, options.vms, options.rules)
        print(f"the history: {time.monotonic() - started:.0f} s", flush=True)
        with Server(folder, now, options.patience) as server:
            lines: list[Iterator[Line]] = []
            if not options.no_rules:
                chosen = [group for group in groups(options.rules) if re.search(options.groups, group["name"])]
                lines.append(cost_of_rules(server, chosen, options.rounds, each=options.each))
            if not options.no_panels:
                lines.append(cost_of_panels(server, options.dashboards, options.panels))
            for line in (line for part in lines for line in part):
                print(line, flush=True)
                good = good and line.met is not False
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
