"""Logins over a socket: sessions, the three Keycloak grants, and how each of them ends."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from simulator_serving import PASSWORD, SERVICE, Zvm, quiet, serving

from exporter.simulator import Simulator
from exporter.simulator.login.authority import Authority
from exporter.simulator.login.keycloak import Realm

USER = "prometheus@vsphere.local"


async def bearer_status(zvm: Zvm, token: str) -> int:
    return (await zvm.ask("GET", "/v1/localsite", headers={"Authorization": f"Bearer {token}"})).status


async def session_status(zvm: Zvm, session: str) -> int:
    return (await zvm.ask("GET", "/v1/localsite", headers={"x-zerto-session": session})).status


@pytest.mark.parametrize("path", ["/v1/session/add", "/v1/session/Add", "/V1/Session/Add/"])
async def test_a_session_is_opened_used_and_closed(path: str) -> None:
    async with serving(auth="session", login=False) as zvm:
        login = await zvm.basic(USER, PASSWORD, path)
        assert (login.status, login.body, login.headers["Content-Length"]) == (200, b"", "0")
        session = login.headers["x-zerto-session"]
        assert await session_status(zvm, session) == 200
        assert (zvm.simulator.logins, zvm.simulator.live_sessions) == (1, 1)
        logout = await zvm.ask("DELETE", "/v1/session", headers={"x-zerto-session": session})
        assert (logout.status, logout.body) == (200, b"")
        assert zvm.simulator.live_sessions == 0
        assert await session_status(zvm, session) == 401
        assert (await zvm.ask("DELETE", "/v1/session", headers={"x-zerto-session": session})).status == 401


async def test_each_session_has_an_identifier_of_its_own() -> None:
    async with serving(auth="session", login=False) as zvm:
        sessions = {(await zvm.basic(USER, PASSWORD)).headers["x-zerto-session"] for _ in range(3)}
        assert len(sessions) == zvm.simulator.logins == zvm.simulator.live_sessions == 3


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic !!!", "Basic /////w==", "Basic bm9jb2xvbg==", "Bearer x", "Basic YTpi"]
)
async def test_a_session_needs_the_right_password(authorization: str) -> None:
    async with serving(auth="session", login=False) as zvm:
        answer = await zvm.ask("POST", "/v1/session/add", headers={"Authorization": authorization})
        assert answer.status == 401
        assert "x-zerto-session" not in answer.headers
        assert (zvm.simulator.logins, zvm.simulator.refused_logins, zvm.simulator.live_sessions) == (0, 1, 0)


@pytest.mark.parametrize(
    ("account", "body", "status"),
    [
        ("windows", None, 200),
        ("windows", {"AuthenticationMethod": 0}, 200),
        ("windows", {"AuthenticationMethod": 1}, 401),
        ("hypervisor", None, 401),
        ("hypervisor", {}, 401),
        ("hypervisor", {"AuthenticationMethod": 1}, 200),
        ("any", {"AuthenticationMethod": 1}, 200),
        ("any", {"AuthenticationMethod": "vCenter"}, 400),
        ("any", [], 400),
    ],
)
async def test_a_session_needs_the_right_kind_of_account(account: str, body: Any, status: int) -> None:
    async with serving(auth="session", login=False, account=account) as zvm:
        headers = {"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD, encoding="utf-8")}
        answer = await zvm.ask("POST", "/v1/session/add", headers=headers, json=body)
        assert (answer.status, "x-zerto-session" in answer.headers) == (status, status == 200)


async def test_a_token_without_the_scope_is_granted_and_good_for_nothing() -> None:
    async with serving(auth="keycloak", login=False, required_scope="openid") as zvm:
        for scope, status in (("", 401), ("email", 401), ("email openid", 200)):
            granted = (await zvm.token(scope=scope)).json()
            assert await bearer_status(zvm, granted["access_token"]) == status
            again = (await zvm.token(grant_type="refresh_token", refresh_token=granted["refresh_token"])).json()
            assert await bearer_status(zvm, again["access_token"]) == status
        wider = await zvm.token(grant_type="refresh_token", refresh_token=again["refresh_token"], scope="roles")
        assert (wider.status, wider.json()["error"]) == (400, "invalid_scope")


async def test_a_realm_of_another_name() -> None:
    async with serving(auth="keycloak", login=False, realm="lab 2") as zvm:
        path = "/auth/realms/lab%202/.well-known/openid-configuration"
        found = (await zvm.get(path)).json()
        assert found["issuer"] == f"{zvm.simulator.url}/auth/realms/lab%202"
        for other in ("zerto", "lab%202x", "lab"):
            answer = await zvm.get(path.replace("lab%202", other))
            assert (answer.status, answer.json()) == (404, {"error": "Realm does not exist"})


async def test_a_session_dies_of_idleness_not_of_age() -> None:
    async with serving(auth="session", session_idle=1800.0) as zvm:
        for _ in range(4):
            zvm.clock.now += 1799
            assert (await zvm.get("/v1/localsite")).status == 200
        zvm.clock.now += 1800
        assert zvm.simulator.live_sessions == 0
        assert (await zvm.get("/v1/localsite")).status == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/session/add", 405),
        ("POST", "/v1/session", 405),
        ("POST", "/v1/session/remove", 404),
        ("GET", "/auth/realms/zerto/.well-known/openid-configuration", 404),
        ("POST", "/auth/realms/zerto/protocol/openid-connect/token", 404),
    ],
)
async def test_paths_that_a_zvm_with_sessions_does_not_have(method: str, path: str, status: int) -> None:
    async with serving(auth="session", login=False) as zvm:
        assert (await zvm.ask(method, path)).status == status


async def test_a_zvm_with_keycloak_has_no_session_api() -> None:
    async with serving(auth="keycloak", login=False) as zvm:
        assert (await zvm.basic(USER, PASSWORD)).status == 404
        assert (await zvm.ask("DELETE", "/v1/session")).status == 404
        assert (await zvm.get("/auth/realms/master")).status == 404
        found = (await zvm.get("/auth/realms/zerto/.well-known/openid-configuration")).json()
        assert found["token_endpoint"] == f"{zvm.simulator.url}/auth/realms/zerto/protocol/openid-connect/token"


async def test_password_grant() -> None:
    async with serving(auth="keycloak", login=False, token_lifetime=300.0, refresh_lifetime=1800.0) as zvm:
        answer = (await zvm.token(scope="openid")).json()
        assert answer["token_type"] == "Bearer"
        assert (answer["expires_in"], answer["refresh_expires_in"], answer["scope"]) == (300, 1800, "openid")
        assert answer["not-before-policy"] == 0
        assert answer["session_state"]
        assert answer["access_token"].count(".") == answer["refresh_token"].count(".") == 2
        assert len(answer["access_token"]) > 500
        assert await bearer_status(zvm, answer["access_token"]) == 200
        assert await bearer_status(zvm, answer["refresh_token"]) == 401
        zvm.clock.now += 300
        assert await bearer_status(zvm, answer["access_token"]) == 401
        assert zvm.simulator.live_sessions == 1
        zvm.clock.now += 1500
        assert zvm.simulator.live_sessions == 0


async def test_client_credentials_grant_has_no_refresh_token() -> None:
    async with serving(auth="keycloak", login=False) as zvm:
        answer = (
            await zvm.token(grant_type="client_credentials", client_id="monitor", client_secret=SERVICE["monitor"])
        ).json()
        assert "refresh_token" not in answer
        assert "session_state" not in answer
        assert answer["refresh_expires_in"] == 0
        assert await bearer_status(zvm, answer["access_token"]) == 200
        assert (zvm.simulator.logins, zvm.simulator.live_sessions) == (1, 1)
        zvm.clock.now += 301
        assert zvm.simulator.live_sessions == 0


async def test_a_refresh_token_is_good_once() -> None:
    async with serving(auth="keycloak", login=False) as zvm:
        first = (await zvm.token()).json()
        zvm.clock.now += 200
        second = (await zvm.token(grant_type="refresh_token", refresh_token=first["refresh_token"])).json()
        assert second["refresh_token"] != first["refresh_token"]
        assert second["session_state"] == first["session_state"]
        assert await bearer_status(zvm, second["access_token"]) == 200
        assert await bearer_status(zvm, first["access_token"]) == 200
        zvm.clock.now += 150
        assert await bearer_status(zvm, first["access_token"]) == 401
        assert await bearer_status(zvm, second["access_token"]) == 200
        dead = await zvm.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
        assert (dead.status, dead.json()["error"]) == (400, "invalid_grant")
        simulator = zvm.simulator
        assert (simulator.logins, simulator.refreshes, simulator.refused_logins, simulator.live_sessions) == (
            1,
            1,
            0,
            1,
        )
        zvm.clock.now += 1800
        late = await zvm.token(grant_type="refresh_token", refresh_token=second["refresh_token"])
        assert late.status == 400


async def test_logout_ends_a_login() -> None:
    async with serving(auth="keycloak", login=False) as zvm:
        tokens = (await zvm.token()).json()
        path = "/auth/realms/zerto/protocol/openid-connect/logout"
        form = {"client_id": "zerto-client", "refresh_token": tokens["refresh_token"]}
        assert (await zvm.ask("POST", path, data=form)).status == 204
        assert zvm.simulator.live_sessions == 0
        assert await bearer_status(zvm, tokens["access_token"]) == 401
        again = await zvm.ask("POST", path, data=form)
        assert (again.status, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"password": "wrong"}, 401, "invalid_grant"),
        ({"username": "nobody"}, 401, "invalid_grant"),
        ({"client_id": "stranger"}, 401, "unauthorized_client"),
        ({"client_id": "monitor"}, 401, "unauthorized_client"),
        (
            {"grant_type": "client_credentials", "client_id": "monitor", "client_secret": "no"},
            401,
            "unauthorized_client",
        ),
        ({"grant_type": "client_credentials"}, 401, "unauthorized_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
async def test_refusals_of_the_token_endpoint(form: Mapping[str, str], status: int, error: str) -> None:
    async with serving(login=False) as zvm:
        answer = await zvm.token(**form)
        assert answer.status == status
        assert answer.json()["error"] == error
        assert answer.json()["error_description"]
        assert (zvm.simulator.logins, zvm.simulator.live_sessions) == (0, 0)


@pytest.mark.parametrize("path", ["/v1/vms", "/v1/vpgs", "/v1/localsite", "/v1/nothing", "/v1/vpgs/statuses"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x.y.z"}, {"x-zerto-session": "x"}, {"Authorization": "Bearer "}]
)
async def test_the_api_wants_a_login(path: str, headers: dict[str, str]) -> None:
    async with serving(login=False) as zvm:
        assert (await zvm.ask("GET", path, headers=headers)).status == 401


@pytest.mark.parametrize("auth", ["session", "keycloak", "both"])
async def test_expire_tokens_makes_every_login_unknown(auth: str) -> None:
    async with serving(auth=auth) as zvm:
        assert (await zvm.get("/v1/vms")).status == 200
        zvm.simulator.expire_tokens()
        assert zvm.simulator.live_sessions == 0
        assert (await zvm.get("/v1/vms")).status == 401
        await zvm.login()
        assert (await zvm.get("/v1/vms")).status == 200
        assert zvm.simulator.logins == 2


async def test_both_kinds_of_login_count() -> None:
    async with serving(auth="both") as zvm:
        await zvm.basic(USER, PASSWORD)
        assert (zvm.simulator.logins, zvm.simulator.live_sessions) == (2, 2)


def test_a_printed_simulator_tells_no_password() -> None:
    shown = repr(Simulator(quiet(), password=PASSWORD, service_clients=SERVICE))
    assert PASSWORD not in shown
    assert SERVICE["monitor"] not in shown


def test_nothing_is_good_for_an_authority_without_logins() -> None:
    options: dict[str, Any] = {"session_idle": 1.0, "clock": lambda: 0.0}
    authority = Authority("keycloak", Realm("u", "p", "c", {}, 1.0, 1.0), **options)
    assert authority.age({}) is None
    assert not authority.permits({"x-zerto-session": ""})
