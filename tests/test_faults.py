"""When things go wrong: whatever a ZVM does, the page stays valid and says so, the others go on; then all is back."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from support import PASSWORD, DrivenClock, Page, Running, Simulate, zvm_config

from exporter.collectors import vms, vpgs
from exporter.simulator import Estate, Simulator, faults
from exporter.simulator.faults import Fault
from exporter.simulator.faults.hostile import HOSTILE_NAMES
from exporter.zvm.settings import Auth

Export = Callable[..., Awaitable[Running]]
INTERVAL = 30

# Each fault, and the reason under which the poll that meets it is counted.
FAILING: list[tuple[Fault, str]] = [
    (faults.status(400), "http"),
    (faults.status(401), "auth"),
    (faults.status(403), "http"),
    (faults.status(404), "http"),
    (faults.status(429), "http"),
    (faults.status(500), "http"),
    (faults.status(503), "http"),
    (faults.status(503, {"Retry-After": "20"}), "http"),
    (faults.hang(), "timeout"),
    (faults.slow(gate=asyncio.Event()), "timeout"),
    (faults.reset(), "decode"),
    (faults.truncated(), "decode"),
    (faults.short(), "decode"),
    (faults.html(), "decode"),
    (faults.html(502), "http"),
    (faults.redirect("https://login.example.com/"), "http"),
    (faults.null(), "decode"),
    (faults.wrong_shape(), "decode"),
    (faults.nan(), "decode"),
    (faults.endless_body(), "too_large"),
    (faults.bomb(4 * 2**20), "too_large"),
    (faults.flood(200_000), "decode"),
    (faults.expired_token(), "auth"),
    (faults.echo_secrets(), "http"),
    (faults.echo_secrets(200), "decode"),
]

# Faults that cost nothing, or only what does not fit: records, values, duplicates of the 9 rows.
BEARABLE: list[tuple[Fault, tuple[int, int, int]]] = [
    (faults.bad_record(3), (3, 3, 0)),
    (faults.bad_values(3), (3, 7 * 3, 0)),
    (faults.nulls(), (0, 0, 0)),
    (faults.strings_for_numbers(), (0, 0, 0)),
    (faults.unknown_codes(), (0, 0, 0)),
    (faults.enum_names(), (0, 0, 0)),
    (faults.camel_case(), (0, 0, 0)),
    (faults.camel_case(keep_identity=True), (0, 0, 0)),
    (faults.lower_first(), (0, 0, 0)),
    (faults.duplicates(), (0, 0, 9)),
    (faults.hostile_names(), (0, 0, 0)),
    (faults.xml(), (0, 0, 0)),
    (faults.gzip(), (0, 0, 0)),
    (faults.wrong_content_type(), (0, 0, 0)),
    (faults.wrong_content_type("application/xml"), (0, 0, 0)),
    (faults.invalid_utf8(), (1, 1, 0)),
    (faults.latin1(), (1, 1, 0)),
    (faults.slow(0.001, 4096), (0, 0, 0)),
    (faults.expired_token(3600.0), (0, 0, 0)),
]


def name(value: Any) -> str:
    if not isinstance(value, Fault):
        return str(value) if isinstance(value, str) else ""
    return f"{value.name} {' '.join(str(arg) for arg in value.args.values() if arg is not None)}".strip()


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    """The ZVM to which things happen."""
    started: Simulator = await simulate(Estate("nyc", vms=9, seed=1), auth="keycloak")
    return started


@pytest.fixture
def patience(request: pytest.FixtureRequest) -> float:
    """Seconds that an answer may take: few where it is the fault that none comes, more than enough elsewhere."""
    callspec = getattr(request.node, "callspec", None)
    return 1.5 if callspec is not None and callspec.params.get("reason") == "timeout" else 20.0


@pytest.fixture
async def running(
    sim: Simulator, simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path, patience: float
) -> Running:
    """An exporter of it and of another, `lon`, after a first poll that was good."""
    other = await simulate(Estate("lon", vms=4, seed=2), auth="session")
    zvms = [
        zvm_config(sim, ca_file=ca_file, timeout=patience, max_body=2**20),
        zvm_config(other, "lon", ca_file=ca_file),
    ]
    started = await export(zvms, lifecycle=True)
    await clock.idle(2)
    page = await started.page()
    assert page.values("zerto_up") == [1, 1]
    assert len(page.values("zerto_vm_info", zvm="nyc")) == 9
    return started


def polls(page: Page, outcome: str, collector: str = "vms", zvm: str = "nyc") -> float:
    return page.value("zerto_exporter_polls_total", zvm=zvm, collector=collector, outcome=outcome)


def lost(page: Page) -> tuple[float, ...]:
    kinds = ("invalid_records", "invalid_values", "duplicate_records")
    return tuple(page.value(f"zerto_exporter_{kind}_total", zvm="nyc", collector="vms") for kind in kinds)


def test_every_fault_that_the_simulator_knows_is_held() -> None:
    made = {fault.name for fault, _ in FAILING} | {fault.name for fault, _ in BEARABLE}
    known = {
        name
        for name, value in vars(faults).items()
        if inspect.isfunction(value) and value.__module__ == faults.__name__ and name[0] != "_"
    }
    assert known - made == {"empty"}  # which is an empty list, and no fault


@pytest.mark.parametrize(("fault", "reason"), FAILING, ids=name)
async def test_a_fault_that_fails_the_poll(
    sim: Simulator, running: Running, clock: DrivenClock, fault: Fault, reason: str
) -> None:
    """It is counted under its reason, `zerto_up` falls at once, the last good samples and the other ZVM stay."""
    sim.faults.set(vms.PATH, fault)
    await clock.advance(INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 0
    assert page.value("zerto_collector_success", zvm="nyc", collector="vms") == 0
    failed = page.all("zerto_exporter_polls_total", zvm="nyc", collector="vms")
    assert {labels["outcome"]: count for labels, count in failed if count} == {"success": 1, reason: 1}
    assert len(page.values("zerto_vm_info", zvm="nyc")) == 9
    assert page.value("zerto_collector_last_success_timestamp_seconds", zvm="nyc", collector="vms") == clock.now - 30
    assert page.value("zerto_up", zvm="lon") == 1
    last = page.value("zerto_collector_last_success_timestamp_seconds", zvm="lon", collector="vms")
    assert clock.now - INTERVAL < last <= clock.now
    assert (await running.get("/"))[0] == 200
    assert (await running.get("/-/healthy"))[0] == 200
    sim.faults.clear()
    await clock.advance(INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert polls(page, "success") == 2
    assert polls(page, "success", zvm="lon") == 3


@pytest.mark.parametrize(("fault", "costs"), BEARABLE, ids=name)
async def test_a_fault_that_can_be_borne(
    sim: Simulator, running: Running, clock: DrivenClock, fault: Fault, costs: tuple[int, int, int]
) -> None:
    """What does not fit is left out and counted, the rest is published, and the poll is a success."""
    sim.faults.set(vms.PATH, fault)
    await clock.advance(INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert polls(page, "success") == 2
    assert lost(page) == costs
    published = 9 - (costs[0] if fault.name != "bad_values" else 0)
    assert len(page.values("zerto_vm_info", zvm="nyc")) == published
    assert "None" not in {value for labels, _ in page.all("zerto_vm_info", zvm="nyc") for value in labels.values()}
    sim.faults.clear()
    await clock.advance(INTERVAL)
    page = await running.page()
    assert lost(page) == costs
    assert len(page.values("zerto_vm_info", zvm="nyc")) == 9


@pytest.mark.parametrize(("fault", "costs"), BEARABLE, ids=name)
async def test_the_same_faults_on_vpgs(
    sim: Simulator, running: Running, clock: DrivenClock, fault: Fault, costs: tuple[int, int, int]
) -> None:
    before = len((await running.page()).values("zerto_vpg_info", zvm="nyc"))
    sim.faults.set(vpgs.PATH, fault)
    await clock.advance(INTERVAL)
    page = await running.page()
    assert polls(page, "success", "vpgs") == 2
    after = len(page.values("zerto_vpg_info", zvm="nyc"))
    assert after == before if costs[0] == 0 or fault.name == "bad_values" else after < before


async def test_names_of_any_kind_are_published_as_they_are(
    sim: Simulator, running: Running, clock: DrivenClock
) -> None:
    sim.faults.set("/v1/v", faults.hostile_names())
    await clock.advance(INTERVAL)
    found = {labels["vm"] for labels, _ in (await running.page()).all("zerto_vm_info", zvm="nyc")}
    assert found == set(HOSTILE_NAMES[:9])


async def test_unknown_states_are_told_by_number(sim: Simulator, running: Running, clock: DrivenClock) -> None:
    sim.faults.set(vms.PATH, faults.unknown_codes())
    await clock.advance(INTERVAL)
    page = await running.page()
    states = {labels["status"] for labels, _ in page.all("zerto_vm_state", zvm="nyc")}
    assert states == {"Unknown(77)"}
    assert set(page.values("zerto_vm_status_code", zvm="nyc")) == {77}


async def test_an_unreachable_zvm(sim: Simulator, running: Running, clock: DrivenClock) -> None:
    """Down at once; the last good samples until `stale_after`, then none; polled on, and back when it is."""
    port = sim.port
    await sim.stop()
    await clock.advance(INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 0
    assert polls(page, "connect") == polls(page, "connect", "vpgs") == 1
    assert len(page.values("zerto_vm_info", zvm="nyc")) == 9
    assert page.value("zerto_exporter_series", zvm="nyc", collector="vms") > 0
    await clock.advance(120 - INTERVAL - 1)
    assert (await running.page()).values("zerto_vm_info", zvm="nyc")
    with capture_logs() as logs:
        await clock.advance(1)
        page = await running.page()
    assert not [
        key for key in page.samples if key[0].startswith(("zerto_vm_", "zerto_vpg_")) and ("zvm", "nyc") in key[1]
    ]
    assert page.value("zerto_exporter_series", zvm="nyc", collector="vms") == 0
    assert page.value("zerto_up", zvm="nyc") == 0
    assert page.values("zerto_vm_info", zvm="lon")
    assert {(line["zvm"], line["collector"]) for line in logs if "stale_after" in line["event"]} == {
        ("nyc", "vms"),
        ("nyc", "vpgs"),
    }
    await sim.start(port=port)
    await clock.advance(INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert len(page.values("zerto_vm_info", zvm="nyc")) == 9


async def test_samples_are_stale_at_the_time_that_was_configured(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, stale_after=45.0)])
    await clock.idle(1)
    sim.faults.set("/v1", faults.status(500))
    await clock.advance(44)
    assert (await running.page()).values("zerto_vm_info")
    await clock.advance(1)
    assert not (await running.page()).values("zerto_vm_info")


@pytest.mark.parametrize(
    ("failing", "working", "up"), [("vms", "vpgs", 0), ("vpgs", "vms", 1)], ids=["vms fails", "vpgs fails"]
)
async def test_one_collector_fails_while_the_other_works(
    sim: Simulator, running: Running, clock: DrivenClock, failing: str, working: str, up: int
) -> None:
    """The ZVM is judged by vms; the other's samples go on or go stale on their own."""
    sim.faults.set(f"/v1/{failing}", faults.status(500))
    await clock.advance(5 * INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == up
    assert polls(page, "http", failing) == 5
    assert polls(page, "success", working) == 6
    assert page.values(f"zerto_{working[:-1]}_info", zvm="nyc")
    assert not page.values(f"zerto_{failing[:-1]}_info", zvm="nyc")


async def test_a_collector_that_is_never_let_in_does_not_stop_the_other(
    sim: Simulator, running: Running, clock: DrivenClock
) -> None:
    sim.faults.set(vpgs.PATH, faults.status(401))
    await clock.advance(10 * INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert polls(page, "success") == 11
    assert polls(page, "auth", "vpgs") == 10


async def test_a_login_that_is_refused(sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path) -> None:
    """Counted, and tried ever more seldom, whatever the number of collectors; a reload tries again at once."""
    auth = Auth(username=sim.username, password="wrong")
    running = await export([zvm_config(sim, ca_file=ca_file, auth=auth, interval=90.0)], lifecycle=True)
    await clock.idle(1)
    await clock.advance(3600)
    page = await running.page()
    refused = sim.refused_logins
    assert 7 <= refused <= 13
    assert page.value("zerto_exporter_logins_total", zvm="nyc", outcome="refused") == refused
    assert polls(page, "auth") == 41
    assert page.value("zerto_up") == 0
    async with running.session.post(f"{running.url}/-/reload") as response:
        assert response.status == 200
    await sim.arrived(refused + 1, "/auth/realms/zerto/protocol")
    await clock.idle(1)
    assert sim.refused_logins == refused + 1


async def test_a_poll_longer_than_the_interval(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """The next ones are skipped and counted; never two at once; then on at the ticks of before."""
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms",))])
    await clock.idle(1)
    began, gate = clock.now, asyncio.Event()
    sim.faults.set(vms.PATH, faults.slow(gate=gate))
    moving = asyncio.create_task(clock.advance(INTERVAL))
    await sim.arrived(2, vms.PATH)
    clock.now = began + 3.5 * INTERVAL
    assert (await running.page()).value("zerto_exporter_polls_skipped_total") == 0
    assert sum(request.path == vms.PATH for request in sim.requests) == 2
    gate.set()
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_exporter_polls_skipped_total") == 2
    assert page.value("zerto_collector_duration_seconds", collector="vms") == 2.5 * INTERVAL
    await moving
    clock.now = began + 3.5 * INTERVAL
    await clock.advance(INTERVAL / 2)
    page = await running.page()
    assert sum(request.path == vms.PATH for request in sim.requests) == 3
    assert page.value("zerto_collector_last_success_timestamp_seconds", collector="vms") == began + 4 * INTERVAL
    assert page.value("zerto_exporter_polls_skipped_total") == 2


async def test_a_vm_that_goes(sim: Simulator, running: Running, clock: DrivenClock) -> None:
    gone = sim.estate.vms()[0]["VmIdentifier"]
    assert (await running.page()).all("zerto_vm_info", vm_id=gone)
    sim.estate.remove_vm(gone)
    await clock.advance(INTERVAL)
    page = await running.page()
    assert gone not in page.text
    assert page.values("zerto_vm_info", zvm="nyc")


async def test_a_vpg_that_goes(sim: Simulator, running: Running, clock: DrivenClock) -> None:
    gone, *others = [vpg["VpgIdentifier"] for vpg in sim.estate.vpgs()]
    assert (await running.page()).all("zerto_vpg_info", vpg_id=gone)
    sim.estate.remove_vpg(gone)
    await clock.advance(INTERVAL)
    page = await running.page()
    assert gone not in page.text
    assert len(page.values("zerto_vpg_info", zvm="nyc")) == len(others)


async def test_an_estate_that_is_empty(sim: Simulator, running: Running, clock: DrivenClock) -> None:
    """It is a good answer: no rows, and nothing of before."""
    for vpg in sim.estate.vpgs():
        sim.estate.remove_vpg(vpg["VpgIdentifier"])
    await clock.advance(INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert not page.values("zerto_vm_info", zvm="nyc")


async def test_a_token_that_dies_between_two_polls(sim: Simulator, running: Running, clock: DrivenClock) -> None:
    sim.expire_tokens()
    await clock.advance(INTERVAL)
    page = await running.page()
    assert page.value("zerto_up", zvm="nyc") == 1
    assert sim.logins == 2
    assert polls(page, "success") == polls(page, "success", "vpgs") == 2


async def test_stopping_leaves_no_session(sim: Simulator, running: Running) -> None:
    assert sim.live_sessions == 1
    await running.exporter.stop()
    assert sim.live_sessions == 0


async def test_stopping_does_not_wait_for_a_zvm_that_hangs(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file)], goodbye_seconds=0.05)
    await clock.idle(1)
    sim.faults.set("/", faults.hang())
    moving = asyncio.create_task(clock.advance(INTERVAL))
    await sim.arrived(2, vms.PATH)
    with capture_logs() as logs:
        await running.exporter.stop()
    moving.cancel()
    assert [line["zvm"] for line in logs if line["event"] == "no logout within time"] == ["nyc"]


async def test_a_password_that_works_again(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path, tmp_path: Path
) -> None:
    """A secret file that is mended is enough; no reload."""
    file = tmp_path / "password"
    running = await export([zvm_config(sim, ca_file=ca_file, auth=Auth(username=sim.username, password_file=file))])
    await clock.idle(1)
    page = await running.page()
    assert polls(page, "auth") == 1
    file.write_text(PASSWORD)
    await clock.advance(INTERVAL)
    assert (await running.page()).value("zerto_up") == 1
