"""Long-term retention: GET /v1/ltr/health/vpgs, and where the copies lie: GET /v1/ltr/repositories.

Of a repository's settings nothing is read that lets anybody in: no user, no password, no key, no path.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source, UnsupportedError, if_there
from exporter.collectors.enums import Code, Enum
from exporter.collectors.fields import Identifier, Number, Text, timestamp
from exporter.prometheus.table import CODE, GIBIBYTES, NONE, TIMESTAMP, Labels, Metric, Table
from exporter.zvm.decode.layout import inside
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/ltr/health/vpgs"
REPOSITORIES: Final = "/v1/ltr/repositories"

# Nobody outside the vendor has the names of these codes.
STATUS: Final = Enum({})
STORAGE: Final = Enum({})
CONNECTION: Final = Enum({})


class SuccessRate(Struct, frozen=True, gc=False):
    expected: Number = field(name="ExpectedRetentionSets", default=None)
    successful: Number = field(name="ActualSuccessfulRetentionSets", default=None)


class Health(Struct, frozen=True, gc=False):
    vpg_id: Identifier = field(name="VpgId")
    vpg: Text = field(name="VpgName", default=None)
    status: Code = field(name="LtrVpgStatus", default=None)
    rate: SuccessRate | None = field(name="SuccessRate", default=None)
    last_run: Text = field(name="DateOfLastRun", default=None)
    last_success: Text = field(name="TimeOfLastSuccessfulRun", default=None)


class Target(Struct, frozen=True, gc=False):
    """All that is read of what a repository is kept on: whether it can be changed there."""

    immutable: bool | None = field(name="IsImmutable", default=None)


class Repository(Struct, frozen=True, gc=False):
    id: Identifier = field(name="RepositoryIdentifier")
    name: Text = field(name="RepositoryName", default=None)
    storage: Code = field(name="StorageType", default=None)
    connection: Code = field(name="ConnectionType", default=None)
    capacity: Number = field(name="TotalCapacityGB", default=None)
    used: Number = field(name="UsedCapacityGB", default=None)
    free: Number = field(name="FreeCapacityGB", default=None)
    s3: Target | None = field(name="S3", default=None)
    azure: Target | None = field(name="Azure", default=None)
    s3_compatible: Target | None = field(name="S3-Compatible", default=None)


class OfVpg(Struct, frozen=True, gc=False):
    """The health of one VPG's retention, and what the ZVM is to that VPG."""

    role: str
    health: Health


class Retention(Struct, frozen=True):
    vpgs: list[OfVpg]
    repositories: list[Repository]


def immutable(repository: Repository) -> bool | None:
    """Tell whether what lies in *repository* cannot be changed; None for a kind that has no such thing."""
    targets = (repository.s3, repository.azure, repository.s3_compatible)
    said = [target.immutable for target in targets if target is not None and target.immutable is not None]
    return any(said) if said else None


def vpgs(one: Retention) -> Iterable[OfVpg]:
    """Return the VPGs that have copies made."""
    return one.vpgs


def repositories(one: Retention) -> Iterable[Repository]:
    """Return the repositories that copies go to."""
    return one.repositories


LABELS: Labels[OfVpg] = {"vpg": lambda one: one.health.vpg or "", "vpg_id": lambda one: one.health.vpg_id}

VPGS: Table[OfVpg] = Table(
    LABELS,
    Metric(
        "zerto_retention_state",
        "The state of the long-term retention of a VPG. The vendor gives no names to the codes: Unknown(n).",
        f"GET {PATH} LtrVpgStatus",
        NONE,
        lambda one: None if one.health.status is None else 1,
        {"status": lambda one: STATUS.name(one.health.status)},
    ),
    Metric(
        "zerto_retention_status_code",
        "The same state as a number.",
        f"GET {PATH} LtrVpgStatus",
        CODE,
        lambda one: STATUS.code(one.health.status),
    ),
    Metric(
        "zerto_retention_last_run_timestamp_seconds",
        "Time at which copies of the VPG were made last, or should have been. No sample if never.",
        f"GET {PATH} DateOfLastRun",
        TIMESTAMP,
        lambda one: timestamp(one.health.last_run),
    ),
    Metric(
        "zerto_retention_last_success_timestamp_seconds",
        "Time of the last run that succeeded. No sample if none did.",
        f"GET {PATH} TimeOfLastSuccessfulRun",
        TIMESTAMP,
        lambda one: timestamp(one.health.last_success),
    ),
    Metric(
        "zerto_retention_expected_sets",
        "Retention sets that there should be by now.",
        f"GET {PATH} SuccessRate.ExpectedRetentionSets",
        NONE,
        lambda one: None if one.health.rate is None else one.health.rate.expected,
    ),
    Metric(
        "zerto_retention_successful_sets",
        "Those of them that were made.",
        f"GET {PATH} SuccessRate.ActualSuccessfulRetentionSets",
        NONE,
        lambda one: None if one.health.rate is None else one.health.rate.successful,
    ),
    attributes={"role": lambda one: one.role},
    each=vpgs,
)

DESCRIPTION: Labels[Repository] = {
    "storage_type": lambda repository: STORAGE.name(repository.storage),
    "connection_type": lambda repository: CONNECTION.name(repository.connection),
}

OF_REPOSITORIES: Table[Repository] = Table(
    {"repository": lambda repository: repository.name or "", "repository_id": lambda repository: repository.id},
    Metric(
        "zerto_repository_info",
        "What describes a repository of long-term retention.",
        f"GET {REPOSITORIES} StorageType, ConnectionType",
        NONE,
        lambda _: 1,
        DESCRIPTION,
    ),
    Metric(
        "zerto_repository_capacity_bytes",
        "Capacity of the repository. No sample where the storage does not tell, as that of a cloud.",
        f"GET {REPOSITORIES} TotalCapacityGB",
        GIBIBYTES,
        lambda repository: repository.capacity,
    ),
    Metric(
        "zerto_repository_used_bytes",
        "What of it is used.",
        f"GET {REPOSITORIES} UsedCapacityGB",
        GIBIBYTES,
        lambda repository: repository.used,
    ),
    Metric(
        "zerto_repository_free_bytes",
        "What of it is free.",
        f"GET {REPOSITORIES} FreeCapacityGB",
        GIBIBYTES,
        lambda repository: repository.free,
    ),
    Metric(
        "zerto_repository_immutable",
        "1 if what lies there cannot be changed before its time. No sample where the kind has no such thing.",
        f"GET {REPOSITORIES} S3, Azure, S3-Compatible: IsImmutable",
        NONE,
        immutable,
    ),
    each=repositories,
)

HEALTH_DECODER: Decoder[Health] = Decoder(Health, layout=inside("Vpgs"), quoted=False)
REPOSITORY_DECODER: Decoder[Repository] = Decoder(Repository, layout=inside("Repositories"), quoted=False)


def begin(source: Source) -> Fetch[Retention]:
    """Return what asks *source* for the health of its retention, and for the repositories."""

    async def fetch() -> Decoded[Retention]:
        health = await if_there(source.get(PATH, HEALTH_DECODER))
        places = await if_there(source.get(REPOSITORIES, REPOSITORY_DECODER))
        if health is None and places is None:
            raise UnsupportedError(f"the ZVM has neither {PATH} nor {REPOSITORIES}, or not for this user")
        health, places = health or Decoded(), places or Decoded()
        roles = {vpg.id: vpg.role for vpg in source.rows("vpgs")}
        of_vpgs = [OfVpg(roles.get(one.vpg_id, ""), one) for one in health.rows]
        return Decoded([Retention(of_vpgs, places.rows)], health.lost + places.lost)

    return fetch


COLLECTOR: Collector[Retention] = Collector(
    "retention",
    "Long-term retention",
    PATH,
    (VPGS, OF_REPOSITORIES),
    begin,
    interval=900.0,
    needs=("vpgs",),
)
