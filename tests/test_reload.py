"""Reloading: by SIGHUP and over HTTP, what is kept and what is not."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from structlog.testing import capture_logs
from support import PASSWORD, DrivenClock, Running

from exporter import config
from exporter.app import Exporter
from exporter.cli.serving import serve
from exporter.config import Config
from exporter.simulator import Simulator, faults
from exporter.web.listen import listen
from exporter.web.server import WebFlags
from exporter.zvm.client import Zvm as Client
from exporter.zvm.observer import Observer
from exporter.zvm.settings import Settings

Simulate = Callable[..., Awaitable[Simulator]]


class Configured:
    """A configuration file that a test writes, and an exporter on it."""

    def __init__(self, folder: Path, ca_file: Path) -> None:
        self.file = folder / "config.yaml"
        self.secret = folder / "secret"
        self.secret.write_text(PASSWORD)
        self.ca_file = ca_file

    def write(self, *zvms: Simulator | tuple[str, Simulator], **keys: str) -> None:
        """Write the file with *zvms*, called nyc or as told; *keys* go to each."""
        entries = [zvm if isinstance(zvm, tuple) else ("nyc", zvm) for zvm in zvms]
        further = "".join(f", {key}: {value}" for key, value in keys.items())
        self.file.write_text(
            "defaults:\n"
            f"  auth: {{username: prometheus@vsphere.local, password_file: {self.secret}}}\n"
            f"  tls: {{ca_file: {self.ca_file}}}\n"
            "  collectors: [vms, vpgs]\n"
            "zvms:\n" + "".join(f"  - {{name: {name}, url: '{zvm.url}'{further}}}\n" for name, zvm in entries)
        )

    def load(self) -> Config:
        return config.load(self.file, {})


@pytest.fixture
def configured(tmp_path: Path, ca_file: Path) -> Configured:
    return Configured(tmp_path, ca_file)


Export = Callable[..., Awaitable[Running]]


@pytest.fixture
async def run(configured: Configured, clock: DrivenClock) -> AsyncIterator[Export]:
    """Start an exporter on the configuration file; it is stopped after the test."""
    started: list[Running] = []

    async def start(*, lifecycle: bool = True) -> Running:
        exporter = Exporter(configured.load, clock=clock)
        exporter.configure()
        listener = listen("127.0.0.1:0")
        await exporter.start([listener], WebFlags(lifecycle=lifecycle))
        running = Running(exporter, clock, aiohttp.ClientSession(), f"http://127.0.0.1:{listener.port}")
        started.append(running)
        return running

    yield start
    for running in started:
        await running.session.close()
        await running.exporter.stop()


async def post(running: Running) -> tuple[int, str]:
    async with running.session.post(f"{running.url}/-/reload") as answer:
        return answer.status, await answer.text()


async def told(running: Running) -> tuple[float, float]:
    """Return what the page says of the last reload: whether it was good, and the time of the last good one."""
    page = await running.page()
    return (
        page.value("zerto_exporter_config_last_reload_successful"),
        page.value("zerto_exporter_config_last_reload_success_timestamp_seconds"),
    )


def not_reloaded(logs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the one line that says so."""
    (line,) = [line for line in logs if line["event"].startswith("the configuration was not reloaded")]
    return line


async def test_over_http_only_where_it_is_enabled(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    nyc = await simulate()
    configured.write(nyc)
    running = await run(lifecycle=False)
    assert await post(running) == (403, "reloading over HTTP is off; start with --web.enable-lifecycle\n")
    assert (await running.get("/-/reload"))[0] == 405


async def test_only_post_reloads(simulate: Simulate, configured: Configured, run: Export) -> None:
    configured.write(await simulate())
    running = await run()
    configured.file.write_text("")
    assert (await running.get("/-/reload"))[0] == 405
    assert (await told(running))[0] == 1


async def test_bad_file_keeps_the_old_one_running_and_a_good_one_mends_it(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    nyc = await simulate()
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    started = clock.now
    await clock.advance(10)
    good = configured.file.read_text()
    configured.file.write_text(good.replace("prometheus@vsphere.local", "[pl4nted]"))
    with capture_logs() as logs:
        status, text = await post(running)
    problem = f"{configured.file}: defaults.auth.username: expected a string, got a list"
    assert (status, text) == (500, f"{problem}\nthe configuration in force is unchanged\n")
    line = not_reloaded(logs)
    assert (line["log_level"], line["error"]) == ("warning", problem)
    assert not line["exc_info"], "a mistake in the file is none of the program"
    assert await told(running) == (0, started)
    await clock.advance(30)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert page.value("zerto_collector_last_success_timestamp_seconds", collector="vms") > started, "it is polled on"
    configured.file.write_text(good)
    assert await post(running) == (200, "reloaded\n")
    assert await told(running) == (1, clock.now)


async def test_missing_file(simulate: Simulate, configured: Configured, run: Export) -> None:
    configured.write(await simulate())
    running = await run()
    configured.file.unlink()
    status, text = await post(running)
    assert status == 500
    assert text.startswith(f"{configured.file}: cannot be read: No such file or directory\n")


async def test_a_client_that_cannot_be_made_changes_nothing(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the new file one ZVM is removed, one changed, and the third's client fails."""
    nyc, lon, fra = await simulate(), await simulate(), await simulate()
    configured.write(nyc, ("lon", lon), ("fra", fra))
    running = await run()
    await clock.idle(3)
    before = await running.page()

    def connect(settings: Settings, observer: Observer) -> Client:
        if settings.name == "mad":
            raise ValueError("no client of mad")
        return Client(settings, observer, monotonic=clock.monotonic)

    monkeypatch.setattr(running.exporter.poller, "_connect", connect)
    configured.write(nyc, ("fra", lon), ("mad", fra), labels="{region: us}")
    status, text = await post(running)
    assert (status, text) == (500, "ValueError: no client of mad\nthe configuration in force is unchanged\n")
    assert running.exporter.poller.names() == ("nyc", "lon", "fra")
    after = await running.page()
    of_zvms = {series for series in before.samples if "zvm" in dict(series[1])}
    assert {series for series in after.samples if "zvm" in dict(series[1])} == of_zvms
    await clock.advance(30)
    page = await running.page()
    succeeded = page.values("zerto_exporter_polls_total", collector="vms", outcome="success")
    assert succeeded == [2, 2, 2], "each is polled on"
    assert [zvm.logins for zvm in (nyc, lon, fra)] == [1, 1, 1]
    assert [zvm.live_sessions for zvm in (nyc, lon, fra)] == [1, 1, 1]


async def test_error_of_ours_keeps_the_old_one_running(
    simulate: Simulate, configured: Configured, run: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.write(await simulate())
    running = await run()

    def broken() -> Config:
        raise RecursionError("too deep")

    monkeypatch.setattr(running.exporter, "_load", broken)
    with capture_logs() as logs:
        status, text = await post(running)
    assert (status, text) == (500, "RecursionError: too deep\nthe configuration in force is unchanged\n")
    assert not_reloaded(logs)["exc_info"]
    assert (await told(running))[0] == 0


async def test_added_zvm_is_polled_and_the_other_left_alone(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    nyc, lon = await simulate(), await simulate()
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    configured.write(nyc, ("lon", lon))
    assert (await post(running))[0] == 200
    await clock.idle(2)
    page = await running.page()
    assert page.value("zerto_up", zvm="lon") == 1
    assert page.values("zerto_vm_iops", zvm="lon")
    assert page.value("zerto_exporter_polls_total", zvm="nyc", collector="vms", outcome="success") == 1
    assert (nyc.logins, nyc.live_sessions) == (1, 1)


async def test_a_file_that_is_added_to_a_folder_is_taken_at_the_reload(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    nyc, lon = await simulate(), await simulate()
    configured.write(nyc)
    configured.file.write_text(configured.file.read_text() + "zvms_files: ['zvms.d/*.yaml']\n")
    folder = configured.file.parent / "zvms.d"
    folder.mkdir()
    (folder / "1.yaml").write_text(f"- {{name: fra, url: '{lon.url}'}}\n")
    running = await run()
    assert running.exporter.poller.names() == ("nyc", "fra")
    (folder / "2.yaml").write_text(f"- {{name: lon, url: '{lon.url}'}}\n")
    assert (await post(running))[0] == 200
    assert running.exporter.poller.names() == ("nyc", "fra", "lon")
    for file in folder.iterdir():
        file.unlink()
    status, text = await post(running)
    assert (status, text) == (
        500,
        f"{configured.file}: zvms_files[0]: no file matches 'zvms.d/*.yaml'\nthe configuration in force is unchanged\n",
    )
    assert running.exporter.poller.names() == ("nyc", "fra", "lon")


async def test_removed_zvm_goes_from_the_page_and_is_logged_out(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    nyc, lon = await simulate(), await simulate()
    configured.write(nyc, ("lon", lon))
    running = await run()
    await clock.idle(2)
    assert lon.live_sessions == 1
    configured.write(nyc)
    assert (await post(running))[0] == 200
    await lon.arrived(path_prefix="/auth/realms/zerto/protocol/openid-connect/logout")
    page = await running.page()
    assert 'zvm="lon"' not in page.text
    assert page.values("zerto_vm_iops", zvm="nyc")
    assert (nyc.logins, nyc.live_sessions, lon.live_sessions) == (1, 1, 0)


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ({"interval": "45s"}, True),
        ({"labels": "{region: us}"}, False),
        ({"filters": "{vpgName: ERP}"}, False),
    ],
)
async def test_changed_zvm_keeps_its_data_only_while_they_are_true(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock, keys: dict[str, str], *, kept: bool
) -> None:
    """It logs in anew either way, and out of its old session."""
    nyc = await simulate()
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    nyc.faults.set("/v1/vms", faults.hang())
    configured.write(nyc, **keys)
    assert (await post(running))[0] == 200
    await nyc.arrived(2)
    page = await running.page()
    assert bool(page.values("zerto_vm_iops", zvm="nyc")) == kept
    assert nyc.logins == 2
    await nyc.arrived(path_prefix="/auth/realms/zerto/protocol/openid-connect/logout")
    assert nyc.live_sessions == 1


async def test_a_shorter_stale_after_holds_for_what_is_kept(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    sim = await simulate()
    configured.write(sim, stale_after="1h")
    running = await run()
    await clock.idle(1)
    sim.faults.set("/v1/", faults.status(500))
    await clock.advance(150)
    assert (await running.page()).values("zerto_vm_info")
    configured.write(sim, stale_after="3m")
    assert await running.exporter.reload() == ""
    await clock.idle(1)
    assert (await running.page()).values("zerto_vm_info")
    configured.write(sim, stale_after="2m")
    assert await running.exporter.reload() == ""
    page = await running.page()
    assert not page.values("zerto_vm_info")
    assert page.value("zerto_up") == 0


async def test_samples_that_are_kept_keep_their_health(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    """Also once the first collector of the new client has answered, and the other not yet."""
    nyc = await simulate()
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    first = clock.now
    clock.now += 5
    nyc.faults.set("/v1/vpgs", faults.hang(), times=1)  # not the lists of names below it
    configured.write(nyc, interval="45s")
    assert (await post(running))[0] == 200
    assert "not tried yet" not in (await running.get("/"))[1]
    polled = "zerto_collector_last_success_timestamp_seconds"
    while (page := await running.page()).value(polled, collector="vms") == first:  # noqa: ASYNC110 - a poll of ours
        await asyncio.sleep(0)
    assert page.value(polled, collector="vms") == clock.now
    assert page.value(polled, collector="vpgs") == first
    assert page.value("zerto_collector_success", collector="vpgs") == 1


async def test_added_zvm_does_not_make_the_exporter_unready(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    """Also where nobody has asked before."""
    nyc, lon = await simulate(), await simulate()
    lon.faults.set("/", faults.hang())
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    configured.write(nyc, ("lon", lon))
    assert (await post(running))[0] == 200
    assert await running.get("/-/ready") == (200, "ready\n")


async def test_unchanged_file_asks_nothing_of_the_zvm(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    nyc = await simulate()
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    asked = len(nyc.requests)
    assert [await post(running), await post(running)] == [(200, "reloaded\n")] * 2
    await clock.idle(1)
    assert len(nyc.requests) == asked


async def test_refused_login_is_tried_again_at_once(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    """The password file is mended and the configuration is what it was: no waiting for the back-off."""
    nyc = await simulate()
    configured.write(nyc)
    configured.secret.write_text("wrong")
    running = await run()
    await clock.idle(1)
    assert (await running.page()).value("zerto_up", zvm="nyc") == 0
    configured.secret.write_text(f"{PASSWORD}\n")
    assert (await post(running))[0] == 200
    await nyc.arrived()
    await clock.idle(1)
    assert (await running.page()).value("zerto_up", zvm="nyc") == 1
    assert (nyc.refused_logins, nyc.logins) == (1, 1)


async def test_rotated_ca_is_picked_up(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock, tmp_path: Path
) -> None:
    """The file has the same name and another content."""
    new, server = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    new.issue_cert("127.0.0.1").configure_cert(server)
    nyc = await simulate(ssl_context=server)
    content, configured.ca_file = configured.ca_file.read_bytes(), tmp_path / "ca.pem"
    configured.ca_file.write_bytes(content)
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    assert (await running.page()).value("zerto_up", zvm="nyc") == 0
    new.cert_pem.write_to_path(str(configured.ca_file))
    assert (await post(running))[0] == 200
    await nyc.arrived()
    await clock.idle(1)
    assert (await running.page()).value("zerto_up", zvm="nyc") == 1


async def test_of_two_reloads_at_once_the_later_file_holds(
    simulate: Simulate, configured: Configured, run: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    nyc = await simulate()
    configured.write(nyc)
    running = await run()
    read: list[int] = []
    release = threading.Event()

    def load() -> Config:
        found = configured.load()
        read.append(len(found.zvms))
        if len(read) == 1:
            release.wait()
        return found

    monkeypatch.setattr(running.exporter, "_load", load)
    first = asyncio.create_task(running.exporter.reload())
    await until(lambda: read)
    configured.write(nyc, ("lon", nyc))
    second = asyncio.create_task(running.exporter.reload())
    await asyncio.wait([second], timeout=0.2)  # it has every chance to overtake
    release.set()
    assert {await first, await second} == {""}
    assert read == [1, 2]
    assert running.exporter.poller.names() == ("nyc", "lon")


async def test_an_error_of_ours_while_stopping_keeps_nobody_from_being_logged_out(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    nyc, lon = await simulate(), await simulate()
    configured.write(nyc, ("lon", lon))
    running = await run()
    await clock.idle(2)
    close = Client.close

    async def fails(client: Client, *hurry: Any) -> None:
        await close(client, *hurry)
        if client.settings.name == "nyc":
            raise ValueError("of the client")

    async def closes() -> None:
        raise ValueError("of the server")

    monkeypatch.setattr(Client, "close", fails)
    monkeypatch.setattr(running.exporter._server, "stop", closes)
    with capture_logs() as logs:
        await running.exporter.stop()
    assert (nyc.live_sessions, lon.live_sessions) == (0, 0)
    assert [str(line["exc_info"]) for line in logs if line["log_level"] == "error"] == [
        "of the client",
        "of the server",
    ]
    assert logs[-1]["event"] == "stopped"
    monkeypatch.undo()


async def test_reload_while_stopping_starts_nothing(
    simulate: Simulate, configured: Configured, run: Export, clock: DrivenClock
) -> None:
    nyc = await simulate()
    configured.write(nyc)
    running = await run()
    await clock.idle(1)
    await running.exporter.stop()
    assert await running.exporter.reload() == "the exporter is stopping"
    assert running.exporter.poller.names() == ()
    assert nyc.live_sessions == 0


async def test_sighup_reloads_and_sigterm_ends(simulate: Simulate, configured: Configured, clock: DrivenClock) -> None:
    nyc, lon = await simulate(), await simulate()
    configured.write(nyc)
    exporter = Exporter(configured.load, clock=clock)
    exporter.configure()
    with capture_logs() as logs:
        serving = asyncio.create_task(serve(exporter, [listen("127.0.0.1:0")], WebFlags()))
        await clock.idle(1)
        configured.write(nyc, ("lon", lon))
        os.kill(os.getpid(), signal.SIGHUP)
        await clock.idle(2)
        assert {"event": "configuration reloaded", "zvms": 2, "log_level": "info"} in logs
        configured.file.write_text("")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: any("was not reloaded" in str(line["event"]) for line in logs))
        assert exporter.poller.names() == ("nyc", "lon")
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
    assert (nyc.live_sessions, lon.live_sessions) == (0, 0)


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop turn until *condition* holds; the test's time limit is its limit."""
    while not condition():  # noqa: ASYNC110 - nothing announces a log line
        await asyncio.sleep(0.001)
