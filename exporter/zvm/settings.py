"""What must be known of one ZVM to talk to it: the configuration's keys under `zvms[]`, and their defaults."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

DEFAULT_TIMEOUT = 20.0  # seconds
DEFAULT_ANSWERS = 16  # read and converted at the same time: of 1,000 VMs each holds some 2 MB and 60 ms of a processor
KEYCLOAK_CLIENT = "zerto-client"  # the public client that every appliance has


class Auth(Struct, frozen=True, forbid_unknown_fields=True):
    """How to log in. A secret is given in place or, better, as a file that is read again at each login."""

    method: Literal["auto", "keycloak", "keycloak_client", "session"] = "auto"
    username: str | None = None
    password: str | None = None
    password_file: Path | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_secret_file: Path | None = None

    def __repr__(self) -> str:
        return f"Auth(method={self.method!r}, username={self.username!r}, client_id={self.client_id!r})"


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """How the ZVM's certificate is verified and what certificate we show."""

    ca_file: Path | None = None
    server_name: str | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False

    def context(self) -> ssl.SSLContext:
        """Build the TLS context of a client.

        Raises:
            OSError: a file cannot be read (ssl.SSLError, its subclass: it is no certificate or key).
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None:
            # Without an answer of ours OpenSSL would ask the terminal for a passphrase, and wait.
            context.load_cert_chain(self.cert_file, self.key_file, password="")
        if self.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def contents(self) -> tuple[bytes, ...]:
        """Return what the files hold now, so that a rotated certificate can be told from an old one."""
        files = (self.ca_file, self.cert_file, self.key_file)
        return tuple(file.read_bytes() for file in files if file is not None)


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ZVM. Times are in seconds, sizes in bytes."""

    name: str
    url: str
    interval: float = 30.0
    timeout: float = DEFAULT_TIMEOUT
    max_body: int = 256 * 2**20
    max_requests: int = 4
    auth: Auth = field(default_factory=Auth)
    tls: Tls = field(default_factory=Tls)
