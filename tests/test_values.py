"""What real ZVMs send that is easily misread, from their answers over TLS to the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from support import DrivenClock, Page, Running, Simulate, zvm_config

from exporter.collectors import vms, vpgs
from exporter.simulator import Estate, Fault, Simulator, faults
from exporter.simulator.exchange import Payload

Export = Callable[..., Awaitable[Running]]
Records = list[dict[str, Any]]


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(Estate("nyc", vms=6, seed=1, incidents=False), auth="session")
    return started


@pytest.fixture
def polled(sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path) -> Callable[[], Awaitable[Page]]:
    """Return the page of an exporter that has polled the ZVM once."""

    async def poll() -> Page:
        running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "vpgs"))])
        await clock.idle(1)
        return await running.page()

    return poll


def answering(change: Callable[[Records], Any]) -> Fault:
    """Return what makes the ZVM send the records as *change* returns them."""
    return Fault("answering", mutate=change)


def sending(*values: dict[str, Any]) -> Fault:
    """Return what makes the ZVM send a record for each of *values*, which go over what it has otherwise."""

    def change(records: Records) -> Records:
        return [
            records[0] | {"VmIdentifier": f"vm-{n}", "VpgIdentifier": f"vpg-{n}", "VmName": f"{n}"} | value
            for n, value in enumerate(values)
        ]

    return answering(change)


async def test_an_rpo_that_is_not_calculated_is_none_at_all(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    """As in Zerto's own interface, 0 and less and 3,955,710 and more stand for that; it is no invalid value."""
    sent = (1, 0, 3_955_709, 3_955_710, 4_955_710, -50, -1, 0.0, 0.5)
    for path in (vms.PATH, vpgs.PATH):
        sim.faults.set(path, sending(*({"ActualRPO": rpo} for rpo in sent)))
    page = await polled()
    for of in ("vm", "vpg"):
        assert len(page.all(f"zerto_{of}_info")) == len(sent)
        known = {labels["vpg_id"]: value for labels, value in page.all(f"zerto_{of}_actual_rpo_seconds")}
        assert known == {"vpg-0": 1, "vpg-2": 3_955_709, "vpg-8": 0.5}
    assert set(page.values("zerto_exporter_invalid_values_total")) == {0}


async def test_a_vpg_that_is_initialized_has_no_perfect_rpo(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    sim.estate.start_incident("initial_sync")
    page = await polled()
    assert page.values("zerto_vpg_state", status="Initializing")
    assert page.values("zerto_vpg_actual_rpo_seconds") == page.values("zerto_vm_actual_rpo_seconds") == []


async def test_a_vpg_whose_protected_site_is_gone_says_so_by_its_substatus(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    sim.estate.start_incident("recovery_possible")
    page = await polled()
    for of in ("vm", "vpg"):
        states = {(labels["status"], labels["substatus"]) for labels, _ in page.all(f"zerto_{of}_state")}
        assert states == {("MeetingSLA", "RecoveryPossible")}


OTHER = ["Initializing", "MeetingSLA", "NotMeetingSLA", "HistoryNotMeetingSLA", "RpoNotMeetingSLA", "FailingOver"]


def listing(names: list[Any]) -> Fault:
    """Return what makes the ZVM list these names."""

    async def replace(_call: Any, _authority: Any) -> Payload:
        return Payload(200, msgspec.json.encode(names))

    return Fault("listing", replace=replace)


def states(page: Page, of: str) -> dict[str, tuple[str, str]]:
    """Return status and substatus of each VPG."""
    return {labels["vpg_id"]: (labels["status"], labels["substatus"]) for labels, _ in page.all(f"zerto_{of}_state")}


async def test_the_zvms_own_names_of_states_go_before_ours(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    """Whether or not our table has the code; and asked once for both collectors."""
    sim.faults.set("/v1/vpgs/statuses", listing(OTHER))
    for path in (vms.PATH, vpgs.PATH):
        sim.faults.set(path, sending({"Status": 3, "SubStatus": 0}, {"Status": 8, "StatusDescription": None}))
    page = await polled()
    for of in ("vm", "vpg"):
        assert states(page, of) == {"vpg-0": ("HistoryNotMeetingSLA", "None"), "vpg-1": ("Recovered", "None")}
        assert sorted(page.values(f"zerto_{of}_status_code")) == [3, 8]
    asked = [request.path for request in sim.requests]
    assert (asked.count("/v1/vpgs/statuses"), asked.count("/v1/vpgs/substatuses")) == (1, 1)


async def test_without_a_list_the_descriptions_name_the_states(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """In whatever words. A VM has none: it is named as its VPG, with the next poll at the latest."""
    sim.faults.set("/v1/vpgs/", faults.status(404))
    new = {"StatusDescription": "Rolling Back", "SubStatusDescription": "Ransomware suspected"}
    known = {"StatusDescription": "History Not Meeting SLA", "SubStatusDescription": "Recovery storage profile error"}
    for path in (vms.PATH, vpgs.PATH):
        described = path == vpgs.PATH
        sim.faults.add(
            path,
            sending(
                {"Status": 9, "SubStatus": 41} | (new if described else {}),
                {"Status": 3, "SubStatus": 27} | (known if described else {}),
            ),
        )
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    named = {
        "vpg-0": ("Rolling Back", "Ransomware suspected"),
        "vpg-1": ("HistoryNotMeetingSLA", "RecoveryStoragePolicyError"),
    }
    assert states(await running.page(), "vpg") == named
    await clock.advance(30)
    page = await running.page()
    assert states(page, "vm") == states(page, "vpg") == named


@pytest.mark.parametrize(
    "fault",
    [
        listing([]),
        listing([""] * 9),
        listing(["Same"] * 9),
        listing([None] * 9),
        listing([1, {}, []]),
        listing(list(map(str, range(9)))),
        listing(["", "", *(f"New{n}" for n in range(1000))]),
        listing(["x" * 2000] * 9),
        faults.status(401),
        faults.status(403),
        faults.html(),
        faults.status(429),
        faults.empty(204),
    ],
    ids=lambda fault: fault.name,
)
async def test_a_list_of_names_that_is_no_use_does_no_harm(
    sim: Simulator, polled: Callable[[], Awaitable[Page]], fault: Fault
) -> None:
    sim.faults.set("/v1/vpgs/s", fault)
    sim.estate.start_incident("initial_sync")
    page = await polled()
    assert page.value("zerto_up") == 1
    for of in ("vm", "vpg"):
        assert set(states(page, of).values()) == {("Initializing", "InitialSync")}


async def test_a_list_of_names_that_is_to_be_left_alone_holds_up_only_itself(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set("/v1/vpgs/s", faults.status(503, {"Retry-After": "95"}))
    running = await export([zvm_config(sim, ca_file=ca_file, interval=30.0)])
    await clock.idle(1)
    for seconds, asked in ((0, 2), (30, 2), (60, 2), (60, 4)):
        await clock.advance(seconds)
        assert (await running.page()).value("zerto_up") == 1
        assert sum(request.path.startswith("/v1/vpgs/s") for request in sim.requests) == asked


async def test_a_list_of_names_that_hangs_costs_the_names_and_not_the_poll(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.faults.set("/v1/vpgs/s", faults.hang())
    running = await export([zvm_config(sim, ca_file=ca_file, interval=5.0, timeout=1.5)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_up") == 1
    assert set(states(page, "vm").values()) == {("MeetingSLA", "None")}


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ({"LastTest": "11.05.2023 16:51"}, "LastTest: expected a date, got '11.05.2023 16:51'"),
        ({"LastTest": "5/11/2023 16:51"}, "LastTest: expected a date, got '5/11/2023 16:51'"),
        ({"LastTest": "x" * 999}, "LastTest: expected a date, got '" + "x" * 99),
        ({"IOPs": -1}, "IOPs: expected a number of at least 0, got -1"),
        ({"UsedStorageInMB": -0.5}, "UsedStorageInMB: expected a number of at least 0, got -0.5"),
        ({"ThroughputInMB": 1e308}, "ThroughputInMB: expected a number of at least 0, got 1e+308"),
    ],
)
async def test_a_value_that_is_lost_is_named(
    sim: Simulator, polled: Callable[[], Awaitable[Page]], sent: dict[str, Any], complaint: str
) -> None:
    """With its record and field, in the one log line about it; names are quoted, and not in all their length."""
    record = sent | {"VmName": 'a "b"\n' + "c" * 200, "ProgressPercentage": 5}
    sim.faults.set(vms.PATH, sending({}, record, sent))
    with capture_logs() as lines:
        page = await polled()
    (line,) = (line for line in lines if line["event"] == "not all of the answer could be used")
    vpg = page.all("zerto_vm_info", vpg_id="vpg-1")[0][0]["vpg"]
    name = 'a "b"\\n' + "c" * 94
    assert line["first"] == f"record vpg='{vpg}' vpg_id='vpg-1' vm='{name}' vm_id='vm-1': GET /v1/vms {complaint}"
    assert line["invalid_values"] == 2


async def test_progress_below_zero_is_named(sim: Simulator, polled: Callable[[], Awaitable[Page]]) -> None:
    sim.faults.set(vpgs.PATH, sending({"ProgressPercentage": -1}))
    with capture_logs() as lines:
        await polled()
    (line,) = (line for line in lines if line["event"] == "not all of the answer could be used")
    assert line["first"].endswith(": GET /v1/vpgs ProgressPercentage: expected a number of at least 0, got -1")


async def test_a_date_as_text_of_the_us_is_read(sim: Simulator, polled: Callable[[], Awaitable[Page]]) -> None:
    sim.faults.set(vms.PATH, sending({"LastTest": "5/11/2023 4:51:07 PM"}))
    page = await polled()
    assert page.value("zerto_vm_last_test_timestamp_seconds") == 1683823867
    assert set(page.values("zerto_exporter_invalid_values_total")) == {0}


def body(content: bytes, status: int = 200) -> Fault:
    """Return what makes the ZVM answer with *content*."""

    async def replace(_call: Any, _authority: Any) -> Payload:
        return Payload(status, content)

    return Fault("body", replace=replace)


@pytest.mark.parametrize("nothing", [faults.empty(), faults.empty(204), body(b"\r\n"), body(b"\xef\xbb\xbf")])
async def test_no_body_is_an_empty_list(sim: Simulator, polled: Callable[[], Awaitable[Page]], nothing: Fault) -> None:
    sim.faults.set("/v1/v", nothing)
    page = await polled()
    assert page.value("zerto_up") == page.value("zerto_collector_success", collector="vpgs") == 1
    assert page.values("zerto_vm_info") == page.values("zerto_vpg_info") == []
    assert set(page.values("zerto_exporter_invalid_records_total")) == {0}


async def test_another_success_is_none(sim: Simulator, polled: Callable[[], Awaitable[Page]]) -> None:
    sim.faults.set("/v1/v", body(b"[]", 202))
    assert (await polled()).value("zerto_up") == 0


async def test_the_organization_stands_in_a_link_where_it_has_no_name(
    sim: Simulator, polled: Callable[[], Awaitable[Page]]
) -> None:
    """A link to nothing says nothing."""
    zorg = "dddddddd-0000-4000-8000-000000000001"
    sent: Records = [
        {"Zorg": {"identifier": zorg, "type": "ZorgApi"}},
        {"Zorg": {"identifier": zorg, "name": "Acme"}},
        {"Zorg": {"identifier": zorg}, "OrganizationName": "Globex"},
        {"Zorg": {"identifier": "00000000-0000-0000-0000-000000000000"}},
        {"Zorg": {"identifier": None}},
        {"Zorg": None},
    ]
    sim.faults.set(vpgs.PATH, sending(*({"OrganizationName": None} | record for record in sent)))
    found = {labels["vpg_id"]: labels["organization"] for labels, _ in (await polled()).all("zerto_vpg_info")}
    assert [found[f"vpg-{n}"] for n in range(len(sent))] == [zorg, "Acme", "Globex", "", "", ""]
