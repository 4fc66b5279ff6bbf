"""The file of `--web.config.file`: TLS and users of our own HTTP side, in the format of Prometheus's exporter-toolkit.

What that format has and this server cannot do is refused by name: whoever wrote it down relies on it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct, field

from exporter.config.document import DocumentError, read_document
from exporter.config.files import contents
from exporter.config.problems import ConfigError
from exporter.config.read import Reader, built
from exporter.config.schema import Names
from exporter.zvm.tls import VERIFY_FLAGS, load_pair

MOST_COST: Final = 16  # of bcrypt: 2^16 rounds take seconds, each one more doubles that

_HASH: Final = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_NAME: Final = re.compile(r"[^:\x00-\x1f\x7f]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]+")
_HEADERS: Final = {
    name.lower(): name
    for name in (
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "X-XSS-Protection",
        "Content-Security-Policy",
    )
}
_REFUSED: Final = {
    "tls_server_config.cert": "a certificate in place is not offered; write it to a file and name that in cert_file",
    "tls_server_config.key": "a key in place is not offered; write it to a file and name that in key_file",
    "tls_server_config.client_ca": "a CA in place is not offered; write it to a file and name that in client_ca_file",
    "tls_server_config.curve_preferences": "the curves cannot be chosen here; leave it out",
    "rate_limit": "requests are not limited here; leave it out, or put a proxy in front",
}
# What Go calls a cipher suite, and OpenSSL's name for it. TLS 1.3's own suites cannot be chosen, in Go neither.
_CIPHERS: Final = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]
Version = Literal["TLS12", "TLS13"]


class TlsServer(Struct, frozen=True, forbid_unknown_fields=True):
    """`tls_server_config`."""

    cert_file: Path | None = None
    key_file: Path | None = None
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: Path | None = None
    client_allowed_sans: Names = ()
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: Names = ()
    prefer_server_cipher_suites: bool = True

    def context(self, *, optional: bool = False) -> ssl.SSLContext:
        """Build the TLS context of a server from the files as they are now.

        With *optional*, a client may come without the certificate that is required; it is for the caller to look.

        Raises:
            OSError: a file cannot be read (ssl.SSLError, its subclass: it is no certificate or key).
        """
        if self.cert_file is None:
            raise ValueError("no certificate")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.verify_flags = VERIFY_FLAGS
        load_pair(context, self.cert_file, self.key_file)
        context.minimum_version = _VERSIONS[self.min_version]
        context.maximum_version = _VERSIONS[self.max_version]
        context.set_alpn_protocols(["http/1.1"])
        if self.cipher_suites:
            context.set_ciphers(":".join(_CIPHERS[name] for name in self.cipher_suites))
        if not self.prefer_server_cipher_suites:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        if self.client_ca_file is not None:
            context.load_verify_locations(self.client_ca_file)
        if self.client_auth_type != "NoClientCert":
            required = self.client_auth_type == "RequireAndVerifyClientCert" and not optional
            context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
        return context

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that make up the context."""
        return tuple(file for file in (self.cert_file, self.key_file, self.client_ca_file) if file is not None)


class HttpServer(Struct, frozen=True, forbid_unknown_fields=True):
    """`http_server_config`."""

    http2: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class WebConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The file. `basic_auth_users` are names and bcrypt hashes of their passwords; none, and everybody may come in."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = field(default_factory=HttpServer)
    basic_auth_users: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"WebConfig({self.tls_server_config!r}, {self.http_server_config!r}, users={list(self.basic_auth_users)})"
        )


def load_web(file: Path) -> WebConfig:
    """Read *file*; relative paths in it start from its folder.

    Raises:
        ConfigError: with every mistake that was found.
    """
    try:
        return parse_web(file, file.read_bytes())
    except OSError as error:
        raise ConfigError(str(file), [f"cannot be read: {error.strerror}"]) from error


def parse_web(file: Path, data: bytes) -> WebConfig:
    """Return what *data*, the content of *file*, says.

    Raises:
        ConfigError: with every mistake that was found.
    """
    problems: list[str] = []
    try:
        document = read_document(data.decode(), {}, problems)
    except UnicodeDecodeError as error:
        raise ConfigError(str(file), ["is not UTF-8"]) from error
    except DocumentError as error:
        raise ConfigError(str(file), [*problems, str(error)]) from error
    if not isinstance(document, dict) and document is not None:
        raise ConfigError(str(file), ["expected a mapping"])
    document = document or {}
    problems += _refused(document)
    values = Reader(problems, file.parent).struct(WebConfig, document)
    config = built(WebConfig, values)
    problems += _checked(config)
    if problems:
        raise ConfigError(str(file), problems)
    return config


def _refused(document: dict[str, Any]) -> Iterator[str]:
    """Yield the keys that cannot be honoured, and take them out of *document*."""
    for path, why in _REFUSED.items():
        section, _, key = path.rpartition(".")
        mapping = document.get(section) if section else document
        if isinstance(mapping, dict) and mapping.pop(key, None) is not None:
            yield f"{path}: {why}"


def _checked(config: WebConfig) -> Iterator[str]:
    if config.http_server_config.http2:
        yield "http_server_config.http2: HTTP/2 is not offered here; set it to false or leave it out"
    for name, value in config.http_server_config.headers.items():
        if name.lower() not in _HEADERS:
            yield f"http_server_config.headers.{name}: cannot be set; known are {', '.join(_HEADERS.values())}"
        elif not _VALUE.fullmatch(value):
            yield f"http_server_config.headers.{name}: expected printable ASCII"
    for name, hashed in config.basic_auth_users.items():
        match = _HASH.fullmatch(hashed)
        if not _NAME.fullmatch(name):
            yield "basic_auth_users: a name with a colon or a control character, HTTP Basic has no way to send it"
        elif match is None:
            yield f"basic_auth_users.{name}: expected a bcrypt hash, such as `htpasswd -nBC 10 {name}` prints"
        elif not 4 <= int(match[1]) <= MOST_COST:
            yield f"basic_auth_users.{name}: expected a bcrypt cost from 4 to {MOST_COST}, got {int(match[1])}"
    if config.tls_server_config is not None:
        yield from (f"tls_server_config.{problem}" for problem in _tls(config.tls_server_config))


def _tls(tls: TlsServer) -> Iterator[str]:
    for key in ("cert_file", "key_file"):
        if getattr(tls, key) is None:
            yield f"{key}: missing"
    for name in tls.cipher_suites:
        if name not in _CIPHERS:
            yield f"cipher_suites: {name} is not offered here; known are {', '.join(_CIPHERS)}"
    if _VERSIONS[tls.min_version] > _VERSIONS[tls.max_version]:
        yield f"min_version: {tls.min_version} is above max_version, {tls.max_version}"
    if tls.client_auth_type != "NoClientCert" and tls.client_ca_file is None:
        yield f"client_ca_file: missing, client_auth_type {tls.client_auth_type} needs it"
    elif tls.client_auth_type == "NoClientCert" and (tls.client_ca_file or tls.client_allowed_sans):
        key = "client_ca_file" if tls.client_ca_file else "client_allowed_sans"
        yield f"client_auth_type: NoClientCert asks for no certificate, yet {key} is set"
    if tls.cert_file is None or tls.key_file is None:
        return
    yield from _unreadable(tls)


def _unreadable(tls: TlsServer) -> Iterator[str]:
    files = {"cert_file": tls.cert_file, "key_file": tls.key_file, "client_ca_file": tls.client_ca_file}
    _, unreadable = contents(files)
    yield from (f"{key}: {problem}" for key, problem in unreadable.items())
    if unreadable or any(name not in _CIPHERS for name in tls.cipher_suites):
        return
    try:
        tls.context()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        yield f"cert_file: expected a certificate, its key in key_file without a passphrase, and CAs, all PEM: {reason}"
