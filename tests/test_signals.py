"""Signals that arrive before there is anybody to take them. tests/test_cli.py sends them to processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from functools import partial

import pytest

from exporter.cli import signals

ALL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each signal back what it did."""
    monkeypatch.setattr(signals, "_before", {})
    monkeypatch.setattr(signals, "_arrived", set())
    before = {number: signal.getsignal(number) for number in ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


async def test_whoever_takes_over_gets_what_has_arrived_and_what_arrives() -> None:
    signals.hold()
    send(signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)
    got: list[str] = []
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals.take_over(loop, {number: partial(got.append, number.name) for number in ALL})
    loop.call_soon(ended.set)
    await ended.wait()
    assert sorted(got) == ["SIGHUP", "SIGTERM"]
    loop.add_signal_handler(signal.SIGINT, ended.set)
    ended.clear()
    send(signal.SIGINT)
    await ended.wait()
    for number in ALL:
        loop.remove_signal_handler(number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_given_back_one_that_has_arrived_ends(number: signal.Signals, code: int) -> None:
    signals.hold()
    send(number)
    with pytest.raises(SystemExit) as ended:
        signals.give_back()
    assert ended.value.code == code


def test_given_back_they_do_what_they_did() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupt = signal.getsignal(signal.SIGINT)
    signals.hold()
    assert signal.getsignal(signal.SIGINT) is not interrupt
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, "nohup has it so"
    signals.give_back()
    assert signal.getsignal(signal.SIGINT) is interrupt
    with pytest.raises(SystemExit) as ended:
        send(signal.SIGTERM)
    assert ended.value.code == 143
