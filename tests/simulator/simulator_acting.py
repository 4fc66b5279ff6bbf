"""What tests that act out a disaster have in common: two sites, POSTs, and what is seen of a VPG and of a task."""

from typing import Any

from simulator_serving import Clock, Zvm

from exporter.simulator import Estate, pair

LONG: dict[str, Any] = {"token_lifetime": 1e6, "refresh_lifetime": 1e6, "control": True}
"""Logins that outlive the test, and the control surface."""

IDLE = ("MeetingSLA", "None", None)
IN_TEST = ("MeetingSLA", "None", "InTest")
Row = dict[str, Any]


def sites(clock: Clock, **traits: Any) -> tuple[Estate, Estate]:
    return pair(("nyc", 60), ("lon", 30), seed=4, clock=clock, local=True, incidents=False, **traits)


async def post(zvm: Zvm, path: str, body: Any = None) -> Any:
    """What a POST that has to be taken is answered."""
    answer = await zvm.ask("POST", path, **({} if body is None else {"json": body}))
    assert answer.status == 200, answer.body
    return answer.json()


async def vpg_of(zvm: Zvm, vpg: str) -> Row:
    found: Row = (await zvm.get(f"/v1/vpgs/{vpg}")).json()
    return found


async def look(zvm: Zvm, vpg: str) -> tuple[str, str, str | None]:
    found = await vpg_of(zvm, vpg)
    running = found["ActiveProcessesApi"]["RunningFailOverTestApi"]
    return found["StatusDescription"], found["SubStatusDescription"], running and running["Stage"]


async def task_of(zvm: Zvm, task: str) -> Row:
    found: Row = (await zvm.get(f"/v1/tasks/{task}")).json()
    return found


async def run(zvm: Zvm, vpg: str, name: str) -> str:
    """Begin an operation and let its task end; gives the task."""
    task: str = await post(zvm, f"/v1/vpgs/{vpg}/{name}", {})
    begun = zvm.clock.now
    while (await task_of(zvm, task))["Completed"] is None:
        zvm.clock.now += 5
    assert 0 < zvm.clock.now - begun < 300
    return task
