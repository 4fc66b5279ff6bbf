"""No secret in a log, a page, an error or a repr: whatever a ZVM does with what it was sent."""

from __future__ import annotations

import html
import io
import json
import logging
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs
from support import CLIENT_SECRET, PASSWORD, DrivenClock, Running, Simulate, zvm_config

from exporter.app import Exporter
from exporter.cli import logs
from exporter.collectors import vms
from exporter.config import Config, Zvm
from exporter.simulator import Estate, Simulator, faults
from exporter.simulator.api.localsite import BANNER, contact
from exporter.simulator.estate.happenings import happenings_at
from exporter.simulator.estate.licensing import license_at
from exporter.simulator.estate.mounts import mounts_at
from exporter.simulator.estate.retention import repositories_at
from exporter.simulator.exchange import Call
from exporter.simulator.faults import Fault
from exporter.simulator.login.authority import Authority
from exporter.zvm.client import Zvm as Client
from exporter.zvm.login.secrets import MASK, Scrubber
from exporter.zvm.settings import Auth, Settings

Export = Callable[..., Awaitable[Running]]
Method = Literal["session", "keycloak", "keycloak_client"]
Form = Literal["logfmt", "json"]
WriteLogs = Callable[[Form], Callable[[], str]]

WRONG = "pl4nted wr0ng p@ss/word"


def echo(kind: str, code: int) -> Fault:
    """Make a fault that says the request's credentials back in a place and a spelling of its own."""

    async def replace(call: Call, _authority: Authority) -> web.StreamResponse:
        call.record.status = code
        headers = call.request.headers
        heard = [headers.get("Authorization", "").split(" ")[-1], headers.get("x-zerto-session", "")]
        heard += [call.record.form.get(key, "") for key in ("password", "client_secret", "refresh_token")]
        quote = " ".join(filter(None, heard))
        match kind:
            case "location":
                return web.Response(status=code, headers={"Location": f"/login?as={quote_plus(quote)}"})
            case "content type":
                return web.Response(status=code, body=b"no", headers={"Content-Type": f"text/{quote}"})
            case "html":
                return web.Response(status=code, text=f"<p>{html.escape(quote)}</p>", content_type="text/html")
            case "refusal":
                return web.json_response({"error": quote, "error_description": f"{'x' * 40} {quote}"}, status=code)
            case "dotnet":
                escaped = "".join(char if char.isalnum() else f"\\u{ord(char):04x}" for char in quote)
                return web.Response(status=code, text=f'{{"Message":"{escaped}"}}', content_type="application/json")
            case "names":
                return web.json_response([{"VmIdentifier": quote, "IOPs": quote}, quote], status=code)
            case _:
                return web.Response(status=code, body=b"x" * 90 + quote.encode())

    return Fault(f"echo {kind}", {"code": code}, replace=replace)


ECHOES = [
    echo(kind, code)
    for kind, codes in {
        "location": (302, 200),
        "content type": (500, 200),
        "html": (500, 200, 401),
        "refusal": (400, 401, 403, 404, 200),
        "dotnet": (500, 200),
        "names": (500,),
        "cut": (500, 200, 503),
    }.items()
    for code in codes
]

FAULTS = [
    *ECHOES,
    faults.echo_secrets(),
    faults.echo_secrets(200),
    faults.echo_secrets(401),
    faults.status(500),
    faults.status(401),
    faults.status(403),
    faults.status(503, {"Retry-After": "30"}),
    faults.hang(),
    faults.reset(),
    faults.truncated(),
    faults.short(),
    faults.html(),
    faults.redirect("https://elsewhere.example.com/"),
    faults.empty(),
    faults.null(),
    faults.wrong_shape(),
    faults.nan(),
    faults.bad_record(3),
    faults.bad_values(1),
    faults.nulls(),
    faults.strings_for_numbers(),
    faults.unknown_codes(),
    faults.enum_names(),
    faults.camel_case(),
    faults.lower_first(),
    faults.duplicates(),
    faults.hostile_names(),
    faults.endless_body(),
    faults.bomb(2 * 2**20),
    faults.xml(),
    faults.gzip(),
    faults.expired_token(),
    faults.wrong_content_type(),
    faults.invalid_utf8(),
    faults.latin1(),
    faults.slow(0.001),
]


# What may be wrong with an answer that holds secrets.
ANSWERS = [
    faults.truncated(),
    faults.wrong_shape(),
    faults.bad_record(1),
    faults.nan(),
    faults.nulls(),
    faults.duplicates(),
    faults.strings_for_numbers(),
    faults.camel_case(),
    faults.xml(),
    faults.invalid_utf8(),
    faults.hostile_names(),
]

DAYTIME = 1_700_000_000.0 + 46_800


@pytest.fixture
def write_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Form], Callable[[], str]]]:
    """Write logs at level debug in a form; what that returns tells what was written."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level

    def start(form: Form) -> Callable[[], str]:
        text = io.StringIO()
        monkeypatch.setattr(sys, "stderr", text)
        logs.configure("debug", form)
        return text.getvalue

    yield start
    root.handlers, root.level = handlers, level


def auth_of(method: Method, password: str = PASSWORD) -> Auth:
    if method == "keycloak_client":
        return Auth(method=method, client_id="exporter", client_secret=CLIENT_SECRET)
    return Auth(method=method, username="prometheus@vsphere.local", password=password)


def secrets_of(sim: Simulator) -> set[str]:
    """Return what was planted, and all that *sim* issued and was sent back, or that we made of it."""
    secrets = {PASSWORD, CLIENT_SECRET, WRONG}
    for request in sim.requests:
        secrets.add(request.headers.get("Authorization", "").split(" ")[-1])
        secrets.add(request.headers.get("x-zerto-session", ""))
        secrets |= {
            value for key, value in request.form.items() if key in {"password", "client_secret", "refresh_token"}
        }
    return secrets - {""}


def spellings_of(secret: str) -> set[str]:
    """Return *secret* as it is and as what could hold it would spell it."""
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        html.escape(secret),
        repr(secret)[1:-1],
        b64encode(secret.encode()).decode(),
        "".join(char if char.isalnum() else f"\\u{ord(char):04x}" for char in secret),
    }


def assert_none_in(text: str, secrets: set[str]) -> None:
    """Assert that *text* holds none of *secrets*, nor, of one that is long, a part that could be of use."""
    for secret in secrets:
        for spelling in spellings_of(secret) if len(secret) < 100 else ():
            assert spelling not in text, text[max(0, text.index(spelling) - 300) :][:400]
    windows = {text[start : start + 16] for start in range(len(text) - 15)}
    parts = {secret[start : start + 16] for secret in secrets for start in range(0, len(secret) - 15, 16)}
    assert windows.isdisjoint(parts), windows & parts


async def pages(running: Running) -> str:
    """Return all that the exporter says over HTTP, errors as well."""
    paths = ("/metrics", "/", "/-/ready", "/-/healthy", "/metrics?zvm=none", "/none", "/config", "/probe?target=none")
    running.exporter.pages.forget()
    quote = [(await running.get(path))[1] for path in paths]
    async with running.session.post(f"{running.url}/-/reload") as response:
        quote.append(await response.text())
    return "\n".join(quote)


@pytest.mark.parametrize(
    ("method", "form"),
    [
        ("session", "json"),
        ("keycloak", "logfmt"),
        # The third login takes ten seconds as well, and the way of Keycloak's answers is that of the second.
        pytest.param("keycloak_client", "json", marks=pytest.mark.slow),
    ],
)
async def test_no_secret_gets_out_whatever_happens(
    write_logs: WriteLogs,
    simulate: Simulate,
    export: Export,
    clock: DrivenClock,
    ca_file: Path,
    method: Method,
    form: Form,
) -> None:
    """At log level debug, with each fault once at the login and once at the requests."""
    sim: Simulator = await simulate(
        clock=clock.monotonic, token_lifetime=3000.0, service_clients={"exporter": CLIENT_SECRET}
    )
    written = write_logs(form)
    zvm = zvm_config(sim, ca_file=ca_file, auth=auth_of(method), interval=600.0, timeout=0.3, max_body=2**20)
    running = await export([zvm], lifecycle=True)
    await clock.idle(1)
    quote: list[str] = []
    failures = 0
    for fault in FAULTS:
        for path in ("/v1/v", "/"):
            sim.faults.set(path, fault)
            if path == "/":
                sim.expire_tokens()
            await clock.advance(600)
            (status,) = running.exporter.poller.statuses()
            failures += not status.up
            quote += [repr(status), *(outcome.error for outcome in status.outcomes)]
            sim.faults.clear()
            await clock.advance(600)
        quote.append(await pages(running))
    assert failures > len(FAULTS)
    secrets = secrets_of(sim)
    assert len(secrets) > 20
    await running.exporter.stop()
    text = written()
    assert text.count("request") > 200
    assert text.count("<secret>") > 5, "the echoes are seen, without the secrets"
    assert_none_in(text, secrets)
    assert_none_in("\n".join(dict.fromkeys(quote)), secrets)


@pytest.mark.parametrize("form", ["logfmt", "json"])
@pytest.mark.parametrize("method", ["session", "keycloak"])
async def test_no_secret_gets_out_when_a_login_is_refused(
    write_logs: WriteLogs,
    simulate: Simulate,
    export: Export,
    clock: DrivenClock,
    ca_file: Path,
    method: Method,
    form: Form,
) -> None:
    sim: Simulator = await simulate()
    written = write_logs(form)
    running = await export([zvm_config(sim, ca_file=ca_file, auth=auth_of(method, WRONG))], lifecycle=True)
    await clock.idle(1)
    sim.faults.set("/", echo("refusal", 401))
    await clock.advance(60)
    quote = await pages(running)
    await running.exporter.stop()
    text = written()
    assert "login refused" in text
    assert_none_in(f"{text}\n{quote}", secrets_of(sim))


def of_others(sim: Simulator) -> set[str]:
    """Return what *sim* answers that is secret, though no login of ours has to do with it."""
    site = sim.estate
    secrets = {license_at(site, site.second).key, BANNER, *contact(site.here).values()}
    for repository in repositories_at(site):
        secrets |= {repository.user, repository.password, repository.key}
    secrets |= {mount.identifier for mount in mounts_at(site, site.second)}
    for task in (task for protection in site.protections for task in protection.tasks(0, site.second)):
        secrets |= {task.user, task.failure, task.identifier, task.operation}
    secrets |= {event.text for event in happenings_at(site, site.second)}
    return secrets - {""}


async def test_what_is_secret_in_an_answer_is_not_read(
    write_logs: WriteLogs, simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """Nor quoted, whatever is wrong with the answer: in both forms, cut off, and in other shapes."""
    clock.now = DAYTIME
    estate = Estate("nyc", vms=60, seed=1, clock=clock.wall, incidents=False)
    sim: Simulator = await simulate(estate, auth="session")
    written = write_logs("logfmt")
    collectors = (
        "vpgs",
        "site",
        "license",
        "unprotected",
        "retention",
        "file_restores",
        "tasks",
        "events",
        "recoveries",
    )
    zvm = zvm_config(sim, ca_file=ca_file, collectors=collectors, interval=1800.0)
    running = await export([zvm], lifecycle=True)
    await clock.idle(1)
    quote = []
    for fault in ANSWERS:
        for path in ("/v1/l", "/v1/f", "/v1/t", "/v1/events", "/v1/reports"):
            sim.faults.set(path, fault)
        await clock.advance(3600)
        (status,) = running.exporter.poller.statuses()
        quote += [repr(status), await running.exporter.poller.version("nyc"), await pages(running)]
        sim.faults.clear()
    await running.exporter.stop()
    text = written()
    assert text.count("are not shown") >= 3, "what failed is said"
    secrets = of_others(sim)
    assert len(secrets) > 50
    for secret in secrets:
        assert secret not in text
        assert secret not in "\n".join(quote)


async def test_no_secret_in_a_traceback(
    write_logs: WriteLogs,
    simulate: Simulate,
    export: Export,
    clock: DrivenClock,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bug in the midst of a login is written with its traceback."""

    async def broken(*_: Any, **__: Any) -> Any:
        raise LookupError("ours")

    written = write_logs("logfmt")
    monkeypatch.setattr("exporter.zvm.transport.Transport._exchange", broken)
    sim: Simulator = await simulate(auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, auth=auth_of("session"))])
    await clock.idle(1)
    (status,) = running.exporter.poller.statuses()
    assert status.outcomes[0].error == "LookupError: ours"
    text = written()
    assert "Traceback" in text
    assert_none_in(text, {PASSWORD, b64encode(f"prometheus@vsphere.local:{PASSWORD}".encode()).decode()})


@pytest.mark.parametrize("method", ["session", "keycloak", "keycloak_client"])
async def test_no_secret_in_a_repr(
    simulate: Simulate, connect: Callable[[Settings], Client], ca_file: Path, method: Method
) -> None:
    """Of the configuration, or of anything that a client holds: a debugger or a task's name may show it."""
    sim: Simulator = await simulate(service_clients={"exporter": CLIENT_SECRET})
    settings: Zvm = zvm_config(sim, ca_file=ca_file, auth=auth_of(method))
    client = connect(settings)
    await client.get(vms.PATH, vms.DECODER)
    pending = client._credentials._pending
    held = [settings, settings.auth, Config((settings,)), client, pending]
    for part in (client, client._credentials, client._transport, client._logins, client._scrubber, client._reporter):
        held += [part, *(value for key, value in vars(part).items() if key not in {"_lasting", "_passing"})]
    answer = await client._get(vms.PATH, vms.PATH)
    for thing in (*held, answer):
        assert_none_in(f"{thing!r} {thing}", secrets_of(sim))


async def test_errors_of_a_check_hold_no_secret(simulate: Simulate, clock: DrivenClock, ca_file: Path) -> None:
    sim: Simulator = await simulate()
    sim.faults.set("/", faults.echo_secrets())
    exporter = Exporter(lambda: Config((zvm_config(sim, ca_file=ca_file),)), clock=clock)
    exporter.configure()
    with capture_logs() as lines:
        (checked,) = await exporter.check()
    assert not checked.good
    assert_none_in(f"{checked} {checked!r} {lines}", secrets_of(sim))


def test_a_secret_is_part_of_what_makes_two_configurations_differ() -> None:
    """Though it does not show: a changed password is a changed ZVM."""
    one = Auth(username="u", password=PASSWORD)
    other = msgspec.structs.replace(one, password=WRONG)
    assert one != other
    assert repr(one) == repr(other)


def test_the_pieces_are_found_where_they_are() -> None:
    """The net of these tests has no hole."""
    for spelling in spellings_of(PASSWORD):
        with pytest.raises(AssertionError):
            assert_none_in(f"before {spelling} after", {PASSWORD})
    token = "".join(f"{number:04}" for number in range(100))
    with pytest.raises(AssertionError):
        assert_none_in(f"cut off {token[5:40]}", {token})


@pytest.mark.parametrize("secret", ["!Secret9", '\\!"x', "\\\\dom\\pw", "\\" * 10, "$%&/"])
def test_a_text_full_of_backslashes_costs_no_more_than_another(secret: str) -> None:
    scrubber = Scrubber()
    scrubber.learn(secret)
    started = time.process_time()
    scrubber.scrub("\\" * 30_000 + "x")
    assert time.process_time() - started < 20.0  # of the processor, of which it takes a tenth of a second
    assert scrubber.scrub(f"a {json.dumps(secret)} b") == f'a "{MASK}" b'
    assert scrubber.scrub(f"a {secret} b") == f"a {MASK} b"
