"""The dashboards as Grafana's own libraries draw them, on an estate in trouble and on an exporter that is silent."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pictures.checks import faults, without_data
from pictures.days import recorded, view
from pictures.drawing import DASHBOARDS, Easel, lacking
from prometheus_server import needs_prometheus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

BOARDS = sorted(DASHBOARDS.glob("*.json"))

# What has no data though there is trouble, and why.
EMPTY: Mapping[str, set[str]] = {}

# What has data though the exporter does not answer: what Prometheus itself knows.
KNOWN: Mapping[str, set[str]] = {
    "zerto-exporter": {"Scrapes failed", "Each exporter"},
    "zerto-overview": {"Scrapes failed"},
}

# A dashboard on which nearly everything is wrong.
SPOILT: Mapping[str, Any] = {
    "title": "Spoilt",
    "time": {"from": "now-6h"},
    "templating": {"list": []},
    "links": [],
    "panels": [
        {
            "id": number,
            "title": title,
            "type": kind,
            "gridPos": {"x": 0, "y": 4 * number, "w": 6, "h": 4},
            "fieldConfig": {"defaults": {"custom": {"width": 300} if number == 1 else {}}, "overrides": overrides},
            "options": {"legend": {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": []}},
            "targets": [
                {"expr": f"zerto_{metric}", "refId": letter, "instant": kind == "table", "format": form}
                for letter, metric in (("A", "up"), ("B", "vpg_info"))
            ],
            "transformations": [{"id": "merge", "options": {}}] if kind == "table" else [],
        }
        for number, title, kind, form, overrides in (
            (1, "Too wide", "table", "table", []),
            (
                2,
                "Much longer than there is room for where it stands on this page",
                "table",
                "table",
                [
                    {
                        "matcher": {"id": "byName", "options": "protected_site_id"},
                        "properties": [{"id": "custom.width", "value": 60}],
                    },
                    {
                        "matcher": {"id": "byName", "options": "vpg"},
                        "properties": [
                            {"id": "custom.width", "value": 30},
                            {
                                "id": "links",
                                "value": [{"title": "", "url": "/d/x?var=${__data.fields.nothing:percentencode}"}],
                            },
                        ],
                    },
                ],
            ),
            (3, "Lines", "timeseries", "time_series", []),
            (4, "Strange", "piechart", "time_series", []),
        )
    ],
}

Drawn = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Drawn]:
    """What is on each dashboard, by estate."""
    needs_prometheus()
    lacks = lacking()
    if lacks is not None:
        pytest.skip(lacks)
    folder = tmp_path_factory.mktemp("pictures")
    return asyncio.run(_drawn(folder, {estate: folder / estate for estate in ("troubled", "without-data")}))


async def _drawn(folder: Path, estates: Mapping[str, Path]) -> Mapping[str, Drawn]:
    told = {}
    boards = folder / "dashboards"
    shutil.copytree(DASHBOARDS, boards)
    (boards / "spoilt.json").write_text(json.dumps(SPOILT))
    async with Easel.ready(folder / "made", boards) as easel:
        for estate, kept in estates.items():
            history = await asyncio.to_thread(recorded, kept, estate)
            with history.server() as server:
                told[estate] = {
                    board.stem: await easel.draw(view(board, estate, server.url))
                    for board in sorted(boards.glob("*.json"))
                }
    return told


@pytest.mark.parametrize("board", [board.stem for board in BOARDS])
def test_nothing_is_cut_off_too_wide_or_stray(drawn: Mapping[str, Drawn], board: str) -> None:
    assert faults(drawn["troubled"][board]) == []


@pytest.mark.parametrize("board", [board.stem for board in BOARDS])
def test_each_panel_shows_trouble_where_there_is_some(drawn: Mapping[str, Drawn], board: str) -> None:
    assert without_data(drawn["troubled"][board]) == EMPTY.get(board, set())


@pytest.mark.parametrize("board", [board.stem for board in BOARDS])
def test_of_a_silent_exporter_nothing_is_shown_but_that(drawn: Mapping[str, Drawn], board: str) -> None:
    """And nothing is cut off or stray there either."""
    told = drawn["without-data"][board]
    assert {panel["title"] for panel in told["panels"]} - without_data(told) == KNOWN.get(board, set())
    assert faults(told) == []


def test_what_is_wrong_with_a_dashboard_is_told(drawn: Mapping[str, Drawn]) -> None:
    told = faults(drawn["troubled"]["spoilt"])
    for fault in (
        r"Too wide: its table is \d+ pixels wider than the panel",
        r"Too wide: stray columns: Time,.*\bValue #A\b.*\bvpg_id\b.*",
        r"Much longer than .*: its title is cut off",
        r"Much longer than .*: headers that are cut off: .*\bprotected_site_id\b.*",
        r"Much longer than .*: links to what the data do not have: .*\$\{__data.fields.nothing.*",
        r"Lines: names in its legend that are cut off: .*",
        r"Lines: of the \d+ lines of its legend \d are in sight",
        r"Strange: cannot be drawn: .* the type piechart",
    ):
        assert [one for one in told if re.fullmatch(fault, one)], f"{fault} is not among {told}"
