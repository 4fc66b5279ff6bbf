"""Nobody comes in while the file of the users is rewritten: in place or by rename, whatever a moment leaves of it."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from exporter import rewrites
from exporter.config import WebConfig, parse_web
from exporter.rewrites import Rewrites, read
from exporter.web.access import Access

HASHES = {name: bcrypt.hashpw(name.encode(), bcrypt.gensalt(4)).decode() for name in ("ann", "bob")}
REWRITES = 1000  # of each kind


class Knocker:
    """Knocks at a gate without a network; time stands still until it is moved."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.now = 0.0
        self.gate = Access(file, monotonic=lambda: self.now)

    async def knock(self, user: str | None = None, sans: tuple[str, ...] | None = None) -> int:
        """Return the status for *user*, whose name is the password, with a client certificate of *sans*."""
        headers = {}
        if user is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{user}".encode()).decode()
        certificate = None if sans is None else {"subjectAltName": tuple(("DNS", name) for name in sans)}
        request = make_mocked_request("GET", "/metrics", headers, transport=Transport(certificate))
        try:
            return (await self.gate.middleware(request, _open)).status
        except web.HTTPException as refused:
            return refused.status


class Transport:
    def __init__(self, certificate: dict[str, Any] | None) -> None:
        self._certificate = certificate

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._certificate if name == "peercert" else default


async def _open(_request: web.Request) -> web.Response:
    return web.Response()


def put(file: Path, content: str | bytes) -> None:
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def users(*names: str) -> str:
    return "basic_auth_users:\n" + "".join(f"  {name}: {HASHES[name]}\n" for name in names)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "web.yml"
    file.write_text(users("ann"))
    return file


@pytest.fixture
def certificates(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "server.crt"))
    issued.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    return authority


async def test_nobody_comes_in_with_the_beginning_of_a_file(file: Path) -> None:
    """Whoever may come in by both files may all the while."""
    whole = users("ann", "bob").encode()
    knocker = Knocker(file)
    for length in range(len(whole) + 1):
        put(file, whole[:length])
        assert await knocker.knock() == 401
        assert await knocker.knock("ann") == 200
    assert await knocker.knock("bob") == 200


@pytest.mark.usefixtures("certificates")
async def test_no_certificate_comes_in_with_the_beginning_of_a_file(file: Path) -> None:
    tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: ca.crt\n"
    tls += "  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans:\n    - a.example.com\n"
    put(file, tls)
    knocker = Knocker(file)
    whole = f"{tls}    - b.example.com\n".encode()
    middle = whole.index(b"  client_allowed_sans") - 10
    for length in (*range(0, middle, 10), *range(middle, len(whole) + 1)):
        put(file, whole[:length])
        for sans in (None, ("a.example.co",), ("b.example.co",)):
            assert await knocker.knock(sans=sans) == 403, whole[:length]
        assert await knocker.knock(sans=("a.example.com",)) == 200
    assert await knocker.knock(sans=("b.example.com",)) == 200


# As `cp` does: the file is emptied, then filled. And as an editor does: another file takes the name.
IN_PLACE = "open(file, 'w').write(texts[number % 2])"
BY_RENAME = "open(file + '.new', 'w').write(texts[number % 2]); os.replace(file + '.new', file)"
REWRITER = "import os, sys; _, file, *texts = sys.argv\nfor number in range({times}): {rewrite}"


@pytest.mark.parametrize("rewrite", [IN_PLACE, BY_RENAME])
async def test_nobody_comes_in_while_the_file_is_rewritten_again_and_again(file: Path, rewrite: str) -> None:
    knocker = Knocker(file)
    code = REWRITER.format(times=REWRITES, rewrite=rewrite)
    arguments = [sys.executable, "-S", "-c", code, str(file), users("ann"), users("ann", "bob")]
    rewriter = await asyncio.create_subprocess_exec(*arguments)
    ended = asyncio.create_task(rewriter.wait())
    while not ended.done():
        assert await knocker.knock() == 401
        assert await knocker.knock("ann") == 200
        await asyncio.sleep(0)
    assert await ended == 0
    assert await knocker.knock("bob") == 200
    put(file, users("bob"))
    assert [await knocker.knock(name) for name in ("ann", "bob", None)] == [401, 200, 401]


async def test_a_file_that_is_filled_right_after_it_was_read_is_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knocker = Knocker(file)
    rest = [users("bob")]

    def slow(path: Path, data: bytes) -> WebConfig:
        config = parse_web(path, data)
        while rest:
            put(file, rest.pop())
        return config

    monkeypatch.setattr("exporter.web.access.parse_web", slow)
    put(file, users("ann", "bob"))
    assert [await knocker.knock(name) for name in ("bob", "ann")] == [200, 401]


async def test_a_file_that_comes_to_rest_at_what_it_held_in_between_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knocker = Knocker(file)
    old, new = users("ann"), users("ann", "bob")

    def restless(path: Path, data: bytes) -> WebConfig:
        put(path, new if data == old.encode() else old)
        return parse_web(path, data)

    put(file, new)
    with monkeypatch.context() as patched:
        patched.setattr("exporter.web.access.parse_web", restless)
        assert await knocker.knock("bob") == 401
    put(file, new)
    assert await knocker.knock("bob") == 200


async def test_a_file_that_never_rests_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knocker = Knocker(file)

    def restless(path: Path, data: bytes) -> WebConfig:
        put(path, data + b"#\n")
        return parse_web(path, data)

    monkeypatch.setattr("exporter.web.access.parse_web", restless)
    put(file, users("bob"))
    with capture_logs() as logs:
        assert [await knocker.knock(name) for name in ("ann", "bob", None)] == [200, 401, 401]
    assert ["changes while it is read" in line["error"] for line in logs] == [True]
    monkeypatch.undo()
    assert [await knocker.knock(name) for name in ("ann", "bob", None)] == [401, 200, 401]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "basic_auth_users: {}\n", "http_server_config: {}\n"])
async def test_to_lose_all_users_changes_nothing_and_is_told_once(file: Path, text: str) -> None:
    knocker = Knocker(file)
    with capture_logs() as logs:
        put(file, text)
        for _ in range(3):
            assert await knocker.knock() == 401
            assert await knocker.knock("ann") == 200
            knocker.now += 10
    assert [(line["log_level"], "needs a restart" in line["error"]) for line in logs] == [("warning", True)]


@pytest.mark.usefixtures("certificates")
async def test_to_require_no_certificate_any_more_needs_a_restart(file: Path) -> None:
    tls = "tls_server_config: {cert_file: server.crt, key_file: server.key"
    put(file, f"{tls}, client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert}}\n")
    knocker = Knocker(file)
    with capture_logs() as logs:
        for weaker in (
            f"{tls}, client_ca_file: ca.crt, client_auth_type: VerifyClientCertIfGiven}}\n",
            f"{tls}}}\n",
            "",
        ):
            put(file, weaker)
            assert await knocker.knock() == 403
    assert ["needs a restart" in line["error"] for line in logs] == [True, True]


async def test_a_last_line_without_its_end_is_taken_once_it_rests(file: Path) -> None:
    knocker = Knocker(file)
    put(file, users("bob").rstrip("\n"))
    assert [await knocker.knock(name) for name in ("ann", "bob")] == [200, 401]
    knocker.now += 3
    assert [await knocker.knock(name) for name in ("ann", "bob")] == [401, 200]


async def test_a_file_that_only_now_has_the_certificate_that_it_names_is_taken(
    file: Path, certificates: trustme.CA
) -> None:
    """Though it has not changed itself since it was refused."""
    tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
    put(file, tls)
    knocker = Knocker(file)
    put(file, tls.replace("server.", "new.") + users("ann"))
    assert await knocker.knock() == 200
    issued = certificates.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(file.parent / "new.crt"))
    issued.private_key_pem.write_to_path(str(file.parent / "new.key"))
    knocker.now += 1
    assert await knocker.knock() == 401


async def test_half_of_a_renewed_pair_changes_nothing(file: Path, certificates: trustme.CA) -> None:
    put(file, "tls_server_config: {cert_file: server.crt, key_file: server.key}\n" + users("ann"))
    knocker = Knocker(file)
    before = knocker.gate._context
    issued = certificates.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(file.parent / "server.crt"))
    assert await knocker.knock() == 401
    assert knocker.gate._context is before
    key = issued.private_key_pem.bytes()
    for length in (0, 10, len(key) // 2, len(key) - 30):
        put(file.parent / "server.key", key[:length])
        assert await knocker.knock() == 401
        assert knocker.gate._context is before
    put(file.parent / "server.key", key)
    assert await knocker.knock() == 401
    assert isinstance(knocker.gate._context, ssl.SSLContext)
    assert knocker.gate._context is not before


def test_a_change_that_no_clock_shows_is_seen_while_it_is_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system's clock stands still for some milliseconds: another content of the same size then looks alike."""
    monkeypatch.setattr(rewrites, "_stamp", lambda _file: (1, 2, 3))
    now = [0.0]
    file = tmp_path / "file"
    put(file, b"a")
    seen = Rewrites(monotonic=lambda: now[0])
    seen.keep(read([file]))
    assert not seen.any()
    put(file, b"b")
    assert seen.any()
    seen.keep(read([file]))
    now[0] = 3.0
    assert not seen.any()


def test_a_file_at_rest_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    file = tmp_path / "file"
    put(file, b"a")
    seen = Rewrites(monotonic=lambda: now[0])
    seen.keep(read([file]))
    assert not seen.any()
    now[0] = 3.0
    assert not seen.any()
    monkeypatch.setattr(rewrites, "read", lambda _files: pytest.fail("read without need"))
    assert not seen.any()
    monkeypatch.undo()
    os.utime(file, ns=(1, 1))
    assert not seen.any()
    file.unlink()
    assert seen.any()
