"""What is asked for each object: one endpoint, as many paths as there are objects, and nothing that grows with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import PASSWORD, DrivenClock, Recorder, Simulate, ask, zvm_config
from yarl import URL

from exporter.collectors import vms, vpgs
from exporter.simulator import Simulator, faults
from exporter.simulator.exchange import Payload
from exporter.simulator.faults import Fault
from exporter.zvm.client import Zvm
from exporter.zvm.errors import ClosedError, DecodeError, StatusError, ZvmError
from exporter.zvm.paths import path_of
from exporter.zvm.settings import Auth, Settings

CHECKPOINTS = "/v1/vpgs/{id}/checkpoints/stats"
BODY = json.dumps([{"VmIdentifier": "vm-1", "VpgIdentifier": "vpg-1"}]).encode()


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(auth="session")
    started.faults.set("/v1/vpgs/", good())
    return started


def good() -> Fault:
    """Make what answers one record, whatever is asked for."""

    async def replace(*_: Any) -> Payload:
        return Payload(200, BODY)

    return Fault("good", replace=replace)


@pytest.fixture
def zvm(sim: Simulator, connect: Callable[[Settings], Zvm], ca_file: Path) -> Zvm:
    auth = Auth(method="session", username=sim.username, password=PASSWORD)
    return connect(zvm_config(sim, ca_file=ca_file, auth=auth))


async def ask_for(zvm: Zvm, vpg: str) -> int:
    return len((await zvm.get(CHECKPOINTS, vms.DECODER, id=vpg)).rows)


def sizes(thing: object) -> list[int]:
    """Return how many items each mapping and set has that is held by *thing* or by a part of it that is ours."""
    found: list[int] = []
    for value in vars(thing).values():
        if isinstance(value, dict | set):
            found.append(len(value))
        elif type(value).__module__.startswith("exporter.zvm") and hasattr(value, "__dict__"):
            found += sizes(value)
    return found


async def test_many_objects_are_one_endpoint(zvm: Zvm, sim: Simulator, recorder: Recorder) -> None:
    """To the metrics, and in what is remembered, of good answers and of bad ones."""
    assert await ask_for(zvm, "vpg-0") == 1
    held = sizes(zvm)
    assert held
    for number in range(1, 30):
        assert await ask_for(zvm, f"vpg-{number}") == 1
    assert sizes(zvm) == held
    assert {endpoint for endpoint, _ in recorder.requests if "vpgs" in endpoint} == {CHECKPOINTS}
    assert [r.path for r in sim.requests if "vpgs" in r.path] == [
        f"/v1/vpgs/vpg-{n}/checkpoints/stats" for n in range(30)
    ]
    for code in (403, 404, 500):
        sim.faults.set("/v1/vpgs/", faults.status(code))
        for number in range(10):
            with pytest.raises(
                StatusError, match=f"GET /v1/vpgs/vpg-{number}/checkpoints/stats: HTTP {code}"
            ) as caught:
                await ask_for(zvm, f"vpg-{number}")
            assert caught.value.status == code
    assert sum(sizes(zvm)) <= sum(held)


IDS = st.text(max_size=20) | st.sampled_from(["..", ".", "", "a/b", "a\\b", "a%2Fb", "a?b#c", "a;b", "..;", "é"])


@given(IDS)
@example("2019-07-11.vm-1")
def test_an_id_is_one_segment_of_the_path_or_nothing_is_asked(value: str) -> None:
    try:
        path = path_of(CHECKPOINTS, {"id": value})
    except DecodeError:
        return
    sent = URL("https://zvm.example.com" + path)
    first, _, last = sent.raw_path.removeprefix("/v1/vpgs/").partition("/")
    assert (unquote(first), last) == (value, "checkpoints/stats")
    assert (sent.query_string, sent.fragment) == ("", "")
    assert not {"/", "\\"} & set(value)
    assert value.strip(".")


@pytest.mark.parametrize(
    "value", ["..", ".", "", "a/../../b", "..\\x", "a\nb", "x" * 256, "é" * 50, "\ud800", PASSWORD]
)
async def test_an_id_that_is_none_is_told_and_not_asked_for(zvm: Zvm, sim: Simulator, value: str) -> None:
    assert await ask_for(zvm, "vpg-1") == 1
    count = len(sim.requests)
    with pytest.raises(DecodeError, match=r"the id .* can be no part of a path") as caught:
        await ask_for(zvm, value)
    assert caught.value.reason == "decode"
    assert len(str(caught.value)) < 999
    assert PASSWORD not in str(caught.value)
    assert len(sim.requests) == count


@pytest.mark.parametrize("ids", [{}, {"vpg": "a"}, {"id": "a", "other": "b"}])
def test_ids_that_are_not_those_of_the_endpoint_are_an_error_of_ours(ids: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="has the ids"):
        path_of(CHECKPOINTS, ids)


@pytest.mark.parametrize("code", [429, 503])
async def test_a_retry_after_for_one_object_holds_back_all_of_them_and_nothing_else(
    zvm: Zvm, sim: Simulator, clock: DrivenClock, code: int
) -> None:
    sim.faults.set("/v1/vpgs/", faults.status(code, {"Retry-After": "60"}))
    with pytest.raises(StatusError):
        await ask_for(zvm, "vpg-1")
    sim.faults.set("/v1/vpgs/", good())
    with pytest.raises(StatusError, match="not asked again for 60 s") as caught:
        await ask_for(zvm, "vpg-2")
    assert caught.value.status == code
    assert sum("vpgs" in request.path for request in sim.requests) == 1
    assert await ask(zvm)
    assert (await zvm.get(vpgs.PATH, vpgs.DECODER)).rows
    await clock.advance(60)
    assert await ask_for(zvm, "vpg-2") == 1


async def test_one_object_that_is_closed_to_us_closes_its_endpoint_and_nothing_else(zvm: Zvm, sim: Simulator) -> None:
    sim.faults.set("/v1/vpgs/", faults.status(401))
    with pytest.raises(ClosedError, match="GET /v1/vpgs/vpg-1/checkpoints/stats: HTTP 401 again") as caught:
        await ask_for(zvm, "vpg-1")
    assert caught.value.status == 401
    logins = sim.logins
    sim.faults.set("/v1/vpgs/", good())
    with pytest.raises(ClosedError):
        await ask_for(zvm, "vpg-2")
    assert await ask(zvm)
    assert sim.logins == logins


async def test_the_status_of_a_login_is_not_that_of_what_was_asked_for(zvm: Zvm, sim: Simulator) -> None:
    """Else a ZVM without the login would seem to be one without the resource."""
    sim.faults.set("/v1/session", faults.status(404))
    with pytest.raises(ZvmError) as caught:
        await ask(zvm)
    assert (caught.value.reason, caught.value.status) == ("http", 0)
