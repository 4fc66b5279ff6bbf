"""What was done in the past: tasks, events, recovery reports and LastTest agree; checkpoints and points in time."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from defusedxml import ElementTree
from simulator_serving import NOON, Clock, Zvm, quiet, serving

from exporter.simulator import Estate, pair
from exporter.simulator.api.dates import moment
from exporter.simulator.api.filters import BadFilterError

NS = "{http://schemas.zerto.com/zvm/api}"
DAY = 86_400
LONG: dict[str, Any] = {"token_lifetime": 10 * DAY, "refresh_lifetime": 10 * DAY}
GENERATIONS = ["appliance", "windows"]
Row = dict[str, Any]


def iso(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second_of(text: str) -> float:
    return int(text[6:19]) / 1000 if text.startswith("/Date(") else datetime.fromisoformat(text).timestamp()


def vpg_of(row: Row) -> str:
    (link,) = row["RelatedEntities"]["Vpgs"]
    return str(link["identifier"])


async def tasks_since(zvm: Zvm, second: float) -> list[Row]:
    return await zvm.rows("/v1/tasks", startedAfterDate=iso(second))


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_last_test_tasks_events_and_reports_tell_the_same(generation: str) -> None:
    clock = Clock()
    nyc, _ = pair(("nyc", 80), ("lon", 30), seed=3, clock=clock, cloud=True, local=True)
    async with serving(nyc, generation=generation, clock=clock, **LONG) as zvm:
        for clock.now in (NOON, NOON + 3 * DAY):
            tasks = await tasks_since(zvm, 0)
            began: defaultdict[str, list[float]] = defaultdict(list)
            for task in tasks:
                if task["Type"] == "FailOverTest":
                    began[vpg_of(task)].append(second_of(task["Started"]))
            for vpg in await zvm.rows("/v1/vpgs"):
                last = vpg["LastTest"]
                told = None if last is None else second_of(last)
                assert told == max(began[vpg["VpgIdentifier"]], default=None)
            over = [task for task in tasks if task["Completed"] is not None]
            ended = Counter((vpg_of(t), second_of(t["Completed"]), t["Status"]["State"] == 6) for t in over)
            events = await zvm.rows("/v1/events", startDate="2022-01-01", category="Events")
            told_of = Counter((vpg_of(e), second_of(e["OccurredOn"]), e["EventCompletedSuccessfully"]) for e in events)
            assert told_of == ended
            recoveries = {"FailOverTest": "FailoverTest", "FailOver": "Failover", "Move": "Move"}
            first = Counter(
                (vpg_of(t), recoveries[t["Type"]], second_of(t["Started"])) for t in over if t["Type"] in recoveries
            )
            if generation == "appliance":
                reports = [row["General"] for row in await zvm.rows("/v1/reports/recovery")]
                starts = Counter((r["VpgIdentifier"], r["RecoveryType"], second_of(r["StartTime"])) for r in reports)
                assert starts == first
                assert {report["RecoveryType"] for report in reports} >= {"FailoverTest", "Move"}
                assert {report["Status"] for report in reports} >= {"Success", "Fail"}
                assert any(report["EndTime"] is None for report in reports)


async def test_a_day_of_tasks_is_in_every_state_and_the_same_at_both_sites() -> None:
    clock = Clock()
    nyc, lon = pair(("nyc", 40), ("lon", 25), seed=3, clock=clock)
    nyc.start_incident("failover_test", nyc.vpgs()[0]["VpgName"])
    states: set[int] = set()
    async with serving(nyc, clock=clock, **LONG) as here, serving(lon) as there:
        for clock.now in range(int(NOON), int(NOON) + 600, 300):
            tasks = await tasks_since(here, clock.now - DAY)
            for task, twin in zip(tasks, await tasks_since(there, clock.now - DAY), strict=True):
                assert (task["TaskIdentifier"], task["Status"]) == (twin["TaskIdentifier"], twin["Status"])
                assert (task["Completed"] is None) == (task["Status"]["State"] == 1)
                assert (task["Status"]["Progress"] == 100) == (task["Status"]["State"] == 6)
            states |= {task["Status"]["State"] for task in tasks}
            assert [e["EventIdentifier"] for e in await here.rows("/v1/events")] == [
                e["EventIdentifier"] for e in await there.rows("/v1/events")
            ]
        one = tasks[0]
        for identifier in (one["TaskIdentifier"], one["TaskIdentifier"].partition(".")[0].upper()):
            assert (await here.get(f"/v1/tasks/{identifier}")).json() == one
        assert (await here.get("/v1/tasks/none")).status == 404
        kinds = (await here.get("/v1/tasks/types")).json()
        assert {task["Type"] for task in tasks} <= set(kinds)
        assert await here.rows("/v1/tasks", type="failovertest", status="completed") == [
            task
            for task in await here.rows("/v1/tasks")
            if (task["Type"], task["Status"]["State"]) == ("FailOverTest", 6)
        ]
        middle = one["Started"]
        assert all(t["Started"] <= middle for t in await here.rows("/v1/tasks", startedBeforeDate=middle))
        completed = await here.rows("/v1/tasks", completedAfterDate=iso(clock.now - 3600), completedBeforeDate=middle)
        assert completed
        assert all(t["Completed"] is not None and t["Completed"] <= middle for t in completed)
    assert {1, 6} <= states


async def test_what_an_event_says_was_turned_on_is_in_the_list_of_alerts_until_it_is_turned_off() -> None:
    """Of each kind of incident; at both sites of a pair where both are concerned."""
    clock = Clock()
    nyc, lon = pair(("nyc", 60), ("lon", 40), seed=3, clock=clock, incidents=False, cloud=False)
    ours = [vpg.name for vpg in nyc.own.vpgs if vpg.recovery.identifier == lon.here.identifier]
    cuts = ["peer-disconnected", "recovery-possible", "peer-disconnected"]
    of_vpgs = ["vra-down", "vm-missing", "journal-near-limit", "journal-full", "ransomware", *cuts]
    async with serving(nyc, clock=clock, **LONG) as here, serving(lon, **LONG) as there:

        async def on(zvm: Zvm) -> set[str]:
            found, events = set[str](), await zvm.rows("/v1/events", eventCategory="alerts")
            for event in reversed(events):
                found ^= {alert["identifier"] for alert in event["RelatedEntities"]["Alerts"]}
            return found

        async def listed(zvm: Zvm) -> set[str]:
            return {alert["Link"]["identifier"] for alert in await zvm.rows("/v1/alerts")}

        for kind, name in zip(of_vpgs, ours, strict=False):
            nyc.start_incident(kind, name)
        nyc.start_incident("license-expiring")
        nyc.start_incident("datastore-full")
        clock.now += 600
        assert len(await on(here)) == len(of_vpgs[: len(ours)]) + 1
        assert await on(here) <= await listed(here)
        assert len(await on(there)) == len(await on(here)) - 1, "who protects a VPG sees it being encrypted"
        assert await on(there) <= await listed(there)
        nyc.end_incident()
        clock.now += 10
        for kind in ("wan-down", "site-down"):
            nyc.start_incident(kind)
            clock.now += 60
            assert len(await on(here)) == 1
            assert await on(here) <= await listed(here)
            clock.now += 4000
            assert await on(here) <= await listed(here)
            nyc.end_incident(kind)
            assert not await on(here)


async def test_an_alert_of_an_incident_is_turned_on_and_off() -> None:
    clock = Clock()
    estate = quiet(clock=clock)
    name = estate.vpgs()[1]["VpgName"]
    async with serving(estate, clock=clock) as zvm:
        estate.start_incident("vra-down", name)
        estate.start_incident("license-expiring")
        estate.start_incident("delta-sync", estate.vpgs()[0]["VpgName"])
        clock.now += 60
        estate.end_incident("vra-down")
        found = await zvm.rows("/v1/events", eventCategory="alerts")
        names = (await zvm.get("/v1/events/types")).json()
        told = [(names[e["EventType"]], [vpg["VpgName"] for vpg in e["Vpgs"]], e["EntityType"]) for e in found]
        assert told[0] == ("AlertTurnedOff", [name], 1)
        assert sorted(told[1:]) == [("AlertTurnedOn", [], 3), ("AlertTurnedOn", [name], 1)]
        alert = found[0]["RelatedEntities"]["Alerts"][0]["identifier"]
        assert len(await zvm.rows("/v1/events", alertIdentifier=alert.upper())) == 2
        assert await zvm.rows("/v1/events", eventType="AlertTurnedOff") == found[:1]
        assert await zvm.rows("/v1/events", eventType="48", entityType="vra", userName="system") == found[:1]
        vpg = found[0]["Vpgs"][0]["VpgIdentifier"]
        assert found[0] in await zvm.rows("/v1/events", vpgIdentifier=vpg)
        assert (await zvm.get(f"/v1/events/{found[0]['EventIdentifier']}")).json() == found[0]
        assert (await zvm.get("/v1/events/none")).status == 404
        assert await zvm.rows("/v1/events", startDate=iso(clock.now)) == found[:1]
        assert await zvm.rows("/v1/events", siteName="lon") == []
        assert (await zvm.get("/v1/events", category="weather")).status == 400
        assert (await zvm.get("/v1/events", startDate="yesterday")).status == 400
        assert (len(names), (await zvm.get("/v1/events/entities")).json()[3]) == (121, "Site")
        assert (await zvm.get("/v1/events/categories")).json() == ["All", "Events", "Alerts"]


async def test_without_a_date_the_last_thousand_events_are_told() -> None:
    async with serving(quiet(750)) as zvm:
        last, all_of_them = await zvm.rows("/v1/events"), await zvm.rows("/v1/events", endDate=iso(NOON))
    assert len(all_of_them) > len(last) == 1000
    assert all_of_them[:1000] == last


async def test_reports_come_in_pages_and_by_filters() -> None:
    estate = quiet(120)
    async with serving(estate) as zvm:
        everything = await zvm.rows("/v1/reports/recovery")
        pages = [await zvm.rows("/v1/reports/recovery", pageNumber=str(n), pageSize="30") for n in range(1, 6)]
        assert [report for page in pages for report in page] == everything[:150]
        assert await zvm.rows("/v1/reports/recovery", pageNumber="99") == []
        one = everything[3]
        general = one["General"]
        assert (await zvm.get(f"/v1/reports/recovery/{one['RecoveryOperationIdentifier']}")).json() == one
        assert (await zvm.get("/v1/reports/recovery/none")).status == 404
        names = f"{general['VpgName'].lower()}, No-Such"
        assert await zvm.rows("/v1/reports/recovery", vpgName=names, recoveryType="failovertest", state="SUCCESS") == [
            report
            for report in everything
            if report["General"]["VpgName"] == general["VpgName"]
            and (report["General"]["RecoveryType"], report["General"]["Status"]) == ("FailoverTest", "Success")
        ]
        since, until = everything[20]["General"]["StartTime"], everything[10]["General"]["StartTime"]
        between = await zvm.rows("/v1/reports/recovery", startTime=since, endTime=until)
        assert between[0]["General"]["StartTime"] <= until
        assert everything[10:21] == between
        for wrong in ({"pageSize": "0"}, {"pageNumber": "one"}, {"startTime": "soon"}):
            assert (await zvm.get("/v1/reports/recovery", **wrong)).status == 400
        for report in (report["General"] for report in everything):
            assert second_of(report["StartTime"]) > NOON - 401 * DAY
            if report["EndTime"] and report["RTOInSeconds"]:
                length = second_of(report["EndTime"]) - second_of(report["StartTime"])
                assert 0 < int(report["RTOInSeconds"]) <= length
        xml = {**zvm.headers, "Accept": "application/xml"}
        root = ElementTree.fromstring((await zvm.ask("GET", "/v1/reports/recovery", headers=xml)).body)
        assert root.tag == f"{NS}ArrayOfRecoveryReportApi"
        assert root[3].findtext(f"{NS}General/{NS}RTOInSeconds") == general["RTOInSeconds"]
    async with serving(estate, generation="windows") as zvm:
        assert (await zvm.get("/v1/reports/recovery")).status == 404


def test_moves_and_failovers_are_of_before_the_estate_was_made() -> None:
    clock = Clock()
    estate = quiet(300, clock=clock)
    found = [task for task in estate.own.tasks(0, int(NOON)) if task.kind in {"Move", "FailOver"}]
    clock.now += 300 * DAY
    later = [task for task in estate.own.tasks(0, int(clock.now)) if task.kind in {"Move", "FailOver"}]
    assert {task.kind.value for task in found} == {"Move", "FailOver"}
    assert {task.identifier for task in later} < {task.identifier for task in found}


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_points_in_time_are_those_that_the_stats_tell_the_ends_of(generation: str) -> None:
    estate = quiet(local=True, seed=8)
    local = [vm for vm in estate.vms() if vm["ProtectedSite"] == vm["RecoverySite"]]
    async with serving(estate, generation=generation) as zvm:
        kinds = set()
        rpo = {vpg["VpgIdentifier"]: vpg["ActualRPO"] for vpg in estate.vpgs()}
        for vm in local:
            path = f"/v1/vms/{vm['VmIdentifier']}/pointsInTime"
            points, stats = await zvm.rows(path), (await zvm.get(f"{path}/stats")).json()
            assert (points[-1], points[0]) == (stats["Earliest"], stats["Latest"])
            seconds = [second_of((p["Checkpoint"] or p["RetentionSet"])["TimeStamp"]) for p in points]
            assert seconds == sorted(seconds, reverse=True)
            assert NOON - seconds[0] == rpo[vm["VpgIdentifier"]]
            part = await zvm.rows(path, startDate=iso(seconds[9]), endDate=iso(seconds[5]))
            assert part == points[5:10]
            kinds |= {"Checkpoint" if p["Checkpoint"] else "RetentionSet" for p in points}
            assert ("Type" in points[0]["Checkpoint"]) is (generation == "appliance")
        assert kinds == {"Checkpoint", "RetentionSet"}
        elsewhere = next(vm for vm in estate.vms()[5:] if vm["ProtectedSite"] != vm["RecoverySite"])
        path = f"/v1/vms/{elsewhere['VmIdentifier']}/pointsInTime"
        assert await zvm.rows(path) == []
        assert (await zvm.get(f"{path}/stats")).json() == {"Earliest": None, "Latest": None}
        counts = Counter(vm["VmIdentifier"] for vm in estate.vms())
        twice = next(vm for vm in estate.vms() if counts[vm["VmIdentifier"]] > 1)
        path = f"/v1/vms/{twice['VmIdentifier']}/pointsInTime"
        assert [(await zvm.get(one)).status for one in (path, f"{path}/stats")] == [400, 400]
        assert await zvm.rows(path, vpgIdentifier=twice["VpgIdentifier"]) == []
        assert (await zvm.get("/v1/vms/none/pointsInTime")).status == 404
        backup = next(vm for vm in await zvm.rows(includeBackupedVms="true") if "Retention" in vm["VpgName"])
        copies = await zvm.rows(f"/v1/vms/{backup['VmIdentifier']}/pointsInTime")
        assert len({copy["RetentionSet"]["RetentionSetIdentifier"] for copy in copies}) == 30


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_checkpoints_lie_between_the_ends_and_some_have_a_tag(generation: str) -> None:
    estate = quiet(100)
    tags: set[str | None] = set()
    async with serving(estate, generation=generation) as zvm:
        for vpg in estate.vpgs():
            path = f"/v1/vpgs/{vpg['VpgIdentifier']}/checkpoints"
            points, stats = await zvm.rows(path), (await zvm.get(f"{path}/stats")).json()
            assert (points[0], points[-1]) == (stats["Earliest"], stats["Latest"])
            assert len({point["CheckpointIdentifier"] for point in points}) == len(points)
            tags |= {point["Tag"] for point in points}
            last = await zvm.rows(path, startDate=iso(NOON - 60))
            assert last == points[-len(last) :]
            assert 9 < len(last) < 13
        assert (await zvm.get("/v1/vpgs/none/checkpoints")).status == 404
    assert tags == {None, "before the nightly batch"}


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2023-11-15T11:13:20.500Z", 1_700_046_800.5),
        ("2023-11-15T11:13:20", 1_700_046_800),
        ("2023-11-15 11:13", 1_700_046_780),
        ("2023-11-15T12:13:20+01:00", 1_700_046_800),
        ("2023-11-15", 1_700_006_400),
        ("2023-11", 1_698_796_800),
        ("1700046800500", 1_700_046_800.5),
        ("/Date(1700046800000+0200)/", 1_700_046_800),
    ],
)
def test_a_date_of_a_query_is_read_in_every_form(text: str, second: float) -> None:
    assert moment(text) == second


@pytest.mark.parametrize("text", ["", "x", "2023", "2023-13-01", "15/11/2023", "2023-11-15T99:00", "12:00"])
def test_what_is_no_date_is_an_error(text: str) -> None:
    with pytest.raises(BadFilterError):
        moment(text)


def test_a_test_of_the_vpgs_own_period_is_seen_while_it_runs() -> None:
    clock = Clock()
    estate = Estate("nyc", 300, 1, clock, incidents=False)
    vpg = next(vpg for vpg in estate.vpgs() if vpg["LastTest"])
    period = 90 * DAY
    stages = []
    for clock.now in range(int(second_of(vpg["LastTest"])) + period - 60, int(NOON) + 2 * period, 60):
        now = next(one for one in estate.vpgs() if one["VpgIdentifier"] == vpg["VpgIdentifier"])
        running = now["ActiveProcessesApi"]["RunningFailOverTestApi"]
        if running is not None:
            stages.append(running["Stage"])
        elif stages:
            break
    assert timedelta(minutes=5) < timedelta(minutes=len(stages)) < timedelta(hours=1)
    assert "InTest" in stages
