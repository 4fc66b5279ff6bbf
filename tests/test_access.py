"""Who may come in: over real sockets and TLS, with files that change while the server runs."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
import trustme
from structlog.testing import capture_logs

from exporter.config import ConfigError, load_web
from exporter.polling.target import Status
from exporter.prometheus.store import Store
from exporter.prometheus.telemetry import Telemetry
from exporter.web.access import Access
from exporter.web.listen import listen
from exporter.web.pages import Pages
from exporter.web.server import Server, WebFlags

PASSWORD = "pl4nted: pässword"
SALT = b"$2b$04$e4N8oWbQ0yF5uZt2cJx7Ku"  # not a random one: the hash is part of some tests' names
HASH = bcrypt.hashpw(PASSWORD.encode(), SALT).decode().replace("$2b$", "$2y$")
USERS = f"basic_auth_users:\n  prometheus: {HASH}\n"
GOOD = {"Authorization": "Basic " + base64.b64encode(f"prometheus:{PASSWORD}".encode()).decode()}


class Polls:
    def names(self) -> tuple[str, ...]:
        return ()

    def untried(self) -> tuple[str, ...]:
        return ()

    def statuses(self) -> list[Status]:
        return []


class Door:
    """A server behind an access check, and ways to knock."""

    def __init__(self, access: Access, port: int, ca: ssl.SSLContext | None) -> None:
        self.access = access
        self.ca = ca
        self.url = f"http{'s' if ca else ''}://127.0.0.1:{port}"

    async def get(
        self, path: str = "/metrics", headers: dict[str, str] | None = None, context: ssl.SSLContext | None = None
    ) -> int:
        """Return the status of `GET path` on a connection of its own."""
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context or self.ca or False)) as client,
            client.get(self.url + path, headers=headers) as answer,
        ):
            self.headers = answer.headers
            return answer.status


@asynccontextmanager
async def behind(file: Path, ca: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Door]:
    """Serve what the web configuration *file* guards; *options* are those of Access."""
    store = Store({})
    telemetry = Telemetry("1", poll_outcomes=[], login_outcomes=[], series=store.series, process=False)
    access = Access(file, **options)

    async def reload() -> str:
        return ""

    server = Server(
        Pages(store, telemetry), Polls(), WebFlags(access=access), collectors=(), reload=reload, configuration=str
    )
    listener = listen("127.0.0.1:0")
    await server.start([listener])
    try:
        yield Door(access, listener.port, ca)
    finally:
        await server.stop()


class Files:
    """A folder with a web configuration, certificates of a CA, and clients of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "web.yml"
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(folder / "ca.crt"))
        self.moment = time.time_ns()
        self.renew(self.authority)

    def renew(self, authority: trustme.CA) -> None:
        issued = authority.issue_cert("127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "server.crt"))
        issued.private_key_pem.write_to_path(str(self.folder / "server.key"))
        self.touch("server.crt", "server.key")

    def write(self, text: str) -> Path:
        self.config.write_text(text)
        self.touch("web.yml")
        return self.config

    def touch(self, *names: str) -> None:
        """Give files another time, though a test is quicker than a file system's clock."""
        for name in names:
            self.moment += 1
            os.utime(self.folder / name, ns=(self.moment, self.moment))

    def client(self, name: str | None = None, authority: trustme.CA | None = None) -> ssl.SSLContext:
        """Return the TLS context of a client that trusts the CA, with a certificate if it has a *name*."""
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        if name is not None:
            (authority or self.authority).issue_cert(name).configure_cert(context)
        return context


TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = f"{TLS}  client_ca_file: ca.crt\n  client_auth_type: "


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def test_tls_by_the_file_and_none_without(files: Files) -> None:
    async with behind(files.write(TLS), files.client()) as door:
        assert await door.get() == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await door.get(context=ssl.create_default_context())
    async with behind(files.write("")) as door:
        assert await door.get() == 200


async def test_a_renewed_certificate_is_taken_with_the_next_connection(files: Files) -> None:
    async with behind(files.write(TLS), files.client()) as door:
        assert await door.get() == 200
        other = trustme.CA()
        files.renew(other)
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await door.get()
        other.cert_pem.write_to_path(str(files.folder / "ca.crt"))
        assert await door.get(context=files.client()) == 200


async def test_files_that_go_bad_change_nothing_and_are_told_once(files: Files) -> None:
    async with behind(files.write(TLS + USERS), files.client()) as door:
        with capture_logs() as logs:
            (files.folder / "server.key").write_text("no key")
            files.touch("server.key")
            assert await door.get(headers=GOOD) == 200
            assert await door.get(headers=GOOD) == 200
            files.write("basic_auth_users: {}\n")
            assert await door.get() == 401
            files.config.unlink()
            assert await door.get() == 401
        assert [line["log_level"] for line in logs] == ["warning"] * 3
        assert "needs a restart" in logs[1]["error"]
        assert "pl4nted" not in str(logs)
        files.renew(files.authority)
        with capture_logs() as logs:
            files.write(TLS)
            assert await door.get() == 401
            files.write(TLS + USERS.replace("prometheus", "renamed"))
            assert await door.get(headers=GOOD) == 401
        assert "to let everybody in needs a restart" in logs[0]["error"]
        assert [line["event"] for line in logs[1:]] == ["web configuration read again"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (GOOD["Authorization"], 200),
        (GOOD["Authorization"].replace("Basic", "basic"), 200),
        ("Basic " + base64.b64encode(b"prometheus:wrong").decode(), 401),
        ("Basic " + base64.b64encode(f"nobody:{PASSWORD}".encode()).decode(), 401),
        ("Basic " + base64.b64encode(b"prometheus:a\0b").decode(), 401),
        ("Basic " + base64.b64encode(b"prometheus").decode(), 401),
        ("Basic " + base64.b64encode(b"prometheus:" + b"x" * 5000).decode(), 401),
        ("Basic ?", 401),
        ("Bearer x", 401),
        ("", 401),
    ],
)
async def test_only_a_user_with_the_password_comes_in(files: Files, header: str, status: int) -> None:
    async with behind(files.write(USERS)) as door:
        for _ in range(2):
            assert await door.get(headers={"Authorization": header}) == status
        if status == 401:
            assert door.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert await door.get("/-/healthy") == 401


async def test_probes_are_open_if_asked_for_and_nothing_else_is(files: Files) -> None:
    async with behind(files.write(USERS), open_probes=True) as door:
        assert [await door.get(path) for path in ("/-/healthy", "/-/ready")] == [200, 200]
        assert [await door.get(path) for path in ("/metrics", "/", "/config", "/-/reload", "/nowhere")] == [401] * 5


async def test_a_password_is_hashed_once_however_often_it_comes(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that nobody has costs a hash too, so that names cannot be told by the time."""
    hashed: list[bytes] = []
    whole = bcrypt.checkpw

    def counted(password: bytes, against: bytes) -> bool:
        hashed.append(against)
        return whole(password, against)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    async with behind(files.write(USERS)) as door:
        assert await asyncio.gather(*(door.get(headers=GOOD) for _ in range(10))) == [200] * 10
        assert len(hashed) == 1
        unknown = {"Authorization": "Basic " + base64.b64encode(b"nobody:x").decode()}
        assert [await door.get(headers=unknown) for _ in range(3)] == [401] * 3
        assert hashed == [HASH.encode()] * 2
        files.write(USERS.replace("prometheus", "renamed"))
        assert await door.get(headers=GOOD) == 401


async def test_hashing_does_not_hold_up_the_loop_and_a_flood_is_sent_away(files: Files) -> None:
    """Who is known comes in all the while."""
    hashed = bcrypt.hashpw(b"x", bcrypt.gensalt(10)).decode()
    async with behind(files.write(f"{USERS}  slow: {hashed}\n"), waiting=3) as door:
        assert await door.get(headers=GOOD) == 200

        async def guess(number: int) -> int:
            text = base64.b64encode(f"slow:{number}".encode()).decode()
            return await door.get(headers={"Authorization": f"Basic {text}"})

        guesses = [asyncio.create_task(guess(number)) for number in range(20)]
        known = [await door.get(headers=GOOD) for _ in range(5)]
        assert known == [200] * 5
        assert set(await asyncio.gather(*guesses)) == {401, 503}


async def test_the_outcomes_that_are_remembered_are_bounded(files: Files) -> None:
    async with behind(files.write(USERS), remembered=2) as door:
        for number in range(5):
            text = base64.b64encode(f"x:{number}".encode()).decode()
            await door.get(headers={"Authorization": f"Basic {text}"})
        assert len(door.access._logins._known) == 2


@pytest.mark.parametrize("open_probes", [False, True])
async def test_a_client_certificate_that_is_required(files: Files, open_probes: bool) -> None:
    async with behind(
        files.write(f"{CLIENTS}RequireAndVerifyClientCert\n"), files.client(), open_probes=open_probes
    ) as door:
        assert await door.get(context=files.client("prometheus.example.com")) == 200
        if open_probes:
            assert await door.get("/-/healthy") == 200
            assert await door.get() == 403
        else:
            with pytest.raises(aiohttp.ClientError):
                await door.get("/-/healthy")
        with pytest.raises(aiohttp.ClientError):
            await door.get(context=files.client("prometheus.example.com", trustme.CA()))


async def test_a_client_certificate_that_is_verified_if_given(files: Files) -> None:
    async with behind(files.write(f"{CLIENTS}VerifyClientCertIfGiven\n"), files.client()) as door:
        assert await door.get() == 200
        assert await door.get(context=files.client("any.example.com")) == 200
        with pytest.raises(aiohttp.ClientError):
            await door.get(context=files.client("any.example.com", trustme.CA()))


@pytest.mark.parametrize(
    ("name", "status"), [("a.example.com", 200), ("10.1.2.3", 200), ("b.example.com", 403), ("10.1.2.4", 403)]
)
async def test_only_the_names_of_client_certificates_that_are_allowed(files: Files, name: str, status: int) -> None:
    text = f"{CLIENTS}RequireAndVerifyClientCert\n  client_allowed_sans: [a.example.com, 10.1.2.3]\n"
    async with behind(files.write(text), files.client()) as door:
        assert await door.get(context=files.client(name)) == status


async def test_a_ca_of_clients_that_is_replaced_is_no_longer_taken(files: Files) -> None:
    (files.folder / "clients.crt").write_bytes((files.folder / "ca.crt").read_bytes())
    text = f"{CLIENTS}RequireAndVerifyClientCert\n".replace("ca.crt", "clients.crt")
    async with behind(files.write(text), files.client()) as door:
        assert await door.get(context=files.client("a.example.com")) == 200
        other = trustme.CA()
        other.cert_pem.write_to_path(str(files.folder / "clients.crt"))
        files.touch("clients.crt")
        with pytest.raises(aiohttp.ClientError):
            await door.get(context=files.client("a.example.com"))
        assert await door.get(context=files.client("a.example.com", other)) == 200


async def test_versions_and_cipher_suites_are_those_of_the_file(files: Files) -> None:
    text = f"{TLS}  min_version: TLS12\n  max_version: TLS12\n"
    text += "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  prefer_server_cipher_suites: false\n"
    async with behind(files.write(text), files.client()) as door:
        assert await door.get() == 200
        newest = files.client()
        newest.minimum_version = ssl.TLSVersion.TLSv1_3
        with pytest.raises(aiohttp.ClientError):
            await door.get(context=newest)
        other = files.client()
        other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        with pytest.raises(aiohttp.ClientError):
            await door.get(context=other)


async def test_headers_of_the_file_are_on_every_answer(files: Files) -> None:
    headers = "{strict-transport-security: max-age=1, X-Frame-Options: SAMEORIGIN}"
    text = f"http_server_config: {{http2: false, headers: {headers}}}"
    async with behind(files.write(f"{text}\n{USERS}")) as door:
        for path, login in (("/", GOOD), ("/nowhere", GOOD), ("/", {})):
            await door.get(path, headers=login)
            assert door.headers["Strict-Transport-Security"] == "max-age=1"
            assert door.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert door.headers["X-Content-Type-Options"] == "nosniff"


def test_passwords_without_tls_are_warned_of(files: Files) -> None:
    with capture_logs() as logs:
        Access(files.write(USERS))
    assert [line["event"] for line in logs] == ["passwords without TLS: whoever is in between can read them"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1]", "expected a mapping"),
        ("tls_server_config: {cert: x}", "tls_server_config.cert: a certificate in place is not offered"),
        ("tls_server_config: {}", "tls_server_config.cert_file: missing"),
        ("tls_server_config: {cert_file: gone.crt, key_file: server.key}", "cert_file: cannot read"),
        ("tls_server_config: {cert_file: server.key, key_file: server.key}", "cert_file: expected a certificate"),
        (f"{TLS}  curve_preferences: [X25519]", "tls_server_config.curve_preferences: the curves cannot be chosen"),
        (f"{TLS}  min_version: TLS10", "tls_server_config.min_version: expected TLS12 | TLS13"),
        (f"{TLS}  min_version: TLS13\n  max_version: TLS12", "min_version: TLS13 is above max_version, TLS12"),
        (f"{TLS}  cipher_suites: TLS_AES_128_GCM_SHA256", "cipher_suites: expected a list of names, got"),
        (f"{TLS}  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", "TLS_RSA_WITH_RC4_128_SHA is not offered here"),
        (f"{TLS}  client_auth_type: RequestClientCert", "client_auth_type: expected NoClientCert | Verify"),
        (f"{TLS}  client_auth_type: RequireAndVerifyClientCert", "client_ca_file: missing, client_auth_type"),
        (f"{TLS}  client_ca_file: ca.crt", "NoClientCert asks for no certificate, yet client_ca_file is set"),
        (f"{TLS}  client_allowed_sans: [a]", "NoClientCert asks for no certificate, yet client_allowed_sans is set"),
        (f"{TLS}  cert_fil: x", "tls_server_config.cert_fil: unknown key; did you mean cert_file?"),
        ("http_server_config: {http2: true}", "http_server_config.http2: HTTP/2 is not offered here"),
        ("http_server_config: {headers: {Server: x}}", "headers.Server: cannot be set; known are Strict-Transport"),
        ('http_server_config: {headers: {X-Frame-Options: "a\\nb"}}', "X-Frame-Options: expected printable ASCII"),
        ("basic_auth_users: {a: pl4nted}", "basic_auth_users.a: expected a bcrypt hash"),
        ('basic_auth_users: {"a:b": pl4nted}', "basic_auth_users: a name with a colon"),
        (f"basic_auth_users: {{a: {HASH.replace('$04$', '$31$')}}}", "expected a bcrypt cost from 4 to 16, got 31"),
        ("rate_limit: {interval: 1s}", "rate_limit: requests are not limited here"),
        ("basic_auth_user: {}", "basic_auth_user: unknown key; did you mean basic_auth_users?"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(files: Files, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_web(files.write(text))
    assert problem in str(refused.value)
    assert str(files.config) in str(refused.value)
    assert "pl4nted" not in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_web(tmp_path / "gone.yml")
    (tmp_path / "latin1.yml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_web(tmp_path / "latin1.yml")


def test_a_repr_shows_no_hash(files: Files) -> None:
    assert HASH not in repr(load_web(files.write(USERS)))
