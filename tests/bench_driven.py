"""An exporter as `zerto-exporter serve`, but for its clock: what `make bench` measures of a whole estate.

For each line that it reads its clock goes on by so many seconds, and when all that became due then has been polled, it
prints `moved`. So each collector is polled at its own cadence, and an hour takes no longer than its polls.
"""

from __future__ import annotations

import asyncio
import sys
from unittest.mock import patch

from bench_tools import STARTED
from support import DrivenClock

from exporter import app
from exporter.cli.main import main


class _Told(DrivenClock):
    """A clock that is driven by the lines of standard input, from the first time on that somebody waits for it."""

    def __init__(self) -> None:
        super().__init__(STARTED)
        self._listening: asyncio.Task[None] | None = None

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        await super().wait(event, seconds)

    async def _listen(self) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await self.idle(1)
            await self.advance(float(line))
            print("moved", flush=True)


if __name__ == "__main__":
    with patch.object(app, "Clock", _Told):
        main(sys.argv[1:])
