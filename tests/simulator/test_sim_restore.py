"""The instant restore of a VM, by POST and by GET, and orders that are refused; troubles that begin by hand only."""

from typing import Any

import pytest
from simulator_acting import LONG, look, post, run, sites, task_of, vpg_of
from simulator_serving import NOON, Clock, quiet, serving

from exporter.simulator import Estate
from exporter.simulator.api.registry import ALL_ACTS


def local_vm(estate: Estate) -> tuple[str, str]:
    found = [vm for vm in estate.vms() if vm["ProtectedSite"] == vm["RecoverySite"]]
    return found[1]["VmIdentifier"], found[1]["VpgIdentifier"]


@pytest.mark.parametrize("end", ["RestoreCommit", "RestoreRollBack"])
@pytest.mark.parametrize(("generation", "method"), [("appliance", "POST"), ("windows", "GET"), ("windows", "POST")])
async def test_the_instant_restore_of_a_vm(generation: str, method: str, end: str) -> None:
    clock = Clock()
    estate = sites(clock)[0]
    vm, vpg = local_vm(estate)
    async with serving(estate, clock=clock, generation=generation, **LONG) as zvm:

        async def do(action: str, **body: str) -> Any:
            path = f"/v1/vms/{vm}/{action}"
            # A commit by POST has the VPG as its whole body, as the document of 10.x has it.
            sent: Any = body if action == "restore" else body["vpgIdentifier"]
            options = {"params": body} if method == "GET" else {"json": sent}
            answer = await zvm.ask(method, path, **options)
            assert answer.status == 200, answer.body
            return answer.json()

        points = await zvm.rows(f"/v1/vms/{vm}/pointsInTime")
        point = next(one["Checkpoint"] for one in points[50:] if one["Checkpoint"])
        task = await do("restore", vpgIdentifier=vpg, checkpointIdentifier=point["CheckpointIdentifier"])
        clock.now += 2
        assert await look(zvm, vpg) == ("FailingOver", "None", None) if generation == "appliance" else True
        assert (await task_of(zvm, task))["Status"]["State"] == 1
        idle = {row["VmIdentifier"]: row["IOPs"] for row in await zvm.rows() if row["VpgIdentifier"] == vpg}
        assert [identifier for identifier, iops in idle.items() if iops == 0] == [vm]
        clock.now += 60
        assert (await task_of(zvm, task))["Status"]["State"] == 6
        assert (await vpg_of(zvm, vpg))["SubStatus"] == 15
        ending = await do(end, vpgIdentifier=vpg)
        clock.now += 2
        assert (await vpg_of(zvm, vpg))["SubStatus"] == {"RestoreCommit": 17, "RestoreRollBack": 29}[end]
        clock.now += 60
        assert (await task_of(zvm, ending))["Status"]["State"] == 6
        assert ((await vpg_of(zvm, vpg))["Status"], (await vpg_of(zvm, vpg))["SubStatus"]) == (1, 0)


async def test_a_restore_that_nobody_can_do_is_refused() -> None:
    clock = Clock()
    estate = sites(clock)[0]
    vm, vpg = local_vm(estate)
    other = next(
        row["VmIdentifier"] for row in estate.vms() if row["VpgIdentifier"] == vpg and row["VmIdentifier"] != vm
    )
    counts = [row["VmIdentifier"] for row in estate.vms()]
    several = next(row for row in estate.vms() if counts.count(row["VmIdentifier"]) > 1)
    remote = next(row for row in estate.vms() if counts.count(row["VmIdentifier"]) == 1)["VmIdentifier"]
    async with serving(estate, clock=clock, **LONG) as zvm:

        async def refused(path: str, body: Any, method: str = "POST") -> tuple[int, bool]:
            answer = await zvm.ask(method, f"/v1/vms/{path}", json=body)
            return answer.status, not answer.body or "Message" in answer.json()

        assert await refused(f"{vm}/restore", {}, "GET") == (405, True)
        assert await refused("none/Restore", {}) == (404, True)
        assert await refused(f"{several['VmIdentifier']}/Restore", {}) == (400, True)
        assert await refused(f"{remote}/Restore", {}) == (409, True)
        assert await refused(f"{vm}/RestoreCommit", vpg) == (409, True)
        await post(zvm, f"/v1/vms/{vm}/Restore", {"commitPolicy": None, "vpgIdentifier": vpg})
        clock.now += 60
        assert await refused(f"{other}/RestoreCommit", vpg) == (409, True)
        assert await refused(f"{vm}/Restore", {}) == (409, True)
        assert (await post(zvm, f"/v1/vms/{vm}/RestoreRollback")) is not None


BAD_BODIES: list[tuple[str, Any, int]] = [
    ("Failover", {"commitPolicy": 7}, 400),
    ("Failover", {"commitPolicy": True}, 400),
    ("Failover", {"shutdownPolicy": "Explode"}, 400),
    ("Failover", {"checkpointIdentifier": "12"}, 400),
    ("Failover", {"checkpointIdentifier": 12}, 400),
    ("Failover", {"timeToWaitBeforeShutdownInSec": -1}, 400),
    ("Failover", {"isReverseProtection": "perhaps"}, 400),
    ("FailoverTest", [1], 400),
    ("FailoverCommit", {}, 409),
    ("FailoverRollback", {}, 409),
    ("FailoverTestStop", {}, 409),
    ("MoveCommit", {}, 409),
    ("moveRollback", {}, 409),
    ("resume", {}, 409),
]


async def test_what_makes_no_sense_is_refused_and_changes_nothing() -> None:
    estate = quiet()
    name, vpg = estate.vpgs()[0]["VpgName"], estate.vpgs()[0]["VpgIdentifier"]
    async with serving(estate, **LONG) as zvm:
        before = await zvm.rows("/v1/tasks")
        for path, body, status in BAD_BODIES:
            answer = await zvm.ask("POST", f"/v1/vpgs/{vpg}/{path}", json=body)
            assert (answer.status, "Message" in answer.json()) == (status, True), (path, body)
        for act in ALL_ACTS:
            path = act.path.replace("{id}", "nobody")
            assert (await zvm.ask("POST", path)).status == 404
            assert [(await zvm.ask(method, path)).status for method in ("PUT", "DELETE", "GET")] == [405] * 3
        broken = {"data": b"{", "headers": {**zvm.headers, "Content-Type": "application/json"}}
        assert (await zvm.ask("POST", f"/v1/vpgs/{vpg}/Move", **broken)).status == 400
        assert (await zvm.ask("POST", f"/v1/vpgs/{vpg}/Move", data={"commitPolicy": "1"})).status == 415
        assert (await zvm.ask("POST", f"/v1/vpgs/{vpg}/pause", headers={})).status == 401
        estate.start_incident("initial_sync", name)
        assert (await zvm.ask("POST", f"/v1/vpgs/{vpg}/Failover", json={})).status == 409
        cloud = next(row["VpgIdentifier"] for row in estate.vpgs() if row["TargetSite"] == "Azure-West")
        turned = {"reverseProtection": True}
        assert (await zvm.ask("POST", f"/v1/vpgs/{cloud}/Move", json=turned)).status == 409
        assert await zvm.rows("/v1/tasks") == before
        for order in ({"times": 0}, {"vpg": "No-Such-VPG"}, {"vgp": "x"}):
            assert (await zvm.ask("POST", "/simulator/operations", json=order)).status == 400
        assert (await zvm.ask("PUT", "/simulator/operations")).status == 405


async def test_a_full_journal_stops_replication() -> None:
    clock = Clock()
    estate = quiet(200, clock=clock)
    estate.start_incident("journal-full")
    clock.now += 300
    assert {(vpg["SubStatusDescription"], vpg["Status"]) for vpg in estate.vpgs()} <= {
        ("JournalStorageError", status) for status in (2, 3, 4)
    }
    assert all(vpg["ActualRPO"] > 300 for vpg in estate.vpgs())
    for vm in estate.vms():
        if vm["JournalHardLimit"]["LimitType"] == 1:
            assert vm["JournalUsedStorageMb"] == vm["JournalHardLimit"]["LimitValue"]


async def test_a_test_that_is_overdue_is_missing_everywhere() -> None:
    clock = Clock()
    estate = quiet(100, clock=clock)
    async with serving(estate, clock=clock, **LONG) as zvm:
        tested = {vpg["VpgIdentifier"]: vpg["LastTest"] for vpg in estate.vpgs() if vpg["LastTest"]}
        estate.start_incident("test-overdue")
        for identifier, before in tested.items():
            assert (await vpg_of(zvm, identifier))["LastTest"] < "2023-05" < before
        reports = await zvm.rows("/v1/reports/recovery", recoveryType="FailoverTest")
        newest = {report["General"]["VpgIdentifier"]: report["General"]["StartTime"] for report in reversed(reports)}
        assert newest == {identifier: (await vpg_of(zvm, identifier))["LastTest"] for identifier in tested}
        one = next(iter(tested))
        await run(zvm, one, "FailoverTest")
        assert (await vpg_of(zvm, one))["LastTest"] > "2023-11-15"
        assert clock.now > NOON
