"""Whose account logs in, in which realm, for what scope: what real servers ask for, and what is said where it fails."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from support import CLIENT_SECRET, PASSWORD, DrivenClock, Recorder, Running, Simulate, ask, zvm_config

from exporter.collectors import vms, vpgs
from exporter.simulator import Simulator, faults
from exporter.simulator.exchange import Call, Payload
from exporter.simulator.faults import Fault
from exporter.simulator.login.authority import Authority
from exporter.zvm.client import Zvm
from exporter.zvm.errors import AuthError, ClosedError, SecretError, StatusError, ZvmError
from exporter.zvm.login.secrets import Scrubber
from exporter.zvm.observer import Reporter
from exporter.zvm.paths import DISCOVERY, LOGOUT, SESSION_ADD, TOKEN
from exporter.zvm.settings import Auth, Settings
from exporter.zvm.transport import Transport

Connect = Callable[[Settings], Zvm]
Export = Callable[..., Awaitable[Running]]
Reach = Callable[..., Zvm]

WINDOWS, HYPERVISOR = {"AuthenticationMethod": 0}, {"AuthenticationMethod": 1}


@pytest.fixture
def reach(connect: Connect, ca_file: Path) -> Reach:
    """Make a client of a ZVM that logs in by *keys* of `auth`."""

    def make(sim: Simulator, **keys: Any) -> Zvm:
        given = {"username": sim.username, "password": sim.password, **keys}
        return connect(zvm_config(sim, ca_file=ca_file, auth=Auth(**given)))

    return make


def bodies(sim: Simulator) -> list[Any]:
    """Return what each login said of its account, None for nothing."""
    return [json.loads(r.body) if r.body else None for r in sim.requests if r.path == SESSION_ADD]


def forms(sim: Simulator, path: str = TOKEN) -> list[dict[str, str]]:
    return [request.form for request in sim.requests if request.path == path]


def without_json(code: int) -> Fault:
    """A ZVM that refuses a login with a body, as one that knows no choice of accounts may."""

    async def replace(call: Call, _authority: Authority) -> Payload | None:
        return Payload(code) if call.record.body else None

    return Fault("without JSON", {"code": code}, replace=replace)


def no_role(code: int, *paths: str) -> Fault:
    """A login without the role for *paths*."""

    async def replace(call: Call, _authority: Authority) -> Payload | None:
        return Payload(code) if call.path in paths else None

    return Fault("no role", {"code": code}, replace=replace)


class TestAccounts:
    """Windows accounts and those of the hypervisor's manager, at `POST /v1/session/add`."""

    @pytest.mark.parametrize("username", ["EXAMPLE\\prometheus", "prometheus@vsphere.local"])
    @pytest.mark.parametrize(
        ("account", "method"), [("windows", "auto"), ("hypervisor", "auto"), ("hypervisor", "session")]
    )
    async def test_either_kind_logs_in(
        self, simulate: Simulate, reach: Reach, recorder: Recorder, method: str, account: str, username: str
    ) -> None:
        """And is remembered: from then on there is no wrong try any more."""
        sim = await simulate(auth="session", account=account, username=username)
        zvm = reach(sim, method=method)
        assert await ask(zvm)
        assert sim.refused_logins <= 1
        for _ in range(3):
            sim.expire_tokens()
            assert await ask(zvm)
        assert sim.refused_logins <= 1
        assert bodies(sim)[-3:] == [WINDOWS if account == "windows" else HYPERVISOR] * 3
        assert recorder.logins == ["success"] * 4

    async def test_the_body_is_json_and_says_so(self, simulate: Simulate, reach: Reach) -> None:
        sim = await simulate(auth="session", account="hypervisor", username="svc@example.com")
        await ask(reach(sim))
        logins = [request for request in sim.requests if request.path == SESSION_ADD]
        assert [login.headers["Content-Type"] for login in logins] == ["application/json"] * 2
        assert bodies(sim) == [WINDOWS, HYPERVISOR]

    async def test_a_name_of_vcenters_own_domain_is_no_windows_account(self, simulate: Simulate, reach: Reach) -> None:
        """So the first try is the right one, and Windows writes no failed logon into its log."""
        sim = await simulate(auth="session", account="hypervisor", username="Prometheus@VSphere.Local")
        await ask(reach(sim))
        assert (bodies(sim), sim.refused_logins) == ([HYPERVISOR], 0)

    @pytest.mark.parametrize(("account", "body"), [("windows", WINDOWS), ("hypervisor", HYPERVISOR)])
    async def test_an_account_that_is_set_is_the_only_one_tried(
        self, simulate: Simulate, reach: Reach, account: str, body: dict[str, int]
    ) -> None:
        sim = await simulate(auth="session", account="windows" if account == "hypervisor" else "hypervisor")
        with pytest.raises(AuthError, match=rf"login refused for user .*HTTP 401 at {SESSION_ADD} as a (?i:{account})"):
            await ask(reach(sim, account=account))
        assert bodies(sim) == [body]

    async def test_a_wrong_password_is_one_refusal_of_two_tries(
        self, simulate: Simulate, reach: Reach, recorder: Recorder, clock: DrivenClock
    ) -> None:
        sim = await simulate(auth="session")
        zvm = reach(sim, password="wrong")
        with pytest.raises(AuthError) as refused:
            await ask(zvm)
        quote = str(refused.value)
        assert quote.startswith(f"login refused for user '{sim.username}': HTTP 401 at {SESSION_ADD} as a ")
        assert quote.count("HTTP 401") == 2
        assert "(auth.account); next login in" in quote
        assert sorted(bodies(sim), key=str) == [WINDOWS, HYPERVISOR]
        assert recorder.logins == ["refused"]
        await clock.advance(31)
        with pytest.raises(AuthError):
            await ask(zvm)
        assert (sim.refused_logins, recorder.logins) == (4, ["refused"] * 2)
        await clock.advance(31)
        with pytest.raises(AuthError, match="not asked again"):
            await ask(zvm)
        assert sim.refused_logins == 4, "the second wait is twice the first"

    async def test_a_granted_account_that_is_refused_later_is_tried_alone(
        self, simulate: Simulate, reach: Reach, tmp_path: Path
    ) -> None:
        """A password that was changed costs one wrong try a login, not two."""
        file = tmp_path / "password"
        file.write_text(PASSWORD)
        sim = await simulate(auth="session", account="windows", username="EXAMPLE\\prometheus")
        zvm = reach(sim, password=None, password_file=file)
        await ask(zvm)
        file.write_text("old")
        sim.expire_tokens()
        with pytest.raises(AuthError):
            await ask(zvm)
        assert bodies(sim) == [WINDOWS, WINDOWS]

    @pytest.mark.parametrize("code", [400, 404, 500, 0])
    async def test_one_kind_refused_and_no_answer_for_the_other_is_a_refusal(
        self, simulate: Simulate, reach: Reach, recorder: Recorder, code: int
    ) -> None:
        """Or the wrong password would be tried again with each poll. Code 0 is a connection that ends."""

        async def replace(call: Call, _authority: Authority) -> Payload | None:
            if json.loads(call.record.body) != HYPERVISOR:
                return None
            if not code and call.request.transport is not None:
                call.request.transport.abort()
            return Payload(code or 500)

        sim = await simulate(auth="session", username="EXAMPLE\\prometheus")
        sim.faults.set(SESSION_ADD, Fault("half", replace=replace))
        with pytest.raises(AuthError, match="next login in"):
            await ask(reach(sim, password="wrong"))
        assert recorder.logins == ["refused"]

    @pytest.mark.parametrize(("account", "code"), [("auto", 400), ("auto", 415), ("windows", 500), ("windows", 422)])
    async def test_a_zvm_that_takes_no_body_gets_none(
        self, simulate: Simulate, reach: Reach, account: str, code: int
    ) -> None:
        sim = await simulate(auth="session", username="EXAMPLE\\prometheus")
        sim.faults.set(SESSION_ADD, without_json(code))
        zvm = reach(sim, account=account)
        assert await ask(zvm)
        sim.expire_tokens()
        assert await ask(zvm)
        assert bodies(sim) == [WINDOWS, None, None]
        assert sim.refused_logins == 0
        last = [request for request in sim.requests if request.path == SESSION_ADD][-1]
        assert last.headers["Content-Length"] == "0"  # Windows' HTTP refuses a POST without

    async def test_a_zvm_that_takes_no_body_has_no_hypervisor_accounts(
        self, simulate: Simulate, reach: Reach, recorder: Recorder
    ) -> None:
        """It is said, and no refused login: nobody looked at the password."""
        sim = await simulate(auth="session")
        sim.faults.set(SESSION_ADD, without_json(400))
        with pytest.raises(StatusError, match=r"takes no a?.*hypervisor account \(auth\.account windows\)"):
            await ask(reach(sim, account="hypervisor"))
        assert recorder.logins == ["failed"]
        assert await ask(reach(sim)), "as a Windows account, although the name speaks for vCenter"

    async def test_a_colon_in_the_name_is_found_before_it_is_sent(
        self, simulate: Simulate, reach: Reach, tmp_path: Path
    ) -> None:
        (tmp_path / "user").write_text("a:b\n")
        sim = await simulate(auth="session")
        with pytest.raises(SecretError, match="colon"):
            await ask(reach(sim, username=None, username_file=tmp_path / "user"))
        assert bodies(sim) == []


class TestScope:
    """The API behind Keycloak takes a token only if it was asked for with a scope."""

    @pytest.mark.parametrize("method", ["auto", "keycloak", "keycloak_client"])
    async def test_a_whole_exporter_is_let_in(
        self, simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path, method: str
    ) -> None:
        """By the first login, and after the token was renewed."""
        sim = await simulate(
            auth="keycloak",
            required_scope="openid",
            clock=clock.monotonic,
            service_clients={"exporter": CLIENT_SECRET},
        )
        auth = Auth(method=method, username=sim.username, password=PASSWORD)  # type: ignore[arg-type] # a Literal
        if method == "keycloak_client":
            auth = Auth(method="keycloak_client", client_id="exporter", client_secret=CLIENT_SECRET)
        running = await export([zvm_config(sim, ca_file=ca_file, auth=auth)])
        await clock.idle(1)
        for seconds in (0, 300):
            await clock.advance(seconds)
            page = await running.page()
            assert page.value("zerto_up", zvm="nyc") == 1
            assert page.value("zerto_collector_success", collector="vpgs") == 1
        assert {form["scope"] for form in forms(sim)} == {"openid"}
        assert len(forms(sim)) == 2

    @pytest.mark.parametrize(("scope", "sent"), [("openid roles", "openid roles"), ("", None)])
    async def test_another_scope_or_none(
        self, simulate: Simulate, reach: Reach, clock: DrivenClock, scope: str, sent: str | None
    ) -> None:
        sim = await simulate(auth="keycloak", clock=clock.monotonic)
        zvm = reach(sim, scope=scope)
        await ask(zvm)
        await clock.advance(280)
        await ask(zvm)
        assert [form["grant_type"] for form in forms(sim)] == ["password", "refresh_token"]
        assert [form.get("scope") for form in forms(sim)] == [sent] * 2

    async def test_a_scope_that_is_refused_is_blamed(self, simulate: Simulate, reach: Reach) -> None:
        sim = await simulate(auth="keycloak")
        body = '{"error": "invalid_scope", "error_description": "Invalid scopes: openid2"}'
        sim.faults.set(TOKEN, faults.status(400, body=body))
        with pytest.raises(AuthError, match=r"Invalid scopes: openid2'\): see auth\.scope;"):
            await ask(reach(sim, scope="openid2"))


class TestAdvice:
    """Where a login is granted and every path refused, the error says what to look at."""

    @pytest.mark.parametrize(
        ("keys", "advice"),
        [
            ({"scope": ""}, r"auth\.scope \(it is ''\), the roles of user 'prometheus@vsphere.local' in realm 'zerto'"),
            (
                {"scope": "", "method": "keycloak_client", "client_id": "exporter", "client_secret": CLIENT_SECRET},
                r"auth\.scope \(it is ''\), the roles of the service account of client 'exporter' in realm 'zerto'",
            ),
        ],
    )
    async def test_of_keycloak(self, simulate: Simulate, reach: Reach, keys: dict[str, str], advice: str) -> None:
        sim = await simulate(auth="keycloak", required_scope="openid", service_clients={"exporter": CLIENT_SECRET})
        with pytest.raises(ClosedError, match=rf"401 again, right after a new login \(.*{advice}, the licence\)"):
            await ask(reach(sim, **keys))

    async def test_of_a_session(self, simulate: Simulate, reach: Reach) -> None:
        sim = await simulate(auth="session", account="windows")
        sim.faults.set("/v1/v", faults.status(401))
        advice = r"auth\.account \(it was taken for a Windows account\), the user's rights in vCenter, the licence"
        with pytest.raises(ClosedError, match=advice):
            await ask(reach(sim))

    async def test_of_403(self, simulate: Simulate, reach: Reach) -> None:
        sim = await simulate(auth="keycloak")
        sim.faults.set("/v1/v", faults.status(403))
        with pytest.raises(StatusError, match=r"HTTP 403 \(the user lacks the role for it; or, .* auth\.scope"):
            await ask(reach(sim))

    @pytest.mark.parametrize("code", [401, 403])
    async def test_not_where_another_path_is_open(self, simulate: Simulate, reach: Reach, code: int) -> None:
        """Then scope and account are right: it is the role. And if later all are closed, it is told again."""
        sim = await simulate(auth="keycloak")
        zvm = reach(sim)
        await ask(zvm)
        sim.faults.set("/v1/v", no_role(code, vpgs.PATH))
        with pytest.raises(ZvmError, match=rf"{code}.*lacks the role for it\)") as caught:
            await zvm.get(vpgs.PATH, vpgs.DECODER)
        assert "auth.scope" not in str(caught.value)
        sim.faults.set("/v1/v", no_role(code, vms.PATH, vpgs.PATH))
        zvm.release()
        with pytest.raises(ZvmError, match=r"auth\.scope"):
            await ask(zvm)


REALMS = ["master", "lab 2", "a?b#c", "..x", "100%25+", "caf\u00e9"]


class TestRealm:
    """Keycloak's realm, for installations that have another than the appliance's."""

    @pytest.mark.parametrize(("realm", "method"), [*((realm, "auto") for realm in REALMS), ("master", "keycloak")])
    async def test_login_renewal_and_logout(
        self, simulate: Simulate, reach: Reach, clock: DrivenClock, recorder: Recorder, realm: str, method: str
    ) -> None:
        sim = await simulate(auth="keycloak", realm=realm, client_id="admin-cli", clock=clock.monotonic)
        zvm = reach(sim, method=method, realm=realm, client_id="admin-cli")
        assert await ask(zvm)
        await clock.advance(280)
        assert await ask(zvm)
        assert (sim.logins, sim.refreshes) == (1, 1)
        await zvm.close()
        assert sim.live_sessions == 0
        assert all(request.path.startswith((f"/auth/realms/{realm}/", "/v1/")) for request in sim.requests)
        endpoints = {endpoint for endpoint, _ in recorder.requests}
        assert endpoints - {vms.PATH} <= {path.replace("zerto", "{realm}", 1) for path in (DISCOVERY, TOKEN, LOGOUT)}

    @pytest.mark.parametrize("method", ["auto", "keycloak", "keycloak_client"])
    async def test_a_realm_that_is_not_there_is_said(
        self, simulate: Simulate, reach: Reach, recorder: Recorder, method: str
    ) -> None:
        """It is neither a Windows ZVM nor a refused login; and the password is sent to nobody else."""
        sim = await simulate(auth="both", realm="master")
        zvm = reach(sim, method=method, client_secret=CLIENT_SECRET)
        with pytest.raises(StatusError, match=r"HTTP 404.*Realm does not exist.*is auth\.realm right\? It is 'zerto'"):
            await ask(zvm)
        assert bodies(sim) == []
        assert recorder.logins == ["failed"]

    async def test_a_windows_zvm_asked_for_a_realm(self, simulate: Simulate, reach: Reach) -> None:
        sim = await simulate(auth="session")
        with pytest.raises(StatusError, match=r"HTTP 404: is auth\.realm right\? .* auth\.method session"):
            await ask(reach(sim, method="keycloak"))
        assert await ask(reach(sim, realm="master")), "with auto, a 404 of anybody but Keycloak is a Windows ZVM"

    async def test_only_the_realm_that_is_set_can_be_written_to(
        self, simulate: Simulate, recorder: Recorder, ca_file: Path
    ) -> None:
        sim = await simulate(auth="both", realm="master")
        settings = zvm_config(sim, ca_file=ca_file, auth=Auth(realm="master"))
        transport = Transport(settings, Scrubber(), Reporter("nyc", recorder), lambda: 0.0)
        for path in (TOKEN, LOGOUT, "/auth/realms/master/protocol/openid-connect/revoke", "/auth/realms/master"):
            with pytest.raises(ValueError, match="neither login nor logout"):
                await transport.send("POST", path)
        await transport.send("POST", TOKEN.replace("zerto", "master"), form={})
        await transport.close()
        assert len(sim.requests) == 1

    async def test_a_refusal_is_quoted_without_secrets(self, simulate: Simulate, reach: Reach) -> None:
        sim = await simulate(auth="keycloak")
        sim.faults.set(TOKEN, faults.status(404, body=json.dumps({"error": f"no realm, {PASSWORD}\n"})))
        with pytest.raises(StatusError, match="no realm, <secret>") as caught:
            await ask(reach(sim, method="keycloak"))
        assert len(str(caught.value).splitlines()) == 1


async def test_every_login_failure_is_told_by_its_keys(simulate: Simulate, export: Export, ca_file: Path) -> None:
    """In the one line that the log has for a ZVM that is down."""
    sim = await simulate(auth="keycloak", required_scope="openid")
    auth = Auth(username=sim.username, password=PASSWORD, scope="")
    with capture_logs() as logs:
        running = await export([zvm_config(sim, ca_file=ca_file, auth=auth)])
        await running.clock.idle(1)  # type: ignore[attr-defined] # it is the driven one
    (line,) = [line for line in logs if line["event"] == "ZVM is down"]
    assert line["reason"] == "auth"
    assert "auth.scope" in line["error"]
