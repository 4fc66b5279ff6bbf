"""Tasks: counted by type and state, of a day; what runs longest; and never one by itself."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from answering import Answering
from support import DrivenClock, Page, Running, Simulate, plain, zvm_config

from exporter.collectors import tasks
from exporter.collectors.names import OTHER
from exporter.prometheus.table import Table
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]

NOON = 1_700_000_000.0
T = "2023-11-14T22:13:{:02}Z"  # its second 20 is NOON


def task(kind: object, state: object, started: object = None, completed: object = None) -> dict[str, Any]:
    return {"Type": kind, "Status": {"State": state}, "Started": started, "Completed": completed}


async def page(*answered: dict[str, Any], listed: tuple[str, ...] = ()) -> Page:
    source = Answering(lambda *_: list(answered), NOON)
    source.listed = listed
    decoded = await tasks.begin(source)()
    assert not decoded.lost
    assert source.asked == [(tasks.PATH, {"startedAfterDate": "2023-11-13T22:13:20.000Z"})]
    tables: tuple[Table[Any], ...] = (tasks.BY_STATE, tasks.BY_TYPE)
    blocks = [block for table in tables for block in table.render({}, decoded.rows).blocks]
    return Page(plain(part for block in blocks for part in block.parts).decode())


async def test_they_are_counted_and_the_ends_of_their_times_told() -> None:
    shown = await page(
        task("FailOverTest", 1, T.format(22)),
        task("FailOverTest", 3, "/Date(1700000001000+0200)/"),
        task("FailOverTest", 6, T.format(10), T.format(15)),
        task("FailOverTest", 6, T.format(12), T.format(13)),
        task("FailOverTest", 4, T.format(12), T.format(14)),
        task("Move", "Completed", T.format(12), T.format(16)),
    )
    counts = {(of["type"], of["state"]): value for of, value in shown.all("zerto_tasks")}
    assert counts == {
        ("FailOverTest", "InProgress"): 1,
        ("FailOverTest", "Paused"): 1,
        ("FailOverTest", "Completed"): 2,
        ("FailOverTest", "Failed"): 1,
        ("Move", "Completed"): 1,
    }
    assert shown.all("zerto_task_oldest_running_timestamp_seconds") == [({"type": "FailOverTest"}, NOON + 1)]
    ended = {(of["type"], of["state"]): at for of, at in shown.all("zerto_task_last_completed_timestamp_seconds")}
    assert ended == {
        ("FailOverTest", "Completed"): NOON - 5,
        ("FailOverTest", "Failed"): NOON - 6,
        ("Move", "Completed"): NOON - 4,
    }


@pytest.mark.parametrize("record", [{}, {"Type": None, "Status": None}, task(None, None), task("", "")])
async def test_null_is_no_time_and_no_name(record: dict[str, Any]) -> None:
    shown = await page(record)
    assert shown.value("zerto_tasks", type="", state="") == 1
    assert len(shown.samples) == 1


@pytest.mark.parametrize(
    ("record", "labels"),
    [
        (task("failovertest", 6), ("FailOverTest", "Completed")),  # as the ZVM's list spells it
        (task(1, 6), ("FailOverTest", "Completed")),
        (task("BrandNew", 17), ("BrandNew", "Unknown(17)")),
        (task("Move of Jane's VM", "a text"), (OTHER, OTHER)),
    ],
)
async def test_types_and_states_are_of_closed_sets(record: dict[str, Any], labels: tuple[str, str]) -> None:
    shown = await page(record, listed=("Move", "FailOverTest"))
    assert [(of["type"], of["state"]) for of, _ in shown.all("zerto_tasks")] == [labels]


async def test_ever_new_types_and_states_are_one_in_the_end() -> None:
    shown = await page(*(task(f"Type{number}", 6) for number in range(500)))
    assert len(shown.values("zerto_tasks")) == 257
    assert shown.value("zerto_tasks", type=OTHER) == 500 - 256


async def test_a_text_that_is_no_date_is_no_time_beside_one_that_is() -> None:
    shown = await page(task("Move", 6, None, "yesterday"), task("Move", 6, None, T.format(12)))
    assert shown.value("zerto_task_last_completed_timestamp_seconds") == NOON - 8


async def test_what_a_zvm_tells_in_both_forms_and_what_it_does_not_have(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    clock.now = NOON
    estate = Estate("nyc", vms=30, seed=1, clock=clock.wall, incidents=False)
    estate.start_incident("failover_test", estate.vpgs()[0]["VpgName"])
    sim: Simulator = await simulate(estate, auth="session")
    other: Simulator = await simulate(auth="session")
    other.faults.set(tasks.PATH, faults.status(404))
    collectors = ("vpgs", "tasks")
    zvms = [zvm_config(sim, ca_file=ca_file, collectors=collectors)]
    zvms.append(zvm_config(other, "other", ca_file=ca_file, collectors=collectors))
    running = await export(zvms)
    await clock.idle(2)
    page = await running.page()
    assert page.value("zerto_task_oldest_running_timestamp_seconds", type="FailOverTest") == NOON
    assert page.value("zerto_tasks", type="FailOverTest", state="InProgress") == 1
    assert page.value("zerto_collector_supported", zvm="other", collector="tasks") == 0
    before = page.values("zerto_tasks", zvm="nyc", type="FailOverTest", state="Completed")
    sim.faults.set(tasks.PATH, faults.xml())
    await clock.advance(60)
    page = await running.page()
    assert page.value("zerto_tasks", zvm="nyc", type="FailOverTest", state="Completed") == sum(before) + 1
    assert not page.values("zerto_task_oldest_running_timestamp_seconds")
    assert page.value("zerto_collector_success", zvm="nyc", collector="tasks") == 1
    identifiers = {one["TaskIdentifier"] for one in await answered(sim)}
    assert identifiers
    assert not any(identifier.split(".")[0] in page.text for identifier in identifiers)
    sim.faults.set(tasks.PATH, faults.wrong_shape())
    await clock.advance(60)
    page = await running.page()
    assert page.value("zerto_collector_success", zvm="nyc", collector="tasks") == 0
    assert page.value("zerto_up", zvm="nyc") == 1


async def answered(sim: Simulator) -> list[dict[str, Any]]:
    payload = await sim._api.answer(tasks.PATH, {}, "application/json", None)
    found: list[dict[str, Any]] = json.loads(payload.body)
    return found
