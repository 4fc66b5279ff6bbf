"""The API's enums: codes to names. Servers answer codes in JSON and names in XML; both are understood.

Source: Zerto's REST API guide, the enum tables of VPGs and VMs. Where a code has two names in the wild
(3 and 4 of the VPG status), the guide of 7.5 and later is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Meta

Code = int | Annotated[str, Meta(max_length=1024)] | None  # an enum on the wire: a number, a name, or not sent

_CODES = 2**31  # the API's enums are int32
_CACHED = 1000  # answers of one enum; a server that invents ever new names must not fill the memory


@dataclass(frozen=True, eq=False)
class Named:
    """A state that our table lacks, as the ZVM has it."""

    code: int
    name: str


State = Code | Named


class _Cache(dict[Any, Any]):
    """Answers of *ask*, kept: a label or a value is asked for each row, and there are few different ones."""

    def __init__(self, ask: Callable[[Any], Any]) -> None:
        self._ask = ask

    def __missing__(self, wire: Any) -> Any:
        answer = self._ask(wire)
        if not isinstance(wire, Named) and len(self) < _CACHED:
            self[wire] = answer
        return answer


class Enum:
    """One enum of the API. *path* is where a ZVM lists its names in the order of their codes, if it does."""

    name: Callable[[State], str]
    """Gives the name of what came on the wire; `Unknown(77)` for a code without one, "" where none was sent."""

    code: Callable[[State], int | None]
    """Gives the code of what came on the wire; None for a name that has none here."""

    def __init__(self, names: Mapping[int, str], path: str | None = None) -> None:
        self.path = path
        self._names = dict(names)
        self._codes = {name.casefold(): code for code, name in names.items()}
        self.name = _Cache(self._name).__getitem__
        self.code = _Cache(self._code).__getitem__

    @property
    def codes(self) -> list[int]:
        """The codes that have a name here."""
        return list(self._names)

    def knows(self, wire: State) -> bool:
        """Tell whether *wire* needs no question to the ZVM."""
        return wire is None or self.code(wire) in self._names

    def named(self, wire: State, listed: Sequence[str]) -> State:
        """Return *wire* with its name or code from the ZVM's own list, where that has it."""
        code = self.code(wire)
        if code is not None:
            return Named(code, listed[code]) if 0 <= code < len(listed) and listed[code] else wire
        return next((Named(code, name) for code, name in enumerate(listed) if name == wire), wire)

    def _name(self, wire: State) -> str:
        if wire is None:
            return ""
        if isinstance(wire, Named):
            return wire.name
        code = self._code(wire)
        return str(wire) if code is None else self._names.get(code) or f"Unknown({code})"

    def _code(self, wire: State) -> int | None:
        if wire is None:
            return None
        if isinstance(wire, Named):
            return wire.code
        try:
            code = int(wire)
        except ValueError:
            return self._codes.get(str(wire).casefold())
        return code if abs(code) < _CODES else None


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
