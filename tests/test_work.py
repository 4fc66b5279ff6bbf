"""Work off the event loop goes on whatever else takes long: lookups of host names, answers of other ZVMs."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.threads import in_large_thread, in_poll_thread


async def test_lookups_that_hang_do_not_hold_up_work() -> None:
    hang = threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
    lookup = loop.run_in_executor(None, hang.wait)
    try:
        assert await in_poll_thread(divmod, 7, 2) == (3, 1)
    finally:
        hang.set()
        await lookup


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_poll_thread(divmod, 7, 0)


async def test_what_takes_long_is_done_one_at_a_time_and_holds_up_nothing_else() -> None:
    """And what ends a poll goes before what begins one, but takes nobody's turn who has it."""
    gate, begun, order = threading.Event(), threading.Event(), []

    def first() -> None:
        begun.set()
        gate.wait()
        order.append("first")

    try:
        works = [asyncio.create_task(in_large_thread(first))]
        await asyncio.to_thread(begun.wait)
        works += [asyncio.create_task(in_large_thread(order.append, name)) for name in ("second", "third")]
        works.append(asyncio.create_task(in_large_thread(order.append, "end of a poll", first=True)))
        for _ in range(20):
            assert await in_poll_thread(divmod, 7, 2) == (3, 1)
        assert order == []
        works[2].cancel()
        await asyncio.wait(works[2:3])
    finally:
        gate.set()
    await asyncio.wait(works)
    assert order == ["first", "end of a poll", "second"]


async def test_what_work_in_line_raises_is_raised_and_the_next_is_done() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_large_thread(divmod, 7, 0)
    assert await in_large_thread(divmod, 7, 2) == (3, 1)


async def test_work_that_fails_keeps_nothing_of_what_it_was_called_with() -> None:
    """Nor does work that nobody waits for any more: it may be an answer of a hundred megabytes."""

    class Answer:
        pass

    def fail(answer: Answer) -> None:
        raise ValueError(type(answer))

    async def failed(answer: Answer) -> None:
        with pytest.raises(ValueError, match="Answer"):
            await in_large_thread(fail, answer)

    gate, kept = threading.Event(), []
    gc.disable()
    try:
        answer = Answer()
        kept.append(weakref.ref(answer))
        await failed(answer)
        await in_large_thread(int)  # the thread is done with it
        busy = asyncio.create_task(in_large_thread(gate.wait))
        await asyncio.sleep(0)
        answer = Answer()
        kept.append(weakref.ref(answer))
        task = asyncio.create_task(in_large_thread(fail, answer))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        del answer, task
        await asyncio.sleep(0)
        assert [one() for one in kept] == [None, None]
    finally:
        gate.set()
        gc.enable()
    await busy
