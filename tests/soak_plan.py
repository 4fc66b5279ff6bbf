"""What the soak does and when: the ZVMs, the troubles that they get into, the reloads. All of it follows from the seed.

Times in seconds since the start of the storm's clock.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from soak_page import ROUND, STALE_AFTER

from exporter.simulator.login.authority import Method

USERNAME = "prometheus@vsphere.local"
PASSWORD = "planted-by-the-soak"
CLIENT_SECRET = "planted-by-the-soak-too"

INTERVALS = ("2s", "3s")
TIMEOUT = 2.0
SETTLE = 10.0  # a poll that hangs 4 s, the pause until the next, and what a loaded machine adds
CALM_START = 8.0
RECOVERY = 13.0  # longer than a forgotten session lives, so that those are gone before they are counted
SESSION_SECONDS = 10.0
TOKEN_SECONDS = 8.0

_QUIET_SHARE = 5  # one ZVM in so many has no trouble ever
_MOST_TROUBLED = 0.4  # of the estate at a time, with those that are given time to settle
_SHORTEST, _LONGEST = 3.0, 1.8 * STALE_AFTER


@dataclass(frozen=True)
class Site:
    """A ZVM of the estate. *login* is what its configuration says of the method, *auth* what it has."""

    name: str
    vms: int
    auth: Method
    login: Literal["auto", "keycloak", "keycloak_client", "session"]
    tls: bool
    peer: str | None

    @property
    def login_path(self) -> str:
        """Where its logins go."""
        return "/v1/session" if self.auth == "session" else "/auth/"

    @property
    def windows(self) -> bool:
        """Whether it is one of the older generation."""
        return self.auth == "session"


def estate(count: int) -> list[Site]:
    """Return so many ZVMs: of each login, some over TLS, the first fifth in pairs."""
    kinds: list[tuple[Method, Any]] = [
        ("keycloak", "auto"),
        ("session", "auto"),
        ("both", "keycloak"),
        ("session", "session"),
        ("keycloak", "keycloak_client"),
        ("both", "auto"),
    ]
    paired = count // 10 * 2
    return [
        Site(
            f"zvm-{number:03}",
            2 + number % 3,
            *kinds[number % len(kinds)],
            tls=number % 10 == 3,
            peer=f"zvm-{number ^ 1:03}" if number < paired else None,
        )
        for number in range(count)
    ]


@dataclass(frozen=True)
class Kind:
    """A kind of trouble. *fault* is one of the simulator's, or what else can be done to it.

    *harmless* is what must cost the ZVM nothing. *refuses* is what the exporter backs off from, longer each time;
    *pause* the seconds for which the ZVM asks to be left alone. On *path*, or on that of logins, or on a collector's.
    """

    name: str
    fault: str
    args: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    harmless: bool = False
    refuses: bool = False
    pause: float = 0.0


LOGIN = "(login)"
_ALL = "/v1/v"

KINDS = (
    *(Kind(fault, fault) for fault in ("reset", "short", "truncated", "html", "empty", "null", "wrong_shape", "nan")),
    *(Kind(fault, fault) for fault in ("nulls", "bad_values", "bad_record", "invalid_utf8", "latin1")),
    *(Kind(fault, fault) for fault in ("hang", "endless_body", "echo_secrets")),
    *(Kind(f"status {code}", "status", {"code": code}) for code in (403, 404, 500)),
    Kind("status 401", "status", {"code": 401}, refuses=True),
    Kind("status 429", "status", {"code": 429, "headers": {"Retry-After": "3"}}, path=_ALL, pause=3.0),
    Kind("status 503", "status", {"code": 503, "headers": {"Retry-After": "2"}}, path=_ALL, pause=2.0),
    Kind("redirect", "redirect", {"location": "https://login.example.com/"}),
    Kind("bomb", "bomb", {"size": 4 * 2**20}),
    Kind("too slow", "slow", {"seconds_per_chunk": 1.0, "chunk": 512}),
    Kind("token refused for ever", "expired_token", refuses=True),
    Kind("hang everywhere", "hang", path="/"),
    Kind("gone", "stop"),
    Kind("gone for a moment", "bounce"),
    Kind("login refused", "status", {"code": 401}, path=LOGIN, refuses=True),
    Kind("login forbidden", "status", {"code": 403}, path=LOGIN, refuses=True),
    Kind("login fails", "status", {"code": 500}, path=LOGIN),
    Kind("login hangs", "hang", path=LOGIN),
    Kind("login cut off", "truncated", path=LOGIN),
    Kind("login reset", "reset", path=LOGIN),
    Kind("tokens expired", "expire", harmless=True),
    Kind("slow", "slow", {"seconds_per_chunk": 0.02, "chunk": 4096}, harmless=True),
    Kind("camel case", "camel_case", {"keep_identity": True}, path=_ALL, harmless=True),
    *(
        Kind(fault.replace("_", " "), fault, path=_ALL, harmless=True)
        for fault in ("duplicates", "hostile_names", "xml", "gzip", "enum_names", "lower_first")
    ),
    *(
        Kind(fault.replace("_", " "), fault, path=_ALL, harmless=True)
        for fault in ("strings_for_numbers", "unknown_codes", "wrong_content_type")
    ),
)


@dataclass(frozen=True)
class Trouble:
    """What happens to a ZVM from *at* on for some *seconds*."""

    at: float
    seconds: float
    zvm: str
    kind: Kind
    path: str

    @property
    def settle(self) -> float:
        """Seconds after its end in which the ZVM must be back: what the exporter may still be waiting for, and more.

        Each wait after a refusal is at most twice as long as the one before, so at most 1.4 times all those before.
        """
        backed_off = 1.4 * self.seconds + 3.0 if self.kind.refuses else 0.0
        return SETTLE + self.kind.pause + backed_off


@dataclass(frozen=True)
class Reload:
    """What the configuration is from *at* on, and how the exporter is told. A *bad* one is refused."""

    at: float
    how: Literal["POST", "SIGHUP"]
    bad: str = ""
    removed: frozenset[str] = frozenset()
    relabelled: frozenset[str] = frozenset()
    slower: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """All that happens, in the order of time. *end* is the last of it."""

    troubles: list[Trouble]
    reloads: list[Reload]
    end: float


def plan(seed: int, seconds: float, sites: Sequence[Site]) -> Plan:
    """Plan a storm of so many *seconds*, of which the first are calm and the last are left for recovery."""
    rng = random.Random(seed)  # noqa: S311 - a plan, no secret
    end = seconds - RECOVERY
    names = [site.name for site in sites]
    troubled = rng.sample(names, len(names) - len(names) // _QUIET_SHARE)
    return Plan(_troubles(rng, end, sites, troubled), _reloads(rng, end, names, troubled), end)


def _troubles(rng: random.Random, end: float, sites: Sequence[Site], names: Collection[str]) -> list[Trouble]:
    free_at = dict.fromkeys(sorted(names), 0.0)
    site_of = {site.name: site for site in sites}
    troubles: list[Trouble] = []
    deck: list[Kind] = []
    at = CALM_START
    while at < end - _SHORTEST:
        free = [name for name, since in free_at.items() if since <= at]
        if len(free) > len(free_at) - _MOST_TROUBLED * len(sites):
            if not deck:
                deck = rng.sample(KINDS, len(KINDS))
            kind, zvm = deck.pop(), rng.choice(free)
            path = kind.path or rng.choice(("/v1/vms", "/v1/vpgs", _ALL))
            if path == LOGIN:
                path = site_of[zvm].login_path
            trouble = Trouble(at, min(rng.uniform(_SHORTEST, _LONGEST), end - at), zvm, kind, path)
            free_at[zvm] = at + trouble.seconds + trouble.settle
            troubles.append(trouble)
        at += rng.uniform(0.3, 0.7)
    return troubles


_BAD = (
    "zvms: [",
    "zvms: []\n",
    "zvms:\n  - {name: nowhere, url: 'https://127.0.0.1:1', intervall: 1s}\n",
    "",
)


def _reloads(rng: random.Random, end: float, names: Sequence[str], troubled: Sequence[str]) -> list[Reload]:
    reloads: list[Reload] = []
    at = CALM_START + 2.0
    while at < end - 1.0:
        how: Literal["POST", "SIGHUP"] = "POST" if len(reloads) % 2 else "SIGHUP"
        if len(reloads) % 3 == 2:
            reloads.append(Reload(at, how, bad=rng.choice(_BAD)))
        else:
            removed = frozenset(rng.sample(troubled, min(3, len(troubled) // 3)))
            relabelled = frozenset(rng.sample(troubled, min(3, len(troubled) // 3)))
            slower = frozenset(rng.sample(names, len(names) // 20))
            reloads.append(Reload(at, how, "", removed, relabelled, slower))
        at += rng.uniform(4.0, 9.0)
    return [*reloads, Reload(end + 0.5, "POST")]


def write(
    file: Path, sites: Sequence[Site], urls: Mapping[str, str], rounds: Mapping[str, int], reload: Reload
) -> None:
    """Write the configuration file of a *reload*; *rounds* are the labels that the ZVMs have."""
    if reload.bad:
        text = reload.bad
    else:
        entries = [
            {
                "name": site.name,
                "url": urls[site.name],
                "interval": INTERVALS[site.name in reload.slower],
                "labels": {ROUND: str(rounds[site.name])},
                "auth": _auth(site),
                **({"tls": {"ca_file": "ca.pem"}} if site.tls else {}),
            }
            for site in sites
            if site.name not in reload.removed
        ]
        defaults = {
            "timeout": f"{TIMEOUT:g}s",
            "stale_after": f"{STALE_AFTER:g}s",
            "max_body": "1MiB",
            "collectors": ["vms", "vpgs"],
        }
        text = yaml.safe_dump({"defaults": defaults, "zvms": entries})
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)  # the exporter must not read half of it


def _auth(site: Site) -> dict[str, str]:
    if site.login == "keycloak_client":
        return {"method": site.login, "client_id": "soak", "client_secret": CLIENT_SECRET}
    return {"method": site.login, "username": USERNAME, "password": PASSWORD}
