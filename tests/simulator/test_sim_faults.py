"""Each fault as a client sees it, over a socket."""

import asyncio
import gzip
import re
import zlib

import aiohttp
import msgspec
import pytest
from aiohttp import web
from simulator_serving import Zvm, serving

from exporter.simulator import Fault, faults
from exporter.simulator.exchange import Call, Payload

VMS = "/v1/vms"


@pytest.mark.parametrize("code", [401, 403, 404, 500, 502, 503])
async def test_status(code: int) -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.status(code))
        answer = await zvm.get(VMS)
        assert answer.status == code == zvm.simulator.requests[-1].status
        assert str(code) in answer.json()["Message"]
        assert (await zvm.get("/v1/vpgs")).status == 200


async def test_status_with_headers_and_body() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.status(429, {"Retry-After": "120"}, "slow down"))
        answer = await zvm.get(VMS)
        assert (answer.status, answer.headers["Retry-After"], answer.body) == (429, "120", b"slow down")


async def test_faults_hold_for_a_prefix_and_a_number_of_requests() -> None:
    async with serving() as zvm:
        book = zvm.simulator.faults
        book.set("/v1/VMS", faults.status(500), times=2)
        assert [(await zvm.get(path)).status for path in (VMS, "/v1/vms/x", VMS)] == [500, 500, 200]
        book.set(VMS, faults.status(500))
        book.set(VMS, faults.status(503))
        assert (await zvm.get(VMS)).status == 503
        book.clear("/v1/vpgs")
        assert (await zvm.get(VMS)).status == 503
        book.clear(VMS)
        assert (await zvm.get(VMS)).status == 200
        book.set("/", faults.empty())
        book.clear()
        assert (await zvm.get(VMS)).body


async def test_faults_hold_for_logins_too() -> None:
    async with serving(login=False) as zvm:
        zvm.simulator.faults.set("/auth", faults.status(503), times=1)
        zvm.simulator.faults.set("/v1/session", faults.status(500), times=1)
        assert (await zvm.token()).status == 503
        assert (await zvm.basic("u", "p")).status == 500
        assert (await zvm.token()).status == 200


async def test_hang_ends_with_the_client() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.hang())
        asking = asyncio.create_task(zvm.get(VMS))
        await zvm.simulator.arrived()
        assert not asking.done()
        assert zvm.simulator.requests[-1].status is None
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        zvm.simulator.faults.clear()
        assert (await zvm.get(VMS)).status == 200


async def test_slow_waits_for_its_gate_after_the_first_chunk() -> None:
    async with serving() as zvm:
        whole = (await zvm.get(VMS)).body
        gate = asyncio.Event()
        zvm.simulator.faults.set(VMS, faults.slow(gate=gate, chunk=1000))
        async with zvm.http.get(zvm.simulator.url + VMS, headers=zvm.headers) as response:
            first = await response.content.readexactly(1000)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await response.content.readexactly(1)
            gate.set()
            assert first + await response.read() == whole


@pytest.mark.parametrize("path", ["/auth", "/v1/session"])
async def test_a_gate_holds_logins_back(path: str) -> None:
    async with serving() as zvm:
        gate = asyncio.Event()
        zvm.simulator.faults.set(path, faults.slow(gate=gate))
        login = zvm.token() if path == "/auth" else zvm.basic(zvm.simulator.username, zvm.simulator.password)
        asking = asyncio.create_task(login)
        await zvm.simulator.arrived(path_prefix=path)
        done, _ = await asyncio.wait([asking], timeout=0.02)
        assert not done
        gate.set()
        assert (await asking).status == 200


async def test_slow_pauses_after_each_chunk() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set("/v1/localsite", faults.slow(seconds_per_chunk=0.001, chunk=100))
        assert (await zvm.get("/v1/localsite")).json()["SiteName"] == "nyc"


@pytest.mark.parametrize("path", ["/v1/vms", "/v1/session"])
async def test_faults_of_delivery_on_empty_answers(path: str) -> None:
    async with serving() as zvm:
        for fault in (faults.truncated(), faults.wrong_content_type(), faults.slow(0)):
            zvm.simulator.faults.set(path, fault)
            assert (await zvm.ask("DELETE", path)).status in {401, 405}


async def test_reset_in_the_middle() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.reset())
        reader, writer = await asyncio.open_connection("127.0.0.1", zvm.simulator.port)
        authorization = zvm.headers["Authorization"]
        writer.write(f"GET /v1/vms HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()
        with pytest.raises(aiohttp.ClientError):
            await zvm.get(VMS)


async def test_short_closes_before_the_promised_length() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.short())
        with pytest.raises(aiohttp.ClientPayloadError):
            await zvm.get(VMS)


async def test_truncated_is_a_valid_message_of_invalid_json() -> None:
    async with serving() as zvm:
        whole = (await zvm.get(VMS)).body
        zvm.simulator.faults.set(VMS, faults.truncated())
        answer = await zvm.get(VMS)
    assert answer.status == 200
    assert whole.startswith(answer.body)
    assert int(answer.headers["Content-Length"]) == len(answer.body) < len(whole)
    with pytest.raises(msgspec.DecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "pattern"),
    [
        (faults.html(), 200, "text/html", rb"<!DOCTYPE html>"),
        (faults.html(502), 502, "text/html", rb"<!DOCTYPE html>"),
        (faults.empty(), 200, None, rb"$"),
        (faults.null(), 200, "application/json", rb"null$"),
        (faults.wrong_content_type(), 200, "text/plain", rb"\[\{"),
        (faults.xml(), 200, "application/xml", rb"<ArrayOfVmApi"),
        (faults.nan(), 200, "application/json", rb'.*"[A-Za-z]+":NaN,'),
        (faults.invalid_utf8(), 200, "application/json", rb'.*Name":"\xff\xfe\xc0\x80'),
        (faults.latin1(), 200, "application/json", rb'.*Name":"caf\xe9'),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
async def test_answers_of_another_kind(fault: Fault, status: int, content_type: str | None, pattern: bytes) -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, fault)
        answer = await zvm.get(VMS)
    assert answer.status == status
    assert answer.headers.get("Content-Type", "").partition(";")[0] == (content_type or "")
    assert re.match(pattern, answer.body)


@pytest.mark.parametrize("fault", [faults.nan(), faults.invalid_utf8()])
async def test_bytes_go_wrong_in_an_empty_list_too(fault: Fault) -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, fault)
        answer = await zvm.get(VMS, vmName="nobody")
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        answer.json()


async def test_redirect() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.redirect("https://evil.example.test/", 307))
        answer = await zvm.get(VMS)
    assert (answer.status, answer.headers["Location"], answer.body) == (307, "https://evil.example.test/", b"")


async def test_endless_body_goes_on_until_the_client_leaves() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.endless_body())
        async with zvm.http.get(zvm.simulator.url + VMS, headers=zvm.headers) as response:
            assert len(await response.content.readexactly(3_000_000)) == 3_000_000
            assert not response.content.at_eof()
        zvm.simulator.faults.clear()
        assert (await zvm.get(VMS)).status == 200


async def test_a_client_that_goes_in_the_middle_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def deliver(call: Call, payload: Payload) -> web.StreamResponse:
        response = await call.begin(payload)
        assert call.request.transport is not None
        call.request.transport.abort()
        await response.write(payload.body)
        raise AssertionError("written to a closed connection")

    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, Fault("gone", deliver=deliver))
        with pytest.raises(aiohttp.ClientError):
            await zvm.get(VMS)
        zvm.simulator.faults.clear()
        assert (await zvm.get(VMS)).status == 200
    assert caplog.records == []


async def raw_bytes(zvm: Zvm) -> bytes:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(zvm.simulator.url + VMS, headers=zvm.headers) as response,
    ):
        assert response.headers["Content-Encoding"] == "gzip"
        return await response.read()


async def test_bomb_is_small_on_the_wire_and_more_than_a_gib_unpacked() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.bomb())
        packed = await raw_bytes(zvm)
        assert len(packed) < 2_000_000
        # The last four bytes of a gzip file are the length of what it unpacks to.
        assert int.from_bytes(packed[-4:], "little") > 1 << 30
        unpacker = zlib.decompressobj(wbits=31)
        assert unpacker.decompress(packed, 1 << 20) == b"[" + b" " * ((1 << 20) - 1)


async def test_a_smaller_bomb_unpacks_to_an_empty_list() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.bomb(3_000_000))
        plain = gzip.decompress(await raw_bytes(zvm))
    assert len(plain) == 3 * (1 << 20) + 2
    assert msgspec.json.decode(plain) == []


async def test_a_flood_unpacks_to_records_of_nothing() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.flood(15_000))
        packed = await raw_bytes(zvm)
    assert len(packed) < 1000
    assert msgspec.json.decode(gzip.decompress(packed)) == [{}] * 20_001


async def test_gzip_is_the_normal_answer() -> None:
    async with serving() as zvm:
        whole = (await zvm.get(VMS)).body
        zvm.simulator.faults.set(VMS, faults.gzip())
        assert gzip.decompress(await raw_bytes(zvm)) == whole
        assert (await zvm.get(VMS)).body == whole


@pytest.mark.parametrize("auth", ["session", "keycloak"])
async def test_expired_token_once_wants_a_new_login(auth: str) -> None:
    async with serving(auth=auth) as zvm:
        zvm.simulator.faults.set(VMS, faults.expired_token(), times=1)
        assert [(await zvm.get(VMS)).status for _ in range(2)] == [401, 401]
        await zvm.login()
        assert (await zvm.get(VMS)).status == 200


@pytest.mark.parametrize("auth", ["session", "keycloak"])
async def test_expired_token_by_age_spends_a_time_only_when_it_acts(auth: str) -> None:
    async with serving(auth=auth) as zvm:
        zvm.simulator.faults.set(VMS, faults.expired_token(older_than=60), times=1)
        assert (await zvm.get(VMS)).status == 200
        zvm.clock.now += 61
        assert (await zvm.get(VMS)).status == 401
        await zvm.login()
        zvm.clock.now += 61
        assert (await zvm.get(VMS)).status == 200
        zvm.simulator.faults.set(VMS, faults.expired_token(older_than=60))
        await zvm.login()
        assert (await zvm.get(VMS)).status == 200


async def test_echo_secrets_says_them_back() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set("/", faults.echo_secrets())
        api = await zvm.ask("GET", VMS, headers={"Authorization": "Bearer tok-123", "x-zerto-session": "ses-456"})
        assert api.status == 500
        assert b"tok-123" in api.body
        assert b"ses-456" in api.body
        login = await zvm.token(password="planted-789")
        assert b"planted-789" in login.body
