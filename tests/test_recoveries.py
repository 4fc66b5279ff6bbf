"""Recovery evidence: the last of each type of each VPG, read in pages, and then only what is new."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from answering import Answering
from support import DrivenClock, Page, Running, Simulate, plain, zvm_config

from exporter.collectors import recoveries, vpgs
from exporter.collectors.fields import query_date
from exporter.collectors.names import OTHER
from exporter.prometheus.table import Renderer
from exporter.simulator import Estate, Simulator, faults
from exporter.zvm.errors import DecodeError, StatusError

Export = Callable[..., Awaitable[Running]]

NOW = 1_700_000_000.0
DAY = 86400.0


def report(number: int, start: float, vpg: str = "v-1", kind: str = "FailoverTest", **general: Any) -> dict[str, Any]:
    return {
        "RecoveryOperationIdentifier": f"r-{number:05}",
        "General": {
            "VpgIdentifier": vpg,
            "VpgName": "old name",
            "RecoveryType": kind,
            "StartTime": query_date(start),
            "EndTime": query_date(start + 60),
            "RtoInSeconds": "12.5",
            "Status": "Success",
            "InitiatedBy": "jane",
            **general,
        },
    }


class Reports:
    """The reports of a ZVM, the newest first, in pages of at most *most*."""

    def __init__(self, *reports: dict[str, Any], most: int = 1000) -> None:
        self.reports = list(reports)
        self.since: list[float] = []
        self._most = most

    def answer(self, _: str, params: Mapping[str, str]) -> Any:
        since = datetime.fromisoformat(params["startTime"]).timestamp()
        self.since.append(since)
        found = [
            one for one in self.reports if datetime.fromisoformat(one["General"]["StartTime"]).timestamp() >= since
        ]
        found.sort(key=lambda one: str(one["General"]["StartTime"]), reverse=True)
        page, size = int(params["pageNumber"]), min(self._most, int(params["pageSize"]))
        return found[(page - 1) * size : page * size]


def collecting(reports: Reports, *known: vpgs.Known) -> tuple[Answering, Any]:
    source = Answering(reports.answer, NOW, vpgs=known or (vpgs.Known("v-1", "ERP", "protected"),))
    return source, recoveries.begin(source)


def shown(rows: list[Any]) -> Page:
    blocks = Renderer(recoveries.TABLE, {"zvm": "nyc"}).render(rows).blocks
    return Page(plain(part for block in blocks for part in block.parts).decode())


async def test_each_value_is_a_sample_of_the_last_of_its_type() -> None:
    started = NOW - 5000
    _, fetch = collecting(
        Reports(
            report(1, started),
            report(2, started - DAY, Status="Fail"),
            report(3, started - DAY, kind="Move", Status="Fail", RtoInSeconds=7, EndTime=None),
            report(4, started, vpg="v-gone"),
        )
    )
    page = shown((await fetch()).rows)
    one = {"vpg": "ERP", "vpg_id": "v-1", "role": "protected", "type": "FailoverTest"}
    assert page.value("zerto_vpg_recovery_start_timestamp_seconds", **one) == started
    assert page.value("zerto_vpg_recovery_duration_seconds", **one) == 60
    assert page.value("zerto_vpg_recovery_rto_seconds", **one) == 12.5
    assert page.value("zerto_vpg_recovery_successful", **one) == 1
    other = one | {"type": "Move"}
    assert page.value("zerto_vpg_recovery_start_timestamp_seconds", **other) == started - DAY
    assert page.values("zerto_vpg_recovery_duration_seconds", **other) == []
    assert page.value("zerto_vpg_recovery_rto_seconds", **other) == 7
    assert page.value("zerto_vpg_recovery_successful", **other) == 0
    assert len(page.values("zerto_vpg_recovery_start_timestamp_seconds")) == 2, "a VPG that is gone has none"


@pytest.mark.parametrize("nothing", [None, ""])
async def test_null_is_no_sample(nothing: Any) -> None:
    fields = dict.fromkeys(("EndTime", "RtoInSeconds", "Status", "VpgName"), nothing)
    _, fetch = collecting(Reports(report(1, NOW, **fields)))
    page = shown((await fetch()).rows)
    assert {name for name, _ in page.samples} == {"zerto_vpg_recovery_start_timestamp_seconds"}


@pytest.mark.parametrize(
    ("status", "value"),
    [("Success", 1), ("PassedByUser", 1), ("Fail", 0), ("FailedByUser", 0), ("failed", 0), ("InProgress", None)],
)
def test_a_status_says_whether_it_succeeded(status: str, value: int | None) -> None:
    assert recoveries.successful(status) == value


@pytest.mark.parametrize(
    ("kind", "label"),
    [("Failover Test", "FailoverTest"), ("FAILOVER", "Failover"), ("Restore", "Restore"), ("by Jane Doe", OTHER)],
)
async def test_types_are_of_a_closed_set(kind: str, label: str) -> None:
    _, fetch = collecting(Reports(report(1, NOW, kind=kind)))
    assert [row.type for row in (await fetch()).rows] == [label]


@pytest.mark.parametrize("most", [1000, 40])
async def test_all_pages_of_more_than_a_year_are_read_once(most: int) -> None:
    vpg_ids = [f"v-{number}" for number in range(300)]
    reports = Reports(*(report(number, NOW - number * DAY, vpg) for number, vpg in enumerate(vpg_ids)), most=most)
    source, fetch = collecting(reports, *(vpgs.Known(vpg, vpg, "protected") for vpg in vpg_ids))
    assert len((await fetch()).rows) == 300
    assert set(reports.since) == {NOW - 400 * DAY}
    size = min(most, 100)
    assert len(source.asked) == -(-300 // size) + 1
    reports.since.clear()
    reports.reports.append(report(300, NOW + 60, "v-7"))
    source.now += 900
    rows = {row.vpg_id: row for row in (await fetch()).rows}
    assert set(reports.since) == {NOW - DAY}, "only what is new, and what may come late"
    assert (len(rows), rows["v-7"].start) == (300, NOW + 60)


async def test_what_is_not_over_is_read_again_until_it_is() -> None:
    running = report(1, NOW - 10 * DAY, EndTime=None, Status="InProgress", RtoInSeconds=None)
    reports = Reports(running, report(2, NOW - 100, "v-2"))
    source, fetch = collecting(reports, *(vpgs.Known(vpg, vpg, "local") for vpg in ("v-1", "v-2")))
    await fetch()
    running["General"] |= {"EndTime": query_date(NOW), "Status": "Success", "RtoInSeconds": "30"}
    source.now += 900
    (row,) = [row for row in (await fetch()).rows if row.vpg_id == "v-1"]
    assert (recoveries.duration(row), row.rto, row.successful) == (10 * DAY, 30, True)
    reports.since.clear()
    source.now += 900
    await fetch()
    assert set(reports.since) == {NOW - 100 - DAY}


async def test_a_clock_that_is_set_hides_nothing_that_is_new() -> None:
    reports = Reports(report(1, NOW + 400 * DAY), report(2, NOW - DAY, "v-2"))
    source, fetch = collecting(reports, *(vpgs.Known(vpg, vpg, "local") for vpg in ("v-1", "v-2")))
    await fetch()
    reports.reports.append(report(3, NOW + 60, "v-2"))
    source.now += 900
    assert [row.start for row in (await fetch()).rows if row.vpg_id == "v-2"] == [NOW + 60]


async def test_a_vpg_that_was_made_anew_under_the_same_name_has_proved_nothing() -> None:
    reports = Reports(report(1, NOW))
    source, fetch = collecting(reports)
    assert (await fetch()).rows
    source.kept["vpgs"] = (vpgs.Known("v-new", "ERP", "protected"),)
    assert not (await fetch()).rows
    source.kept["vpgs"] = (vpgs.Known("v-1", "ERP again", "protected"),)
    assert [row.vpg for row in (await fetch()).rows] == ["ERP again"], "one that was away for a poll keeps its proof"
    source.kept["vpgs"] = ()
    assert [(row.vpg, row.role) for row in (await fetch()).rows] == [("old name", "")], "nobody knows the VPGs"


async def test_a_zvm_that_knows_no_pages_or_has_no_end_of_them_is_not_asked_for_ever() -> None:
    source, fetch = collecting(Reports())
    source.answer = lambda *_: [report(1, NOW)]
    await fetch()
    assert len(source.asked) == 2
    source.asked.clear()
    source.answer = lambda _, params: [report(int(params["pageNumber"]), NOW)]
    lost = (await fetch()).lost
    assert len(source.asked) == 200
    assert (lost.invalid_records, lost.complaint) == (1, "GET /v1/reports/recovery: no end within 200 pages")


async def test_of_very_many_the_youngest_are_remembered_and_the_others_are_counted() -> None:
    source, fetch = collecting(Reports())
    source.kept["vpgs"] = ()
    source.answer = lambda _, params: [
        report(number, NOW + number, f"v-{number}")
        for number in range((int(params["pageNumber"]) - 1) * 1000, int(params["pageNumber"]) * 1000)
        if number < 12_000
    ]
    decoded = await fetch()
    assert len(decoded.rows) == 10_000
    assert min(row.start for row in decoded.rows) == NOW + 2000
    assert decoded.lost.invalid_records == 2000
    assert "the oldest are left out" in decoded.lost.complaint


async def test_of_more_reports_than_are_read_the_others_are_counted() -> None:
    source = Answering(lambda _, params: pages[int(params["pageNumber"]) - 1], NOW)
    pages = [[report(number, NOW + number, f"v-{number}") for number in numbers] for numbers in (range(3), range(2, 9))]
    decoded = await recoveries.Remembering(source, reports=5)()
    assert [row.vpg_id for row in decoded.rows] == ["v-0", "v-1", "v-2", "v-3", "v-4"]
    assert len(source.asked) == 2
    assert (decoded.lost.invalid_records, decoded.lost.complaint) == (
        4,
        "GET /v1/reports/recovery: more than 5 reports",
    )


async def test_pages_take_no_more_memory_than_one() -> None:
    """A ZVM may put as much on each of its pages as fits in an answer."""
    source, fetch = collecting(Reports())
    pages: list[int] = []

    def page(_: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        number = int(params["pageNumber"])
        names = (f"{number} {place} ".ljust(1000, "x") for place in range(200))
        return [report(number * 1000 + at, NOW, VpgName=name) for at, name in enumerate(names) if number <= pages[-1]]

    source.answer = page
    peaks = []
    for most in (1, 10):
        pages.append(most)
        tracemalloc.start()
        await fetch()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


async def test_a_page_that_fails_changes_nothing() -> None:
    source, fetch = collecting(Reports())
    source.answer = lambda _, params: [report(1, NOW - 60)] if params["pageNumber"] == "1" else []
    before = (await fetch()).rows
    source.answer = lambda _, params: [report(2, NOW)] if params["pageNumber"] == "1" else None
    with pytest.raises(StatusError):
        await fetch()
    source.answer = lambda *_: []
    assert (await fetch()).rows == before


async def test_reports_without_dates_are_said_to_be_so() -> None:
    source, fetch = collecting(Reports())
    undated = report(1, NOW)
    undated["General"]["StartTime"] = "in spring"
    source.answer = lambda *_: [undated]
    with pytest.raises(DecodeError, match="StartTime"):
        await fetch()


@pytest.mark.parametrize(("wire", "value"), [("7", 7.0), (7, 7.0), (" ", None), (None, None)])
def test_an_rto_may_be_a_text(wire: Any, value: float | None) -> None:
    assert recoveries.seconds(wire) == value
    assert repr(recoveries.seconds("long")) == "'long'"


async def test_what_a_zvm_tells_in_both_forms_and_one_that_has_no_reports(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    clock.now = NOW
    sim: Simulator = await simulate(Estate("nyc", vms=40, seed=1, clock=clock.wall, incidents=False), auth="session")
    windows: Simulator = await simulate(auth="session", generation="windows")
    zvms = [zvm_config(sim, ca_file=ca_file, collectors=("vpgs", "recoveries"), interval=300.0)]
    zvms.append(zvm_config(windows, "old", ca_file=ca_file, collectors=("vpgs", "recoveries"), interval=300.0))
    running = await export(zvms)
    await clock.idle(2)
    page = await running.page()
    known = {(of["role"], of["vpg"], of["vpg_id"]) for of, _ in page.all("zerto_vpg_info", zvm="nyc")}
    proved = page.all("zerto_vpg_recovery_start_timestamp_seconds")
    assert {(of["role"], of["vpg"], of["vpg_id"]) for of, _ in proved} <= known
    for of, at in page.all("zerto_vpg_last_test_timestamp_seconds", zvm="nyc"):
        assert page.value("zerto_vpg_recovery_start_timestamp_seconds", vpg_id=of["vpg_id"], type="FailoverTest") == at
    assert page.value("zerto_collector_supported", zvm="old", collector="recoveries") == 0
    assert page.value("zerto_collector_success", zvm="old", collector="recoveries") == 1
    before = {key: value for key, value in page.samples.items() if key[0].startswith("zerto_vpg_recovery")}
    sim.faults.set(recoveries.PATH, faults.xml())
    await clock.advance(900)
    page = await running.page()
    assert {key: page.samples.get(key) for key in before} == before
    assert page.value("zerto_exporter_invalid_records_total", zvm="nyc", collector="recoveries") == 0
    sim.faults.set(recoveries.PATH, faults.wrong_shape())
    await clock.advance(900)
    page = await running.page()
    assert page.value("zerto_collector_success", zvm="nyc", collector="recoveries") == 0
    assert {key: page.samples.get(key) for key in before} == before


def test_a_report_without_what_tells_it_from_others_is_no_row() -> None:
    good, nobody, bare = report(1, NOW), report(2, NOW), {"RecoveryOperationIdentifier": "r-3", "General": None}
    nobody["General"]["VpgIdentifier"] = None
    body = json.dumps([good, nobody, bare]).encode()
    decoded = recoveries.DECODER.decode(body, "application/json", "what came")
    assert [row.id for row in decoded.rows] == ["r-00001"]
    assert decoded.lost.invalid_records == 2
