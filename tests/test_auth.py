"""Logins: by every method, renewed in time, one for all who wait, given back, never so often as to lock an account."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from support import CLIENT_SECRET, PASSWORD, DrivenClock, Recorder, Simulate, ask, zvm_config

from exporter.collectors import vms, vpgs
from exporter.simulator import Simulator, faults
from exporter.zvm.client import Zvm
from exporter.zvm.errors import (
    AuthError,
    ClosedError,
    ConnectError,
    DecodeError,
    RequestTimeoutError,
    SecretError,
    StatusError,
    ZvmError,
)
from exporter.zvm.login.backoff import Backoff
from exporter.zvm.login.protocol import Credential
from exporter.zvm.login.secrets import read_secret
from exporter.zvm.paths import DISCOVERY, LOGOUT, SESSION, SESSION_ADD, TOKEN
from exporter.zvm.settings import Auth, Settings

Connect = Callable[[Settings], Zvm]


@pytest.fixture(params=["session", "keycloak"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def sim(simulate: Simulate, clock: DrivenClock) -> Simulator:
    """A ZVM with both login methods, on the driven clock."""
    started: Simulator = await simulate(clock=clock.monotonic, service_clients={"exporter": CLIENT_SECRET})
    return started


@pytest.fixture
def reach(sim: Simulator, connect: Connect, ca_file: Path) -> Callable[..., Zvm]:
    """Make a client of the ZVM that logs in by *keys* of `auth`."""

    def make(**keys: Any) -> Zvm:
        given = {"username": sim.username, "password": sim.password, **keys}
        return connect(zvm_config(sim, ca_file=ca_file, auth=Auth(**given)))

    return make


def tries(method: str) -> int:
    """Return how often a wrong password is tried by one login: as either kind of account, where there are two."""
    return 2 if method == "session" else 1


def asked(sim: Simulator, *paths: str) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in sim.requests if request.path in paths]


async def test_session_login(sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder) -> None:
    """HTTP Basic once, the session's header on each request, DELETE at the end."""
    zvm = reach(method="session")
    assert await ask(zvm)
    assert await ask(zvm)
    assert sim.logins == 1
    assert recorder.logins == ["success"]
    login, *gets = [request for request in sim.requests if request.path in {SESSION_ADD, vms.PATH}]
    assert login.headers["Content-Type"] == "application/json"
    assert all("Authorization" not in get.headers for get in gets)
    await zvm.close()
    assert asked(sim, SESSION) == [("DELETE", SESSION)]
    assert sim.live_sessions == 0


async def test_keycloak_login(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    """The password grant of the appliance's public client, the token as Bearer, logout by the refresh token."""
    zvm = reach(method="keycloak")
    assert await ask(zvm)
    assert await ask(zvm)
    assert sim.logins == 1
    (login,) = [request for request in sim.requests if request.path == TOKEN]
    assert login.form["grant_type"] == "password"
    assert login.form["client_id"] == "zerto-client"
    assert login.form["password"] == PASSWORD
    assert "client_secret" not in login.form
    await zvm.close()
    assert asked(sim, LOGOUT) == [("POST", LOGOUT)]
    assert sim.live_sessions == 0


async def test_keycloak_login_as_a_client(sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock) -> None:
    """The client-credentials grant needs no user; without a refresh token its end means a new login."""
    zvm = reach(
        method="keycloak_client", username=None, password=None, client_id="exporter", client_secret=CLIENT_SECRET
    )
    assert await ask(zvm)
    await clock.advance(269)
    assert await ask(zvm)
    assert sim.logins == 1
    await clock.advance(2)
    assert await ask(zvm)
    assert (sim.logins, sim.refreshes) == (2, 0)
    await clock.advance(600)
    await zvm.close()
    assert asked(sim, LOGOUT) == []
    assert sim.live_sessions == 0


async def test_a_client_of_ones_own_with_a_user(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    zvm = reach(method="keycloak", client_id="exporter", client_secret=CLIENT_SECRET)
    assert await ask(zvm)
    (login,) = [request for request in sim.requests if request.path == TOKEN]
    assert login.form["client_secret"] == CLIENT_SECRET


async def test_auto_takes_keycloak_where_its_document_is(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    zvm = reach(method="auto")
    assert await ask(zvm)
    assert asked(sim, SESSION_ADD) == []
    (discovery,) = [request for request in sim.requests if request.path == DISCOVERY]
    assert "Authorization" not in discovery.headers
    await zvm.close()
    assert sim.live_sessions == 0


async def test_auto_takes_the_session_api_where_there_is_no_document(
    simulate: Simulate, connect: Connect, ca_file: Path
) -> None:
    sim = await simulate(auth="session")
    zvm = connect(zvm_config(sim, ca_file=ca_file))
    assert await ask(zvm)
    assert asked(sim, TOKEN) == []
    await zvm.close()
    assert sim.live_sessions == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.status(500), StatusError),
        (faults.status(401), StatusError),
        (faults.redirect("https://elsewhere.example.com/login"), StatusError),
        (faults.html(200), DecodeError),
        (faults.empty(200), DecodeError),
        (faults.null(), DecodeError),
        (faults.reset(), DecodeError),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_auto_never_guesses(
    sim: Simulator, reach: Callable[..., Zvm], fault: faults.Fault, error: type[ZvmError]
) -> None:
    """Anything but the document or a 404 is an error, and no credential is sent; once mended it goes on."""
    sim.faults.set(DISCOVERY, fault)
    zvm = reach(method="auto")
    with pytest.raises(error, match=DISCOVERY):
        await ask(zvm)
    assert asked(sim, TOKEN, SESSION_ADD) == []
    sim.faults.clear()
    assert await ask(zvm)


async def test_auto_renews_by_the_method_that_it_found(
    sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock
) -> None:
    zvm = reach(method="auto")
    await ask(zvm)
    await clock.advance(290)
    await ask(zvm)
    assert (sim.logins, sim.refreshes) == (1, 1)
    assert len(asked(sim, DISCOVERY)) == 1


async def test_a_session_api_that_is_not_there_is_said(simulate: Simulate, connect: Connect, ca_file: Path) -> None:
    sim = await simulate(auth="keycloak")
    zvm = connect(zvm_config(sim, ca_file=ca_file, auth=Auth(method="session", username="u", password="p")))
    with pytest.raises(StatusError, match=r"auth\.method keycloak"):
        await ask(zvm)


async def test_a_token_is_renewed_before_its_end(
    sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock, recorder: Recorder
) -> None:
    """By its refresh token: each password grant would open one more session."""
    zvm = reach(method="keycloak")
    await ask(zvm)
    await clock.advance(269)
    await ask(zvm)
    assert sim.refreshes == 0
    await clock.advance(2)
    await ask(zvm)
    assert (sim.logins, sim.refreshes) == (1, 1)
    assert [code for _, code in recorder.requests] == ["200"] * len(recorder.requests)


async def test_a_dead_refresh_token_costs_a_login_and_no_poll(
    sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock
) -> None:
    zvm = reach(method="keycloak")
    await ask(zvm)
    await clock.advance(7200)
    assert await ask(zvm)
    assert (sim.logins, sim.refreshes, sim.refused_logins) == (2, 0, 0)


@pytest.mark.parametrize("secret", ["password", "client_secret"])
async def test_tokens_that_live_for_seconds(
    simulate: Simulate, connect: Connect, ca_file: Path, clock: DrivenClock, recorder: Recorder, secret: str
) -> None:
    """With tokens of 5 s asked every 2 s nothing fails for a minute."""
    sim = await simulate(
        clock=clock.monotonic, token_lifetime=5.0, refresh_lifetime=7.0, service_clients={"exporter": CLIENT_SECRET}
    )
    auth = (
        Auth(method="keycloak", username=sim.username, password=PASSWORD)
        if secret == "password"
        else Auth(method="keycloak_client", client_id="exporter", client_secret=CLIENT_SECRET)
    )
    zvm = connect(zvm_config(sim, ca_file=ca_file, auth=auth, interval=2.0))
    for _ in range(30):
        assert await ask(zvm)
        await clock.advance(2)
    assert {code for _, code in recorder.requests} == {"200"}
    assert set(recorder.logins) == {"success"}
    assert sim.logins == (1 if secret == "password" else 15)


async def test_concurrent_requests_share_one_login(
    sim: Simulator, reach: Callable[..., Zvm], method: str, clock: DrivenClock
) -> None:
    zvm = reach(method=method)
    await asyncio.gather(ask(zvm), zvm.get(vpgs.PATH, vpgs.DECODER), ask(zvm))
    assert sim.logins == 1
    await clock.advance(290)
    await asyncio.gather(ask(zvm), zvm.get(vpgs.PATH, vpgs.DECODER))
    assert (sim.logins, sim.refreshes) == (1, 0 if method == "session" else 1)


async def test_concurrent_requests_share_a_refused_login(
    sim: Simulator, reach: Callable[..., Zvm], method: str
) -> None:
    zvm = reach(method=method, password="wrong")
    outcomes = await asyncio.gather(ask(zvm), zvm.get(vpgs.PATH, vpgs.DECODER), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [AuthError, AuthError]
    assert sim.refused_logins == tries(method)


async def test_401_in_mid_flight_is_one_login_and_one_retry(
    sim: Simulator, reach: Callable[..., Zvm], method: str, recorder: Recorder
) -> None:
    """As after a restart of the ZVM: all who were refused share the new login."""
    zvm = reach(method=method)
    await ask(zvm)
    sim.expire_tokens()
    assert all(await asyncio.gather(ask(zvm), ask(zvm)))
    assert sim.logins == 2
    assert recorder.logins == ["success", "success"]
    assert [code for endpoint, code in recorder.requests if endpoint == vms.PATH] == ["200", "401", "401", "200", "200"]


async def test_no_session_is_left_of_a_token_that_was_refused(
    sim: Simulator, reach: Callable[..., Zvm], method: str
) -> None:
    """The ZVM may refuse the access token and keep the session that it came from."""
    zvm = reach(method=method)
    await ask(zvm)
    sim.faults.set(vms.PATH, faults.expired_token(), times=1)
    assert await ask(zvm)
    assert sim.live_sessions == 1
    await zvm.close()
    assert sim.live_sessions == 0


async def test_a_second_401_is_an_error_and_backs_off(
    sim: Simulator, reach: Callable[..., Zvm], method: str, clock: DrivenClock
) -> None:
    """Twice as long each time, although each login is granted; and one session is left by them, the newest."""
    sim.faults.set(vms.PATH, faults.status(401))
    zvm = reach(method=method)
    logins = []
    for _ in range(120):
        with pytest.raises(AuthError, match="401"):
            await ask(zvm)
        logins.append(sim.logins)
        await clock.advance(30)
    assert logins[0] == 2
    assert logins[-1] <= 2 * allowed_logins(30, 3600)
    assert sim.live_sessions == 1
    sim.faults.clear()
    await clock.advance(600)
    assert await ask(zvm)


async def test_two_second_401s_of_one_poll_count_once(
    sim: Simulator, reach: Callable[..., Zvm], method: str, clock: DrivenClock
) -> None:
    """Or the back-off would double with the number of collectors."""
    sim.faults.set("/v1/v", faults.status(401))
    zvm = reach(method=method)
    outcomes = await asyncio.gather(ask(zvm), zvm.get(vpgs.PATH, vpgs.DECODER), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ClosedError, ClosedError]
    sim.faults.clear()
    await clock.advance(30)
    assert await ask(zvm)


def allowed_logins(interval: float, seconds: float) -> int:
    """Return how many refused logins the back-off allows in so many *seconds*, with jitter at its shortest."""
    at, count = 0.0, 0
    while at <= seconds:
        at += 0.75 * min(600.0, interval * 2**count)
        count += 1
    return count


@pytest.mark.parametrize("interval", [5.0, 30.0, 300.0])
async def test_refused_logins_back_off(
    sim: Simulator, connect: Connect, ca_file: Path, clock: DrivenClock, method: str, interval: float
) -> None:
    """However often it is asked: from the interval, doubled up to 10 min. A wrong password must not lock an account."""
    auth = Auth(method=method, username=sim.username, password="wrong")  # type: ignore[arg-type] # a Literal
    zvm = connect(zvm_config(sim, ca_file=ca_file, auth=auth, interval=interval))
    times = []
    for _ in range(3600):
        refused = sim.refused_logins
        with pytest.raises(AuthError, match="login refused for user"):
            await ask(zvm)
        if sim.refused_logins > refused:
            times.append(clock.now)
        await clock.advance(1)
    assert sim.refused_logins == tries(method) * len(times)
    assert len(times) <= allowed_logins(interval, 3600)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    for count, gap in enumerate(gaps):
        longest = min(600, interval * 2**count)
        assert 0.75 * longest <= gap <= longest + 1
    assert len(set(gaps[-3:])) > 1 or interval * 2 ** len(gaps) < 600, "no jitter"


async def test_release_tries_at_once(
    sim: Simulator, reach: Callable[..., Zvm], method: str, recorder: Recorder
) -> None:
    zvm = reach(method=method, password="wrong")
    for _ in range(3):
        with pytest.raises(AuthError):
            await ask(zvm)
    assert sim.refused_logins == tries(method)
    zvm.release()
    with pytest.raises(AuthError):
        await ask(zvm)
    assert sim.refused_logins == 2 * tries(method)
    assert recorder.logins == ["refused", "refused"]


async def test_a_granted_login_forgets_the_refused_ones(
    sim: Simulator, reach: Callable[..., Zvm], tmp_path: Path, clock: DrivenClock
) -> None:
    """The file is read again at each login: a rotation needs no restart. A line end is not part of the secret."""
    file = tmp_path / "password"
    file.write_text("wrong")
    zvm = reach(method="session", password=None, password_file=file)
    for _ in range(6):
        with pytest.raises(AuthError):
            await ask(zvm)
        await clock.advance(600)
    file.write_text(f"{PASSWORD}\r\n", encoding="utf-8")
    assert await ask(zvm)
    file.write_text("wrong again")
    sim.expire_tokens()
    with pytest.raises(AuthError):
        await ask(zvm)
    await clock.advance(30)
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    assert await ask(zvm)


@pytest.mark.parametrize("content", [f"\ufeff{PASSWORD}\r\n", f"{PASSWORD}\n\n", f"\ufeff{PASSWORD}"])
async def test_what_editors_put_around_a_secret_is_no_part_of_it(
    sim: Simulator, reach: Callable[..., Zvm], tmp_path: Path, method: str, content: str
) -> None:
    """A byte order mark and line ends, as Notepad and PowerShell write them."""
    (tmp_path / "password").write_bytes(content.encode())
    assert await ask(reach(method=method, password=None, password_file=tmp_path / "password"))
    assert sim.refused_logins == 0


async def test_a_user_name_from_a_file_is_read_at_each_login(
    sim: Simulator, reach: Callable[..., Zvm], tmp_path: Path, method: str, clock: DrivenClock
) -> None:
    file = tmp_path / "user"
    file.write_text("nobody\n")
    zvm = reach(method=method, username=None, username_file=file)
    with pytest.raises(AuthError, match="login refused for user 'nobody'"):
        await ask(zvm)
    file.unlink()
    await clock.advance(30)
    with pytest.raises(SecretError, match=rf"auth\.username_file: cannot read '{file}': No such file"):
        await ask(zvm)
    file.write_bytes(f"\ufeff{sim.username}\r\n".encode())
    assert await ask(zvm)


async def test_a_client_secret_from_a_file(sim: Simulator, reach: Callable[..., Zvm], tmp_path: Path) -> None:
    """And its name from another."""
    file, name = tmp_path / "client-secret", tmp_path / "client-id"
    file.write_text(f"{CLIENT_SECRET}\n", encoding="utf-8")
    name.write_text("\ufeffexporter\r\n", encoding="utf-8")
    for keys in ({"client_id": "exporter"}, {"client_id_file": name}):
        assert await ask(reach(method="keycloak_client", client_secret_file=file, **keys))


async def test_a_missing_secret_file_is_named_and_nothing_is_asked(
    sim: Simulator, reach: Callable[..., Zvm], tmp_path: Path, recorder: Recorder
) -> None:
    """Nor is there anything to back off from: once it is there, the next poll logs in."""
    file = tmp_path / "password"
    zvm = reach(method="session", password=None, password_file=file)
    with pytest.raises(AuthError, match=rf"auth\.password_file: cannot read '{file}': No such file"):
        await ask(zvm)
    file.write_bytes(b"")
    with pytest.raises(AuthError, match=r"auth\.password_file: .* is empty"):
        await ask(zvm)
    file.write_bytes(b"\xff")
    with pytest.raises(AuthError, match=r"auth\.password_file: .* not UTF-8"):
        await ask(zvm)
    assert sim.requests == []
    assert recorder.logins == ["failed"] * 3
    file.write_text(PASSWORD)
    assert await ask(zvm)


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        (Auth(method="session", username="u"), "auth.password"),
        (Auth(method="keycloak", username="u"), "auth.password"),
        (
            Auth(method="keycloak", username="u", password="p", client_secret_file=Path("/none")),
            "auth.client_secret_file",
        ),
    ],
)
async def test_a_missing_secret_is_named(sim: Simulator, connect: Connect, ca_file: Path, auth: Auth, key: str) -> None:
    zvm = connect(zvm_config(sim, ca_file=ca_file, auth=auth))
    with pytest.raises(SecretError, match=key):
        await ask(zvm)


def test_a_secret_in_place_is_taken_as_it_is() -> None:
    assert read_secret("password", " spaces \n", None) == " spaces \n"


@pytest.mark.parametrize(
    ("path", "login", "fault", "error"),
    [
        (SESSION_ADD, "session", faults.status(500), StatusError),
        (SESSION_ADD, "session", faults.empty(200), DecodeError),
        (SESSION_ADD, "session", faults.redirect("https://elsewhere.example.com"), StatusError),
        (TOKEN, "keycloak", faults.status(500), StatusError),
        (TOKEN, "keycloak", faults.html(200), DecodeError),
        (TOKEN, "keycloak", faults.status(200, body="{}"), DecodeError),
        (TOKEN, "keycloak", faults.redirect("https://elsewhere.example.com"), StatusError),
        (TOKEN, "keycloak", faults.endless_body(), ZvmError),
    ],
    ids=lambda value: getattr(value, "name", None),
)
async def test_a_login_that_fails_on_the_way_is_tried_at_the_next_poll(
    sim: Simulator,
    reach: Callable[..., Zvm],
    recorder: Recorder,
    path: str,
    login: str,
    fault: faults.Fault,
    error: type[ZvmError],
) -> None:
    """It was not refused, so there is nothing to back off from."""
    sim.faults.set(path, fault)
    zvm = reach(method=login)
    with pytest.raises(error) as caught:
        await ask(zvm)
    assert not isinstance(caught.value, AuthError)
    sim.faults.clear()
    assert await ask(zvm)
    assert recorder.logins == ["failed", "success"]


@pytest.mark.parametrize("code", [400, 401, 403])
async def test_a_refusal_says_why_in_one_line(sim: Simulator, reach: Callable[..., Zvm], code: int) -> None:
    body = '{"error": "invalid_grant", "error_description": "Account\\nis disabled %s"}' % ("x" * 500)
    sim.faults.set(TOKEN, faults.status(code, body=body))
    with pytest.raises(AuthError, match="Account") as caught:
        await ask(reach(method="keycloak"))
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).count("x") < 120


@pytest.mark.parametrize("body", ["", "{}", "<html>", "[]"])
async def test_a_refusal_need_not_say_why(sim: Simulator, reach: Callable[..., Zvm], body: str) -> None:
    sim.faults.set(TOKEN, faults.status(401, body=body))
    with pytest.raises(AuthError, match=f"HTTP 401 at {TOKEN}; next login in"):
        await ask(reach(method="keycloak"))


async def test_close_does_not_wait_for_a_login_that_hangs(
    sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder
) -> None:
    sim.faults.set(SESSION_ADD, faults.hang())
    zvm = reach(method="session")
    asking = asyncio.create_task(ask(zvm))
    await sim.arrived(1, SESSION_ADD)
    await zvm.close()
    with suppress(asyncio.CancelledError):
        await asking
    assert asking.cancelled()
    assert recorder.logins == []
    assert recorder.requests == []


async def test_a_login_goes_on_for_those_who_still_wait(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    gate = asyncio.Event()
    sim.faults.set(SESSION_ADD, faults.slow(gate=gate))
    zvm = reach(method="session")
    impatient, patient = asyncio.create_task(ask(zvm)), asyncio.create_task(ask(zvm))
    await sim.arrived(1, SESSION_ADD)
    impatient.cancel()
    gate.set()
    assert await patient
    assert sim.logins == 1


async def test_a_logout_that_fails_still_closes(sim: Simulator, reach: Callable[..., Zvm], method: str) -> None:
    zvm = reach(method=method)
    await ask(zvm)
    await sim.stop()
    await zvm.close()
    await zvm.close()


async def test_close_before_anything_was_asked(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    await reach(method="auto").close()
    assert sim.requests == []


async def test_names_are_asked_once_a_login(sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock) -> None:
    """Also by two at once, and a renewed token is no login."""
    path = "/v1/vpgs/statuses"
    zvm = reach(method="keycloak")
    first, second = await asyncio.gather(zvm.names(path, "vms"), zvm.names(path, "vpgs"))
    assert first == second
    assert first[1] == "MeetingSLA"
    await clock.advance(290)
    await ask(zvm)
    await zvm.names(path, "vms")
    assert sim.refreshes == 1
    assert len(asked(sim, path)) == 1
    sim.expire_tokens()
    await ask(zvm)
    await zvm.names(path, "vms")
    assert len(asked(sim, path)) == 2


async def test_a_list_of_names_that_fails_costs_only_the_names(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    path = "/v1/vpgs/statuses"
    zvm = reach(method="keycloak")
    for code in (404, 401):
        sim.faults.set(path, faults.status(code))
        sim.expire_tokens()
        await ask(zvm)
        assert await zvm.names(path, "vms") == ()
        assert await ask(zvm)


async def test_a_list_of_names_that_fails_is_asked_once_a_poll_and_told_once(
    sim: Simulator, reach: Callable[..., Zvm]
) -> None:
    """Two collectors make a poll. What an earlier login brought is taken meanwhile."""
    path = "/v1/vpgs/statuses"
    zvm = reach(method="session")

    async def poll() -> set[int]:
        return {len(names) for names in await asyncio.gather(zvm.names(path, "vms"), zvm.names(path, "vpgs"))}

    with capture_logs() as logs:
        sim.faults.set(path, faults.status(404))
        for polls in range(1, 6):
            assert await poll() == {0}
            assert len(asked(sim, path)) == polls
        sim.faults.set(path, faults.null())
        await poll()
        sim.faults.clear()
        for _ in range(3):
            assert await poll() == {9}
        asked_before = len(asked(sim, path))
        sim.expire_tokens()
        sim.faults.set(path, faults.empty(500))
        assert await ask(zvm)
        assert await poll() == await poll() == {9}
        assert len(asked(sim, path)) == asked_before + 2
    told = [line["event"] for line in logs if line.get("path") == path and line["log_level"] != "debug"]
    assert told == [
        "no list of names from the ZVM",
        "a list of names from the ZVM again",
        "no list of names from the ZVM",
    ]


async def test_a_path_that_is_closed_to_us_keeps_no_other_from_being_asked(
    sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock
) -> None:
    """And costs a login each time that it is tried: less and less often."""
    sim.faults.set(vpgs.PATH, faults.status(401))
    zvm = reach(method="session")
    for _ in range(120):
        with pytest.raises(ClosedError, match="401"):
            await zvm.get(vpgs.PATH, vpgs.DECODER)
        assert await ask(zvm)
        await clock.advance(30)
    assert sim.logins <= 2 * allowed_logins(30, 3600)
    zvm.release()
    sim.faults.clear()
    assert (await zvm.get(vpgs.PATH, vpgs.DECODER)).rows


def test_the_back_off_has_its_bounds() -> None:
    """From three quarters of the interval to 10 min, whatever the number of refusals."""
    now = 0.0
    hold = Backoff(30.0, lambda: now, random.Random(1))  # noqa: S311 - jitter
    for _ in range(2000):
        assert "login in" in str(hold.refused("no"))
        with pytest.raises(AuthError, match="no; not asked again for") as caught:
            hold.check()
        assert int(str(caught.value).split()[-2]) <= 600
        now += 600
        hold.check()


def test_a_credential_does_not_show_itself() -> None:
    login: Any = None
    credential = Credential({"Authorization": "Bearer abc"}, login, None, "def")
    assert "abc" not in repr(credential)
    assert "def" not in repr(credential)


async def test_an_unreachable_zvm_is_no_refused_login(
    sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder, method: str
) -> None:
    await sim.stop()
    zvm = reach(method=method)
    for _ in range(2):
        with pytest.raises(ConnectError):
            await ask(zvm)
    assert recorder.logins == ["failed", "failed"]


async def test_a_login_has_the_time_of_one_request(sim: Simulator, connect: Connect, ca_file: Path) -> None:
    sim.faults.set(DISCOVERY, faults.hang())
    zvm = connect(zvm_config(sim, ca_file=ca_file, timeout=0.5))
    with pytest.raises(RequestTimeoutError, match=r"within 0\.5 s"):
        await ask(zvm)
