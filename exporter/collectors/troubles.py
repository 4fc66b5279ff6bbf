"""Which VPG needs attention, and why: by one answer alone, without thresholds and without the time before.

The same promises and states that the rules and dashboards for Prometheus go by.
"""

from __future__ import annotations

from typing import Final

from exporter.collectors.base import Promise, Trouble

STANDS_STILL: Final = 0
PROMISE_BROKEN: Final = 1
RPO_UNKNOWN: Final = 2

_DISCONNECTED: Final = "disconnected from its peer site"
_PAUSED: Final = "replication is paused by Zerto"
_ERROR: Final = "replication stands still until somebody acts"
_STANDS_STILL: Final = {
    "DisconnectedFromPeer": _DISCONNECTED,
    "DisconnectedFromPeerNoRecoveryPoints": _DISCONNECTED,
    "RecoveryPossible": "its protected site cannot be reached",
    "ReplicationPausedSystemInitiated": _PAUSED,
    "ReplicationPausedForMissingVolume": _PAUSED,
    "ReplicationPausedUserInitiated": "replication is paused by a user",
    "Error": _ERROR,
    "NeedsConfiguration": _ERROR,
    "RecoveryStoragePolicyError": _ERROR,
    "RecoveryStorageError": _ERROR,
    "JournalStorageError": _ERROR,
    "VmNotProtectedError": _ERROR,
    "JournalOrRecoveryMissingError": _ERROR,
}
_STATUS_IN_TRANSIT: Final = frozenset({"FailingOver", "Moving", "Deleting", "Recovered"})
_SUBSTATUS_IN_TRANSIT: Final = frozenset(
    {
        "InitialSync",
        "Creating",
        "PreparePreseed",
        "EmptyProtectionGroup",
        "Promoting",
        "FailingOverCommitting",
        "FailingOverBeforeCommit",
        "FailingOverRollingBack",
        "MovingCommitting",
        "MovingBeforeCommit",
        "MovingRollingBack",
        "Deleting",
        "PendingRemove",
        "RollingBackFailOverLiveFailure",
        "RollingBackMoveFailure",
        "SplittingCommitting",
    }
)
# Some of its VMs or volumes have no checkpoint yet. What is known of the others counts.
_IN_PART: Final = frozenset({"AddedVmsInInitialSync", "VolumeInitialSync"})


def in_transit(status: str, substatus: str) -> bool:
    """Tell whether no promise can hold: not replicated yet, no longer, or just on the way to the other site."""
    if status == "Initializing" and substatus not in _IN_PART:
        return True
    return status in _STATUS_IN_TRANSIT or substatus in _SUBSTATUS_IN_TRANSIT


def trouble(vpg: str, organization: str, status: str, substatus: str, rpo: Promise, history: Promise) -> Trouble | None:
    """Return what is wrong with a VPG in the state *status*, *substatus*; None where it needs no attention."""
    halted = _STANDS_STILL.get(substatus)
    why = [] if halted is None else [halted]
    level = PROMISE_BROKEN if halted is None else STANDS_STILL
    if not in_transit(status, substatus):
        if (rpo.share or 0.0) > 1:
            why.append("RPO above its target")
        if history.share is not None and history.share < 1:
            why.append("history shorter than promised")
        if not why and status.endswith("NotMeetingSLA"):
            why.append("does not meet its SLA")
        if not why and rpo.actual is None and substatus not in _IN_PART:
            why, level = ["RPO not known"], RPO_UNKNOWN
    return Trouble(vpg, organization, status, substatus, level, tuple(why), rpo, history) if why else None
