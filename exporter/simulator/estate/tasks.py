"""What a ZVM does with a VPG or a VM, one step at a time: a task has a kind, a time from when to when, and an end.

Knows times and outcomes only. What was done in the past is in `past`, what a hand begins in `operations`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A task's type as the API names it. What those of the restore of a VM are called no public source tells."""

    FAILOVER_TEST = "FailOverTest"
    STOP_FAILOVER_TEST = "StopFailOverTest"
    FAILOVER = "FailOver"
    FAILOVER_COMMIT = "FailoverCommit"
    FAILOVER_ROLLBACK = "FailoverRollback"
    MOVE = "Move"
    MOVE_COMMIT = "MoveCommit"
    MOVE_ROLLBACK = "MoveRollback"
    PAUSE = "PauseProtectionGroup"
    RESUME = "ResumeProtectionGroup"
    FORCE_SYNC = "InitFullSync"
    RESTORE = "VmRestore"
    RESTORE_COMMIT = "VmRestoreCommit"
    RESTORE_ROLLBACK = "VmRestoreRollback"
    TAG = "InsertTaggedCP"


RECOVERIES: Final = {Kind.FAILOVER_TEST: "FailoverTest", Kind.FAILOVER: "Failover", Kind.MOVE: "Move"}
"""The tasks that a recovery begins with, and what the reports call it."""

IN_PROGRESS, FAILED, COMPLETED = 1, 4, 6
"""A task's state."""

_BROKE_AT: Final = 62


@dataclass(frozen=True, slots=True)
class Task:
    """A task. Times in unix seconds.

    `end` is when it ends or fails; `failure` says why it fails, empty where it does not. `vm` is the identifier of the
    VM that it is about, None where it is about the whole VPG. `operation` is the same for all tasks of one recovery.
    `checkpoint` is the second of the checkpoint that is recovered to, or that was tagged; `note` what a person wrote.
    `system` says that the ZVM began it by itself, `reverse` that protection turns round with it, `proved` False that a
    person called the test a failure.
    """

    identifier: str
    kind: Kind
    vpg: str
    vpg_name: str
    user: str
    start: int
    end: int
    failure: str = ""
    operation: str = ""
    checkpoint: int | None = None
    vm: str | None = None
    note: str = ""
    system: bool = False
    reverse: bool = False
    proved: bool = True

    def state(self, second: int) -> int:
        """IN_PROGRESS, FAILED or COMPLETED."""
        if second < self.end:
            return IN_PROGRESS
        return FAILED if self.failure else COMPLETED

    def progress(self, second: int) -> int:
        """Per cent; what failed stays where it broke."""
        if second >= self.end:
            return _BROKE_AT if self.failure else 100
        return min(99, 100 * (second - self.start) // max(1, self.end - self.start))

    def done(self, second: int) -> bool:
        """Whether it has ended well."""
        return second >= self.end and not self.failure
