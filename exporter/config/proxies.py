"""The proxies to ZVMs: those that a configuration names, and those of the environment where it names none."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec.structs import replace
from yarl import URL

from exporter.config.document import Expanded
from exporter.config.schema import Zvm
from exporter.config.source import Source
from exporter.zvm.settings import DIRECT, ProxyAuth

_EXPECTED: Final = "expected http://host:port"
_PORTS: Final = {"http": 80, "https": 443}


def check_proxy(zvm: Zvm, source: Source) -> Iterator[str]:
    """Yield what is wrong with `proxy_url`, and with `proxy_auth` but for its files."""
    where = source.at("proxy_url")
    url, auth = zvm.proxy_url, zvm.proxy_auth
    if url is not None and url != DIRECT and source.sound("proxy_url"):
        parts = _split(url)
        if "@" in url:  # before all else, so that no other message quotes what stands before it
            yield f"{where}: must not hold a user name or password; they belong in {source.other('proxy_auth')}"
        elif parts is None:
            got = "" if isinstance(url, Expanded) else f", got {url[:200]!r}"
            yield f"{where}: {_EXPECTED} or {DIRECT}{got}"
    secret = auth.password is not None or auth.password_file is not None
    if (auth.username is not None) != secret and source.sound("proxy_auth"):
        keys = ("proxy_auth.username",) if secret else ("proxy_auth.password_file", "proxy_auth.password")
        if source.sound(*keys):
            yield f"{source.at(keys[0])}: missing, a user name and a password belong together"
    if auth.username is not None and ":" in auth.username:
        yield f"{source.at('proxy_auth.username')}: must not hold a colon, HTTP Basic has no way to send it"


def with_proxies(zvms: Sequence[Zvm], environment: Mapping[str, str], problems: list[str]) -> tuple[Zvm, ...]:
    """Return *zvms* with the proxies of HTTPS_PROXY, HTTP_PROXY and NO_PROXY where they have none of their own.

    Mistakes are appended to *problems*; none quotes a variable, which may hold a password.
    """
    proxied: list[Zvm] = []
    for zvm in zvms:
        name, value = _variable(f"{urlsplit(zvm.url).scheme}_proxy", environment)
        if zvm.proxy_url is not None or not value or _excepted(zvm.url, _variable("no_proxy", environment)[1]):
            proxied.append(zvm)
            continue
        parts = _split(value if "://" in value else f"http://{value}")
        if parts is None:
            problems.append(
                f"the environment variable {name}: {_EXPECTED}; proxy_url names another proxy, {DIRECT} for none"
            )
            continue
        auth = zvm.proxy_auth
        if auth.username is None and parts.username:
            auth = ProxyAuth(username=unquote(parts.username), password=unquote(parts.password or ""))
        proxied.append(replace(zvm, proxy_url=f"http://{parts.netloc.rpartition('@')[2]}", proxy_auth=auth))
    return tuple(proxied)


def _variable(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return a variable that has a value, and it; as curl and Python do, the small letters come first."""
    values = {one: environment.get(one, "").strip() for one in (name, name.upper())}
    return next(((one, value) for one, value in values.items() if value), ("", ""))


def _split(url: str) -> SplitResult | None:
    """Return the parts of a proxy's URL, None where it is none that can be used."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "http" and parts.hostname and (parts.port is None or parts.port > 0)
        URL(url)  # as the connection will read it
    except (ValueError, IndexError):  # yarl's way to say that it is no URL, of some
        return None
    extra = parts.path.rstrip("/") or parts.query or parts.fragment or any(character <= " " for character in url)
    return parts if usable and not extra and not parts.netloc.endswith(":") else None


def _excepted(url: str, no_proxy: str) -> bool:
    """Tell whether a ZVM is reached without the environment's proxy: it is on this machine, or in NO_PROXY."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme)
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(one.strip().lower(), host, port, address) for one in no_proxy.split(","))


def _matches(
    pattern: str, host: str, port: int | None, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None
) -> bool:
    """Tell whether *pattern* is `*`, the host, a domain that it is in, its address or a network; `:port` may follow."""
    if pattern == "*":
        return True
    network = _network(pattern)
    if network is not None:
        return address is not None and address in network
    name, colon, only_port = pattern.rpartition(":")
    if colon and only_port.isdecimal():
        if only_port != str(port):
            return False
        pattern = name.strip("[]")
    domain = pattern.removeprefix("*").lstrip(".").rstrip(".")
    return bool(domain) and (host == domain or (address is None and host.endswith(f".{domain}")))


def _network(pattern: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
