"""Work off the event loop goes on where lookups of host names have taken all of asyncio's own threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.work import off_loop


async def test_lookups_that_hang_do_not_hold_up_work() -> None:
    hang = threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
    lookup = loop.run_in_executor(None, hang.wait)
    try:
        assert await off_loop(divmod, 7, 2) == (3, 1)
    finally:
        hang.set()
        await lookup


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await off_loop(divmod, 7, 0)
