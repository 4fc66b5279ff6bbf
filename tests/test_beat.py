"""What a ZVM is asked by all collectors together: how often, and that the fast ones keep their beat meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from structlog.testing import capture_logs
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import ALL, BY_NAME, statistics, tasks, vms, vpgs
from exporter.config import Options
from exporter.polling.pace import Pace
from exporter.simulator import Estate, Fault, Simulator, faults

Export = Callable[..., Awaitable[Running]]

STANDARD = tuple(collector.name for collector in ALL if collector.standard)
FAST = (vms.PATH, vpgs.PATH, statistics.PATH)
BY_OBJECT = ("/checkpoints/stats", "/pointsInTime/stats")
LATEST_SECONDS = 20.0  # until a request that never comes is given up
GOLDEN_RATIO = (5**0.5 - 1) / 2  # by whose multiples the polls of collectors are spread
LOGINS = ("/v1/session", "/auth/")
NAMES = ("statuses", "types", "entities")  # lists that are asked for once a login


def asked(sim: Simulator) -> list[str]:
    """Return the paths that were asked for; logins and lists of names do not count."""
    paths = [request.path for request in sim.requests]
    return [path for path in paths if not path.startswith(LOGINS) and not path.endswith(NAMES)]


async def test_a_zvm_gets_at_most_16_requests_a_minute(simulate: Simulate, export: Export, clock: DrivenClock) -> None:
    """At the defaults, in the steady state; those by object come on top, where they are asked for, within their budget.

    A minute is any two intervals that follow one another.
    """
    sim = await simulate(Estate("nyc", vms=8, seed=1, local=True, changing=0), auth="session", tls=False)
    options = dict.fromkeys(("checkpoints", "points_in_time"), Options(requests_per_poll=1))
    assert not any(BY_NAME[name].standard for name in options)
    with capture_logs():
        await export([zvm_config(sim, collectors=(*STANDARD, *options), options=options)])
        await clock.idle(1)
        await clock.advance(120)
        counts, by_object = [], []
        for _ in range(62):
            sim.requests.clear()
            await clock.advance(30)
            paths = asked(sim)
            by_object.append(sum(path.endswith(BY_OBJECT) for path in paths))
            counts.append(len(paths) - by_object[-1])
    assert max(one + other for one, other in pairwise(counts)) <= 16
    assert 13 <= sum(counts) / 31 <= 14
    assert 7 <= sum(by_object) <= 10
    assert max(by_object) <= 2


@pytest.mark.parametrize("begun", range(8))
def test_turns_are_spread_so_that_no_minute_has_more_than_ten_requests(begun: int) -> None:
    """For a day, wherever the collectors begin; each comes within half of its interval."""
    slow = [(300, 2), (60, 1), (60, 1), (60, 1), (60, 1), (3600, 1), (300, 1), (120, 5), (900, 3), (900, 2), (900, 2)]
    due = [
        (interval * (turn - (begun + place) * GOLDEN_RATIO % 1), place, interval, requests)
        for place, (interval, requests) in enumerate(slow)
        for turn in range(1, 86_400 // interval)
    ]
    pace, taken = Pace(), list[tuple[float, int]]()
    for time, place, interval, requests in sorted(due):
        wait = pace.wait(str(place), time, requests, interval)
        assert 0 <= wait <= min(interval / 2, 120)
        assert wait == 0 or interval > 60
        taken.append((time + wait, requests))
    taken.sort()
    for at, (begin, _) in enumerate(taken):
        minute = [requests for time, requests in taken[at : at + 20] if time < begin + 59.99]
        assert sum(minute) <= 10


def test_more_than_fits_in_a_minute_is_asked_all_the_same() -> None:
    pace = Pace()
    waits = [pace.wait("a", 90.0 * turn, 30, 90.0) for turn in range(5) for _ in range(3)]
    assert max(waits) <= 45


@pytest.mark.parametrize("most", [4, 1])
async def test_the_fast_ones_keep_their_beat_while_all_others_hang_or_send_very_much(
    simulate: Simulate, export: Export, clock: DrivenClock, most: int
) -> None:
    """Within a second: though each other path begins to answer and does not end, and one brings 10 MB."""
    sim = await simulate(Estate("nyc", vms=60, seed=1, local=True), auth="session", tls=False)
    running = await export([zvm_config(sim, collectors=STANDARD, max_requests=most)])
    await clock.idle(1)
    gate = asyncio.Event()
    for path in {f"/{request.path.strip('/')}" for request in sim.requests} - {*FAST, *NAMES}:
        sim.faults.set(path, faults.slow(gate=gate))
    sim.faults.set(tasks.PATH, Fault("much", mutate=lambda documents: [documents[0]] * (10_000_000 // 900)), times=2)
    for path in FAST:
        sim.faults.clear(path)
    others = sum(path not in FAST for path in asked(sim))
    late = []
    loop = asyncio.get_running_loop()
    for tick in range(2, 34):
        moved = loop.time()
        clock.move(30)
        for path in FAST:
            async with asyncio.timeout(LATEST_SECONDS):
                while sum(request.path == path for request in sim.requests) < tick:
                    await sim.arrived(sum(one.path.startswith(path) for one in sim.requests) + 1, path)
        late.append(loop.time() - moved)
        for name in ("vms", "vpgs", "statistics"):
            await clock.rests(f"poll nyc {name}")
    ended, hanging = 2, max(most // 2, 1)
    assert sum(path not in FAST for path in asked(sim)) <= others + ended + hanging
    gate.set()
    await clock.idle(1)
    page = await running.page()
    assert max(late) < 1
    for name in ("vms", "vpgs", "statistics"):
        assert page.value("zerto_exporter_polls_total", collector=name, outcome="success") == 33
        assert page.value("zerto_exporter_polls_skipped_total", collector=name) == 0


async def test_of_a_zvm_that_may_get_one_request_the_fast_ones_ask_one_after_the_other(
    simulate: Simulate, export: Export, clock: DrivenClock
) -> None:
    sim = await simulate(Estate("nyc", vms=8, seed=1), auth="session", tls=False)
    gates = {path: asyncio.Event() for path in FAST}
    for path, gate in gates.items():
        sim.faults.set(path, faults.slow(chunk=10, gate=gate))
    await export([zvm_config(sim, collectors=STANDARD, max_requests=1)])
    async with asyncio.timeout(LATEST_SECONDS):
        for count in range(1, len(FAST) + 1):
            while len(begun := [path for path in asked(sim) if path in FAST]) < count:
                await sim.arrived(len(sim.requests) + 1, "/")
            for _ in range(50):  # what was sent besides would have come by then
                await asyncio.sleep(0)
            assert len([path for path in asked(sim) if path in FAST]) == count
            gates[begun[-1]].set()
    await clock.idle(1)
