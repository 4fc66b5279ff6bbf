"""TLS to a ZVM: one context for equal settings, certificates judged alike on every Python, files that are followed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs
from support import Simulate, ask, zvm_config

from exporter.config.web import TlsServer
from exporter.zvm.client import Zvm
from exporter.zvm.errors import ConnectError
from exporter.zvm.settings import Auth, Settings, Tls
from exporter.zvm.tls import VERIFY_FLAGS, Follower

Connect = Callable[[Settings], Zvm]
MANY: Final = 30
AUTH: Final = Auth(username="monitor", password="pl4nted")
OLD: Final = "DEFAULT:@SECLEVEL=0"
USED = "the TLS files have changed: new connections use them"
NOT_USED = "the TLS files have changed and cannot be used; those before hold on"


async def failure(zvm: Zvm) -> str:
    """Return why *zvm* cannot be asked."""
    with pytest.raises(ConnectError) as caught:
        await ask(zvm)
    return str(caught.value)


def copied(file: Path, to: Path) -> Path:
    """Return *to*, which now holds what *file* holds."""
    to.write_bytes(file.read_bytes())
    return to


def served(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return the context of a server with a certificate of *authority*."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    return context


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return how often the context of a client is built from now on."""
    calls: list[str] = []
    real = ssl.create_default_context

    def build(*args: Any, **options: Any) -> ssl.SSLContext:
        calls.append("built")
        return real(*args, **options)

    monkeypatch.setattr(ssl, "create_default_context", build)
    return calls


@pytest.fixture
def new() -> trustme.CA:
    """An authority that no other test has, so that none has left a context of it."""
    return trustme.CA()


class TestShared:
    async def test_zvms_with_the_same_settings_have_one_context(
        self, simulate: Simulate, connect: Connect, new: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same are those with the same contents: each may have a copy of the file."""
        sim = await simulate(auth="session", ssl_context=served(new))
        zvms = []
        built = counted(monkeypatch)
        for index in range(MANY):
            copy = tmp_path / f"{index}.pem"
            new.cert_pem.write_to_path(str(copy))
            zvms.append(connect(zvm_config(sim, str(index), ca_file=copy)))
        assert await asyncio.gather(*map(ask, zvms)) == [5] * MANY
        assert built == ["built"]

    async def test_plain_http_needs_none(
        self, simulate: Simulate, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sim = await simulate(tls=False, auth="session")
        built = counted(monkeypatch)
        assert await ask(connect(zvm_config(sim))) == 5
        assert built == []

    async def test_a_scheme_in_capitals_is_as_good(self, simulate: Simulate, connect: Connect, ca_file: Path) -> None:
        sim = await simulate()
        assert await ask(connect(zvm_config(sim, ca_file=ca_file, url=sim.url.replace("https", "HTTPS")))) == 5

    async def test_different_settings_have_different_ones(self, ca_file: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        tls = [
            Tls(),
            Tls(ca_file=ca_file),
            Tls(ca_file=other),
            Tls(ca_file=ca_file, insecure_skip_verify=True),
            Tls(ca_file=ca_file, min_version="TLS13"),
            Tls(ca_file=ca_file, ciphers="HIGH"),
        ]
        contexts = [await Follower("nyc", one).context() for one in tls]
        assert len({id(context) for context in contexts}) == len(tls)
        assert [context.verify_mode for context in contexts].count(ssl.CERT_NONE) == 1

    async def test_building_takes_nothing_from_the_time_of_a_request(
        self, simulate: Simulate, connect: Connect, new: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        running: set[object] = set()
        meanwhile: list[int] = []
        real_timeout, real_build = asyncio.timeout, ssl.create_default_context

        @asynccontextmanager
        async def timeout(seconds: float | None) -> Any:
            async with real_timeout(seconds) as one:
                running.add(one)
                try:
                    yield one
                finally:
                    running.discard(one)

        def build(*args: Any, **options: Any) -> ssl.SSLContext:
            meanwhile.append(len(running))
            return real_build(*args, **options)

        sim = await simulate(auth="session", ssl_context=served(new))
        ca_file = tmp_path / "ca.pem"
        new.cert_pem.write_to_path(str(ca_file))
        monkeypatch.setattr(asyncio, "timeout", timeout)
        monkeypatch.setattr(ssl, "create_default_context", build)
        assert await ask(connect(zvm_config(sim, ca_file=ca_file))) == 5
        assert meanwhile == [0]


class Issuer:
    """Makes certificates as no public authority would, and as those of companies and of appliances are."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Company CA")])

    def authority(self) -> bytes:
        """Return the authority's own certificate, of which the basic constraints are not critical; PEM."""
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        made = self._begun(self.name, self.key.public_key()).add_extension(constraints, critical=False)
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def server(self, folder: Path, *, self_signed: bool = False) -> tuple[Path, ssl.SSLContext]:
        """Return a certificate for 127.0.0.1 without an Authority Key Identifier, and the context of its server."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "zvm")])
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = self._begun(name, key.public_key(), name if self_signed else None).add_extension(here, critical=False)
        certificate = made.sign(key if self_signed else self.key, hashes.SHA256())
        file, key_file = folder / "server.pem", folder / "server.key"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, key_file)
        return file, context

    def _begun(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name | None = None
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )


class TestVerified:
    @pytest.fixture(autouse=True, params=[0, ssl.VERIFY_X509_STRICT, ssl.VERIFY_X509_PARTIAL_CHAIN])
    def _defaults(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the defaults of another Python: 3.13 added both flags, and the next one may change them again."""
        real = ssl.create_default_context

        def build(*args: Any, **options: Any) -> ssl.SSLContext:
            context = real(*args, **options)
            context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | request.param
            return context

        monkeypatch.setattr(ssl, "create_default_context", build)

    async def test_a_certificate_of_a_company_that_is_not_strict(
        self, simulate: Simulate, connect: Connect, tmp_path: Path
    ) -> None:
        issuer = Issuer()
        _, context = issuer.server(tmp_path)
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(issuer.authority())
        assert await ask(connect(zvm_config(await simulate(ssl_context=context), ca_file=ca_file))) == 5

    @pytest.mark.parametrize("self_signed", [True, False])
    async def test_the_servers_own_certificate_as_ca_file(
        self, simulate: Simulate, connect: Connect, tmp_path: Path, *, self_signed: bool
    ) -> None:
        ca_file, context = Issuer().server(tmp_path, self_signed=self_signed)
        assert await ask(connect(zvm_config(await simulate(ssl_context=context), ca_file=ca_file))) == 5

    async def test_another_servers_certificate_is_not_trusted(
        self, simulate: Simulate, connect: Connect, tmp_path: Path
    ) -> None:
        _, context = Issuer().server(tmp_path)
        other = tmp_path / "other"
        other.mkdir()
        ca_file, _ = Issuer().server(other, self_signed=True)
        text = await failure(connect(zvm_config(await simulate(ssl_context=context), ca_file=ca_file)))
        assert "cannot be verified (tls.ca_file, tls.server_name)" in text


class Greeter:
    """A server that only shakes hands, and says why where it does not: asyncio's own keeps that to itself."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError), self._context.wrap_socket(connection, server_side=True) as shaken:
                while shaken.recv(2**16):
                    pass

    def test_our_own_pages_judge_the_certificates_of_their_clients_alike(self, tmp_path: Path) -> None:
        file, _ = Issuer().server(tmp_path)
        server = TlsServer(cert_file=file, key_file=tmp_path / "server.key")
        assert server.context().verify_flags == VERIFY_FLAGS


class TestHandshake:
    """That a handshake fails says nothing of the port: what it fails for is said, and the key that helps."""

    @staticmethod
    async def refused(context: ssl.SSLContext, connect: Connect, tls: Tls) -> str:
        with Greeter(context) as greeter:
            text = await failure(connect(Settings(name="nyc", url=greeter.url, auth=AUTH, tls=tls)))
            assert "is the port right?" not in text
            return text.partition(": ")[2].replace(greeter.url, "URL")

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    async def test_an_old_server_is_reached_once_it_is_allowed(
        self, simulate: Simulate, authority: trustme.CA, connect: Connect, ca_file: Path
    ) -> None:
        context = served(authority)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers(OLD)
        text = await self.refused(context, connect, Tls(ca_file=ca_file))
        assert text.startswith("no TLS version in common with URL (tls.min_version is TLS12): ")
        text = await self.refused(context, connect, Tls(ca_file=ca_file, min_version="TLS11"))
        assert text.startswith("no TLS cipher or key in common with URL (tls.ciphers, tls.min_version, or it asks for ")
        sim = await simulate(ssl_context=context)
        versions: tuple[Any, ...] = ("TLS10", "TLS11")
        for version in versions:
            tls = Tls(ca_file=ca_file, min_version=version, ciphers=OLD)
            assert await ask(connect(zvm_config(sim, tls=tls))) == 5

    async def test_a_server_that_only_closes_the_connection(
        self, simulate: Simulate, authority: trustme.CA, connect: Connect, ca_file: Path
    ) -> None:
        context = served(authority)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        sim = await simulate(ssl_context=context)
        text = await failure(connect(zvm_config(sim, tls=Tls(ca_file=ca_file, min_version="TLS13"))))
        assert (
            f"{sim.url} closed the connection in the TLS handshake (is the port right? tls.min_version is TLS13" in text
        )
        assert "SSLContext" not in text

    async def test_no_cipher_in_common(
        self, simulate: Simulate, authority: trustme.CA, connect: Connect, ca_file: Path
    ) -> None:
        context = served(authority)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE+AES256")
        text = await self.refused(context, connect, Tls(ca_file=ca_file, ciphers="ECDHE+AES128"))
        assert text.startswith("no TLS cipher or key in common with URL (tls.ciphers, tls.min_version, ")
        sim = await simulate(ssl_context=context)
        assert await ask(connect(zvm_config(sim, tls=Tls(ca_file=ca_file, ciphers="HIGH")))) == 5

    async def test_our_certificate_is_not_accepted(
        self, authority: trustme.CA, connect: Connect, certificate: Certificate
    ) -> None:
        context = served(authority)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # of 1.3 the refusal comes after our first request
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        text = await self.refused(context, connect, certificate(trustme.CA()))
        assert text.startswith("URL does not accept our client certificate (tls.cert_file): ")


Certificate = Callable[[trustme.CA], Tls]


@pytest.fixture
def certificate(tmp_path: Path, ca_file: Path) -> Certificate:
    """Write a client certificate of an authority to the same files each time."""
    tls = Tls(ca_file=ca_file, cert_file=tmp_path / "cert.pem", key_file=tmp_path / "key.pem")

    def write(authority: trustme.CA) -> Tls:
        issued = authority.issue_cert("exporter@example.com")
        issued.cert_chain_pems[0].write_to_path(str(tls.cert_file))
        issued.private_key_pem.write_to_path(str(tls.key_file))
        return tls

    return write


class TestFollowed:
    async def test_a_renewed_ca_is_used_without_a_reload(
        self, simulate: Simulate, connect: Connect, ca_file: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "ca.pem"
        trustme.CA().cert_pem.write_to_path(str(file))
        zvm = connect(zvm_config(await simulate(), ca_file=file))
        assert "cannot be verified" in await failure(zvm)
        copied(ca_file, file)
        with capture_logs() as logs:
            assert await ask(zvm) == 5
        assert [line["event"] for line in logs if "TLS" in line["event"]] == [USED]

    async def test_a_renewed_client_certificate_is_used_without_a_reload(
        self, simulate: Simulate, authority: trustme.CA, connect: Connect, certificate: Certificate
    ) -> None:
        context = served(authority)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        zvm = connect(zvm_config(await simulate(ssl_context=context), tls=certificate(trustme.CA())))
        await failure(zvm)
        certificate(authority)
        assert await ask(zvm) == 5

    @pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nMIIB", None])
    async def test_a_file_half_written_changes_nothing_and_is_complained_about_once(
        self, simulate: Simulate, connect: Connect, ca_file: Path, tmp_path: Path, content: bytes | None
    ) -> None:
        file = copied(ca_file, tmp_path / "ca.pem")
        sim = await simulate()
        zvm = connect(zvm_config(sim, ca_file=file))
        assert await ask(zvm) == 5
        for _ in range(2):
            if content is None:
                file.unlink()
            else:
                file.write_bytes(content)
            with capture_logs() as logs:
                assert [await ask(zvm) for _ in range(3)] == [5, 5, 5]
            (line,) = [line for line in logs if line["event"] == NOT_USED]
            assert (line["zvm"], line["log_level"]) == ("nyc", "warning")
            assert line["error"].startswith("tls: cannot use ca_file, cert_file or key_file: ")
            copied(ca_file, file)
            assert await ask(zvm) == 5

    async def test_the_key_may_come_after_its_certificate(self, certificate: Certificate) -> None:
        """Between the two writes they do not fit together, and the pair before holds."""
        tls = certificate(trustme.CA())
        follower = Follower("nyc", tls)
        before = await follower.context()
        assert tls.key_file is not None
        key = tls.key_file.read_bytes()
        certificate(trustme.CA())
        new_key = tls.key_file.read_bytes()
        tls.key_file.write_bytes(key)
        with capture_logs() as logs:
            assert await follower.context() is before
            tls.key_file.write_bytes(new_key)
            assert await follower.context() is not before
        assert [line["event"] for line in logs] == [NOT_USED, USED]

    async def test_files_that_rest_are_not_read(
        self, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Their stamps are enough, unless so young that one more change might not show in them."""
        file = copied(ca_file, tmp_path / "ca.pem")
        read: list[Path] = []
        real = Path.read_bytes

        def reading(self: Path) -> bytes:
            read.append(self)
            return real(self)

        monkeypatch.setattr(Path, "read_bytes", reading)
        follower = Follower("nyc", Tls(ca_file=file))
        context = await follower.context()
        young = len(read)
        assert await follower.context() is context
        assert len(read) > young
        later = file.stat().st_ctime_ns + 10**10
        monkeypatch.setattr("time.time_ns", lambda: later)
        await follower.context()
        rested = len(read)
        for _ in range(3):
            assert await follower.context() is context
        assert len(read) == rested
        file.write_bytes(b"")
        with capture_logs():
            for _ in range(3):
                assert await follower.context() is context
        assert len(read) == rested + 1

    async def test_a_file_that_changes_while_it_is_read_is_read_again(
        self, new: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "ca.pem"
        new.cert_pem.write_to_path(str(file))
        follower = Follower("nyc", Tls(ca_file=file))
        real = ssl.create_default_context

        def build(*args: Any, **options: Any) -> ssl.SSLContext:
            context = real(*args, **options)
            trustme.CA().cert_pem.write_to_path(str(file))
            return context

        with monkeypatch.context() as changing:
            changing.setattr(ssl, "create_default_context", build)
            with pytest.raises(ConnectError, match="the files change just now"):
                await follower.context()
        assert (await follower.context()).cert_store_stats()["x509_ca"] == 1
