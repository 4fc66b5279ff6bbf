"""How much is asked and read at once: per ZVM, over all ZVMs, and that a slow one takes nobody's place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
from support import DrivenClock, Recorder, Running, Simulate, zvm_config

from exporter.collectors import vms
from exporter.collectors.vms import Vm
from exporter.simulator import Estate, Simulator, faults
from exporter.threads import in_large_thread
from exporter.zvm import slots as module
from exporter.zvm.client import Zvm
from exporter.zvm.decode.json_array import Buffer
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.decode.terms import StoppedError, Terms
from exporter.zvm.errors import DecodeError
from exporter.zvm.slots import Slot, Slots

_USUAL = Terms()
_LATEST_SECONDS = 30.0
Result = TypeVar("Result")
Export = Callable[..., Awaitable[Running]]


async def soon(awaited: Awaitable[Result]) -> Result:
    """Return what is *awaited*, which takes no time to speak of: where the code is wrong, it would never come."""
    async with asyncio.timeout(_LATEST_SECONDS):
        return await awaited


async def settled() -> None:
    """Let every task go on as far as it can without the network."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_never_more_than_the_most_have_a_place_and_all_come_in_turn() -> None:
    slots, order = Slots(3), []

    async def answer(number: int) -> None:
        async with slots.one() as slot:
            await slot.begins()
            order.append(number)
            assert slots.taken <= 3
            await asyncio.sleep(0)
            await slot.read()
            assert slots.taken <= 3

    await asyncio.gather(*(answer(number) for number in range(20)))
    assert order == list(range(20))
    assert slots.taken == 0


async def test_who_is_cancelled_leaves_no_place_behind() -> None:
    """While waiting, in the moment in which the place is given, and while having it."""
    slots = Slots(1)

    async def answer() -> None:
        async with slots.one() as slot:
            await slot.begins()
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(answer()) for _ in range(4)]
    await settled()
    assert slots.taken == 1
    tasks[1].cancel()
    await settled()
    tasks[0].cancel()
    tasks[2].cancel()
    await settled()
    assert [task.done() for task in tasks] == [True, True, True, False]
    assert slots.taken == 1
    tasks[3].cancel()
    await asyncio.wait(tasks)
    assert slots.taken == 0


async def test_a_place_that_is_given_to_one_who_is_cancelled_goes_to_the_next() -> None:
    slots = Slots(1)
    first = slots.one()
    await first.begins()
    second = asyncio.create_task(slots.take())
    third = asyncio.create_task(slots.take())
    await settled()
    await first.__aexit__(None, None, None)
    second.cancel()
    await settled()
    assert (second.cancelled(), third.done(), slots.taken) == (True, True, 1)


async def test_more_places_let_those_in_who_wait_and_fewer_take_nobodys() -> None:
    slots = Slots(1)
    waiting = [asyncio.create_task(slots.take()) for _ in range(4)]
    await settled()
    assert sum(task.done() for task in waiting) == 1
    slots.resize(3)
    await settled()
    assert sum(task.done() for task in waiting) == 3
    slots.resize(1)
    assert slots.taken == 3
    for _ in range(3):
        slots.give()
    await settled()
    assert all(task.done() for task in waiting)
    assert slots.taken == 1


async def test_a_zvm_is_not_asked_more_at_once_than_it_may_be(simulate: Simulate, ca_file: Path) -> None:
    """And whoever waits for that is not out of time."""
    sim: Simulator = await simulate(auth="session")
    gate = asyncio.Event()
    sim.faults.set(vms.PATH, faults.slow(chunk=100, gate=gate))
    zvm = Zvm(zvm_config(sim, ca_file=ca_file, max_requests=2, timeout=5.0), Recorder())
    asked = [asyncio.create_task(zvm.get(vms.PATH, vms.DECODER)) for _ in range(4)]
    await sim.arrived(2)
    await settled()
    assert sum(request.path == vms.PATH for request in sim.requests) == 2
    gate.set()
    for decoded in await asyncio.gather(*asked):
        assert len(decoded.rows) == 5
    await zvm.close()


@pytest.fixture
async def slow(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(Estate("nyc", vms=5, seed=1), auth="session")
    return started


@pytest.fixture
async def quick(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(Estate("lon", vms=5, seed=2), auth="session")
    return started


async def test_a_zvm_that_does_not_begin_to_answer_takes_no_place(
    slow: Simulator, quick: Simulator, ca_file: Path
) -> None:
    slots = Slots(1)
    slow.faults.set(vms.PATH, faults.hang())
    hanging = Zvm(zvm_config(slow, ca_file=ca_file), Recorder(), slots=slots)
    other = Zvm(zvm_config(quick, ca_file=ca_file), Recorder(), slots=slots)
    waits = asyncio.create_task(hanging.get(vms.PATH, vms.DECODER))
    await slow.arrived()
    assert len((await soon(other.get(vms.PATH, vms.DECODER))).rows) == 5
    waits.cancel()
    await asyncio.wait([waits])
    await hanging.close()
    await other.close()


async def test_a_zvm_that_dawdles_in_its_answer_lends_its_place(
    slow: Simulator, quick: Simulator, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has it again to be converted; and the time for which another waited is not taken from its timeout."""
    loop, begun, waits_for_it, gate = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Told(Slots):
        async def take(self) -> None:
            (waits_for_it if self.taken else begun).set()
            await super().take()

    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 60.0)
    slots = Told(1)
    slow.faults.set(vms.PATH, faults.slow(chunk=100, gate=gate))
    dawdling = Zvm(zvm_config(slow, ca_file=ca_file, timeout=600.0), Recorder(), slots=slots)
    other = Zvm(zvm_config(quick, ca_file=ca_file, timeout=30.0), Recorder(), slots=slots)
    waits = asyncio.create_task(dawdling.get(vms.PATH, vms.DECODER))
    await soon(begun.wait())
    answer = asyncio.create_task(other.get(vms.PATH, vms.DECODER))
    await soon(waits_for_it.wait())
    monkeypatch.setattr(loop, "time", lambda now=loop.time: now() + 61.0)
    assert len((await soon(answer)).rows) == 5
    assert not waits.done()
    gate.set()
    assert len((await waits).rows) == 5
    assert slots.taken == 0
    await dawdling.close()
    await other.close()


async def test_a_start_with_many_dead_zvms_is_no_slower_for_the_living(
    slow: Simulator, quick: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """Of 60 ZVMs 20 hang in their answer, more than are read at once; the clock stands still until 40 are polled."""
    slow.faults.set("/", faults.hang())
    dead = [zvm_config(slow, f"dead-{number}", ca_file=ca_file) for number in range(20)]
    living = [zvm_config(quick, f"living-{number}", ca_file=ca_file) for number in range(40)]
    running = await export([*dead, *living])
    await clock.idle(40)
    page = await running.page()
    assert page.values("zerto_up") == [1] * 40
    assert len(page.values("zerto_vm_info")) == 40 * 5
    assert set(running.exporter.poller.untried()) == {zvm.name for zvm in dead}


async def test_the_number_of_places_is_that_of_the_configuration(
    quick: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(quick, ca_file=ca_file)], max_answers=3)
    await clock.idle(1)
    slots = running.exporter._slots
    taken = [asyncio.create_task(slots.take()) for _ in range(5)]
    await settled()
    assert sum(task.done() for task in taken) == 3
    slots.resize(5)
    await settled()
    for _ in taken:
        slots.give()


async def test_large_answers_have_room_for_their_bytes_and_the_first_always_goes_on() -> None:
    room, order = module.Room(10), []
    first, second, third, fourth = (Slot(Slots(1)) for _ in range(4))

    async def grow(slot: Slot, size: int) -> None:
        await room.grow(slot, size)
        order.append((slot, size))

    await grow(first, 4)
    await grow(second, 6)
    await grow(first, 8)  # beyond what there is: nobody else could make room
    waiting = [asyncio.create_task(grow(slot, size)) for slot, size in ((second, 7), (third, 1), (fourth, 1))]
    await settled()
    assert (len(order), room.taken) == (3, 14)
    room.leave(first)
    await settled()
    assert order[3:] == [(second, 7), (third, 1), (fourth, 1)]
    await asyncio.gather(*waiting)
    blocked = asyncio.create_task(room.grow(fourth, 9))
    await settled()
    blocked.cancel()
    await asyncio.wait([blocked])
    room.leave(fourth)
    room.resize(5)
    late = asyncio.create_task(grow(fourth, 4))
    await settled()
    assert not late.done()
    room.resize(12)
    await late
    for slot in (second, third, fourth, fourth):
        room.leave(slot)
    assert room.taken == 0


class Gated(Decoder[Vm]):
    """Decodes when it may, as if it took that long; `begun` counts how often it began."""

    def __init__(self) -> None:
        super().__init__(Vm)
        self.gate = threading.Event()
        self.begun = 0

    def decode(self, body: Buffer, content_type: str, quote: str, terms: Terms = _USUAL) -> Decoded[Vm]:
        self.begun += 1
        self.gate.wait(2 * _LATEST_SECONDS)
        return super().decode(body, content_type, quote, terms)


async def test_no_small_answer_waits_for_large_ones(
    simulate: Simulate, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight large ones take every place and every thread that they may have, and a small one is read and converted."""
    large: Simulator = await simulate(Estate("nyc", vms=30, seed=1), auth="session")
    small: Simulator = await simulate(Estate("lon", vms=5, seed=2), auth="session")
    monkeypatch.setattr(module, "LARGE", 30_000)
    slots, gated = Slots(2), Gated()
    zvms = [Zvm(zvm_config(large, str(n), ca_file=ca_file), Recorder(), slots=slots) for n in range(8)]
    other = Zvm(zvm_config(small, ca_file=ca_file), Recorder(), slots=slots)
    try:
        asked = [asyncio.create_task(zvm.get(vms.PATH, gated)) for zvm in zvms]
        await large.arrived(8, vms.PATH)
        for _ in range(3):
            assert len((await soon(other.get(vms.PATH, vms.DECODER))).rows) == 5
        assert not any(task.done() for task in asked)
    finally:
        gated.gate.set()
    assert [len(decoded.rows) for decoded in await asyncio.gather(*asked)] == [30] * 8
    assert (slots.taken, slots.room.taken) == (0, 0)
    for zvm in (*zvms, other):
        await zvm.close()


async def test_a_large_answer_counts_until_it_is_published(
    simulate: Simulate, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGE", 30_000)
    monkeypatch.setattr(module, "HUGE", 30_000)
    large: Simulator = await simulate(Estate("nyc", vms=30, seed=1), auth="session")
    slots, trimmed = Slots(2), threading.Event()
    monkeypatch.setattr(module, "trim", trimmed.set)
    zvm = Zvm(zvm_config(large, ca_file=ca_file), Recorder(), slots=slots)
    with module.in_hand():
        await zvm.get(vms.PATH, vms.DECODER)
        assert slots.room.taken > 30_000
        assert not trimmed.is_set()
    assert slots.room.taken == 0
    assert await asyncio.to_thread(trimmed.wait, _LATEST_SECONDS)
    with module.in_hand():
        large.faults.set(vms.PATH, faults.wrong_shape())
        with pytest.raises(DecodeError):
            await zvm.get(vms.PATH, vms.DECODER)
        assert slots.room.taken == 0
    await zvm.close()


async def test_of_a_poll_that_reads_one_large_answer_after_another_only_the_last_counts(
    simulate: Simulate, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its last page would wait for the room of its first, and so would all others, while it waits for its ZVM."""
    monkeypatch.setattr(module, "LARGE", 30_000)
    monkeypatch.setattr(module, "_BYTES_A_SLOT", 50_000)
    sim: Simulator = await simulate(Estate("nyc", vms=30, seed=1), auth="session")
    slots = Slots(1)
    zvm = Zvm(zvm_config(sim, ca_file=ca_file), Recorder(), slots=slots)
    with module.in_hand():
        taken = []
        for _ in range(3):
            await soon(zvm.get(vms.PATH, vms.DECODER))
            taken.append(slots.room.taken)
        assert taken[0] > 30_000
        assert taken == taken[:1] * 3
        gate = asyncio.Event()
        sim.faults.set(vms.PATH, faults.slow(chunk=100, gate=gate))
        waiting = asyncio.create_task(zvm.get(vms.PATH, vms.DECODER))
        await sim.arrived(4)
        await settled()
        assert slots.room.taken == 0
        gate.set()
        await waiting
    assert slots.room.taken == 0
    await zvm.close()


async def given_up(asked: asyncio.Task[Any], begun: threading.Event, gate: threading.Event, slots: Slots) -> None:
    """Cancel *asked* once its thread has *begun*: the answer counts until *gate* lets that thread go on, no longer."""
    try:
        assert await asyncio.to_thread(begun.wait, _LATEST_SECONDS)
        asked.cancel()
        await asyncio.wait([asked])
        assert asked.cancelled()
        assert slots.room.taken > 30_000
    finally:
        gate.set()
    await in_large_thread(int)
    await settled()
    assert slots.room.taken == 0


class Watched(Decoder[Vm]):
    """Waits at the start of an answer until it may go on; `stopped` tells whether it then stopped."""

    def __init__(self) -> None:
        super().__init__(Vm)
        self.begun, self.gate, self.stopped = threading.Event(), threading.Event(), False

    def decode(self, body: Buffer, content_type: str, quote: str, terms: Terms = _USUAL) -> Decoded[Vm]:
        def spent(_slot: int) -> None:
            self.begun.set()
            self.gate.wait(2 * _LATEST_SECONDS)

        try:
            return super().decode(body, content_type, quote, replace(terms, spent=spent))
        except StoppedError:
            self.stopped = True
            raise


async def test_a_large_answer_that_nobody_waits_for_is_no_longer_decoded_and_then_gives_its_room_back(
    simulate: Simulate, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGE", 30_000)
    large: Simulator = await simulate(Estate("nyc", vms=30, seed=1), auth="session")
    slots, watched = Slots(2), Watched()
    zvm = Zvm(zvm_config(large, ca_file=ca_file), Recorder(), slots=slots)
    with module.in_hand():
        asked = asyncio.create_task(zvm.get(vms.PATH, watched))
    await given_up(asked, watched.begun, watched.gate, slots)
    assert watched.stopped
    await zvm.close()


async def test_the_rows_of_a_poll_that_was_given_up_count_until_they_are_let_go(
    simulate: Simulate, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGE", 30_000)
    large: Simulator = await simulate(Estate("nyc", vms=30, seed=1), auth="session")
    slots, begun, gate = Slots(2), threading.Event(), threading.Event()
    zvm = Zvm(zvm_config(large, ca_file=ca_file), Recorder(), slots=slots)

    def publish(_rows: object) -> None:
        begun.set()
        gate.wait(2 * _LATEST_SECONDS)

    async def poll() -> None:
        with module.in_hand():
            await in_large_thread(publish, await zvm.get(vms.PATH, vms.DECODER), first=True)

    await given_up(asyncio.create_task(poll()), begun, gate, slots)
    await zvm.close()


async def test_the_next_large_answer_is_decoded_when_the_rows_of_the_last_are_gone(
    simulate: Simulate, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But it does not wait for a ZVM that dawdles in what it is asked for in between."""
    monkeypatch.setattr(module, "LARGE", 30_000)
    large: Simulator = await simulate(Estate("nyc", vms=30, seed=1), auth="session")
    wanted = asyncio.Event()

    class Turn(asyncio.Lock):
        async def acquire(self) -> Literal[True]:
            if self.locked():
                wanted.set()
            return await super().acquire()

    slots, gated = Slots(2), Gated()
    slots.turn = Turn()
    gated.gate.set()
    zvms = [Zvm(zvm_config(large, str(n), ca_file=ca_file), Recorder(), slots=slots) for n in range(2)]

    async def poll(zvm: Zvm, decoded: asyncio.Event, published: asyncio.Event) -> None:
        with module.in_hand():
            await zvm.get(vms.PATH, gated)
            decoded.set()
            await published.wait()

    for patience, begun in ((60.0, 1), (0.0, 2)):
        monkeypatch.setattr(module, "_PATIENCE_SECONDS", patience)
        gated.begun = 0
        events = [asyncio.Event() for _ in range(3)]
        polls = [asyncio.create_task(poll(zvms[0], *events[:2]))]
        await soon(events[0].wait())
        polls.append(asyncio.create_task(poll(zvms[1], events[2], events[1])))
        await soon((wanted if begun == 1 else events[2]).wait())
        await settled()
        assert gated.begun == begun
        events[1].set()
        await asyncio.gather(*polls)
        assert (gated.begun, slots.turn.locked(), slots.room.taken) == (2, False, 0)
    for zvm in zvms:
        await zvm.close()
