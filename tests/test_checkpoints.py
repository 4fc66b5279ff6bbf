"""Checkpoints: one request for each VPG, within a budget, in turns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import checkpoints, vpgs
from exporter.config import Options
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("vpgs", "checkpoints")


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(Estate("nyc", vms=40, seed=1, incidents=False), auth="session")
    return started


def asked(sim: Simulator) -> list[str]:
    return [one.path for one in sim.requests if one.path.endswith("/checkpoints/stats")]


async def test_each_vpg_has_the_ends_of_its_journal_and_is_named_as_the_vpgs_are(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    known = {(of["role"], of["vpg"], of["vpg_id"]) for of, _ in page.all("zerto_vpg_info")}
    newest = page.all("zerto_vpg_newest_checkpoint_timestamp_seconds")
    assert {(of["role"], of["vpg"], of["vpg_id"]) for of, _ in newest} == known
    for of, value in newest:
        assert value >= page.value("zerto_vpg_oldest_checkpoint_timestamp_seconds", vpg_id=of["vpg_id"])
    assert page.value("zerto_collector_objects", collector="checkpoints") == len(known)
    assert page.value("zerto_collector_objects_fresh", collector="checkpoints") == len(known)
    # Whatever the number of VPGs, it is one endpoint.
    assert page.value("zerto_exporter_api_requests_total", endpoint=checkpoints.ENDPOINT, code="200") == len(known)


async def test_all_have_their_turn_within_the_budget_and_what_is_known_stays(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    budget = {"checkpoints": Options(requests_per_poll=3)}
    with capture_logs() as lines:
        running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS, options=budget)])
        await clock.idle(1)
        page = await running.page()
        objects = int(page.value("zerto_collector_objects"))
        assert objects > 3
        assert (len(asked(sim)), page.value("zerto_collector_objects_fresh")) == (3, 3)
        rounds = -(-objects // 3)
        while len(asked(sim)) < 3 * rounds:
            await clock.advance(300)
    assert set(asked(sim)[:objects]) == set(asked(sim))
    page = await running.page()
    assert page.value("zerto_collector_objects_fresh") == objects
    assert len(page.values("zerto_vpg_newest_checkpoint_timestamp_seconds")) == objects
    (slow,) = [line for line in lines if "round takes longer" in line["event"]]
    assert slow["round_seconds"] == 300 * rounds


async def test_a_vpg_that_goes_takes_its_samples_along(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    gone = (await running.page()).all("zerto_vpg_info")[0][0]["vpg_id"]
    sim.estate.remove_vpg(gone)
    await clock.advance(600)
    page = await running.page()
    assert not page.values("zerto_vpg_newest_checkpoint_timestamp_seconds", vpg_id=gone)
    assert page.values("zerto_vpg_newest_checkpoint_timestamp_seconds")


async def test_one_that_fails_costs_itself_and_all_that_fail_the_poll(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set("/v1/vpgs/", faults.truncated(), times=3)  # two of them hit the lists of names
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="checkpoints") == 1
    assert page.value("zerto_exporter_invalid_records_total", collector="checkpoints") == 1
    assert page.value("zerto_collector_objects_fresh") == page.value("zerto_collector_objects") - 1
    sim.faults.set("/v1/vpgs/", faults.status(500))
    await clock.advance(600)
    page = await running.page()
    assert page.value("zerto_collector_success", collector="checkpoints") == 0
    assert page.values("zerto_vpg_newest_checkpoint_timestamp_seconds")
    assert page.value("zerto_collector_success", collector=vpgs.COLLECTOR.name) == 1


async def test_a_zvm_that_does_not_have_them_is_asked_again_in_an_hour(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set("/v1/vpgs/", faults.status(404))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS, interval=300.0)])
    await clock.idle(1)
    before = len(asked(sim))
    await clock.advance(3000)
    assert len(asked(sim)) == before
    page = await running.page()
    assert page.value("zerto_collector_supported", collector="checkpoints") == 0
    await clock.advance(700)
    assert len(asked(sim)) == 2 * before
