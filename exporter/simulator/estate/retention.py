"""Long-term retention at a site: which of its VPGs have copies made, how their runs went, and where the copies lie."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.seeded import guid, stream
from exporter.simulator.estate.site import LivingSite

SMB, S3, NFS = range(3)
"""What the repositories of a site are, by their places. Nobody outside the vendor knows what each code means."""

_DAY: Final = 86400
_RUN_BETWEEN: Final = (3600, 5 * 3600)
"""Seconds after midnight: copies are made at night."""
_RUNS_COUNTED: Final = 30
_FAILING: Final = 0.05
_SETS_KEPT: Final = 7
_ONE_IN: Final = 3
_KEPT_SHARE: Final = 0.4
"""Of what a VM uses, as compressed as it lies there."""

NEVER, FINE, LAST_FAILED = range(3)
"""What the codes of the API may mean: nobody outside the vendor knows."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A place for copies. GiB, None for a cloud, which has no end; `user`, `password` and `key` are secrets."""

    identifier: str
    name: str
    kind: int
    capacity_gb: int | None
    used_gb: int
    path: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Health:
    """How the runs of a VPG went: times in unix seconds, `succeeded` of the `expected` last runs."""

    vpg: Vpg
    repository: Repository
    status: int
    changed: int
    last_run: int
    last_success: int | None
    expected: int
    succeeded: int


def repositories_at(site: LivingSite) -> tuple[Repository, ...]:
    """The repositories of a site, each with room for three times what its copies take."""
    used: defaultdict[int, int] = defaultdict(int)
    for vpg in _kept(site):
        used[_place(site, vpg)] += sum(member.vm.used_mb for member in vpg.members)
    return tuple(_repository(site, kind, int(used[kind] * _KEPT_SHARE * _SETS_KEPT / 1024)) for kind in (SMB, S3, NFS))


def retention_at(site: LivingSite, second: int) -> list[Health]:
    """The VPGs of the site that have copies made: the first of them, each third, and those that recover to it."""
    places = repositories_at(site)
    return [_health(site, vpg, places[_place(site, vpg)], second) for vpg in _kept(site)]


def _kept(site: LivingSite) -> list[Vpg]:
    left = {vpg.identifier: vpg for vpg in site.own.vpgs}
    founded = enumerate(site.own.founded)
    kept = [vpg.identifier for place, vpg in founded if not place % _ONE_IN or vpg.recovery == site.here]
    return [left[identifier] for identifier in kept if identifier in left]


def _place(site: LivingSite, vpg: Vpg) -> int:
    return SMB if vpg.recovery == site.here else stream(site.seed, "repository", vpg.identifier).randrange(3)


def _repository(site: LivingSite, kind: int, used: int) -> Repository:
    numbers = stream(site.seed, site.here.name, "repository", kind)
    name = ("share", "bucket", "export")[kind]
    return Repository(
        # The points in time of a VM name the one that copies of local VPGs go to.
        identifier=guid(stream(site.seed, site.here.name, "repository") if kind == SMB else numbers),
        name=f"ltr-{site.here.name}-{name}",
        kind=kind,
        capacity_gb=None if kind == S3 else max(1024, 3 * used),
        used_gb=used,
        path=(f"\\\\nas.{site.here.name}.test\\ltr", "ltr", f"nas.{site.here.name}.test:/ltr")[kind],
        user=f"ltr-user-{numbers.getrandbits(32):08x}",
        password=f"ltr-password-{numbers.getrandbits(64):016x}",
        key=f"ltr-key-{numbers.getrandbits(64):016x}",
    )


def _health(site: LivingSite, vpg: Vpg, repository: Repository, second: int) -> Health:
    numbers = stream(site.seed, "retention", vpg.identifier)
    hour = numbers.randint(*_RUN_BETWEEN)
    last = (second - hour) // _DAY
    good = [day for day in range(last - _RUNS_COUNTED + 1, last + 1) if _succeeded(site, vpg, day)]
    status = FINE if last in good else LAST_FAILED
    return Health(
        vpg=vpg,
        repository=repository,
        status=status if good else NEVER,
        changed=(last - 2 * _RUNS_COUNTED) * _DAY,
        last_run=last * _DAY + hour,
        last_success=good[-1] * _DAY + hour + numbers.randint(300, 3000) if good else None,
        expected=_RUNS_COUNTED,
        succeeded=len(good),
    )


def _succeeded(site: LivingSite, vpg: Vpg, day: int) -> bool:
    return stream(site.seed, "retention", vpg.identifier, day).random() >= _FAILING
