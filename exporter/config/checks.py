"""What only makes sense together: the cross-checks of a configuration whose values were each read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from yarl import URL

from exporter import collectors
from exporter.collectors.base import Collector
from exporter.collectors.vms import FILTERS
from exporter.config.certificates import check_tls
from exporter.config.document import Expanded
from exporter.config.proxies import check_proxy
from exporter.config.schema import COLLECTORS, GROUPS, Zvm, chosen
from exporter.config.source import Source
from exporter.config.words import close, did_you_mean
from exporter.zvm.errors import SecretError
from exporter.zvm.login.secrets import secret_in
from exporter.zvm.paths import realm_problem
from exporter.zvm.settings import Auth, ProxyAuth, Tls

_API_PATH: Final = re.compile(r"(?i)/(?:v1(?:/(?:vms|vpgs|session|session/add|localsite))?|auth/realms(?:/.*)?)/*\Z")
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SCOPE: Final = re.compile(r"(?:[!#-\[\]-~]+(?: [!#-\[\]-~]+)*)?")  # RFC 6749, 3.3
_TABLES: Final = tuple(table for collector in collectors.ALL for table in collector.tables)
_NAMES: Final = tuple(metric.name for table in _TABLES for metric in table.metrics)
# Those of our own samples, those that Prometheus puts on every scrape, and those of histograms.
_TAKEN: Final = frozenset({"zvm", "collector", "job", "instance", "le", "quantile"}).union(
    *(labels for table in _TABLES for labels in (table.attributes, table.labels)),
    *(metric.labels for table in _TABLES for metric in table.metrics),
)


def check(read: Sequence[tuple[Source, Zvm]], of_all: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the ZVMs, each by itself and with each other, and with the keys *of_all*."""
    problems: list[str] = [f"{key}: must be larger than 0" for key, value in of_all.items() if value == 0]
    first: dict[str, str] = {}
    tls: dict[Tls, list[tuple[str, str]]] = {}
    for source, zvm in read:
        if source.sound("name") and zvm.name in first:
            problems.append(f"{source.at('name')}: {zvm.name!r} is already the name of {first[zvm.name]}")
        first.setdefault(zvm.name, source.path)
        if zvm.tls not in tls:  # building a TLS context takes milliseconds, and hundreds of ZVMs share their files
            tls[zvm.tls] = list(check_tls(zvm.tls))
        problems.extend(f"{source.at(key)}: {problem}" for key, problem in tls[zvm.tls] if source.sound(key))
        problems.extend(_zvm(zvm, source))
    return list(dict.fromkeys(problems))  # what the defaults have wrong is wrong for each ZVM


def _zvm(zvm: Zvm, source: Source) -> Iterator[str]:
    if source.sound("url"):
        yield from (f"{source.at('url')}: {problem}" for problem in _url(zvm.url, source))
    yield from _times(zvm, source)
    yield from _sizes(zvm, source)
    yield from _patterns(zvm, source)
    yield from _collectors(zvm, source)
    yield from _intervals(zvm, source)
    yield from _budgets(zvm, source)
    yield from _auth(zvm.auth, source)
    yield from _secrets(zvm.proxy_auth, "proxy_auth", source)
    yield from check_proxy(zvm, source)
    for name in zvm.filters:
        if name not in FILTERS:
            yield f"{source.within('filters', name)}: not a filter of GET /v1/vms{did_you_mean(name, FILTERS)}"
    for name in zvm.labels:
        problem = _label(name)
        if problem:
            yield f"{source.within('labels', name)}: {problem}"


def _url(url: str, source: Source) -> Iterator[str]:
    if "@" in url:  # before all else, so that no other message quotes what stands before it
        places = f"{source.other('auth.username')} and {source.other('auth.password_file')}"
        yield f"must not hold a user name or password; they belong in {places}"
        return
    got = "" if isinstance(url, Expanded) else f", got {url[:200]!r}"
    expected = f"expected https://host or https://host:port{got}"
    try:
        parts = urlsplit(url)
        port_given = parts.port is None or parts.port > 0
        URL(url)
    except ValueError:
        yield expected
        return
    blank = any(character <= " " for character in url)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or not port_given
        or blank
        or parts.netloc.endswith(":")
    ):
        yield expected
    elif "?" in url or "#" in url:
        yield f"{expected}; no query and no fragment"
    elif _API_PATH.search(parts.path):
        yield f"{expected}; the paths of the API are known"
    elif parts.path.rstrip("/") and not all(map(_plain, parts.path.rstrip("/").split("/")[1:])):
        yield f"{expected}; a path in front of the API's own has no empty part, . or .. in it"


def _plain(segment: str) -> bool:
    """Tell whether a part of a path is a name, also once it is unquoted."""
    name = unquote(segment)
    return name not in {"", ".", ".."} and not set("/\\") & set(name)


def _times(zvm: Zvm, source: Source) -> Iterator[str]:
    for key in ("interval", "timeout", "stale_after"):
        if getattr(zvm, key) == 0 and key in source.own | source.default:
            yield f"{source.at(key)}: must be longer than 0"
    if source.sound("timeout", "interval") and zvm.timeout > zvm.interval > 0:
        yield f"{source.at('timeout', 'interval')}: {zvm.timeout:g}s is longer than interval, {zvm.interval:g}s"
    stale_after = zvm.stale_after
    if source.sound("stale_after", "interval") and stale_after and stale_after < zvm.interval:
        where = source.at("stale_after", "interval")
        yield f"{where}: {stale_after:g}s is shorter than interval, {zvm.interval:g}s"


def _sizes(zvm: Zvm, source: Source) -> Iterator[str]:
    for key in ("max_body", "max_requests", "max_series"):
        if getattr(zvm, key) == 0:
            yield f"{source.at(key)}: must be larger than 0"


def _patterns(zvm: Zvm, source: Source) -> Iterator[str]:
    for key, texts in (("allow", zvm.metrics.allow), ("deny", zvm.metrics.deny)):
        here = source.within("metrics", key)
        for text, problem in _each_pattern(texts, here):
            if problem:
                yield problem
            elif not any(re.fullmatch(text, name) for name in _NAMES):
                shown = "" if isinstance(text, Expanded) else f", got {text[:100]!r}"
                yield f"{here}: expected what matches a metric{shown}{_meant(text)}"
    for collector in collectors.ALL:
        options = zvm.of(collector.name)
        for key, patterns in (("include", options.include), ("exclude", options.exclude)):
            for name, texts in patterns.items():
                here = source.within(f"{collector.name}.{key}", name)
                if name not in collector.chosen_by:
                    yield f"{here}: {_not_chosen_by(name, collector)}"
                yield from (problem for _, problem in _each_pattern(texts, here) if problem)


def _each_pattern(texts: Sequence[str], path: str) -> Iterator[tuple[str, str]]:
    """Yield each of *texts* with what is wrong with it, "" for nothing."""
    for index, text in enumerate(texts):
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            shown = "" if isinstance(text, Expanded) else f", got {text[:100]!r}: {error}"
            yield text, f"{path}[{index}]: expected a regular expression{shown}"
        else:
            yield text, ""


def _meant(text: str) -> str:
    meant = close(text, _NAMES)
    return f" (did you mean {meant}?)" if meant else "; docs/metrics.md lists them"


def _not_chosen_by(name: str, collector: Collector[Any]) -> str:
    if not collector.chosen_by:
        return f"{collector.name} cannot be chosen by anything"
    return f"not what {collector.name} are chosen by{did_you_mean(name, collector.chosen_by)}"


def _collectors(zvm: Zvm, source: Source) -> Iterator[str]:
    words, here = zvm.collectors, source.at("collectors")
    known = (*COLLECTORS, *GROUPS)
    sound = [word for word in words if word in known or word.removeprefix("-") in COLLECTORS]
    for word in words:
        if word not in sound:
            name = word.removeprefix("-")
            unknown = "" if isinstance(word, Expanded) else f" {name!r}"
            yield f"{here}: unknown collector{unknown}{did_you_mean(name, known)}"
    for word in dict.fromkeys(word for word in sound if sound.count(word) > 1):
        yield f"{here}: names {word} more than once"
    if len(sound) == len(words) and not chosen(words) and source.sound("collectors"):
        yield f"{here}: expected at least one of {', '.join(sorted(known))}"


def _intervals(zvm: Zvm, source: Source) -> Iterator[str]:
    for name, interval in zvm.intervals.items():
        here = source.within("intervals", name)
        if name not in COLLECTORS:
            yield f"{here}: unknown collector {name!r}{did_you_mean(name, COLLECTORS)}"
        elif interval < zvm.interval and source.sound("interval"):
            yield f"{here}: {interval:g}s is shorter than interval, {zvm.interval:g}s; no collector is faster"


def _budgets(zvm: Zvm, source: Source) -> Iterator[str]:
    for collector in collectors.ALL:
        key = f"{collector.name}.requests_per_poll"
        if key not in source.own | source.default:
            continue
        if not collector.by_object:
            yield f"{source.at(key)}: {collector.name} is asked for as a whole, in one request"
        elif zvm.of(collector.name).requests_per_poll == 0:
            yield f"{source.at(key)}: must be larger than 0"


def _auth(auth: Auth, source: Source) -> Iterator[str]:
    yield from _secrets(auth, "auth", source)
    if source.sound("auth.method", "defaults"):
        yield from _needed(auth, source)
    yield from _keycloak(auth, source)


def _secrets(auth: Auth | ProxyAuth, section: str, source: Source) -> Iterator[str]:
    for secret in ("username", "password", "client_id", "client_secret"):
        form, form_file = f"{section}.{secret}", f"{section}.{secret}_file"
        file: Path | None = getattr(auth, f"{secret}_file", None)
        if file is None:
            continue
        if getattr(auth, secret) is not None:
            yield f"{source.at(form, form_file)}: given twice, here and as {source.other(form_file)}"
        # A password written where the name of its file belongs reads as a file beside the configuration: not quoted.
        beside = not file.is_absolute() or any(file.is_relative_to(folder) for folder in source.folders)
        try:
            secret_in(file, "a file below the configuration's folder" if beside else str(file))
        except SecretError as error:
            yield f"{source.at(form_file)}: {error}"


def _needed(auth: Auth, source: Source) -> Iterator[str]:
    needs = f"method {auth.method} needs it"
    client = auth.method == "keycloak_client"
    who, secret = ("client_id", "client_secret") if client else ("username", "password")
    name: str | None = getattr(auth, who)
    if name is None and getattr(auth, f"{who}_file") is None and source.sound(f"auth.{who}", f"auth.{who}_file"):
        yield f"{source.at(f'auth.{who}')}: missing, {needs}"
    elif name is not None and ":" in name and auth.method == "session":
        yield f"{source.at('auth.username')}: must not hold a colon, HTTP Basic has no way to send it"
    forms = (f"auth.{secret}_file", f"auth.{secret}")
    if all(getattr(auth, form.removeprefix("auth.")) is None for form in forms) and source.sound(*forms):
        yield f"{source.at(forms[0])}: missing (or {source.other(forms[1])}), {needs}"


def _keycloak(auth: Auth, source: Source) -> Iterator[str]:
    problem = realm_problem(auth.realm)
    if problem and source.sound("auth.realm"):
        yield f"{source.at('auth.realm')}: {problem}"
    if not _SCOPE.fullmatch(auth.scope):
        yield f"{source.at('auth.scope')}: expected scopes of OAuth, with one blank between, such as openid, or nothing"


def _label(name: str) -> str | None:
    if not _LABEL.fullmatch(name) or name.startswith("__"):
        return "no label name; expected letters, digits and _, no __ in front"
    return "collides with a label of the exporter's own" if name in _TAKEN else None
