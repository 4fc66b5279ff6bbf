"""GET /v1/vms/{id}/pointsInTime and its stats: what a VM can be restored to.

Only VMs of a local VPG have the checkpoints, and only those and what is kept for retention alone have the long-term
copies. Without vpgIdentifier a VM in several VPGs is refused.
"""

from typing import Final

from exporter.simulator.api.checkpoints import checkpoint, legacy
from exporter.simulator.api.dates import bounds
from exporter.simulator.api.links import iso
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.founding import NO_ZORG
from exporter.simulator.estate.inventory import Member, Vpg
from exporter.simulator.estate.points import RetentionSet, checkpoints, retention_sets
from exporter.simulator.estate.readings import VpgReading

_Found = tuple[Vpg, VpgReading, Member, bool]


def _listed(asked: Asked) -> list[Document]:
    """The newest first."""
    since, until = bounds(asked.query, "startdate", "enddate")
    vpg, reading, member, backup = member_of(asked)
    documents = [
        (second, _of_journal(document, member))
        for second, document in ([] if backup else _journal(asked, vpg, reading))
    ]
    documents += [(copy.second, _of_retention(copy, vpg)) for copy in _copies(asked, vpg, member, backup=backup)]
    return [
        document
        for second, document in sorted(documents, key=lambda row: row[0], reverse=True)
        if (since is None or second >= since) and (until is None or second <= until)
    ]


def _stats(asked: Asked) -> Document:
    vpg, reading, member, backup = member_of(asked)
    ends: list[tuple[int, Document]] = []
    if _local(vpg) and not backup:
        ends += [
            (second, _of_journal(_dialect(checkpoint(second), asked, vpg), member))
            for second in (reading.oldest, reading.newest)
            if second is not None
        ]
    copies = _copies(asked, vpg, member, backup=backup)
    ends += [(copy.second, _of_retention(copy, vpg)) for copy in (copies[:1] + copies[-1:])]
    ends.sort(key=lambda row: row[0])
    return {"Earliest": ends[0][1] if ends else None, "Latest": ends[-1][1] if ends else None}


def member_of(asked: Asked) -> _Found:
    """The VM that a path and a query name, in its VPG; the last says whether that is for retention only.

    Raises:
        ApiError: no VM of that identifier, or one in several VPGs of which none is named.
    """
    identifier, wanted = asked.ids["id"].lower(), asked.query.get("vpgidentifier", "").lower()
    groups = (asked.site.vpg_at(vpg.identifier, asked.second) for vpg in asked.site.vpgs_of(identifier))
    rows = [(row, False) for row in groups if row] or [(row, True) for row in asked.site.backups_at(asked.second)]
    found = [
        (vpg, reading, member, backup)
        for (vpg, reading), backup in rows
        for member in vpg.members
        if member.vm.identifier.lower() == identifier and wanted in ("", vpg.identifier)
    ]
    if not found:
        raise ApiError(404, f"Exception occurred in API: no virtual machine '{asked.ids['id']}'.")
    if len(found) > 1:
        raise ApiError(
            400,
            f"Exception occurred in API: virtual machine '{asked.ids['id']}' is in {len(found)} VPGs; "
            "vpgIdentifier is required.",
        )
    return found[0]


def _local(vpg: Vpg) -> bool:
    return vpg.protected.identifier == vpg.recovery.identifier


def _journal(asked: Asked, vpg: Vpg, reading: VpgReading) -> list[tuple[int, Document]]:
    if not _local(vpg):
        return []
    return [
        (second, _dialect(checkpoint(second, tag), asked, vpg))
        for second, tag in checkpoints(asked.site, vpg, reading, asked.second)
    ]


def _copies(asked: Asked, vpg: Vpg, member: Member, *, backup: bool) -> list[RetentionSet]:
    """Every second VM of a local VPG has copies, and all that is there for retention only."""
    if not backup and (not _local(vpg) or vpg.members.index(member) % 2):
        return []
    return retention_sets(vpg, member.vm.identifier, asked.second, asked.site.seed)


def _dialect(document: Document | None, asked: Asked, vpg: Vpg) -> Document:
    made = document if asked.appliance else legacy(document, vpg.identifier)
    return made or {}


def _of_journal(document: Document, member: Member) -> Document:
    return {"Checkpoint": document, "RetentionSet": None, "CanMount": _can_mount(allowed=member.vm.file_restore)}


def _of_retention(copy: RetentionSet, vpg: Vpg) -> Document:
    return {
        "Checkpoint": None,
        "RetentionSet": {
            "RepositoryIdentifier": copy.repository,
            "RetentionSetIdentifier": copy.identifier,
            "TimeStamp": iso(copy.second),
            "IsApplicationAware": False,
            "ZorgIdentifier": vpg.zorg or NO_ZORG,
            "NumberOfVolumes": copy.volumes,
            "RepositorySiteIdentifier": vpg.recovery.identifier,
            "Tier": 0,
        },
        "CanMount": _can_mount(allowed=True),
    }


def _can_mount(*, allowed: bool) -> Document:
    return {"IsAllowed": allowed, "Reason": None if allowed else "File level restore is not possible for this VM."}


_FIELDS: Final = Fields(enums={}, identity=frozenset({"CheckpointIdentifier", "RetentionSetIdentifier"}))
ROUTES: Final = (
    Route("/v1/vms/{id}/pointsInTime", "PointInTimeApi", _listed, fields=_FIELDS),
    Route("/v1/vms/{id}/pointsInTime/stats", "PointInTimeStatsApi", _stats, fields=_FIELDS),
)
