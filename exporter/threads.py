"""Work that would hold up the event loop, in threads of its own.

Not in asyncio's own, which any library may keep busy: nobody's answers could be decoded then. Large answers stand in a
line of their own, so that no small one waits behind them; one at a time, as two would only take turns in the
interpreter, and take the memory of two.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

_POLLS: Final = ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 2), thread_name_prefix="poll")
_SCRAPES: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="scrape")


class _Line:
    """One thread, and two lines before it: who stands in the second waits until nobody stands in the first."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._lines: tuple[deque[_Job], deque[_Job]] = (deque(), deque())
        self._lock = threading.Lock()
        self._busy = False

    async def run(self, call: Callable[[], Any], *, first: bool) -> Any:
        job = (call, Future[Any]())
        with self._lock:
            self._lines[not first].append(job)
        self._thread.submit(self._next)
        try:
            return await asyncio.wrap_future(job[1])
        finally:
            with self._lock:  # what nobody waits for any more must not keep an answer
                if job in self._lines[not first]:
                    self._lines[not first].remove(job)
            del job, call  # an error has this frame: in a circle, it would keep what it was called with, an answer

    def behind(self, callback: Callable[[], object]) -> None:
        future = Future[Any]()
        with self._lock:
            busy = self._busy
            if busy:
                self._lines[0].appendleft((bool, future))
        if not busy:
            callback()
            return
        asyncio.wrap_future(future).add_done_callback(lambda _: callback())
        self._thread.submit(self._next)

    def _next(self) -> None:
        with self._lock:
            line = self._lines[0] or self._lines[1]
            if not line:
                return
            call, future = line.popleft()
            self._busy = True
        try:
            if future.set_running_or_notify_cancel():
                _do(call, future)
        finally:
            del call, future  # as above
            with self._lock:
                self._busy = False


def _do(call: Callable[[], Any], future: Future[Any]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
        future.set_exception(error)
    finally:
        del call, future  # as above


_Job = tuple[Callable[[], Any], Future[Any]]
_LARGE: Final = _Line("large")


async def in_poll_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """Return *function* of *arguments*, called in a thread; raises what it raises."""
    return await asyncio.get_running_loop().run_in_executor(_POLLS, function, *arguments)


async def in_large_thread(function: Callable[..., Result], *arguments: object, first: bool = False) -> Result:
    """As in_poll_thread, for what takes long: one after the other.

    What ends a poll goes *first*, so that rows do not pile up that wait to be published.
    """
    result: Result = await _LARGE.run(partial(function, *arguments), first=first)
    return result


def after_large(callback: Callable[[], object]) -> None:
    """Call *callback* on the loop once what is being done in line has ended: at once where that is nothing.

    Who gives up waiting for it goes on; what was lent to it may only then be lent again.
    """
    _LARGE.behind(callback)


def later_in_thread(function: Callable[[], object]) -> None:
    """Call *function* in a thread, once what runs on the loop right now has ended; nobody waits for it."""
    asyncio.get_running_loop().call_soon(_POLLS.submit, function)


async def in_scrape_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """As in_poll_thread, for what a scrape waits for: it is not queued behind the answers of hundreds of ZVMs."""
    return await asyncio.get_running_loop().run_in_executor(_SCRAPES, function, *arguments)
