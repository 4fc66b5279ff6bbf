"""Sessions of file-level restore: counted by their state, and nothing else is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from answering import Answering
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import file_restores
from exporter.collectors.file_restores import Sessions
from exporter.collectors.names import OTHER, Names
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]


@pytest.mark.parametrize(
    ("sessions", "counts"),
    [
        ([], {}),
        ([{"FlrSessionStatus": "MountReady"}, {"flrsessionstatus": "MountReady"}], {"MountReady": 2}),
        ([{"FlrSessionStatus": None}, {}, {"FlrSessionStatus": 3}], {"": 2, "Unknown(3)": 1}),
        ([{"FlrSessionStatus": "Mounting"}, {"FlrSessionStatus": "files of Jane Doe"}], {"Mounting": 1, OTHER: 1}),
        ([{"FlrSessionStatus": f"State{n}"} for n in range(99)], {OTHER: 89}),
    ],
    ids=["none", "two", "no status", "a new one and a sentence", "ever new ones"],
)
async def test_they_are_counted_by_state(sessions: list[object], counts: dict[str, int]) -> None:
    rows = (await file_restores.begin(Answering(lambda *_: sessions))()).rows
    found = {row.status: row.count for row in rows}
    assert sum(found.values()) == len(sessions)
    assert found | counts == found
    assert found.keys() >= set(file_restores.STATUSES)
    assert file_restores.TABLE.metrics[0].value(Sessions("MountReady", 2)) == 2


def test_a_name_stays_what_it_was_when_others_are_too_many() -> None:
    names = Names(2)
    assert [names(name) for name in ("One", "", "Two", "Three", "One", "two words")] == [
        "One",
        "",
        "Two",
        OTHER,
        "One",
        OTHER,
    ]


async def test_an_answer_of_the_zvm_in_both_forms_and_a_wrong_one(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    clock.now = 1_700_000_000.0 + 46_800  # daytime
    sim: Simulator = await simulate(Estate("nyc", vms=60, seed=1, clock=clock.wall, incidents=False), auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vpgs", "file_restores"), interval=1800.0)])
    await clock.idle(1)
    assert (await running.page()).value("zerto_file_restores", status="MountReady") == 2
    sim.faults.set(file_restores.PATH, faults.xml())
    await clock.advance(1800)
    assert (await running.page()).value("zerto_file_restores", status="MountReady") == 2
    sim.faults.set(file_restores.PATH, faults.wrong_shape())
    await clock.advance(1800)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="file_restores") == 0
    sim.faults.clear()
    await clock.advance(12 * 3600)
    page = await running.page()
    assert sum(page.values("zerto_file_restores")) == 0
    assert len(page.values("zerto_file_restores")) == len(file_restores.STATUSES)
