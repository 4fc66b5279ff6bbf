"""The API's enums: codes to names. Servers answer codes in JSON and names in XML; both are understood.

Source: Zerto's REST API guide, the enum tables of VPGs and VMs. Where a code has two names in the wild
(3 and 4 of the VPG status), the guide of 7.5 and later is followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Self

Code = int | str | None  # an enum on the wire: a number, a name, or not sent


class Named(int):
    """A code that our table lacks, with the name that the ZVM has for it."""

    name: str

    def __new__(cls, code: int, name: str) -> Self:
        named = super().__new__(cls, code)
        named.name = name
        return named


class Enum:
    """One enum of the API. *path* is where a ZVM lists its names in the order of their codes, if it does."""

    def __init__(self, names: Mapping[int, str], path: str | None = None) -> None:
        self.path = path
        self._names = dict(names)
        self._codes = {name.casefold(): code for code, name in names.items()}

    def name(self, wire: Code) -> str:
        """Return the name of *wire*; `Unknown(77)` for a code without one, "" where none was sent."""
        if wire is None:
            return ""
        if isinstance(wire, Named):
            return wire.name
        code = self.code(wire)
        if code is None:
            return str(wire)
        return self._names.get(code) or f"Unknown({code})"

    def code(self, wire: Code) -> int | None:
        """Return the code of *wire*; None for a name that has none here."""
        if wire is None or isinstance(wire, int):
            return wire
        try:
            return int(wire)
        except ValueError:
            return self._codes.get(wire.casefold())

    def knows(self, wire: Code) -> bool:
        """Tell whether *wire* needs no question to the ZVM."""
        return wire is None or self.code(wire) in self._names

    def named(self, wire: Code, listed: Sequence[str]) -> Code:
        """Return *wire* with its name or code from the ZVM's own list, where that has it."""
        code = self.code(wire)
        if code is not None:
            return Named(code, listed[code]) if 0 <= code < len(listed) else wire
        return next((Named(code, name) for code, name in enumerate(listed) if name == wire), wire)


STATUS: Final = Enum(
    {
        0: "Initializing",
        1: "MeetingSLA",
        2: "NotMeetingSLA",
        3: "RpoNotMeetingSLA",
        4: "HistoryNotMeetingSLA",
        5: "FailingOver",
        6: "Moving",
        7: "Deleting",
        8: "Recovered",
    },
    path="/v1/vpgs/statuses",
)

SUBSTATUS: Final = Enum(
    {
        0: "None",
        1: "InitialSync",
        2: "Creating",
        3: "VolumeInitialSync",
        4: "Sync",
        5: "RecoveryPossible",
        6: "DeltaSync",
        7: "NeedsConfiguration",
        8: "Error",
        9: "EmptyProtectionGroup",
        10: "DisconnectedFromPeerNoRecoveryPoints",
        11: "FullSync",
        12: "VolumeDeltaSync",
        13: "VolumeFullSync",
        14: "FailingOverCommitting",
        15: "FailingOverBeforeCommit",
        16: "FailingOverRollingBack",
        17: "Promoting",
        18: "MovingCommitting",
        19: "MovingBeforeCommit",
        20: "MovingRollingBack",
        21: "Deleting",
        22: "PendingRemove",
        23: "BitmapSync",
        24: "DisconnectedFromPeer",
        25: "ReplicationPausedUserInitiated",
        26: "ReplicationPausedSystemInitiated",
        27: "RecoveryStoragePolicyError",
        28: "Backup",
        29: "RollingBack",
        30: "RecoveryStorageError",
        31: "JournalStorageError",
        32: "VmNotProtectedError",
        33: "JournalOrRecoveryMissingError",
        34: "AddedVmsInInitialSync",
        35: "ReplicationPausedForMissingVolume",
        36: "StoppingFotFailure",  # sic: FOT is a failover test
        37: "RollingBackFailOverLiveFailure",
        38: "RollingBackMoveFailure",
        39: "SplittingCommitting",
        40: "PreparePreseed",
    },
    path="/v1/vpgs/substatuses",
)

PRIORITY: Final = Enum({0: "Low", 1: "Medium", 2: "High"})

ENTITY: Final = Enum({0: "VCVpg", 1: "VCvApp", 2: "VCDvApp", 3: "PublicCloud", 4: "HyperV", 5: "Azure"})

LIMIT: Final = Enum({0: "Unlimited", 1: "Megabytes", 2: "Percentage"})

ALERT_STATUS: Final = Enum({0: "Normal", 1: "Warning", 2: "Error"})
