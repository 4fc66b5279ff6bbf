"""The API's enums: codes to names. Servers answer codes in JSON and names in XML; both are understood.

Source: Zerto's REST API guide, the enum tables of VPGs and VMs. Where a code has two names in the wild
(3 and 4 of the VPG status), the guide of 7.5 and later is followed, unless the ZVM itself says how it names them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from exporter.zvm.paths import STATUSES, SUBSTATUSES

Code = int | Annotated[str, Meta(max_length=1024)] | None  # an enum on the wire: a number, a name, or not sent

_CODES = 2**31  # the API's enums are int32
_LONGEST = 1024  # characters of a name
_LISTS = 64  # lists of one enum, prepared; a fleet has one or two
_NAME: Final = re.compile(r"[A-Za-z]\w*")  # as the API writes names; what has blanks is a sentence for people


class Named(NamedTuple):
    """A state that the ZVM names otherwise than our table; None for a name without a code."""

    code: int | None
    name: str


State = Code | Named


@dataclass(frozen=True)
class Listed:
    """A ZVM's own list of the names of one enum, as far as it can be believed: both ways."""

    names: Mapping[int, str]
    codes: Mapping[str, int]


class _Cache(dict[Any, Any]):
    """Answers of *ask*, the first *most* kept: a label or a value is asked for each row, and few are different."""

    def __init__(self, ask: Callable[[Any], Any], most: int) -> None:
        self._ask = ask
        self._most = most

    def __missing__(self, wire: Any) -> Any:
        answer = self._ask(wire)
        if len(self) < self._most:
            self[wire] = answer
        return answer


class Enum:
    """One enum of the API. *path* is where a ZVM lists its names in the order of their codes, if it does.

    *aliases* are names that some servers have for what others call by the name that stands here. At most *cached*
    answers are kept: a server that invents ever new names must not fill the memory.
    """

    name: Callable[[State], str]
    """Gives the name of what came on the wire; `Unknown(77)` for a code without one, "" where none was sent."""

    code: Callable[[State], int | None]
    """Gives the code of what came on the wire; None for a name that has none here."""

    listed: Callable[[tuple[str, ...]], Listed]
    """Prepares a ZVM's own list. A name that is empty, that stands there twice or that is none is left out."""

    def __init__(
        self, names: Mapping[int, str], path: str = "", aliases: Mapping[str, str] | None = None, *, cached: int = 1000
    ) -> None:
        self.path = path
        self.aliases = dict(aliases or {})
        self._names = dict(names)
        self._codes = {_squeezed(name): code for code, name in names.items()}
        self._codes |= {_squeezed(alias): self._codes[_squeezed(name)] for alias, name in self.aliases.items()}
        self.name = _Cache(self._name, cached).__getitem__
        self.code = _Cache(self._code, cached).__getitem__
        self.listed = lru_cache(maxsize=_LISTS)(self._listed)

    @property
    def codes(self) -> list[int]:
        """The codes that have a name here."""
        return list(self._names)

    def resolve(self, wire: Code, listed: Listed, description: str | None = None) -> State:
        """Return *wire* as the ZVM means it: by its own list, else by its *description*, else by our table."""
        if wire is None:
            return None
        code = self._number(wire)
        if code is None:
            name = self._spelled(str(wire))
            code = listed.codes.get(_squeezed(name), self._code(wire))
        else:
            name = listed.names.get(code) or self._believed(code, description) or self._name(wire)
        return wire if (code, name) == (self.code(wire), self.name(wire)) else Named(code, name)

    def _listed(self, listed: tuple[str, ...]) -> Listed:
        times = Counter(map(_squeezed, listed))
        believed = {
            code: name
            for code, text in enumerate(listed)
            if times[_squeezed(text)] == 1 and (name := self._believed(code, text))
        }
        return Listed(believed, {_squeezed(name): code for code, name in believed.items()})

    def _believed(self, code: int, text: str | None) -> str:
        """Return the name of *code* that *text* of a ZVM says, "" where it says none that rules could go by."""
        if not text or len(text) > _LONGEST:
            return ""
        if _squeezed(text) in self._codes or _NAME.fullmatch(text):
            return self._spelled(text)
        sentence = " ".join(text.split())
        return "" if code in self._names or not _squeezed(text).strip("0123456789") else sentence

    def _spelled(self, text: str) -> str:
        """Return the name that *text* stands for: ours, whatever its case, blanks and signs, or itself."""
        code = self._codes.get(_squeezed(text))
        return text if code is None else self._names[code]

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
        code = self._number(wire)
        return self._codes.get(_squeezed(str(wire))) if code is None else code

    def _number(self, wire: int | str) -> int | None:
        try:
            code = int(wire)
        except ValueError:
            return None
        return code if abs(code) < _CODES else None


def _squeezed(text: str) -> str:
    """Return what of *text* tells names apart: `Meeting SLA` and `meetingSLA` are one."""
    return re.sub(r"[\W_]+", "", text).casefold()


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
    STATUSES,
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
    SUBSTATUSES,
    aliases={"RecoveryStorageProfileError": "RecoveryStoragePolicyError"},
)

PRIORITY: Final = Enum({0: "Low", 1: "Medium", 2: "High"})

ENTITY: Final = Enum(
    {0: "VCVpg", 1: "VCvApp", 2: "VCDvApp", 3: "PublicCloud", 4: "HyperV", 5: "Azure"},
    aliases={"AWS": "PublicCloud"},
)

LIMIT: Final = Enum({0: "Unlimited", 1: "Megabytes", 2: "Percentage"})

ALERT_STATUS: Final = Enum({0: "Normal", 1: "Warning", 2: "Error"})
