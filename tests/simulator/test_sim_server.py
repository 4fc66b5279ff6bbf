"""The simulator as a process part: start, stop, start again; TLS; its record of requests; the control surface."""

import asyncio
import io
import socket
import ssl

import aiohttp
import pytest
import trustme
from simulator_serving import PASSWORD, Clock, Zvm, quiet, serving

from exporter.simulator import Estate, Simulator, faults
from exporter.simulator.control import CONSTRUCTORS


async def test_stop_cuts_a_hanging_request_and_start_takes_the_same_port() -> None:
    async with serving() as zvm:
        port = zvm.simulator.port
        zvm.simulator.faults.set("/v1/vms", faults.hang())
        asking = asyncio.create_task(zvm.ask("POST", "/v1/vms"))
        await zvm.simulator.arrived()
        await zvm.simulator.stop()  # if it waited for the request, the test would never end
        with pytest.raises(aiohttp.ClientError):
            await asking
        with pytest.raises(aiohttp.ClientConnectorError):
            await zvm.get("/v1/vpgs")
        await zvm.simulator.start(port=port)
        assert zvm.simulator.port == port
        assert zvm.simulator.live_sessions == 0
        assert (await zvm.get("/v1/vpgs")).status == 401
        await zvm.login()
        assert (await zvm.get("/v1/vpgs")).status == 200


@pytest.mark.parametrize("fault", [faults.slow(gate=asyncio.Event()), faults.endless_body()])
async def test_stop_cuts_an_answer_under_way(fault: faults.Fault) -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set("/v1/vms", fault)
        async with zvm.http.get(zvm.simulator.url + "/v1/vms", headers=zvm.headers) as response:
            await zvm.simulator.stop()
            with pytest.raises(aiohttp.ClientError):
                await response.read()


async def test_stop_twice_and_start_twice() -> None:
    simulator = Simulator(quiet())
    await simulator.stop()
    await simulator.start()
    with pytest.raises(RuntimeError):
        await simulator.start()
    await simulator.stop()
    await simulator.stop()


async def test_an_address_in_use_is_said_and_leaves_nothing_behind() -> None:
    simulator = Simulator(quiet())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            await simulator.start(port=port)
    await simulator.start(port=port)
    assert simulator.url == f"http://127.0.0.1:{port}"
    await simulator.stop()


async def test_ipv6_urls_have_brackets() -> None:
    simulator = Simulator(quiet())
    try:
        await simulator.start(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert simulator.url == f"http://[::1]:{simulator.port}"
    await simulator.stop()


async def test_tls() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(login=False, ssl_context=server) as zvm:
        assert zvm.simulator.url == f"https://127.0.0.1:{zvm.simulator.port}"
        path = "/auth/realms/zerto/.well-known/openid-configuration"
        found = await zvm.ask("GET", path, ssl=trusting)
        assert found.json()["issuer"].startswith("https://")
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await zvm.ask("GET", path)
        zvm.simulator.faults.set(path, faults.reset())
        with pytest.raises(aiohttp.ClientError):
            await zvm.ask("GET", path, ssl=trusting)


async def test_requests_are_recorded_in_order() -> None:
    async with serving(login=False) as zvm:
        await zvm.login()
        await zvm.get("/v1/vms", vmName="a b", Status="1")
        await zvm.get("/v1/vms/none")
        login, vms, none = zvm.simulator.requests
        assert (login.method, login.status, login.form["grant_type"]) == ("POST", 200, "password")
        assert (vms.method, vms.path, vms.query, vms.status) == (
            "GET",
            "/v1/vms",
            {"vmName": "a b", "Status": "1"},
            200,
        )
        assert vms.headers["authorization"].startswith("Bearer ")
        assert (none.path, none.status) == ("/v1/vms/none", 404)
        zvm.simulator.requests.clear()
        await zvm.get("/v1/vpgs")
        assert [request.path for request in zvm.simulator.requests] == ["/v1/vpgs"]


async def test_arrived_waits_for_so_many() -> None:
    async with serving() as zvm:
        waiting = asyncio.create_task(zvm.simulator.arrived(2, "/v1/vpgs"))
        await zvm.get("/v1/vpgs")
        assert not waiting.done()
        await zvm.get("/v1/vpgs")
        await waiting


async def test_many_clients_at_once_get_the_same_answer() -> None:
    async with serving() as zvm:
        answers = await asyncio.gather(*(zvm.get("/v1/vms") for _ in range(20)))
        assert len({answer.body for answer in answers}) == 1


async def test_a_body_that_is_no_form_is_let_pass() -> None:
    async with serving(auth="session", login=False) as zvm:
        headers = {"Authorization": aiohttp.encode_basic_auth(zvm.simulator.username, PASSWORD, encoding="utf-8")}
        body = {"AuthenticationMethod": "1"}
        assert (await zvm.ask("POST", "/v1/session/add", headers=headers, json=body)).status == 200
        big = await zvm.ask("POST", "/v1/session/add", headers=headers, data=io.BytesIO(b"x" * 1_200_000))
        assert big.status == 200


async def control(zvm: Zvm, method: str, path: str, body: object = None) -> int:
    options = {} if body is None else {"json": body}
    return (await zvm.ask(method, f"/simulator/{path}", headers={}, **options)).status


async def test_control_sets_lists_and_clears_faults_without_a_login() -> None:
    async with serving(control=True) as zvm:
        order = {"path": "/v1/vms", "fault": "status", "args": {"code": 500}, "times": 3}
        assert await control(zvm, "PUT", "faults", order) == 204
        assert (await zvm.get("/v1/vms")).status == 500
        listed = (await zvm.get("/simulator/faults")).json()
        assert listed == [
            {
                "path": "/v1/vms",
                "fault": "status",
                "args": {"code": 500, "headers": None, "body": None},
                "times": 2,
            }
        ]
        assert await control(zvm, "DELETE", "faults?path=/v1/vms") == 204
        assert (await zvm.get("/v1/vms")).status == 200
        for name in CONSTRUCTORS:
            args = {"status": {"code": 500}, "redirect": {"location": "/"}}.get(name, {})
            assert await control(zvm, "PUT", "faults", {"path": f"/{name}", "fault": name, "args": args}) == 204
        assert [entry["fault"] for entry in (await zvm.get("/simulator/faults/")).json()] == list(CONSTRUCTORS)
        assert await control(zvm, "DELETE", "faults") == 204
        assert (await zvm.get("/simulator/faults")).json() == []


async def test_control_starts_and_ends_incidents() -> None:
    estate = quiet()
    name = estate.vpgs()[0]["VpgName"]
    async with serving(estate, control=True) as zvm:
        assert await control(zvm, "POST", "incidents", {"kind": "delta_sync", "vpg": name}) == 204
        assert [vpg["VpgName"] for vpg in await zvm.rows("/v1/vpgs", subStatus="DeltaSync")] == [name]
        (incident,) = (await zvm.get("/simulator/incidents")).json()
        assert (incident["kind"], incident["vpg_name"]) == ("delta_sync", name)
        assert await control(zvm, "DELETE", "incidents?kind=bitmap_sync") == 204
        assert len(estate.incidents) == 1
        assert await control(zvm, "DELETE", f"incidents?vpg={name}") == 204
        assert estate.incidents == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "faults", {"path": "/", "fault": "volcano"}, 400),
        ("PUT", "faults", {"path": "/", "fault": "status", "args": {"kode": 500}}, 400),
        ("PUT", "faults", {"path": "/", "fault": "status", "argz": {}}, 400),
        ("PUT", "faults", "text", 400),
        ("POST", "faults", {}, 405),
        ("POST", "incidents", {"kind": "volcano"}, 400),
        ("POST", "incidents", {"kind": "delta_sync", "vpg": "No-Such-VPG"}, 400),
        ("PUT", "incidents", {}, 405),
        ("GET", "weather", None, 404),
    ],
)
async def test_control_refuses_what_it_does_not_know(method: str, path: str, body: object, status: int) -> None:
    async with serving(control=True) as zvm:
        assert await control(zvm, method, path, body) == status
        assert (await zvm.get("/v1/vms")).status == 200


async def test_without_control_there_is_no_control() -> None:
    async with serving() as zvm:
        assert await control(zvm, "PUT", "faults", {"path": "/", "fault": "empty"}) == 401
        assert (await zvm.get("/simulator/faults")).status == 404


async def test_ten_thousand_vms_are_about_twenty_megabytes() -> None:
    estate = Estate("nyc", 10_000, 1, Clock())
    async with serving(estate) as zvm:
        body = (await zvm.get("/v1/vms")).body
    assert 18_000_000 < len(body) < 21_000_000
