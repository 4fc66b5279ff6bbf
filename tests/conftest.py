"""Fixtures: simulated ZVMs over TLS with a CA of their own, exporters in-process."""

from __future__ import annotations

import asyncio
import signal
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
import trustme
from command_line import Command, Done, Sites
from support import PASSWORD, DrivenClock, Recorder, Running, start_exporter

from exporter.cli.main import main
from exporter.config import Zvm
from exporter.polling.clock import Clock
from exporter.simulator import Estate, Simulator
from exporter.zvm.client import Zvm as Client
from exporter.zvm.settings import Settings

# The machines that run the tests are noisy: how long an example takes says nothing of its property.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=40)
hypothesis.settings.register_profile("thorough", deadline=None)  # make check
hypothesis.settings.load_profile("quick")


# A shell without job control has what it starts in the background ignore it, and our children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(scope="session")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost", "zvm.example.com").configure_cert(context)
    return context


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock()


@pytest.fixture
async def simulate(server_context: ssl.SSLContext) -> AsyncIterator[Callable[..., Awaitable[Simulator]]]:
    """Start a simulated ZVM, over TLS unless told otherwise; it is stopped after the test."""
    async with AsyncExitStack() as stack:

        async def start(estate: Estate | None = None, *, vms: int = 5, tls: bool = True, **options: Any) -> Simulator:
            options = {"password": PASSWORD, "ssl_context": server_context if tls else None, **options}
            simulator = Simulator(estate or Estate("nyc", vms=vms, seed=1), **options)
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            return simulator

        yield start


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def connect(clock: DrivenClock, recorder: Recorder) -> AsyncIterator[Callable[[Settings], Client]]:
    """Make a client of a ZVM on the driven clock, seen by the recorder; it is closed after the test."""
    async with AsyncExitStack() as stack:

        def start(settings: Settings) -> Client:
            client = Client(settings, recorder, monotonic=clock.monotonic)
            stack.push_async_callback(client.close)
            return client

        yield start


@pytest.fixture
async def export(clock: DrivenClock) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """Start an exporter on a driven clock (or *clock*); it is stopped after the test."""
    async with AsyncExitStack() as stack:

        async def start(zvms: Sequence[Zvm], *, clock: Clock = clock, **options: Any) -> Running:
            running = await start_exporter(zvms, clock, **options)
            stack.push_async_callback(running.session.close)
            stack.push_async_callback(running.exporter.stop)
            return running

        yield start


@pytest.fixture
def sites(server_context: ssl.SSLContext) -> Iterator[Sites]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    sites = Sites(server_context, loop)
    yield sites
    for simulator in sites.running:
        sites.run(simulator.stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command to its end in this process."""

    def run(*argv: str) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(argv)
        out, err = capfd.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Done(code, out, err)

    return run


@pytest.fixture(autouse=True)
def _plain_logging() -> Iterator[None]:
    """Undo what a command did to the logs of the process."""
    yield
    structlog.reset_defaults()
