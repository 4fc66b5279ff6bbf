"""What systemd is told, over real sockets."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support import DrivenClock, zvm_config

from exporter.app import Exporter
from exporter.cli.serving import serve
from exporter.cli.systemd import Notifier
from exporter.config import Config, ConfigError, Zvm
from exporter.simulator import Simulator
from exporter.web.listen import listen
from exporter.web.server import WebFlags

Simulate = Callable[..., Awaitable[Simulator]]


class Systemd:
    """The receiving end."""

    def __init__(self, address: str) -> None:
        self.variable = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(address.replace("@", "\0", 1))

    async def hears(self) -> list[str]:
        """Wait for the next message and return its lines."""
        message = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
        return message.decode().split("\n")

    def heard_nothing_more(self) -> bool:
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
async def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Systemd]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@zerto-exporter-{secrets.token_hex(8)}"
    receiver = Systemd(address)
    yield receiver
    receiver.close()


async def test_a_service_from_its_start_to_its_end(simulate: Simulate, clock: DrivenClock, systemd: Systemd) -> None:
    zvms: list[Zvm] = [zvm_config(await simulate(tls=False))]

    def load() -> Config:
        if not zvms:
            raise ConfigError("config.yaml", ["zvms: there\nis none"])
        return Config(tuple(zvms))

    notifier = Notifier({"NOTIFY_SOCKET": systemd.variable})
    exporter = Exporter(load, clock=clock, supervisor=notifier)
    exporter.configure()
    assert systemd.heard_nothing_more()
    serving = asyncio.create_task(serve(exporter, [listen("127.0.0.1:0")], WebFlags(), notifier))
    assert await systemd.hears() == ["READY=1", "STATUS=polls 1 ZVM"]

    zvms.append(zvm_config(await simulate(tls=False), "lon"))
    before = time.monotonic_ns() // 1000
    os.kill(os.getpid(), signal.SIGHUP)
    begun, when = await systemd.hears()
    assert begun == "RELOADING=1"
    assert before <= int(when.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert await systemd.hears() == ["READY=1", "STATUS=polls 2 ZVMs"]

    zvms.clear()
    await exporter.reload()  # as POST /-/reload does
    assert (await systemd.hears())[0] == "RELOADING=1"
    assert await systemd.hears() == ["READY=1", "STATUS=the configuration was not reloaded; the one before goes on"]

    os.kill(os.getpid(), signal.SIGTERM)
    await serving
    assert (await systemd.hears())[0] == "STOPPING=1"
    await exporter.reload()
    assert systemd.heard_nothing_more()


async def test_the_program_reads_its_environment(tmp_path: Path) -> None:
    systemd = Systemd(str(tmp_path / "notify"))
    environment = {
        "NOTIFY_SOCKET": systemd.variable,
        "WATCHDOG_USEC": "60000000",
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "ZVM_URL": "https://127.0.0.1:9",
        "ZVM_USERNAME": "prometheus",
        "ZVM_PASSWORD": "secret",
        "ZERTO_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "exporter", cwd=tmp_path, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    assert {(await systemd.hears())[0], (await systemd.hears())[0]} == {"WATCHDOG=1", "READY=1"}
    process.terminate()
    assert (await systemd.hears())[0] == "STOPPING=1"
    assert await process.wait() == 0
    systemd.close()


async def test_the_watchdog_hears_of_a_loop_that_turns_and_not_of_one_that_hangs(systemd: Systemd) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.variable, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())})
    alive = asyncio.create_task(notifier.keep_alive())
    begin = time.monotonic()
    for _ in range(3):
        assert await systemd.hears() == ["WATCHDOG=1"]
    assert time.monotonic() - begin >= 0.04  # at once, then twice in each 40 ms
    while not systemd.heard_nothing_more():
        pass
    time.sleep(0.1)  # noqa: ASYNC251 - the hanging loop
    assert systemd.heard_nothing_more()
    assert await systemd.hears() == ["WATCHDOG=1"]
    alive.cancel()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
async def test_without_a_watchdog_of_ours_nothing_is_sent(variables: dict[str, str], systemd: Systemd) -> None:
    await Notifier({"NOTIFY_SOCKET": systemd.variable, **variables}).keep_alive()
    assert systemd.heard_nothing_more()


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
async def test_without_a_socket_of_systemd_nothing_is_sent(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"})
    with capture_logs() as logs:
        notifier.ready("polls 1 ZVM")
        notifier.reloading()
        notifier.stopping()
        await notifier.keep_alive()
    assert logs == []


async def test_a_status_is_one_line(systemd: Systemd) -> None:
    Notifier({"NOTIFY_SOCKET": systemd.variable}).ready("one\nWATCHDOG=trigger")
    assert await systemd.hears() == ["READY=1", "STATUS=one WATCHDOG=trigger"]


def test_a_systemd_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    with capture_logs() as logs:
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("polls 1 ZVM")
    assert logs == [
        {
            "event": "systemd was not told",
            "message": "READY=1",
            "error": "No such file or directory",
            "log_level": "warning",
        }
    ]
