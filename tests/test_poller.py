"""The poll loop: on time without drift, one task a ZVM, each on its own; and a log line where a state changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from structlog.testing import capture_logs
from support import COLLECTORS, PASSWORD, DrivenClock, Page, Running, Simulate, zvm_config

from exporter.app import Exporter
from exporter.collectors import vms, vpgs
from exporter.config import Config, Zvm
from exporter.polling import poller as poller_module
from exporter.polling.clock import Clock
from exporter.polling.outcome import Outcome
from exporter.polling.statelog import StateLog
from exporter.simulator import Estate, Simulator, faults
from exporter.zvm.client import Zvm as Client
from exporter.zvm.errors import ConnectError
from exporter.zvm.paths import SESSION
from exporter.zvm.settings import Auth, Tls

Export = Callable[..., Awaitable[Running]]
Lines = list[MutableMapping[str, Any]]


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(auth="session")
    return started


@pytest.fixture
async def other(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(Estate("lon", vms=4, seed=2), auth="session")
    return started


@pytest.fixture
def logs() -> Iterator[Lines]:
    with capture_logs() as lines:
        yield lines


def polls(sim: Simulator, path: str = vms.PATH) -> int:
    return sum(request.path == path for request in sim.requests)


def of_zvm(page: Page, zvm: str) -> set[str]:
    return {name for name, labels in page.samples if ("zvm", zvm) in labels}


async def test_polls_keep_to_the_interval_without_drift(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """The time that a poll takes is not added, nor any rounding."""
    running = await export([zvm_config(sim, ca_file=ca_file, interval=20.1)])
    await clock.idle(1)
    await clock.advance(20.1 * 60 + 1)
    assert polls(sim) == 61
    assert (await running.page()).values("zerto_exporter_polls_skipped_total") == [0, 0]


async def test_each_zvm_has_its_own_interval(
    sim: Simulator, other: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    await export([zvm_config(sim, ca_file=ca_file), zvm_config(other, "lon", ca_file=ca_file, interval=60.0)])
    await clock.idle(2)
    await clock.advance(600)
    assert (polls(sim), polls(other)) == (21, 11)


async def test_a_hanging_zvm_delays_no_other(
    sim: Simulator, other: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set("/", faults.hang())
    running = await export([zvm_config(sim, ca_file=ca_file), zvm_config(other, "lon", ca_file=ca_file)])
    await clock.idle(1)
    await clock.advance(300)
    page = await running.page()
    assert polls(other) == 11
    assert page.value("zerto_up", zvm="lon") == 1
    assert not page.values("zerto_up", zvm="nyc")


async def test_ready_once_every_zvm_was_tried(
    sim: Simulator, other: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """A failed try counts; and a ZVM that a reload adds does not make it unready again."""
    gate = asyncio.Event()
    sim.faults.set(vms.PATH, faults.slow(gate=gate))
    await other.stop()
    running = await export([zvm_config(sim, ca_file=ca_file), zvm_config(other, "lon", ca_file=ca_file)])
    await clock.idle(1)
    assert running.exporter.poller.untried() == ("nyc",)
    assert await running.get("/-/ready") == (503, "not tried yet: nyc\n")
    gate.set()
    await clock.idle(2)
    assert (await running.get("/-/ready"))[0] == 200
    running.zvms.append(zvm_config(sim, "new", ca_file=ca_file))
    await running.exporter.reload()
    assert running.exporter.poller.names() == ("nyc", "lon", "new")
    assert (await running.get("/-/ready"))[0] == 200


async def test_reload_leaves_an_unchanged_zvm_alone(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """It keeps its data, its session and its schedule."""
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    await clock.advance(10)
    assert await running.exporter.reload() == ""
    running.zvms[0] = zvm_config(sim, ca_file=ca_file)
    assert await running.exporter.reload() == ""
    assert (await running.page()).values("zerto_vm_info")
    await clock.advance(19)
    assert polls(sim) == 1
    await clock.advance(1)
    assert (polls(sim), sim.logins) == (2, 1)


async def test_reload_tries_again_at_once_what_failed(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """And counts the interval from there."""
    sim.faults.set(vpgs.PATH, faults.status(503, {"Retry-After": "600"}), times=1)
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    await clock.advance(70)
    assert polls(sim, vpgs.PATH) == 1
    await running.exporter.reload()
    await sim.arrived(2, vpgs.PATH)
    await clock.idle(1)
    assert (await running.page()).value("zerto_collector_success", collector="vpgs") == 1
    await clock.advance(29)
    assert polls(sim, vpgs.PATH) == 2
    await clock.advance(1)
    assert polls(sim, vpgs.PATH) == 3


async def test_reload_of_a_changed_zvm_logs_in_anew_and_leaves_no_session(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """What it was about stays until the next poll where it is still about the same."""
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    running.zvms[0] = zvm_config(sim, ca_file=ca_file, timeout=10.0)
    await running.exporter.reload()
    assert (await running.page()).values("zerto_vm_info")
    await sim.arrived(2)
    await sim.arrived(3, SESSION)
    await clock.idle(1)
    assert sim.logins == 2
    assert sim.live_sessions == 1
    await clock.advance(30)
    assert polls(sim) == 3


@pytest.mark.parametrize("change", ["filters", "labels", "collectors", "url"])
async def test_samples_that_may_no_longer_be_true_go_at_once(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, change: str
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    changes: dict[str, Any] = {
        "filters": {"vmName": "none"},
        "labels": {"region": "us-east"},
        "collectors": ("vms",),
        "url": sim.url.replace("127.0.0.1", "localhost"),
    }
    sim.faults.set("/v1/v", faults.hang())
    running.zvms[0] = zvm_config(sim, ca_file=ca_file, **{change: changes[change]})
    await running.exporter.reload()
    page = await running.page()
    assert not page.values("zerto_vm_info")
    assert not page.values("zerto_up")
    collectors = {labels["collector"] for labels, _ in page.all("zerto_exporter_polls_total")}
    assert collectors == ({"vms"} if change == "collectors" else {"vms", "vpgs"})


async def test_a_certificate_that_was_renewed_ends_no_session(
    sim: Simulator, export: Export, clock: DrivenClock, authority: trustme.CA, tmp_path: Path
) -> None:
    """Nor does one that goes: new connections use what is there, and the session is the same over all of them."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    running = await export([zvm_config(sim, tls=Tls(ca_file=file))])
    await clock.idle(1)
    authority.cert_pem.write_to_path(str(file), append=True)
    assert await running.exporter.reload() == ""
    await clock.advance(30)
    file.unlink()
    assert await running.exporter.reload() == ""
    await clock.advance(30)
    assert (await running.page()).value("zerto_up", zvm="nyc") == 1
    assert sim.logins == 1


@pytest.mark.parametrize("busy", [False, True], ids=["between polls", "in a poll"])
async def test_a_zvm_that_was_removed(
    sim: Simulator, other: Simulator, export: Export, clock: DrivenClock, ca_file: Path, busy: bool
) -> None:
    """Its series and label sets go at once and for good, its session is closed, whatever was under way."""
    running = await export([zvm_config(sim, ca_file=ca_file), zvm_config(other, "lon", ca_file=ca_file)])
    await clock.idle(2)
    if busy:
        sim.faults.set(vms.PATH, faults.slow(gate=asyncio.Event()))
        moving = asyncio.create_task(clock.advance(30))
        await sim.arrived(2)
        await clock.idle(1)
        moving.cancel()
    assert of_zvm(await running.page(), "nyc")
    del running.zvms[0]
    await running.exporter.reload()
    assert of_zvm(await running.page(), "nyc") == set()
    await sim.arrived(2, SESSION)
    await clock.idle(1)
    await asyncio.gather(*running.exporter.poller._goodbyes)
    assert sim.live_sessions == 0
    assert of_zvm(await running.page(), "nyc") == set()
    assert running.exporter.poller.names() == ("lon",)
    await clock.advance(30)
    page = await running.page()
    assert of_zvm(page, "nyc") == set()
    assert page.value("zerto_exporter_polls_total", zvm="lon", collector="vms", outcome="success") >= 2


async def test_a_zvm_that_is_removed_and_added_again(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    removed = running.zvms.pop()
    await running.exporter.reload()
    running.zvms.append(removed)
    await running.exporter.reload()
    await sim.arrived(2)
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_up") == 1
    assert page.value("zerto_exporter_polls_total", collector="vms", outcome="success") == 1


async def test_a_status_tells_what_is_known(sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path) -> None:
    gate = asyncio.Event()
    sim.faults.set(vms.PATH, faults.slow(gate=gate))
    running = await export([zvm_config(sim, ca_file=ca_file)])
    (status,) = running.exporter.poller.statuses()
    assert (status.name, status.url, status.up, status.since, status.last_success) == ("nyc", sim.url, None, None, None)
    assert (status.summary, status.series, status.outcomes) == (None, 0, ())
    gate.set()
    await clock.idle(1)
    (status,) = running.exporter.poller.statuses()
    assert (status.up, status.since, status.last_success) == (True, clock.now, clock.now)
    assert status.summary is not None
    assert status.summary.vms == 5
    page = await running.page()
    assert status.series == sum(page.values("zerto_exporter_series"))
    assert [(outcome.collector, outcome.error) for outcome in status.outcomes] == [("vms", ""), ("vpgs", "")]
    good = clock.now
    sim.faults.set(vms.PATH, faults.status(500))
    await clock.advance(60)
    (status,) = running.exporter.poller.statuses()
    assert (status.up, status.since, status.last_success) == (False, good + 30, good)
    assert "HTTP 500" in status.outcomes[0].error
    assert await running.exporter.poller.version("nyc") != ""


async def test_without_vms_the_first_collector_speaks_for_the_zvm(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vpgs",))])
    await clock.idle(1)
    assert (await running.page()).value("zerto_up") == 1
    sim.faults.set(vpgs.PATH, faults.status(500))
    await clock.advance(30)
    assert (await running.page()).value("zerto_up") == 0
    assert polls(sim) == 0


async def test_a_line_when_down_and_when_up_again(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, logs: Lines
) -> None:
    """And one when the reason changes, but none for a failed poll like the one before."""
    port = sim.port

    def states() -> list[tuple[str, str | None]]:
        lines = [(line["event"], line.get("reason")) for line in logs if str(line["event"]).startswith("ZVM is")]
        logs.clear()
        return lines

    await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    (up,) = [line for line in logs if line["event"] == "ZVM is up"]
    assert (up["zvm"], up["rows"], up["log_level"]) == ("nyc", 5, "info")
    assert up["series"] > 50
    assert states() == [("ZVM is up", None)]
    await clock.advance(30)
    assert states() == []
    await sim.stop()
    await clock.advance(30)
    (down,) = [line for line in logs if line["event"] == "ZVM is down"]
    assert down["log_level"] == "warning"
    assert "no connection" in down["error"]
    assert down["exc_info"] is None
    assert states() == [("ZVM is down", "connect")]
    await clock.advance(90)
    assert states() == []
    await sim.start(port=port)
    sim.faults.set("/v1/v", faults.html())
    await clock.advance(60)
    assert states() == [("ZVM is down", "decode")]
    sim.faults.clear()
    await clock.advance(30)
    (again,) = [line for line in logs if line["event"] == "ZVM is up again"]
    assert again["after_seconds"] == 180
    assert states() == [("ZVM is up again", None)]
    await clock.advance(60)
    assert states() == []


async def test_a_line_for_a_collector_that_fails_alone(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, logs: Lines
) -> None:
    def collector_lines() -> list[tuple[str, str, str | None]]:
        told = [line for line in logs if "collector" in line and not line["event"].startswith("samples dropped")]
        lines = [(line["event"], line["collector"], line.get("reason")) for line in told]
        logs.clear()
        return lines

    await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    assert collector_lines() == [("collector works", "vpgs", None)]
    sim.faults.set(vpgs.PATH, faults.status(500))
    await clock.advance(90)
    assert collector_lines() == [("collector fails", "vpgs", "http")]
    sim.faults.set(vms.PATH, faults.status(500))
    await clock.advance(60)
    assert collector_lines() == [], "it goes the way of the whole ZVM"
    sim.faults.clear()
    await clock.advance(60)
    assert collector_lines() == [("collector works again", "vpgs", None)]


async def test_a_line_for_losses_only_when_they_change(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, logs: Lines
) -> None:
    def losses() -> Lines:
        lines = [line for line in logs if "of the answer" in str(line["event"])]
        logs.clear()
        return lines

    await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    assert losses() == []
    sim.faults.set(vms.PATH, faults.bad_record(2))
    await clock.advance(90)
    (line,) = losses()
    assert (line["collector"], line["invalid_records"], line["duplicate_records"]) == ("vms", 2, 0)
    assert line["first"].startswith("record 0: expected an object, got a string")
    sim.faults.set(vms.PATH, faults.duplicates())
    await clock.advance(60)
    (line,) = losses()
    assert (line["invalid_records"], line["duplicate_records"]) == (0, 5)
    sim.faults.clear()
    await clock.advance(60)
    (line,) = losses()
    assert line["event"] == "all of the answer can be used again"


async def test_a_vm_that_is_listed_in_two_roles_is_published_once_and_the_other_is_counted(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """So a page never holds a VM twice, whatever the ZVM says of its sides."""

    def turned(vm: dict[str, Any]) -> dict[str, Any]:
        return {**vm, "ProtectedSite": vm["RecoverySite"], "RecoverySite": vm["ProtectedSite"]}

    both = faults.Fault("both roles", mutate=lambda vms: [one for vm in vms for one in (vm, turned(vm))])
    sim.faults.set(vms.PATH, both)
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    page = await running.page()
    assert {labels["role"] for labels, _ in page.all("zerto_vm_info")} == {"protected"}
    assert len(page.values("zerto_vm_info")) == 5
    assert page.value("zerto_exporter_duplicate_records_total", zvm="nyc", collector="vms") == 5


async def test_a_bug_costs_its_collector_only(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, logs: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted as one, and its traceback is written once."""

    async def broken(*_: Any) -> Any:
        raise LookupError("a line\nand another " + "x" * 500)

    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    (target,) = running.exporter.poller._targets.values()
    job = target.jobs["vpgs"]
    whole, job.fetch = job.fetch, broken
    logs.clear()
    await clock.advance(90)
    page = await running.page()
    assert page.value("zerto_exporter_polls_total", collector="vpgs", outcome="bug") == 3
    assert page.value("zerto_exporter_polls_total", collector="vms", outcome="success") == 4
    assert page.value("zerto_up") == 1
    (line,) = [line for line in logs if line.get("reason") == "bug"]
    assert isinstance(line["exc_info"], LookupError)
    assert line["error"].startswith("LookupError: a line and another x")
    assert len(line["error"]) <= 200
    job.fetch = whole
    await clock.advance(30)
    assert (await running.page()).value("zerto_collector_success", collector="vpgs") == 1


async def test_a_bug_outside_of_a_collector_does_not_end_polling(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, logs: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the ZVM would be told to be up for ever."""
    await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)

    def broken(*_: Any) -> None:
        raise BrokenPipeError("standard error is closed")

    with monkeypatch.context() as patch:
        patch.setattr(StateLog, "ended", broken)
        await clock.advance(60)
    assert len([line for line in logs if line["event"] == "poll ended by an error of ours"]) == 4
    await clock.advance(30)
    assert polls(sim) == 4


async def test_many_rows_are_rendered_off_the_loop(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    large = await simulate(vms=200)
    running = await export([zvm_config(large, ca_file=ca_file)])
    await clock.idle(1)
    assert len((await running.page()).values("zerto_vm_info")) >= 200


@pytest.mark.parametrize(
    ("tls", "host"),
    [(True, "127.0.0.1"), (False, "127.0.0.1"), (False, "zvm.invalid")],
    ids=["TLS", "this machine", "elsewhere"],
)
async def test_a_connection_without_tls_is_warned_of(
    simulate: Simulate, export: Export, clock: DrivenClock, logs: Lines, tls: bool, host: str
) -> None:
    """Once, and not where nobody is between."""
    sim = await simulate(tls=tls)
    await export([zvm_config(sim, url=sim.url.replace("127.0.0.1", host))])
    await clock.idle(1)
    warned = [line for line in logs if line["event"] == "the connection to the ZVM is not secure"]
    assert len(warned) == (host == "zvm.invalid")


async def test_once_polls_each_zvm_once(sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path) -> None:
    exporter = Exporter(lambda: Config((zvm_config(sim, ca_file=ca_file),)), clock=clock)
    exporter.configure()
    page = Page((await exporter.once()).decode())
    assert page.value("zerto_up") == 1
    assert (polls(sim), sim.live_sessions) == (1, 0)


async def test_the_clock_waits_for_the_event_or_the_time() -> None:
    clock, event = Clock(), asyncio.Event()
    before = clock.monotonic()
    await clock.wait(event, 0.01)
    assert clock.monotonic() - before >= 0.009
    event.set()
    await clock.wait(event, 60)
    assert clock.monotonic() - before < 10
    assert clock.wall() > 1.7e9


def test_an_outcome_is_a_success_by_its_reason() -> None:
    assert Outcome("vms").success
    assert not Outcome("vms", "http", "x").success


def test_the_names_of_outcomes_are_the_contract() -> None:
    """Dashboards and alert rules hang on them."""
    assert set(poller_module.POLL_OUTCOMES) == {
        "success",
        "unsupported",
        "auth",
        "connect",
        "timeout",
        "http",
        "decode",
        "too_large",
        "bug",
    }


def test_two_configurations_differ_by_any_key() -> None:
    """Of what decides whether a ZVM is left alone, secrets are a part."""
    one = Zvm(name="nyc", url="https://a", auth=Auth(username="u", password=PASSWORD))
    assert one == msgspec.structs.replace(one)
    assert one != msgspec.structs.replace(one, auth=Auth(username="u", password="other"))


async def test_the_polls_of_many_zvms_are_spread_over_the_interval(
    clock: DrivenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are polled at once when they are new, for who waits for them; from then on each at a time of its own."""
    polled: dict[str, list[float]] = {}

    async def get(client: Client, path: str, *_rest: Any) -> None:
        if path == vms.PATH:
            polled.setdefault(client.settings.name, []).append(clock.now)
        raise ConnectError("not today")

    monkeypatch.setattr(Client, "get", get)
    keys: dict[str, Any] = {"url": "https://127.0.0.1:1", "interval": 60.0, "collectors": COLLECTORS}
    zvms = tuple(Zvm(name=f"zvm-{number}", **keys) for number in range(100))
    exporter = Exporter(lambda: Config(zvms), clock=clock)
    exporter.configure()
    begun = clock.now
    exporter.poller.start()
    await clock.idle(100)
    await clock.advance(180)
    await exporter.poller.stop()
    assert {times[0] for times in polled.values()} == {begun}
    for times in polled.values():
        assert 0 < times[1] - begun <= 60
        assert [round(after - before, 3) for before, after in pairwise(times[1:])] == [60] * (len(times) - 2)
    seconds = sorted(times[1] - begun for times in polled.values())
    assert max(after - before for before, after in pairwise([0.0, *seconds, 60.0])) < 2 * 60 / 100


async def test_samples_never_stand_without_their_age(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """Also while the collector by which the ZVM is judged has not answered yet."""
    gate = asyncio.Event()
    sim.faults.set(vms.PATH, faults.slow(chunk=100, gate=gate))
    running = await export([zvm_config(sim, ca_file=ca_file)])
    counted = running.exporter.telemetry.registry.get_sample_value
    polled = {"zvm": "nyc", "collector": "vpgs", "outcome": "success"}
    while not counted("zerto_exporter_polls_total", polled):  # noqa: ASYNC110 - nobody tells of the half of a poll
        await asyncio.sleep(0.01)
    page = await running.page()
    assert page.values("zerto_vpg_info")
    assert page.value("zerto_collector_last_success_timestamp_seconds", collector="vpgs") == clock.now
    assert not page.values("zerto_up")
    gate.set()
    await clock.idle(1)
    assert (await running.page()).value("zerto_up") == 1


async def test_a_poll_of_many_slow_requests_ends_nonetheless(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request may take nearly its timeout; `zerto_up` must not stay 1 until the last of them is done."""
    running = await export([zvm_config(sim, ca_file=ca_file, interval=0.2, timeout=0.2)])
    await clock.idle(1)
    late = {"collector": "vms", "outcome": "timeout"}
    before = (await running.page()).value("zerto_exporter_polls_total", **late)  # 1 on a machine that is busy

    async def crawl(*_arguments: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Client, "get", crawl)
    await clock.advance(0.2)
    page = await running.page()
    assert page.value("zerto_up") == 0
    assert page.value("zerto_exporter_polls_total", **late) == before + 1
    assert "no complete poll within 0.4 s" in running.exporter.poller.statuses()[0].outcomes[0].error
