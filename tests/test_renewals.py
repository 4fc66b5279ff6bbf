"""How a login goes on: kept connections that end, renewals that fail, lifetimes of any shape, goodbyes at a reload."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from support import PASSWORD, DrivenClock, Recorder, Running, Simulate, ask, zvm_config

from exporter.collectors import vms
from exporter.simulator import Simulator, faults
from exporter.simulator.exchange import Call, Payload
from exporter.simulator.faults import Fault
from exporter.simulator.login.authority import Authority
from exporter.zvm.answer import Answer
from exporter.zvm.client import Zvm
from exporter.zvm.errors import AuthError, ConnectError, DecodeError, ZvmError
from exporter.zvm.login.methods import KeycloakLogin
from exporter.zvm.login.secrets import Scrubber
from exporter.zvm.login.tokens import LONGEST, SHORTEST, lifetime, read_tokens
from exporter.zvm.paths import LOGOUT, SESSION_ADD, TOKEN
from exporter.zvm.settings import Auth, Settings

Connect = Callable[[Settings], Zvm]
Export = Callable[..., Awaitable[Running]]


@pytest.fixture
async def sim(simulate: Simulate, clock: DrivenClock) -> Simulator:
    """A ZVM with both login methods, on the driven clock; its tokens live for 300 s."""
    started: Simulator = await simulate(clock=clock.monotonic)
    return started


@pytest.fixture
def reach(sim: Simulator, connect: Connect, ca_file: Path) -> Callable[..., Zvm]:
    """Make a client of the ZVM that logs in by a method; *keys* are of its configuration."""

    def make(method: Any = "keycloak", **keys: Any) -> Zvm:
        auth = Auth(method=method, account="windows", username=sim.username, password=PASSWORD)
        return connect(zvm_config(sim, ca_file=ca_file, auth=auth, **keys))

    return make


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop turn until *condition* holds; the test's time limit is its limit."""
    while not condition():  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.001)


def codes(recorder: Recorder, endpoint: str) -> list[str]:
    return [code for path, code in recorder.requests if path == endpoint]


Ending = Callable[[asyncio.Transport], None]


def ends_politely(transport: asyncio.Transport) -> None:
    transport.close()


def is_cut(transport: asyncio.Transport) -> None:
    transport.abort()


def begins_to_answer(transport: asyncio.Transport) -> None:
    transport.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    transport.close()


def ending(how: Ending, *, kept_only: bool = True) -> Fault:
    """A ZVM that ends a connection at a login which comes over one that was *kept*, or over any."""
    seen: list[asyncio.BaseTransport] = []

    async def replace(call: Call, _authority: Authority) -> Payload | None:
        transport = call.request.transport
        assert isinstance(transport, asyncio.Transport)
        kept = transport in seen
        seen.append(transport)
        if call.request.method != "POST" or (kept_only and not kept):
            return None
        how(transport)
        return Payload(500)

    return Fault("ending", replace=replace)


class TestKeptConnections:
    """A login over a kept connection that the ZVM closes just then."""

    @pytest.mark.parametrize("how", [ends_politely, is_cut])
    @pytest.mark.parametrize("at_once", [1, 4])
    async def test_a_renewal_is_sent_again_on_a_fresh_one(
        self,
        sim: Simulator,
        reach: Callable[..., Zvm],
        clock: DrivenClock,
        recorder: Recorder,
        how: Ending,
        at_once: int,
    ) -> None:
        sim.faults.set("/", ending(how))
        zvm = reach()
        await asyncio.gather(*(ask(zvm) for _ in range(at_once)))
        await clock.advance(280)
        assert await ask(zvm)
        assert (sim.logins, sim.refreshes) == (1, 1)
        assert recorder.logins == ["success", "success"]
        assert codes(recorder, TOKEN) == ["200", "200"]
        assert len([request for request in sim.requests if request.path == TOKEN]) == 3

    async def test_a_new_session_is_asked_for_again_on_a_fresh_one(
        self, sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder
    ) -> None:
        sim.faults.set("/", ending(ends_politely))
        zvm = reach("session")
        await ask(zvm)
        sim.expire_tokens()
        assert await ask(zvm)
        assert codes(recorder, SESSION_ADD) == ["200", "200"]
        assert len([request for request in sim.requests if request.path == SESSION_ADD]) == 3

    async def test_a_fresh_one_that_ends_is_an_error(
        self, sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder
    ) -> None:
        sim.faults.set("/", ending(ends_politely, kept_only=False))
        with pytest.raises(ConnectError):
            await ask(reach())
        assert codes(recorder, TOKEN) == ["connect"]

    async def test_one_that_ends_in_its_answer_is_an_error(
        self, sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder
    ) -> None:
        """The ZVM may have acted on it."""
        sim.faults.set("/", ending(begins_to_answer))
        zvm = reach("session")
        await ask(zvm)
        sim.expire_tokens()
        with pytest.raises(ConnectError):
            await ask(zvm)
        assert codes(recorder, SESSION_ADD) == ["200", "connect"]


def warnings(logs: Sequence[Any]) -> list[Any]:
    return [line for line in logs if line["log_level"] == "warning" and "not renewed" in line["event"]]


class TestFailedRenewals:
    """A token endpoint that fails while the token is still good."""

    @pytest.mark.parametrize(
        "fault",
        [
            faults.status(500),
            faults.status(502, body="<html>"),
            faults.status(503, {"Retry-After": "120"}),
            faults.status(429, {"Retry-After": "120"}),
            faults.status(404),
            faults.redirect("https://elsewhere.example.com/"),
            faults.html(200),
            faults.empty(),
            ending(ends_politely, kept_only=False),
        ],
        ids=lambda fault: f"{fault.name}-{fault.args.get('code', '')}",
    )
    async def test_polling_goes_on_until_the_token_ends(
        self, sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock, recorder: Recorder, fault: Fault
    ) -> None:
        """Each try is counted, the first is in the log, and there are not many."""
        zvm = reach()
        await ask(zvm)
        await clock.advance(269)
        sim.faults.set(TOKEN, fault)
        with capture_logs() as logs:
            for _ in range(30):
                await clock.advance(1)
                assert await ask(zvm)
            (line,) = warnings(logs)
            assert TOKEN in line["error"]
            assert line["seconds_left"] == 30
            failed = recorder.logins.count("failed")
            assert 1 <= failed <= 12
            await clock.advance(1)
            with pytest.raises(ZvmError) as ended:
                await ask(zvm)
            assert not isinstance(ended.value, AuthError)
            sim.faults.clear()
            zvm.release()
            assert await ask(zvm)
            assert warnings(logs) == [line]
            assert [line["log_level"] for line in logs if line["event"] == "the token is renewed again"] == ["info"]
        assert (sim.logins, sim.refreshes) == (1, 1)

    async def test_it_is_renewed_as_soon_as_that_works(
        self, sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock
    ) -> None:
        zvm = reach()
        await ask(zvm)
        await clock.advance(271)
        sim.faults.set(TOKEN, faults.status(500), times=1)
        assert await ask(zvm)
        await clock.advance(8)
        assert await ask(zvm)
        assert (sim.logins, sim.refreshes) == (1, 1)

    async def test_a_poll_does_not_wait_for_one_that_hangs(
        self, sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock, recorder: Recorder
    ) -> None:
        """It may end later, and its token is used then. A poll waits no longer than half of what the token has left."""
        zvm = reach()
        await ask(zvm)
        await clock.advance(299.98)
        gate = asyncio.Event()
        sim.faults.set(TOKEN, faults.slow(chunk=1, gate=gate))
        assert await ask(zvm)
        assert await ask(zvm)
        assert recorder.logins == ["success"]
        gate.set()
        await until(lambda: len(recorder.logins) == 2)
        await ask(zvm)
        tokens = [request.headers["Authorization"] for request in sim.requests if request.path == vms.PATH]
        assert tokens[0] == tokens[1] == tokens[2] != tokens[3]

    async def test_a_secret_that_is_gone_for_a_moment_is_no_end(
        self, simulate: Simulate, connect: Connect, ca_file: Path, tmp_path: Path, clock: DrivenClock
    ) -> None:
        """As half-way through a rotation."""
        file = tmp_path / "secret"
        file.write_text("s3cret")
        sim = await simulate(clock=clock.monotonic, service_clients={"exporter": "s3cret"})
        auth = Auth(method="keycloak_client", client_id="exporter", client_secret_file=file)
        zvm = connect(zvm_config(sim, ca_file=ca_file, auth=auth))
        await ask(zvm)
        file.unlink()
        await clock.advance(280)
        assert await ask(zvm)
        file.write_text("s3cret")
        await clock.advance(10)
        assert await ask(zvm)
        assert sim.logins == 2

    async def test_a_refused_token_is_no_good_one(
        self, sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock
    ) -> None:
        """A 401 means its end, whatever was said of its life."""
        zvm = reach()
        await ask(zvm)
        await clock.advance(280)
        sim.expire_tokens()
        sim.faults.set(TOKEN, faults.status(500))
        with pytest.raises(ZvmError, match=f"POST {TOKEN}: HTTP 500"):
            await ask(zvm)

    async def test_a_refused_renewal_and_a_refused_login_end_it(
        self, sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock, recorder: Recorder
    ) -> None:
        zvm = reach()
        await ask(zvm)
        await clock.advance(280)
        sim.faults.set(TOKEN, faults.status(400, body='{"error": "invalid_grant"}'))
        for _ in range(3):
            with pytest.raises(AuthError, match="invalid_grant"):
                await ask(zvm)
        assert recorder.logins == ["success", "refused"]
        assert codes(recorder, TOKEN) == ["200", "400", "400"], "the refresh token, then the password; then it waits"


def token_answer(**keys: Any) -> Answer:
    return Answer(200, {}, json.dumps({"access_token": "acc3ss", **keys}).encode(), "")


async def test_a_refresh_token_goes_on_where_no_other_comes() -> None:
    """RFC 6749, section 6. By it the next renewal and the logout are made."""
    answers = [token_answer(refresh_token="first"), token_answer(), token_answer(refresh_token="")]
    sent: list[dict[str, str]] = []

    async def send(
        method: str,
        path: str,
        *,
        headers: Any = None,
        form: Any = None,
        json: Any = None,
    ) -> Answer:
        sent.append(dict(form))
        return answers.pop(0) if answers else Answer(204, {}, b"", "")

    login = KeycloakLogin(Auth(username="u", password="p"), Scrubber(), lambda: 0.0)
    credential = await login.login(send)
    for _ in range(2):
        credential = await login.renew(send, credential)
    await login.logout(send, credential)
    assert [form.get("refresh_token") for form in sent] == [None, "first", "first", "first"]
    assert [form.get("grant_type") for form in sent] == ["password", "refresh_token", "refresh_token", None]


LIFETIMES = [
    "9" * 400,
    "-" + "9" * 400,
    "9" * 5000,
    "1e999",
    "-1",
    "0",
    "0.001",
    "NaN",
    "-Infinity",
    '"NaN"',
    '"300"',
    '"five minutes"',
    '""',
    "true",
    "null",
    "[300]",
    '{"seconds": 300}',
    "1e9",
]


class TestLifetimes:
    """What Keycloak says of how long a token lives, in any shape."""

    @pytest.mark.parametrize("quote", LIFETIMES, ids=lambda quote: quote[:12])
    async def test_any_is_good_for_polling(
        self, sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder, clock: DrivenClock, quote: str
    ) -> None:
        """And none makes one login after the other."""

        async def deliver(call: Call, payload: Payload) -> web.StreamResponse:
            return await call.send(
                Payload(200, payload.body.replace(b'"expires_in":300', f'"expires_in":{quote}'.encode()))
            )

        sim.faults.set(TOKEN, Fault("lifetime", deliver=deliver))
        zvm = reach()
        for _ in range(40):
            assert await ask(zvm)
            await clock.advance(0.1)
        assert set(recorder.logins) == {"success"}
        assert len(recorder.logins) <= 2

    @given(st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.integers(), max_size=2))
    def test_it_is_within_bounds(self, quote: Any) -> None:
        assert SHORTEST <= lifetime(quote) <= LONGEST
        try:
            body = json.dumps({"access_token": "t", "expires_in": quote})
        except ValueError:  # more digits than Python writes
            return
        tokens = read_tokens(Answer(200, {}, body.encode("utf-8", "surrogatepass"), ""), "POST")
        assert SHORTEST <= tokens.lifetime <= LONGEST

    @pytest.mark.parametrize(("quote", "seconds"), [(300, 300), ("60", 60), (4, SHORTEST), (None, 60), (True, 60)])
    def test_what_can_be_understood_is(self, quote: Any, seconds: float) -> None:
        assert lifetime(quote) == seconds

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"null",
            b"{}",
            b'{"access_token": null}',
            b'{"access_token": ""}',
            b'{"access_token": 7}',
            b'{"access_token": "a\\r\\nX-Evil: 1"}',
            b'{"access_token": "\\ud800"}',
            b"\xff",
            b"[" * 100_000,
        ],
        ids=lambda body: repr(body[:30]),
    )
    def test_no_token_that_a_header_can_carry(self, body: bytes) -> None:
        with pytest.raises(DecodeError, match="POST /token: no token in the answer") as caught:
            read_tokens(Answer(200, {}, body, ""), "POST /token")
        assert "Evil" not in str(caught.value)


class TestGoodbyes:
    """A login that is under way when its ZVM goes from the configuration, or changes."""

    IN_A_HURRY: ClassVar = {"goodbye_seconds": 0.05}  # the login is slower

    @pytest.fixture(params=["session", "keycloak"])
    async def going(
        self, request: pytest.FixtureRequest, sim: Simulator, export: Export, ca_file: Path
    ) -> tuple[Running, asyncio.Event]:
        """An exporter whose one ZVM went with a reload in the midst of its login, and what lets that end."""
        gate = asyncio.Event()
        path = SESSION_ADD if request.param == "session" else TOKEN
        slow = faults.slow(chunk=1, gate=gate)

        async def deliver(call: Call, payload: Payload) -> web.StreamResponse:
            assert slow.deliver is not None
            if payload.body:
                return await slow.deliver(call, payload)
            await gate.wait()
            return await call.send(payload)

        sim.faults.set(path, Fault("slow", deliver=deliver))
        auth = Auth(method=request.param, account="windows", username=sim.username, password=PASSWORD)
        running = await export(
            [zvm_config(sim, ca_file=ca_file, auth=auth), zvm_config(sim, "dead", url="http://[::1]:1")],
            **self.IN_A_HURRY,
        )
        await sim.arrived(1, path)
        await until(lambda: sim.live_sessions == 1)
        del running.zvms[0]
        assert await running.exporter.reload() == ""
        return running, gate

    async def test_at_a_reload_a_slow_login_leaves_no_session(
        self, sim: Simulator, going: tuple[Running, asyncio.Event]
    ) -> None:
        running, gate = going
        goodbyes = set(running.exporter.poller._goodbyes)
        _, waiting = await asyncio.wait(goodbyes, timeout=0.1)
        assert waiting == goodbyes
        gate.set()
        await asyncio.wait(goodbyes)
        assert sim.live_sessions == 0

    async def test_at_the_end_of_the_process_it_is_not_waited_for(self, going: tuple[Running, asyncio.Event]) -> None:
        running, gate = going
        await running.exporter.stop()
        assert not running.exporter.poller._goodbyes
        assert not gate.is_set()

    async def test_nor_is_a_logout_that_hangs(self, sim: Simulator, export: Export, ca_file: Path) -> None:
        running = await export([zvm_config(sim, ca_file=ca_file)], **self.IN_A_HURRY)
        await until(lambda: sim.live_sessions)
        sim.faults.set(LOGOUT, faults.hang())
        running.zvms[0] = zvm_config(sim, "lon", ca_file=ca_file)
        await running.exporter.reload()
        await sim.arrived(1, LOGOUT)
        await running.exporter.stop()
