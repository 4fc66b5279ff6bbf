"""The signals that end or reload the service, as soon as Python runs. Imports nothing that takes time.

A process has no handlers while its modules are loaded, which takes a second. SIGHUP would end it then, and the kernel
keeps SIGTERM from the first process of a container until there is a handler: `docker stop` would wait and then kill.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)

_before: dict[int, Any] = {}
_arrived: set[int] = set()


def hold() -> None:
    """Keep what arrives from now on for `take_over` or `give_back`; at a second one that ends, end at once."""
    for number in (*_ENDING, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            _before[number] = signal.signal(number, _keep)


def take_over(loop: AbstractEventLoop, handlers: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """Have *loop* call the *handlers* of signals, and those of signals that arrived before."""
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
        if number in _arrived:
            _arrived.discard(number)
            loop.call_soon(handler)


def give_back() -> None:
    """Let signals do again what they did before; of one that ends the process and has arrived, end.

    SIGTERM ends by SystemExit, as SIGINT does by KeyboardInterrupt, and not only where the kernel has it so.

    Raises:
        SystemExit: SIGTERM or SIGINT has arrived, or SIGTERM does later; 128 and its number, as shells have it.
    """
    for number, handler in _before.items():
        signal.signal(number, _exit if number == signal.SIGTERM else handler)
    _before.clear()
    for number in _ENDING:
        if number in _arrived:
            _exit(number)


def _keep(number: int, _frame: FrameType | None) -> None:
    if number in _arrived and number in _ENDING:
        os._exit(128 + number)
    _arrived.add(number)


def _exit(number: int, _frame: FrameType | None = None) -> None:
    raise SystemExit(128 + number)
