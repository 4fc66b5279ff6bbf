"""Requests to a ZVM: verified, limited in time and size, sent to nobody else, and clear about why they failed."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import ssl
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aioresponses import aioresponses
from hypothesis import given
from hypothesis import strategies as st
from support import PASSWORD, DrivenClock, Recorder, Simulate, ask, zvm_config

from exporter.collectors import vms, vpgs
from exporter.simulator import Simulator, faults
from exporter.simulator.exchange import Call, Payload
from exporter.simulator.faults import Fault
from exporter.zvm.client import Zvm
from exporter.zvm.errors import (
    ConnectError,
    DecodeError,
    RequestTimeoutError,
    StatusError,
    TooLargeError,
    ZvmError,
)
from exporter.zvm.login.backoff import seconds_of
from exporter.zvm.login.secrets import MASK, Scrubber
from exporter.zvm.observer import Reporter
from exporter.zvm.paths import LOCAL_SITE, SESSION_ADD, TOKEN
from exporter.zvm.settings import Auth, Settings, Tls
from exporter.zvm.transport import Transport

Connect = Callable[[Settings], Zvm]
URL = "https://zvm.example.com"
RECORD = {"VmIdentifier": "vm-1", "VpgIdentifier": "vpg-1"}
BODY = json.dumps([RECORD]).encode()


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(auth="session")
    return started


@pytest.fixture
def reach(sim: Simulator, connect: Connect, ca_file: Path) -> Callable[..., Zvm]:
    """Make a client of the ZVM with these keys of its configuration."""

    def make(**keys: Any) -> Zvm:
        given = {"auth": Auth(method="session", username=sim.username, password=PASSWORD), **keys}
        return connect(zvm_config(sim, ca_file=ca_file, **given))

    return make


async def failure(zvm: Zvm, error: type[ZvmError]) -> str:
    """Return the text of the *error* with which *zvm* fails: one line, not too long, with no secret."""
    with pytest.raises(error) as caught:
        await ask(zvm)
    text = str(caught.value)
    assert type(caught.value) is error
    assert len(text.splitlines()) == 1
    assert len(text) < 700
    assert PASSWORD not in text
    text.encode()
    return text


def answered(body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> Fault:
    """Make a fault that answers with just these bytes and headers."""

    async def deliver(call: Call, _payload: Payload) -> web.StreamResponse:
        return await call.send(Payload(status, body, "application/json", headers or {}))

    return Fault("answered", deliver=deliver)


def sent_and_closed(raw: bytes) -> Fault:
    """Make a fault that sends just these bytes, and closes the connection."""

    async def deliver(call: Call, _payload: Payload) -> web.StreamResponse:
        assert call.request.transport is not None
        call.request.transport.write(raw)
        call.request.transport.close()
        return web.StreamResponse()

    return Fault("sent and closed", deliver=deliver)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", vms.PATH),
        ("PUT", vms.PATH),
        ("DELETE", vms.PATH),
        ("PATCH", vpgs.PATH),
        ("POST", "/v1/vpgs/x/failover"),
        ("PUT", SESSION_ADD),
        ("POST", "/v1/session/add/../../vpgs"),
        ("DELETE", TOKEN),
    ],
)
async def test_nothing_but_get_login_and_logout_can_be_sent(
    sim: Simulator, recorder: Recorder, ca_file: Path, method: str, path: str
) -> None:
    transport = Transport(zvm_config(sim, ca_file=ca_file), Scrubber(), Reporter("nyc", recorder), time.monotonic)
    with pytest.raises(ValueError, match="neither login nor logout"):
        await transport.send(method, path)
    await transport.close()
    assert sim.requests == []


async def test_certificates_are_verified_by_default(sim: Simulator, connect: Connect) -> None:
    text = await failure(connect(zvm_config(sim)), ConnectError)
    assert f"the certificate of {sim.url} cannot be verified (tls.ca_file, tls.server_name)" in text
    assert sim.requests == []


async def test_a_certificate_of_another_authority_is_refused(sim: Simulator, connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    assert "cannot be verified" in await failure(connect(zvm_config(sim, ca_file=file)), ConnectError)


async def test_a_certificate_for_another_name_is_refused(
    simulate: Simulate, authority: trustme.CA, connect: Connect, ca_file: Path
) -> None:
    """Unless `tls.server_name` says for which name it is."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("zvm-nyc.example.com").configure_cert(context)
    sim = await simulate(ssl_context=context)
    text = await failure(connect(zvm_config(sim, ca_file=ca_file)), ConnectError)
    assert "tls.server_name" in text
    assert "127.0.0.1" in text
    wrong = Tls(ca_file=ca_file, server_name="zvm-lon.example.com")
    assert "zvm-lon" in await failure(connect(zvm_config(sim, tls=wrong)), ConnectError)
    assert sim.requests == []
    right = Tls(ca_file=ca_file, server_name="zvm-nyc.example.com")
    assert await ask(connect(zvm_config(sim, tls=right)))


async def test_verification_can_be_switched_off(sim: Simulator, connect: Connect) -> None:
    assert await ask(connect(zvm_config(sim, tls=Tls(insecure_skip_verify=True))))


async def test_a_client_certificate_is_shown(
    simulate: Simulate, authority: trustme.CA, connect: Connect, ca_file: Path, tmp_path: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    sim = await simulate(ssl_context=context)
    assert sim.url in await failure(connect(zvm_config(sim, ca_file=ca_file)), ConnectError)
    own = authority.issue_cert("exporter@example.com")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    own.cert_chain_pems[0].write_to_path(str(certificate))
    own.private_key_pem.write_to_path(str(key))
    assert await ask(connect(zvm_config(sim, tls=Tls(ca_file=ca_file, cert_file=certificate, key_file=key))))


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_a_tls_file_that_cannot_be_used_is_said(
    sim: Simulator, connect: Connect, tmp_path: Path, content: bytes | None
) -> None:
    """It may go after the configuration was checked; once it is back the next poll succeeds."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    assert "tls: cannot use ca_file" in await failure(connect(zvm_config(sim, ca_file=file)), ConnectError)


async def test_a_port_where_nobody_listens(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    await sim.stop()
    text = await failure(reach(), ConnectError)
    assert f"no connection to {sim.url} (is the port right?)" in text


async def test_a_name_that_does_not_resolve(connect: Connect) -> None:
    settings = Settings(name="nyc", url="https://zvm.invalid", auth=Auth(username="u", password="p"))
    assert "https://zvm.invalid" in await failure(connect(settings), ConnectError)


async def test_plain_http_at_an_https_url(simulate: Simulate, connect: Connect, ca_file: Path) -> None:
    sim = await simulate(tls=False)
    url = sim.url.replace("http:", "https:")
    text = await failure(connect(zvm_config(sim, ca_file=ca_file, url=url)), ConnectError)
    assert f"no TLS connection to {url} (is the port right?)" in text


async def test_https_at_a_plain_http_url(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    text = await failure(reach(url=sim.url.replace("https:", "http:")), ConnectError)
    assert "does it expect https?" in text


async def test_what_does_not_speak_http(connect: Connect) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example.com ESMTP\r\n" * 3)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    auth = Auth(method="session", username="u", password="p")
    assert "no valid HTTP answer" in await failure(connect(Settings(name="nyc", url=url, auth=auth)), ConnectError)
    server.close()
    await server.wait_closed()


async def test_an_answer_that_does_not_come_in_time(
    sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder
) -> None:
    zvm = reach(timeout=0.3)
    await ask(zvm)
    gate = asyncio.Event()
    for fault in (faults.hang(), faults.slow(gate=gate)):
        sim.faults.set(vms.PATH, fault)
        assert "no complete answer within 0.3 s" in await failure(zvm, RequestTimeoutError)
    assert recorder.requests[-1] == (vms.PATH, "timeout")
    sim.faults.clear()
    assert await ask(zvm)


@pytest.mark.parametrize("fault", [faults.reset(), faults.short()], ids=lambda fault: str(fault.name))
async def test_an_answer_that_breaks_off(sim: Simulator, reach: Callable[..., Zvm], fault: Fault) -> None:
    sim.faults.set(vms.PATH, fault)
    assert "cut off" in await failure(reach(), DecodeError)


async def test_a_body_may_be_as_large_as_max_body_and_no_larger(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    for headers, body in (({}, BODY), ({"Content-Encoding": "gzip"}, gzip.compress(BODY))):
        sim.faults.set(vms.PATH, answered(body, headers))
        assert await ask(reach(max_body=len(BODY))) == 1
        text = await failure(reach(max_body=len(BODY) - 1), TooLargeError)
        assert f"larger than max_body, {len(BODY) - 1} bytes" in text


async def test_an_endless_body_is_read_no_further(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    sim.faults.set(vms.PATH, faults.endless_body())
    await failure(reach(max_body=2**20), TooLargeError)
    sim.faults.clear()


@pytest.mark.parametrize("path", [vms.PATH, SESSION_ADD])
async def test_a_bomb_is_not_unpacked(sim: Simulator, reach: Callable[..., Zvm], path: str) -> None:
    """No more than max_body and a little is ever held, though 300 MiB are sent as a few hundred KiB."""
    zvm, limit = reach(max_body=4 * 2**20), 4 * 2**20
    sim.faults.set(path, faults.bomb(300 * 2**20))
    tracemalloc.start()
    try:
        await failure(zvm, TooLargeError)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * limit


async def test_a_body_packed_in_one_chunk_is_unpacked_in_pieces(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    """Whatever one chunk expands to: here 32 MiB of white space in 32 KiB."""
    packed = gzip.compress(b"[" + b" " * (32 * 2**20) + b"]")
    sim.faults.set(vms.PATH, answered(packed, {"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        await failure(reach(max_body=2**20), TooLargeError)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20
    assert await ask(reach()) == 0


async def test_an_error_page_without_end_is_still_an_error_page(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    """Its status says more than its size."""
    sim.faults.set(vms.PATH, answered(b"x" * (2 * 2**20), status=500))
    assert "HTTP 500" in await failure(reach(max_body=2**20), StatusError)


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP"])
async def test_an_error_page_that_cannot_be_read_is_still_an_error_page(
    sim: Simulator, reach: Callable[..., Zvm], encoding: str
) -> None:
    sim.faults.set(vms.PATH, answered(b"nothing of the kind", {"Content-Encoding": encoding}, 502))
    assert "HTTP 502" in await failure(reach(), StatusError)


@pytest.mark.parametrize("encoding", ["gzip", "GZip ", "x-gzip"])
async def test_gzip_of_one_and_of_several_members(sim: Simulator, reach: Callable[..., Zvm], encoding: str) -> None:
    for body in (gzip.compress(BODY), gzip.compress(BODY[:9]) + gzip.compress(b"") + gzip.compress(BODY[9:])):
        sim.faults.set(vms.PATH, answered(body, {"Content-Encoding": encoding}))
        assert await ask(reach()) == 1


@pytest.mark.parametrize("cut", [1, 8, 9, 20])
async def test_gzip_that_ends_early_is_an_error(sim: Simulator, reach: Callable[..., Zvm], cut: int) -> None:
    """Not silently fewer VMs: even where only the checksum is missing, or a whole list ends before it."""
    sim.faults.set(vms.PATH, answered(gzip.compress(BODY)[:-cut], {"Content-Encoding": "gzip"}))
    assert "gzip stream does not end" in await failure(reach(), DecodeError)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"plain", id="no gzip"),
        pytest.param(gzip.compress(BODY)[:-8] + b"\0" * 8, id="wrong checksum"),
        pytest.param(gzip.compress(BODY) + b"more", id="followed by something else"),
    ],
)
async def test_broken_gzip_is_an_error(sim: Simulator, reach: Callable[..., Zvm], body: bytes) -> None:
    sim.faults.set(vms.PATH, answered(body, {"Content-Encoding": "gzip"}))
    assert "broken gzip" in await failure(reach(), DecodeError)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
async def test_an_encoding_that_was_not_asked_for_is_an_error(
    sim: Simulator, reach: Callable[..., Zvm], encoding: str
) -> None:
    sim.faults.set(vms.PATH, answered(BODY, {"Content-Encoding": encoding}))
    assert "not asked for" in await failure(reach(), DecodeError)


@pytest.mark.parametrize("encoding", ["identity", ""])
async def test_no_encoding_may_be_said(sim: Simulator, reach: Callable[..., Zvm], encoding: str) -> None:
    sim.faults.set(vms.PATH, answered(BODY, {"Content-Encoding": encoding}))
    assert await ask(reach()) == 1


async def test_403_has_a_hint(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    sim.faults.set(vms.PATH, faults.status(403))
    assert "the user lacks the role for it" in await failure(reach(), StatusError)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(
    sim: Simulator, simulate: Simulate, reach: Callable[..., Zvm], recorder: Recorder, code: int
) -> None:
    """Not even to a ZVM that is there and of the same authority."""
    other = await simulate(auth="session")
    sim.faults.set(vms.PATH, faults.redirect(f"{other.url}/v1/vms", code))
    text = await failure(reach(), StatusError)
    assert f"HTTP {code}: a redirect to '{other.url}/v1/vms' is not followed" in text
    assert other.requests == []
    assert recorder.requests[-1] == (vms.PATH, str(code))


async def test_what_an_error_quotes_is_short_and_without_secrets(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    """At most 100 bytes of a body, in one line, however it is encoded."""
    zvm = reach()
    await ask(zvm)
    session = next(r.headers["x-zerto-session"] for r in sim.requests if r.path == vms.PATH)
    for body in ("\u00e4" * 300, "\n" * 300, "\U0001f525" * 99, "\x00" * 300, "a" * 90 + session * 9, session * 99):
        sim.faults.set(vms.PATH, faults.status(500, body=body))
        text = await failure(zvm, StatusError)
        quoted = text.partition("bytes: ")[2]
        assert 0 < len(quoted.encode()) <= 402
        assert session[:8] not in text
    sim.faults.set(vms.PATH, faults.status(500, body="a" * 99 + "\u20ac"))
    assert (await failure(zvm, StatusError)).count("a" * 99) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/caf\udce9"},
        {"Content-Type": "text/" + "x" * 3000},
        {"Content-Type": f"text/{PASSWORD}"},
    ],
)
async def test_headers_of_any_kind_do_no_harm(
    sim: Simulator, reach: Callable[..., Zvm], headers: dict[str, str]
) -> None:
    async def deliver(call: Call, _payload: Payload) -> web.StreamResponse:
        response = web.Response(status=500, body=b"no")
        response.headers.update(headers)
        return response

    sim.faults.set(vms.PATH, Fault("headers", deliver=deliver))
    assert "HTTP 500" in await failure(reach(), StatusError)


async def test_header_lines_beyond_all_measure(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    zvm = reach()
    await ask(zvm)
    session = next(r.headers["x-zerto-session"] for r in sim.requests if r.path == vms.PATH)
    sim.faults.set(vms.PATH, answered(BODY, {"X-Echo": session * 999}))
    text = await failure(zvm, ConnectError)
    assert "no valid HTTP answer" in text
    assert session[:8] not in text


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(("retry_after", "seconds"), [("90", 90), ("4000", 600), ("1.5", 1.5)])
async def test_retry_after_is_obeyed(
    sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock, code: int, retry_after: str, seconds: float
) -> None:
    """Nothing is sent to the endpoint before, but at most 10 min long; others are asked all the while."""
    zvm = reach()
    sim.faults.set(vms.PATH, faults.status(code, {"Retry-After": retry_after}))
    await failure(zvm, StatusError)
    sim.faults.clear()
    count = len(sim.requests)
    await clock.advance(seconds - 1)
    assert "Retry-After" in await failure(zvm, StatusError)
    assert len(sim.requests) == count
    assert (await zvm.get(vpgs.PATH, vpgs.DECODER)).rows
    await clock.advance(1)
    assert await ask(zvm)


async def test_of_two_waits_the_longer_holds(sim: Simulator, reach: Callable[..., Zvm], clock: DrivenClock) -> None:
    zvm = reach()
    await ask(zvm)
    waits = ["300", "1"]

    async def replace(*_: Any) -> Payload:
        return Payload(503, headers={"Retry-After": waits.pop(0)})

    sim.faults.set(vms.PATH, Fault("waits", replace=replace))
    failed = await asyncio.gather(ask(zvm), ask(zvm), return_exceptions=True)
    assert all(isinstance(error, StatusError) and error.status == 503 for error in failed)
    sim.faults.clear()
    await clock.advance(299)
    await failure(zvm, StatusError)
    zvm.release()
    assert await ask(zvm)


@pytest.mark.parametrize("retry_after", ["", "soon", "-5", "0", "nan", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_retry_after_that_says_nothing(sim: Simulator, reach: Callable[..., Zvm], retry_after: str) -> None:
    zvm = reach()
    sim.faults.set(vms.PATH, faults.status(503, {"Retry-After": retry_after}), times=1)
    await failure(zvm, StatusError)
    assert await ask(zvm)


async def test_retry_after_of_other_statuses_is_not_meant_for_us(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    zvm = reach()
    sim.faults.set(vms.PATH, faults.status(500, {"Retry-After": "600"}), times=1)
    await failure(zvm, StatusError)
    assert await ask(zvm)


@pytest.mark.parametrize("zone", ["GMT", "-0000", ""])
def test_retry_after_as_a_date(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of HTTP's dates are in GMT, also that of asctime, and whatever the zone of this machine is."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        date = email.utils.formatdate(time.time() + 120, usegmt=True).replace("GMT", zone)
        assert 118 <= seconds_of(date) <= 121
        assert seconds_of(email.utils.formatdate(time.time() + 9000, usegmt=True)) == 600
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text(max_size=40) | st.floats().map(str) | st.integers().map(str))
def test_any_retry_after_gives_a_time_within_bounds(text: str) -> None:
    assert 0 <= seconds_of(text) <= 600


SECRETS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=4, max_size=20)


@given(SECRETS, st.text(max_size=10), st.text(max_size=10))
def test_a_secret_is_scrubbed_in_every_spelling(secret: str, before: str, after: str) -> None:
    import html  # noqa: PLC0415 - only here
    from urllib.parse import quote, quote_plus  # noqa: PLC0415 - only here

    scrubber = Scrubber()
    scrubber.learn(secret, None, "")
    dotnet = "".join(char if char.isalnum() and char.isascii() else f"\\u{ord(char):04X}" for char in secret)
    for spelled in (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        quote(quote(secret)),
        quote_plus(secret).lower() if secret.islower() else quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        repr(secret)[1:-1] if secret.isprintable() else secret,
        dotnet if max(secret) < "\U00010000" else secret,
    ):
        text = scrubber.scrub(f"{before} [{spelled}] {after}")
        assert f"[{MASK}]" in text or MASK in text
        assert f"[{spelled}]" not in text


def test_a_secret_at_the_end_of_a_quote_is_replaced_whole() -> None:
    scrubber = Scrubber()
    scrubber.learn("s3cret-and-more", "and")
    assert scrubber.beginning("12345 s3cret-and-more 12345", 8) == f"12345 {MASK}"
    assert scrubber.beginning("12345 s3cret-and-more 12345", 24) == f"12345 {MASK} 12"
    assert scrubber.beginning("12345 s3cret-and-more 12345", 6) == "12345 "


def test_secrets_are_replaced_in_whatever_order_they_come() -> None:
    scrubber = Scrubber()
    scrubber.learn("second", "first", "second-and-more")
    assert scrubber.scrub("first second second-and-more first") == f"{MASK} {MASK} {MASK} {MASK}"


def test_a_password_is_remembered_however_many_tokens_come_after_it() -> None:
    scrubber = Scrubber()
    scrubber.learn(PASSWORD)
    for number in range(1000):
        scrubber.learn_token(f"token-{number:04}", None)
    assert scrubber.scrub(f"{PASSWORD} token-0999 token-0000") == f"{MASK} {MASK} token-0000"


async def test_the_version_is_told_where_the_zvm_tells_it(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    zvm = reach()
    assert (await zvm.version())[:1].isdigit()
    padded = json.dumps({"Version": "10.0", "Padding": "x" * 2**16}).encode()
    odd = (b"{}", b'{"version":null}', padded)
    for fault in (faults.status(404), faults.null(), faults.html(), *map(answered, odd)):
        sim.faults.set(LOCAL_SITE, fault)
        assert await zvm.version() == ""


async def test_a_large_answer_is_decoded_off_the_loop(simulate: Simulate, connect: Connect, ca_file: Path) -> None:
    sim = await simulate(vms=300)
    assert await ask(connect(zvm_config(sim, ca_file=ca_file))) >= 300


async def test_filters_are_sent_as_they_are(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    await reach().get(vms.PATH, vms.DECODER, {"vmName": "a+b &=%?#/\u00e4", "status": "1"})
    assert sim.requests[-1].query == {"vmName": "a+b &=%?#/\u00e4", "status": "1"}


async def test_a_silenced_client_tells_nothing(sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder) -> None:
    zvm = reach()
    zvm.silence()
    assert await ask(zvm)
    assert recorder.requests == []
    assert recorder.logins == []


async def test_a_request_that_is_given_up_is_no_failure(
    sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder
) -> None:
    zvm = reach()
    await ask(zvm)
    sim.faults.set(vms.PATH, faults.hang())
    asking = asyncio.create_task(ask(zvm))
    await sim.arrived(2)
    asking.cancel()
    await asyncio.wait([asking])
    assert [code for _, code in recorder.requests] == ["200", "200"]


@pytest.fixture
def scripted(connect: Connect) -> Zvm:
    """Make a client of a ZVM that only aioresponses plays."""
    return connect(Settings(name="nyc", url=URL, auth=Auth(method="session", username="u", password=PASSWORD)))


@pytest.mark.parametrize("status", [201, 206, 226, 304, 400, 404, 410, 418, 451, 500, 502, 504, 599])
async def test_every_status_but_200_and_204_is_an_error(
    sim: Simulator, reach: Callable[..., Zvm], recorder: Recorder, status: int
) -> None:
    sim.faults.set(vms.PATH, answered(b"" if status == 304 else b"text", status=status))
    assert f"GET {vms.PATH}: HTTP {status}" in await failure(reach(), StatusError)
    assert recorder.requests[-1] == (vms.PATH, str(status))


async def test_header_names_are_matched_in_any_case(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    sim.faults.set(SESSION_ADD, answered(b"", {"X-ZERTO-SESSION": "s3ss10n"}))
    sim.faults.set(vms.PATH, answered(gzip.compress(BODY), {"CONTENT-ENCODING": "gzip"}))
    assert await ask(reach()) == 1


async def test_an_error_of_the_operating_system_is_said(scripted: Zvm) -> None:
    with aioresponses() as play:
        play.post(URL + SESSION_ADD, exception=OSError(24, "Too many open files"))
        assert "Too many open files" in await failure(scripted, ConnectError)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    ],
)
async def test_an_empty_body_is_an_empty_list_where_its_end_is_told(
    sim: Simulator, reach: Callable[..., Zvm], head: bytes
) -> None:
    sim.faults.set(vms.PATH, sent_and_closed(head))
    assert await ask(reach()) == 0


async def test_an_empty_body_without_an_end_may_have_been_cut_off(sim: Simulator, reach: Callable[..., Zvm]) -> None:
    sim.faults.set(vms.PATH, sent_and_closed(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"))
    assert "empty body" in await failure(reach(), DecodeError)


async def test_a_bug_below_is_counted_as_one(scripted: Zvm, recorder: Recorder) -> None:
    with aioresponses() as play:
        play.post(URL + SESSION_ADD, exception=RuntimeError("ours"))
        with pytest.raises(RuntimeError):
            await ask(scripted)
    assert recorder.requests == [(SESSION_ADD, "bug")]
