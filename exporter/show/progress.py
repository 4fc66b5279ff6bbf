"""What is waited for, on standard error, where that is a terminal and it takes more than a second."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

_SECONDS = 1.0


@asynccontextmanager
async def waiting(words: Callable[[], str]) -> AsyncIterator[None]:
    """Show *words*, asked again now and then, until the block ends."""
    if not sys.stderr.isatty():
        yield
        return
    task = asyncio.create_task(_show(words))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _show(words: Callable[[], str]) -> None:
    await asyncio.sleep(_SECONDS)
    from rich.console import Console  # noqa: PLC0415 - while the ZVM works; most answers come before it is needed
    from rich.text import Text  # noqa: PLC0415 - as above

    with Console(stderr=True, markup=False, emoji=False).status(Text(words())) as status:
        while True:
            await asyncio.sleep(_SECONDS)
            status.update(Text(words()))
