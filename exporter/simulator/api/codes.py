"""The ZVM's enumerations: names in the order of their codes, and both ways between them.

JSON answers carry the codes, XML answers the names, and query filters take either. What one resource alone has is in
its file.
"""

from collections.abc import Mapping
from typing import Final

Enums = Mapping[str, tuple[str, ...]]
"""Which field of a document, at any depth, holds a code of which enumeration."""

STATUSES: Final = (
    "Initializing",
    "MeetingSLA",
    "NotMeetingSLA",
    "RpoNotMeetingSLA",
    "HistoryNotMeetingSLA",
    "FailingOver",
    "Moving",
    "Deleting",
    "Recovered",
)
SUBSTATUSES: Final = (
    "None",
    "InitialSync",
    "Creating",
    "VolumeInitialSync",
    "Sync",
    "RecoveryPossible",
    "DeltaSync",
    "NeedsConfiguration",
    "Error",
    "EmptyProtectionGroup",
    "DisconnectedFromPeerNoRecoveryPoints",
    "FullSync",
    "VolumeDeltaSync",
    "VolumeFullSync",
    "FailingOverCommitting",
    "FailingOverBeforeCommit",
    "FailingOverRollingBack",
    "Promoting",
    "MovingCommitting",
    "MovingBeforeCommit",
    "MovingRollingBack",
    "Deleting",
    "PendingRemove",
    "BitmapSync",
    "DisconnectedFromPeer",
    "ReplicationPausedUserInitiated",
    "ReplicationPausedSystemInitiated",
    "RecoveryStoragePolicyError",
    "Backup",
    "RollingBack",
    "RecoveryStorageError",
    "JournalStorageError",
    "VmNotProtectedError",
    "JournalOrRecoveryMissingError",
    "AddedVmsInInitialSync",
    "ReplicationPausedForMissingVolume",
    "StoppingFotFailure",
    "RollingBackFailOverLiveFailure",
    "RollingBackMoveFailure",
    "SplittingCommitting",
    "PreparePreseed",
    # Codes 41 and 42 exist, but no public source names them: these two are placeholders.
    "SubStatus41",
    "SubStatus42",
)
PRIORITIES: Final = ("Low", "Medium", "High")
ENTITY_TYPES: Final = ("VCVpg", "VCvApp", "VCDvApp", "PublicCloud", "HyperV", "Azure")
LIMIT_TYPES: Final = ("Unlimited", "Megabytes", "Percentage")
ALERT_STATUSES: Final = ("Normal", "Warning", "Error")

# Other spellings that versions and documents of the API use for the same code.
_ALIASES: Final = {"aws": "publiccloud", "recoverystorageprofileerror": "recoverystoragepolicyerror"}

ENUM_FIELDS: Final[Enums] = {
    "Status": STATUSES,
    "SubStatus": SUBSTATUSES,
    "Priority": PRIORITIES,
    "Protected": ENTITY_TYPES,
    "Recovery": ENTITY_TYPES,
    "Source": ENTITY_TYPES,
    "Target": ENTITY_TYPES,
    "LimitType": LIMIT_TYPES,
    "AlertStatus": ALERT_STATUSES,
}
"""Those of VMs and VPGs."""


def code_of(names: tuple[str, ...], text: str) -> int:
    """The code that a filter's value means: a number in any range, or a name in any case.

    Raises:
        ValueError: the text is neither.
    """
    wanted = text.strip().lower()
    wanted = _ALIASES.get(wanted, wanted)
    for code, name in enumerate(names):
        if name.lower() == wanted:
            return code
    return int(wanted)


def name_of(names: tuple[str, ...], code: int) -> str:
    """The name of a code, or the number as text where the enumeration ends before it."""
    return names[code] if 0 <= code < len(names) else str(code)
