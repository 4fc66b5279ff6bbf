"""What real ZVMs send that is easily misread, from their answers over TLS to the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, zvm_config

from exporter.collectors import vms, vpgs
from exporter.simulator import Estate, Fault, Simulator

Export = Callable[..., Awaitable[Running]]
Records = list[dict[str, Any]]


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(Estate("nyc", vms=6, seed=1, incidents=False), auth="session")
    return started


@pytest.fixture
def polled(sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path) -> Callable[[], Awaitable[Page]]:
    """Return the page of an exporter that has polled the ZVM once."""

    async def poll() -> Page:
        running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "vpgs"))])
        await clock.idle(1)
        return await running.page()

    return poll


def answering(change: Callable[[Records], Any]) -> Fault:
    """Return what makes the ZVM send the records as *change* returns them."""
    return Fault("answering", mutate=change)


def sending(*values: dict[str, Any]) -> Fault:
    """Return what makes the ZVM send a record for each of *values*, which go over what it has otherwise."""

    def change(records: Records) -> Records:
        return [
            records[0] | {"VmIdentifier": f"vm-{n}", "VpgIdentifier": f"vpg-{n}", "VmName": f"{n}"} | value
            for n, value in enumerate(values)
        ]

    return answering(change)


async def test_an_rpo_that_is_not_calculated_is_none_at_all(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    """As in Zerto's own interface, 0 and less and 3,955,710 and more stand for that; it is no invalid value."""
    sent = (1, 0, 3_955_709, 3_955_710, 4_955_710, -50, -1, 0.0, 0.5)
    for path in (vms.PATH, vpgs.PATH):
        sim.faults.set(path, sending(*({"ActualRPO": rpo} for rpo in sent)))
    page = await polled()
    for of in ("vm", "vpg"):
        assert len(page.all(f"zerto_{of}_info")) == len(sent)
        known = {labels["vpg_id"]: value for labels, value in page.all(f"zerto_{of}_actual_rpo_seconds")}
        assert known == {"vpg-0": 1, "vpg-2": 3_955_709, "vpg-8": 0.5}
    assert set(page.values("zerto_exporter_invalid_values_total")) == {0}


async def test_a_vpg_that_is_initialized_has_no_perfect_rpo(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    sim.estate.start_incident("initial_sync")
    page = await polled()
    assert page.values("zerto_vpg_state", status="Initializing")
    assert page.values("zerto_vpg_actual_rpo_seconds") == page.values("zerto_vm_actual_rpo_seconds") == []


async def test_a_vpg_whose_protected_site_is_gone_says_so_by_its_substatus(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    sim.estate.start_incident("recovery_possible")
    page = await polled()
    for of in ("vm", "vpg"):
        states = {(labels["status"], labels["substatus"]) for labels, _ in page.all(f"zerto_{of}_state")}
        assert states == {("MeetingSLA", "RecoveryPossible")}
