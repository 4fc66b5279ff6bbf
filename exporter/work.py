"""Work that would hold up the event loop, in threads of its own. Knows nothing of what is done there.

asyncio's own threads also look up host names. Where a name server hangs they are all taken, and nobody's answers
could be decoded any more: hence other ones. Their number bounds how many large answers are in hand at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Result = TypeVar("Result")

_POLLS: Final = ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 2), thread_name_prefix="poll")
_SCRAPES: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="scrape")


async def off_loop(function: Callable[..., Result], *arguments: object) -> Result:
    """Return *function* of *arguments*, called in a thread; raises what it raises."""
    return await asyncio.get_running_loop().run_in_executor(_POLLS, function, *arguments)


async def beside_polls(function: Callable[..., Result], *arguments: object) -> Result:
    """As off_loop, for what a scrape waits for: it is not queued behind the answers of hundreds of ZVMs."""
    return await asyncio.get_running_loop().run_in_executor(_SCRAPES, function, *arguments)
