"""What must be known of one ZVM to talk to it: the configuration's keys under `zvms[]`, and their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Struct, field

DEFAULT_TIMEOUT = 20.0  # seconds
DEFAULT_MAX_BODY = 64 * 2**20  # bytes
DEFAULT_ANSWERS = 16  # read and converted at the same time: of 1,000 VMs each holds some 2 MB and 60 ms of a processor
DIRECT = "direct"  # as proxy_url: no proxy, whatever the environment says
KEYCLOAK_CLIENT = "zerto-client"  # the public client that every appliance has
KEYCLOAK_REALM = "zerto"  # the realm that every appliance has

# What a value is beyond its type; the configuration is read by it.
Bytes = Annotated[int, "bytes"]
MaybeEmpty = Annotated[str, "there, nothing is something else than the default"]


class Secrets(Struct, frozen=True):
    """Keys of which any may hold a secret, in its own place or in the wrong one: no value of them is ever quoted."""


class Auth(Secrets, frozen=True, forbid_unknown_fields=True):
    """How to log in. A secret is given in place or, better, as a file that is read again at each login.

    `account` is for sessions; `realm`, `scope` (empty: none is asked for) and the client are for Keycloak.
    """

    method: Literal["auto", "keycloak", "keycloak_client", "session"] = "auto"
    account: Literal["auto", "windows", "hypervisor"] = "auto"
    realm: str = KEYCLOAK_REALM
    scope: MaybeEmpty = "openid"
    username: str | None = None
    username_file: Path | None = None
    password: str | None = None
    password_file: Path | None = None
    client_id: str | None = None
    client_id_file: Path | None = None
    client_secret: str | None = None
    client_secret_file: Path | None = None

    def __repr__(self) -> str:
        return f"Auth(method={self.method!r}, username={self.username!r}, client_id={self.client_id!r})"


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """How the ZVM's certificate is verified and what certificate we show. `ciphers` is a list as OpenSSL takes it."""

    ca_file: Path | None = None
    server_name: str | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False
    min_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] = "TLS12"
    ciphers: str | None = None


class ProxyAuth(Secrets, frozen=True, forbid_unknown_fields=True):
    """Who we are to the proxy. The password is given in place or as a file that is read again with each request."""

    username: str | None = None
    password: str | None = None
    password_file: Path | None = None

    def __repr__(self) -> str:
        return f"ProxyAuth(username={self.username!r})"


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ZVM. Times are in seconds, sizes in bytes. `proxy_url` is None or DIRECT where there is no proxy."""

    name: str
    url: str
    interval: float = 30.0
    timeout: float = DEFAULT_TIMEOUT
    max_body: Bytes = DEFAULT_MAX_BODY
    max_requests: int = 4
    auth: Auth = field(default_factory=Auth)
    tls: Tls = field(default_factory=Tls)
    proxy_url: str | None = None
    proxy_auth: ProxyAuth = field(default_factory=ProxyAuth)

    @property
    def encrypted(self) -> bool:
        """Whether the ZVM is spoken to over TLS."""
        return urlsplit(self.url).scheme == "https"
