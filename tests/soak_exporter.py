"""The exporter as it is, for the soak: it also tells how many asyncio tasks it has, to whoever writes it a line.

    python tests/soak_exporter.py serve --config.file config.yaml

Each line on standard input is answered by one on standard output: a JSON object, tasks by what they run. Its end is
the end of the driver: then the exporter stops too.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections import Counter
from unittest.mock import patch

import uvloop

from exporter.cli import main

_new_loop = uvloop.new_event_loop


def _watched_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that the exporter would have made, and let it be asked."""
    loop = _new_loop()
    threading.Thread(target=_answer, args=(loop,), daemon=True).start()
    return loop


def _answer(loop: asyncio.AbstractEventLoop) -> None:
    for _ in sys.stdin:
        loop.call_soon_threadsafe(_tell, loop)
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(loop: asyncio.AbstractEventLoop) -> None:
    running = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks(loop))
    sys.stdout.write(json.dumps(running) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with patch.object(uvloop, "new_event_loop", _watched_loop):
        main.main()
