"""GET /v1/ltr/health/vpgs and /v1/ltr/repositories: long-term retention, as the appliance has it.

The settings of a repository hold what lets its owner in, which is a secret.
"""

from typing import Final

from exporter.simulator.api.filters import text
from exporter.simulator.api.links import iso
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.retention import FINE, NFS, S3, SMB, Health, Repository, repositories_at, retention_at

_NEVER: Final = "0001-01-01T00:00:00"


def _health(asked: Asked) -> Document:
    _known(asked)
    return {"Vpgs": [_vpg(health) for health in retention_at(asked.site, asked.second)]}


def _vpg(health: Health) -> Document:
    fine = health.status == FINE
    return {
        "LtrVpgStatus": health.status,
        "RetentionPolicyLatestChanged": iso(health.changed),
        "SuccessRate": {
            "ExpectedRetentionSets": health.expected,
            "ActualSuccessfulRetentionSets": health.succeeded,
        },
        "DateOfLastRun": iso(health.last_run),
        "TimeOfLastSuccessfulRun": iso(health.last_success) or _NEVER,
        "SuccessRatePotentialImpact": {"IsSuccessRateInfluencedByManualDeletion": False},
        "VpgName": health.vpg.name,
        "VpgId": health.vpg.identifier,
        "VmsInVpg": len(health.vpg.members),
        "Policy": "Daily",
        "SchedulingAndRetentionSettings": None,
        "RecoverySiteName": health.vpg.recovery.name,
        "RepositoryName": health.repository.name,
        "RepositoryId": health.repository.identifier,
        "ZorgName": health.vpg.organization,
        "AlertStatus": 0 if fine else 1,
        "AlertTips": None,
        "IsAbortBackupEnabled": False,
        "IsBackupEnabled": True,
        "IsUpdateEnabled": True,
        "IsFailoverEnabled": False,
        "IsFailoverTestEnabled": False,
        "IsMoveEnabled": False,
        "CompressionSettings": {"CompressionLevel": 1},
        "ManageRetentionSetsAvailability": {"IsEnabled": True, "DisableReasonText": None},
    }


def _repositories(asked: Asked) -> list[Document]:
    _known(asked)
    return [_repository(repository) for repository in repositories_at(asked.site)]


def _repository(repository: Repository) -> Document:
    capacity = repository.capacity_gb
    free = None if capacity is None else capacity - repository.used_gb
    return {
        "RepositoryIdentifier": repository.identifier,
        "RepositoryName": repository.name,
        "StorageType": repository.kind,
        "ConnectionType": repository.kind,
        "DefaultRepository": repository.kind == SMB,
        "IsIndexRepository": False,
        "TotalCapacityGB": capacity,
        "UsedCapacityGB": repository.used_gb,
        "FreeCapacityGB": free,
        "RepositoryState": {
            "AllocatedSpaceInGB": capacity,
            "AvailableSpaceInGB": free,
            "UsedSpaceInGB": repository.used_gb,
        },
        "Smb": _smb(repository) if repository.kind == SMB else None,
        "S3": _s3(repository) if repository.kind == S3 else None,
        "Nfs": {"Path": repository.path} if repository.kind == NFS else None,
        "Catalyst": None,
        "Azure": None,
        "S3-Compatible": None,
    }


def _smb(repository: Repository) -> Document:
    return {"Path": repository.path, "UserName": repository.user, "Password": repository.password}


def _s3(repository: Repository) -> Document:
    return {
        "S3Region": "us-east-1",
        "S3BucketName": repository.name,
        "S3EndpointUrl": None,
        "S3StorageClass": "STANDARD",
        "S3AccessKey": repository.user,
        "Path": repository.path,
        "S3SecretKey": repository.key,
        "IsStandardIATiering": False,
        "IsGlacierTiering": False,
        "TieringToStandardIAInDays": 0,
        "TieringToGlacierInDays": 0,
        "IsImmutable": True,
        "ImmutabilityPolicy": 1,
        "ImmutabilityDays": 30,
    }


def _known(asked: Asked) -> None:
    if not asked.appliance:
        raise ApiError(404, "No HTTP resource was found that matches the request URI.")


# Nobody outside the vendor knows the names of these codes: XML has their numbers here.
_HEALTH: Final = Fields(enums={}, elements={"Vpgs": "VpgLtrHealthApi"}, identity=frozenset({"VpgId"}))
_REPOSITORIES: Final = Fields(enums={}, identity=frozenset({"RepositoryIdentifier"}))
_FILTERS: Final = {"repositoryname": text("RepositoryName"), "connectiontype": text("ConnectionType")}
ROUTES: Final = (
    Route("/v1/ltr/health/vpgs", "VpgsLtrHealthApi", _health, fields=_HEALTH),
    Route("/v1/ltr/repositories", "RepositoriesSettingsApi", _repositories, _FILTERS, _REPOSITORIES),
)
