"""A disaster acted out by HTTP: failover test, failover, move, pause and force sync, and how each can end."""

import pytest
from simulator_acting import IDLE, IN_TEST, LONG, look, post, run, sites, task_of, vpg_of
from simulator_serving import Clock, quiet, serving

from exporter.simulator import Estate

RECOVERED = ("Recovered", "NeedsConfiguration", None)
SYNCING = ("MeetingSLA", "DeltaSync", None)
COURSES = [
    ("FailoverTest", None, ("MeetingSLA", "None", "Starting"), IN_TEST),
    ("FailoverTestStop", "FailoverTest", ("MeetingSLA", "None", "Stopping"), IDLE),
    ("Failover", None, ("FailingOver", "None", None), ("FailingOver", "FailingOverBeforeCommit", None)),
    (
        "FailoverCommit",
        "Failover",
        ("FailingOver", "FailingOverCommitting", None),
        ("Recovered", "NeedsConfiguration", None),
    ),
    (
        "FailoverRollback",
        "Failover",
        ("FailingOver", "FailingOverRollingBack", None),
        ("MeetingSLA", "DeltaSync", None),
    ),
    ("Move", None, ("Moving", "None", None), ("Moving", "MovingBeforeCommit", None)),
    ("MoveCommit", "Move", ("Moving", "MovingCommitting", None), RECOVERED),
    ("MoveRollback", "Move", ("Moving", "MovingRollingBack", None), SYNCING),
    ("pause", None, IDLE, ("MeetingSLA", "ReplicationPausedUserInitiated", None)),
    ("resume", "pause", ("MeetingSLA", "ReplicationPausedUserInitiated", None), SYNCING),
    ("forcesync", None, ("MeetingSLA", "DeltaSync", None), IDLE),
]
BROKEN = {
    "FailoverTestStop": ("MeetingSLA", "StoppingFotFailure", "Stopping"),
    "FailoverCommit": ("FailingOver", "FailingOverBeforeCommit", None),
    "FailoverRollback": ("FailingOver", "RollingBackFailOverLiveFailure", None),
    "MoveCommit": ("Moving", "MovingBeforeCommit", None),
    "MoveRollback": ("Moving", "RollingBackMoveFailure", None),
    "resume": ("MeetingSLA", "ReplicationPausedUserInitiated", None),
}
BEFORE = {
    "FailoverTestStop": "FailoverTest",
    **{name: before for name, before, *_ in COURSES if isinstance(before, str)},
}


@pytest.mark.parametrize(("name", "before", "meanwhile", "after"), COURSES, ids=[row[0] for row in COURSES])
async def test_an_operation_is_seen_while_it_runs_and_when_it_has_ended(
    name: str, before: str | None, meanwhile: tuple[str, str, str | None], after: tuple[str, str, str | None]
) -> None:
    clock = Clock()
    estate = quiet(20, clock=clock)
    async with serving(estate, clock=clock, **LONG) as zvm:
        vpg = estate.vpgs()[0]["VpgIdentifier"]
        if before is not None:
            await run(zvm, vpg, before)
        events = len(await zvm.rows("/v1/events", vpgIdentifier=vpg))
        task = await post(zvm, f"/v1/vpgs/{vpg.upper()}/{name.upper()}", {})
        clock.now += 2
        assert await look(zvm, vpg) == meanwhile
        running = await task_of(zvm, task)
        assert (running["Status"]["State"], running["Completed"], running["InitiatedBy"]) == (
            1,
            None,
            zvm.simulator.username,
        )
        assert 0 < running["Status"]["Progress"] < 100
        assert len(await zvm.rows("/v1/events", vpgIdentifier=vpg)) == events
        while (await task_of(zvm, task))["Completed"] is None:
            clock.now += 5
        assert (await task_of(zvm, task))["Status"] == {"State": 6, "Progress": 100}
        # What has to be caught up with may be above the target.
        assert (await look(zvm, vpg))[after[1] == "DeltaSync" :] == after[after[1] == "DeltaSync" :]
        newest, *_ = await zvm.rows("/v1/events", vpgIdentifier=vpg)
        assert newest["EventCompletedSuccessfully"] is True
        assert newest["OccurredOn"] == (await task_of(zvm, task))["Completed"]
        vms = await zvm.rows(vpgName=estate.vpgs()[0]["VpgName"])
        assert {(vm["Status"], vm["SubStatus"]) for vm in vms} == {
            ((await vpg_of(zvm, vpg))["Status"], (await vpg_of(zvm, vpg))["SubStatus"])
        }
        # Whatever it led to is over some time after a synchronization.
        if after[1] == "DeltaSync":
            clock.now += 60
            assert await look(zvm, vpg) == IDLE


@pytest.mark.parametrize("name", [row[0] for row in COURSES])
async def test_the_next_operation_can_be_made_to_fail(name: str) -> None:
    clock = Clock()
    estate = quiet(20, clock=clock)
    async with serving(estate, clock=clock, **LONG) as zvm:
        vpg = estate.vpgs()[0]
        identifier = vpg["VpgIdentifier"]
        if name in BEFORE:
            await run(zvm, identifier, BEFORE[name])
        order = {"vpg": vpg["VpgName"], "reason": "The rack is on fire."}
        assert (await zvm.ask("POST", "/simulator/operations", json=order)).status == 204
        assert (await zvm.get("/simulator/operations")).json() == [
            {"vpg_name": vpg["VpgName"], "reason": order["reason"]}
        ]
        failed = await task_of(zvm, await run(zvm, identifier, name))
        assert failed["Status"] == {"State": 4, "Progress": 62}
        assert failed["CompleteReason"] == order["reason"]
        assert await look(zvm, identifier) == BROKEN.get(name, IDLE)
        event = (await zvm.rows("/v1/events", vpgIdentifier=identifier))[0]
        assert event["EventCompletedSuccessfully"] is False
        assert order["reason"] in event["Description"]
        # The one after it does not fail, also where the first one has left the VPG broken.
        assert (await zvm.get("/simulator/operations")).json() == []
        again = await task_of(zvm, await run(zvm, identifier, name))
        assert again["Status"]["State"] == 6
        if name in {"FailoverTest", "Failover", "Move"}:
            report = (await zvm.rows("/v1/reports/recovery", vpgName=vpg["VpgName"]))[1]["General"]
            assert (report["Status"], report["RTOInSeconds"]) == ("Fail", None)
            assert report["Notes"] == order["reason"]


async def test_a_failover_commits_itself_and_protection_turns_round_at_both_sites() -> None:
    clock = Clock()
    nyc, lon = sites(clock)
    vpg = nyc.vpgs()[0]
    identifier, rows = vpg["VpgIdentifier"], {vm["VmIdentifier"] for vm in nyc.vms()}
    async with serving(nyc, clock=clock, **LONG) as here, serving(lon, clock=clock, **LONG) as there:
        used = (await here.get("/v1/license")).json()["Usage"]
        body = {"CommitPolicy": "Commit", "timeToWaitBeforeShutdownInSec": 60, "isReverseProtection": True}
        task = await post(there, f"/v1/vpgs/{identifier}/Failover", body)
        seen: list[str] = []
        for _ in range(50):
            clock.now += 5
            assert await look(here, identifier) == await look(there, identifier)
            state = (await look(here, identifier))[1]
            seen += [state] if seen[-1:] != [state] else []
        assert seen == ["None", "FailingOverBeforeCommit", "FailingOverCommitting", "DeltaSync", "None"]
        assert (await task_of(here, task))["Status"]["State"] == 6
        commit = (await here.rows("/v1/tasks"))[0]
        assert (commit["Type"], commit["InitiatedBy"]) == ("FailoverCommit", "System")
        for zvm, side in ((here, "PeerSiteApi"), (there, "LocalSiteApi")):
            found = await vpg_of(zvm, identifier)
            assert (found["SourceSite"], found["TargetSite"]) == ("lon", "nyc")
            assert found["ProtectedSite"]["type"] == side
            vms = await zvm.rows(vpgName=vpg["VpgName"])
            assert {vm["VmIdentifier"].partition(".")[0] for vm in vms} == {lon.here.server}
            assert {vm["OwningHostName"].rpartition(".")[0].partition(".")[2] for vm in vms} == {"lon"}
        moved = len([vm for vm in nyc.vms() if vm["VmIdentifier"] not in rows])
        assert moved == vpg["VmsCount"]
        turned = (await here.get("/v1/license")).json()["Usage"]
        counts = [site["ProtectedVmsCount"] for usage in (used, turned) for site in usage["SitesUsage"]]
        assert counts[3] - counts[1] == moved
        report = (await here.rows("/v1/reports/recovery"))[0]
        assert (report["General"]["RecoveryType"], report["General"]["Status"]) == ("Failover", "Success")
        assert [step["Description"] for step in report["RecoverySettings"]["Steps"]] == ["FailOver", "FailoverCommit"]
        gone = (await here.rows(vpgName=vpg["VpgName"]))[0]["VmIdentifier"]
        lon.remove_vm(gone)
        assert gone not in {vm["VmIdentifier"] for vm in nyc.vms()}
        # And back: the machines are those of before.
        await run(here, identifier, "Move")
        await post(here, f"/v1/vpgs/{identifier}/MoveCommit", {"reverseProtection": True})
        clock.now += 120
        assert (await vpg_of(here, identifier))["SourceSite"] == "nyc"
        assert {vm["VmIdentifier"] for vm in await here.rows(vpgName=vpg["VpgName"])} <= rows


@pytest.mark.parametrize(("policy", "last"), [(0, "MoveRollback"), (1, "MoveCommit"), (2, "Move")])
async def test_a_commit_policy_decides_what_comes_by_itself(policy: int, last: str) -> None:
    clock = Clock()
    estate = quiet(20, clock=clock)
    vpg = estate.vpgs()[0]["VpgIdentifier"]
    async with serving(estate, clock=clock, **LONG) as zvm:
        await post(zvm, f"/v1/vpgs/{vpg}/Move", {"commitPolicy": policy, "commitPolicyTimeout": 30})
        clock.now += 600
        assert (await zvm.rows("/v1/tasks"))[0]["Type"] == last


async def test_a_hand_is_faster_than_the_policy() -> None:
    clock = Clock()
    estate = quiet(20, clock=clock)
    vpg = estate.vpgs()[0]["VpgIdentifier"]
    async with serving(estate, clock=clock, **LONG) as zvm:
        await post(zvm, f"/v1/vpgs/{vpg}/Failover", {"commitPolicy": 1, "timeToWaitBeforeShutdownInSec": 300})
        clock.now += 100
        await run(zvm, vpg, "FailoverRollback")
        clock.now += 600
        assert await look(zvm, vpg) == IDLE


async def test_rpo_grows_while_nothing_is_replicated_and_is_made_up_for() -> None:
    clock = Clock()
    estate = quiet(20, clock=clock)
    vpg = estate.vpgs()[0]["VpgIdentifier"]
    async with serving(estate, clock=clock, **LONG) as zvm:
        await run(zvm, vpg, "pause")
        clock.now += 900
        paused = await vpg_of(zvm, vpg)
        stats = (await zvm.get(f"/v1/vpgs/{vpg}/checkpoints/stats")).json()
        assert 900 <= paused["ActualRPO"] < 930
        assert paused["StatusDescription"] == "RpoNotMeetingSLA"
        assert stats["Latest"]["TimeStamp"] < "2023-11-15T11:13:30"
        assert {vm["OutgoingBandWidthInMbps"] for vm in estate.vms() if vm["VpgIdentifier"] == vpg} == {0}
        await run(zvm, vpg, "resume")
        lags, progress = [], []
        for _ in range(7):
            found = await vpg_of(zvm, vpg)
            lags.append(found["ActualRPO"])
            progress.append(found["ProgressPercentage"])
            clock.now += 10
        assert lags[:6] == sorted(lags[:6], reverse=True)
        assert progress[:6] == sorted(progress[:6])
        assert (lags[6] < 20, progress[6]) == (True, 0)


async def test_a_failover_test_that_nobody_began_is_stopped_by_hand() -> None:
    clock = Clock()
    estate = quiet(20, clock=clock)
    vpg = estate.vpgs()[0]
    async with serving(estate, clock=clock, **LONG) as zvm:
        estate.start_incident("failover_test", vpg["VpgName"])
        clock.now += 60
        body = {"failoverTestSuccess": False, "failoverTestSummary": "The database did not start."}
        await post(zvm, f"/v1/vpgs/{vpg['VpgIdentifier']}/FailoverTestStop", body)
        assert estate.incidents == []
        clock.now += 60
        assert await look(zvm, vpg["VpgIdentifier"]) == IDLE
        assert (await vpg_of(zvm, vpg["VpgIdentifier"]))["LastTest"].startswith("2023-11-15T11:13:20")
        report = (await zvm.rows("/v1/reports/recovery", vpgName=vpg["VpgName"]))[0]["General"]
        assert (report["Status"], report["Notes"]) == ("Fail", "The database did not start.")
        stops = [task for task in await zvm.rows("/v1/tasks") if task["Type"] == "StopFailOverTest"]
        assert stops[0]["InitiatedBy"] == zvm.simulator.username


async def test_operations_can_be_forgotten() -> None:
    clock = Clock()
    estate = quiet(20, clock=clock)
    vpg = estate.vpgs()[0]["VpgIdentifier"]
    async with serving(estate, clock=clock, **LONG) as zvm:
        before = await zvm.rows("/v1/tasks")
        await run(zvm, vpg, "Failover")
        await run(zvm, vpg, "FailoverCommit")
        assert (await zvm.ask("POST", "/simulator/operations", json={"times": 3})).status == 204
        assert (await zvm.ask("DELETE", "/simulator/operations")).status == 204
        assert await look(zvm, vpg) == IDLE
        assert await zvm.rows("/v1/tasks") == before
        assert (await zvm.get("/simulator/operations")).json() == []


async def test_an_estate_that_stands_still_is_moved_by_an_operation() -> None:
    clock = Clock()
    estate = Estate("nyc", 40, 1, clock, changing=0)
    vpgs = estate.vpgs()
    async with serving(estate, clock=clock, **LONG) as zvm:
        await run(zvm, vpgs[0]["VpgIdentifier"], "FailoverTest")
        assert await look(zvm, vpgs[0]["VpgIdentifier"]) == IN_TEST
        assert (await zvm.rows("/v1/vpgs"))[1:] == vpgs[1:]
