"""Jobs: each collector of a ZVM has its own beat, its own end and its own room, whatever the others do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from structlog.testing import capture_logs
from support import DrivenClock, Page, Running, Simulate, plain, zvm_config

from exporter.collectors import license as license_of
from exporter.collectors import vms, vpgs, vras
from exporter.collectors.base import Collector, Fetch, Source, UnsupportedError
from exporter.polling.poller import POLL_OUTCOMES, Poller
from exporter.polling.selection import own_series
from exporter.prometheus.store import Store
from exporter.prometheus.table import NONE, Metric, Table
from exporter.prometheus.telemetry import Telemetry
from exporter.simulator import Simulator, faults
from exporter.zvm.decode.rows import Decoded

Export = Callable[..., Awaitable[Running]]
ALL = ("vms", "vpgs", "vras", "license")


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(auth="session")
    return started


def polls(sim: Simulator, path: str) -> int:
    return sum(request.path == path for request in sim.requests)


async def test_each_collector_keeps_its_own_interval(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """Those that are slower come a little early the first time, and then to the second."""
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=ALL, intervals={"vpgs": 120.0})])
    await clock.idle(1)
    assert [polls(sim, path) for path in (vms.PATH, vpgs.PATH, vras.PATH, license_of.PATH)] == [1, 1, 1, 1]
    await clock.advance(3600)
    vms_polls, vpgs_polls, vras_polls, license_polls = (
        polls(sim, path) for path in (vms.PATH, vpgs.PATH, vras.PATH, license_of.PATH)
    )
    assert vms_polls == 1 + 120
    assert vpgs_polls in {1 + 30, 2 + 30}
    assert vras_polls in {1 + 60, 2 + 60}
    assert license_polls in {2, 3}
    page = await running.page()
    seconds = {of["collector"]: value for of, value in page.all("zerto_collector_interval_seconds")}
    assert seconds == {"vms": 30, "vpgs": 120, "vras": 60, "license": 3600}
    assert set(page.values("zerto_exporter_polls_skipped_total")) == {0}


@pytest.mark.parametrize("path", [vras.PATH, license_of.PATH, vpgs.PATH])
async def test_one_that_hangs_moves_the_beat_of_no_other(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, path: str
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "vpgs", "vras", "license"))])
    await clock.idle(1)
    sim.faults.set(path, faults.hang())
    for count in range(2, 22):
        clock.move(30)
        await clock.rests("poll nyc vms")
        assert polls(sim, vms.PATH) == count
    page = await running.page()
    assert page.value("zerto_up") == 1
    assert page.value("zerto_exporter_polls_skipped_total", collector="vms") == 0


async def test_slow_ones_begin_when_the_fast_ones_have_ended(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    gate = asyncio.Event()
    sim.faults.set(vpgs.PATH, faults.slow(gate=gate), times=1)
    await export([zvm_config(sim, ca_file=ca_file, collectors=ALL)])
    await sim.arrived(1, vms.PATH)
    await sim.arrived(1, vpgs.PATH)
    assert polls(sim, vras.PATH) == polls(sim, license_of.PATH) == 0
    gate.set()
    await clock.idle(1)
    assert polls(sim, vras.PATH) == polls(sim, license_of.PATH) == 1


@pytest.mark.parametrize("code", [403, 404, 405, 501])
async def test_what_a_zvm_does_not_have_makes_nothing_red(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, code: int
) -> None:
    """It is told once, in grey, asked again in an hour, and there at once when the ZVM has it."""
    sim.faults.set(license_of.PATH, faults.status(code))
    with capture_logs() as lines:
        running = await export([zvm_config(sim, ca_file=ca_file, collectors=ALL, interval=300.0)])
        await clock.idle(1)
        await clock.advance(3500)
        assert polls(sim, license_of.PATH) == 1
        page = await running.page()
        assert page.value("zerto_collector_supported", collector="license") == 0
        assert page.value("zerto_collector_success", collector="license") == 1
        assert page.value("zerto_exporter_polls_total", collector="license", outcome="unsupported") == 1
        assert page.value("zerto_up") == 1
        (status,) = running.exporter.poller.statuses()
        assert status.failure is None
        _, landing = await running.get("/")
        assert "degraded" not in landing.replace("--degraded", "").split("</style>")[1]
        assert "not supported by this ZVM, or not for this user: license<" in landing
        sim.faults.clear()
        await clock.advance(200)
    page = await running.page()
    assert polls(sim, license_of.PATH) == 2
    assert page.value("zerto_collector_supported", collector="license") == 1
    assert page.values("zerto_license_max_vms")
    assert [line["event"] for line in lines if line.get("collector") == "license"] == [
        "not supported by the ZVM: asked again in an hour",
        "collector works",
    ]
    assert not [line for line in lines if line["log_level"] in {"warning", "error"}]


async def test_what_was_there_and_is_not_any_more_takes_its_samples_along(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "vras"))])
    await clock.idle(1)
    assert (await running.page()).values("zerto_vra_info")
    sim.faults.set(vras.PATH, faults.status(403))
    await clock.advance(120)
    page = await running.page()
    assert not page.values("zerto_vra_info")
    assert page.value("zerto_exporter_series", collector="vras") == 0


@pytest.mark.parametrize("path", [vms.PATH, vpgs.PATH])
async def test_without_vms_or_vpgs_a_zvm_fails(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, path: str
) -> None:
    sim.faults.set(path, faults.status(403))
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    page = await running.page()
    name = path.rpartition("/")[2]
    assert page.value("zerto_collector_success", collector=name) == 0
    assert page.value("zerto_collector_supported", collector=name) == 1


async def test_a_reload_asks_at_once_for_what_was_not_supported(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set(license_of.PATH, faults.status(403), times=1)
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=ALL)])
    await clock.idle(1)
    await running.exporter.reload()
    await sim.arrived(2, license_of.PATH)
    await clock.idle(1)
    assert (await running.page()).value("zerto_collector_supported", collector="license") == 1


async def test_samples_of_a_slow_collector_last_three_of_its_intervals(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "license"), interval=300.0)])
    await clock.idle(1)
    await clock.advance(3600)
    sim.faults.set(license_of.PATH, faults.status(500))
    good = (await running.page()).value("zerto_collector_last_success_timestamp_seconds", collector="license")
    await clock.advance(good + 3 * 3600 - 1 - clock.now)
    assert (await running.page()).values("zerto_license_max_vms")
    await clock.advance(2)
    assert not (await running.page()).values("zerto_license_max_vms")


async def test_a_dead_zvm_has_one_line_in_the_log(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    await export([zvm_config(sim, ca_file=ca_file, collectors=ALL)])
    await clock.idle(1)
    await sim.stop()
    with capture_logs() as lines:
        await clock.advance(600)
    assert [line["event"] for line in lines if line["log_level"] == "warning" and "reason" in line] == ["ZVM is down"]


class Wire(Struct):
    name: str


def counted(name: str, counts: dict[str, int]) -> Collector[Wire]:
    """Return a collector that yields to nobody and whose ZVM has as many records as *counts* says."""

    def begin(_source: Source) -> Fetch[Wire]:
        async def fetch() -> Decoded[Wire]:
            await asyncio.sleep(0)
            if counts[name] < 0:
                raise UnsupportedError(f"{name} is switched off")
            return Decoded([Wire(f"{name}-{number:03}") for number in range(counts[name])])

        return fetch

    table: Table[Wire] = Table({"one": lambda row: row.name}, Metric(f"zerto_{name}", "One.", "x", NONE, lambda _: 1))
    return Collector(name, name, f"/v1/{name}", (table,), begin)


async def test_three_that_yield_to_nobody_never_pass_max_series_while_they_poll(
    sim: Simulator, clock: DrivenClock, ca_file: Path
) -> None:
    """Polled by their own tasks, all at once, however they grow; each has its room by its turn, and none waits."""
    counts = {"a": 30, "b": 30, "c": 30}
    known = {name: counted(name, counts) for name in counts}
    store = Store({name: one.tables for name, one in known.items()}, monotonic=clock.monotonic)
    telemetry = Telemetry("1", poll_outcomes=POLL_OUTCOMES, login_outcomes=(), series=lambda *_: 0, process=False)
    most = own_series(list(known.values())) + 50
    seen: list[int] = []
    store.follow(lambda _: seen.append(len(Page(plain(store.page()).decode()).samples)))
    poller = Poller(store, telemetry, clock=clock, collectors=known)
    poller.reconfigure([zvm_config(sim, ca_file=ca_file, max_series=most, collectors=tuple(counts))])
    poller.start()
    try:
        await clock.idle(1)
        for grown, served in (
            ({}, [30, 20, 0]),
            ({"a": 10}, [10, 30, 10]),
            ({"a": 45, "b": 2}, [45, 2, 3]),
            ({"a": -1}, [0, 2, 30]),
            ({"b": 20, "c": 100}, [0, 20, 30]),
        ):
            counts.update(grown)
            await clock.advance(180)
            assert [store.series("nyc", name) for name in counts] == served
        assert max(seen) <= most
    finally:
        await poller.stop()


async def test_a_collector_that_asks_by_object_says_so(sim: Simulator, clock: DrivenClock, ca_file: Path) -> None:
    """Else its requests would have no budget: that is a mistake of ours, and it fails loudly."""

    def begin(source: Source) -> Fetch[Wire]:
        async def fetch() -> Decoded[Wire]:
            return await source.each([1, 2], str, _never)

        return fetch

    one: Collector[Wire] = Collector("a", "a", "/v1/a/{id}", counted("a", {}).tables, begin)
    store = Store({"a": one.tables}, monotonic=clock.monotonic)
    telemetry = Telemetry("1", poll_outcomes=POLL_OUTCOMES, login_outcomes=(), series=lambda *_: 0, process=False)
    poller = Poller(store, telemetry, clock=clock, collectors={"a": one})
    poller.reconfigure([zvm_config(sim, ca_file=ca_file, collectors=("a",))])
    await poller.once()
    (status,) = poller.statuses()
    assert (status.outcomes[0].reason, "by_object" in status.outcomes[0].error) == ("bug", True)
    await poller.stop()


async def _never(_one: Any) -> Decoded[Wire]:
    raise AssertionError("it was asked")
