"""What only makes sense together: the cross-checks of a configuration whose values were each read."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from exporter import collectors
from exporter.collectors.vms import FILTERS
from exporter.config.read import did_you_mean
from exporter.config.schema import COLLECTORS, Zvm
from exporter.zvm.settings import Auth, Tls

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TABLES: Final = tuple(collector.table for collector in collectors.ALL)
# Those of our own samples, those that Prometheus puts on every scrape, and those of histograms.
_TAKEN: Final = frozenset({"zvm", "collector", "job", "instance", "le", "quantile"}).union(
    *(table.labels for table in _TABLES),
    *(metric.labels for table in _TABLES for metric in table.metrics),
)


def check_all(zvms: Sequence[tuple[str, Zvm]], problems: list[str]) -> None:
    """Check the ZVMs against each other."""
    first: dict[str, str] = {}
    for path, zvm in zvms:
        if zvm.name in first:
            problems.append(f"{path}.name: {zvm.name!r} is already the name of {first[zvm.name]}")
        first.setdefault(zvm.name, path)


def check_zvm(zvm: Zvm, path: str, problems: list[str]) -> None:
    """Check one ZVM, found at *path*."""
    here = [
        *_url(zvm.url),
        *_times(zvm),
        *_collectors(zvm.collectors),
        *(f"auth.{problem}" for problem in _auth(zvm.auth)),
        *(f"tls.{problem}" for problem in _tls(zvm.tls)),
        *(
            f"filters.{name}: not a filter of GET /v1/vms{did_you_mean(name, FILTERS)}"
            for name in zvm.filters
            if name.casefold() not in {known.casefold() for known in FILTERS}
        ),
        *_labels(zvm),
    ]
    problems.extend(f"{path}.{problem}" for problem in here)


def _url(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        port_given = parts.port is None or parts.port > 0
    except ValueError as error:
        return [f"url: {error}"]
    if parts.username is not None or parts.password is not None:
        return ["url: must not hold a user name or password; they belong under auth"]
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_given:
        return [f"url: expected https://host or https://host:port, got {url!r}"]
    if parts.query or parts.fragment or parts.path.rstrip("/"):
        return [f"url: expected no path after the host, got {parts.path!r}; the API's paths are known"]
    return []


def _times(zvm: Zvm) -> list[str]:
    problems = [
        f"{key}: must be longer than 0"
        for key, seconds in (("interval", zvm.interval), ("timeout", zvm.timeout), ("stale_after", zvm.stale_after))
        if seconds == 0
    ]
    if zvm.timeout > zvm.interval:
        problems.append(f"timeout: {zvm.timeout:g}s is longer than interval, {zvm.interval:g}s")
    if zvm.stale_after is not None and zvm.stale_after < zvm.interval:
        problems.append(f"stale_after: {zvm.stale_after:g}s is shorter than interval, {zvm.interval:g}s")
    if zvm.max_body <= 0:
        problems.append("max_body: must be larger than 0")
    return problems


def _collectors(names: Sequence[str]) -> list[str]:
    problems = [
        f"collectors: unknown collector {name!r}{did_you_mean(name, COLLECTORS)}"
        for name in names
        if name not in COLLECTORS
    ]
    if len(set(names)) < len(names):
        problems.append("collectors: names one twice")
    if not names:
        problems.append("collectors: expected at least one")
    return problems


def _auth(auth: Auth) -> list[str]:
    problems = []
    for key in ("password", "client_secret"):
        file: Path | None = getattr(auth, f"{key}_file")
        if getattr(auth, key) is not None and file is not None:
            problems.append(f"{key}: given twice, here and as {key}_file")
        if file is not None:
            problems.extend(_readable(f"{key}_file", file))
    if auth.method == "keycloak_client":
        if not auth.client_id:
            problems.append("client_id: missing, method keycloak_client needs it")
        if auth.client_secret is None and auth.client_secret_file is None:
            problems.append("client_secret_file: missing (or client_secret), method keycloak_client needs it")
        return problems
    if not auth.username:
        problems.append(f"username: missing, method {auth.method} needs it")
    elif ":" in auth.username and auth.method == "session":
        problems.append("username: must not hold a colon, HTTP Basic has no way to send it")
    if auth.password is None and auth.password_file is None:
        problems.append(f"password_file: missing (or password), method {auth.method} needs it")
    return problems


def _tls(tls: Tls) -> list[str]:
    files = [(key, getattr(tls, key)) for key in ("ca_file", "cert_file", "key_file")]
    problems = [problem for key, file in files if file is not None for problem in _readable(key, file)]
    if tls.key_file is not None and tls.cert_file is None:
        problems.append("cert_file: missing, key_file needs it")
    if problems:
        return problems
    try:
        Tls(ca_file=tls.ca_file).context()
    except ssl.SSLError as error:
        return [f"ca_file: holds no certificate ({error.reason or error})"]
    try:
        tls.context()
    except ssl.SSLError as error:
        return [f"cert_file: no certificate with its key ({error.reason or error})"]
    return []


def _labels(zvm: Zvm) -> list[str]:
    problems = []
    for name, value in zvm.labels.items():
        if not _LABEL.fullmatch(name) or name.startswith("__"):
            problems.append(f"labels.{name}: no label name")
        elif name in _TAKEN:
            problems.append(f"labels.{name}: collides with a label of the exporter's own")
        elif _not_unicode(value):
            problems.append(f"labels.{name}: not Unicode")
    if _not_unicode(zvm.name):
        problems.append("name: not Unicode")
    return problems


def _readable(key: str, file: Path) -> list[str]:
    try:
        file.open("rb").close()
    except OSError as error:
        return [f"{key}: cannot read {file}: {error.strerror}"]
    return []


def _not_unicode(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)  # half of a surrogate pair
