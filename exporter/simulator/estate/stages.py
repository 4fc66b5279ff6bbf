"""How far a VPG is in what is done with it: the stages, what leads to each, and what may begin in it.

Where public sources are silent, which is so for the restore of a VM, the states are those of a failover.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from exporter.simulator.estate.tasks import COMPLETED, FAILED, IN_PROGRESS, Kind


@dataclass(frozen=True, slots=True)
class Look:
    """What a stage looks like in the API: the codes of status and substatus, None where they are as ever.

    `halted` says that nothing is replicated meanwhile, `off` that the protected machines are shut down.
    """

    status: int | None = None
    substatus: int | None = None
    test: str | None = None
    halted: bool = False
    off: bool = False


class Stage(Enum):
    """A stage and its look; the words are those of a refusal."""

    IDLE = "is not in an operation"
    TEST_STARTING = "is in a failover test that is starting"
    IN_TEST = "is in a failover test"
    TEST_STOPPING = "is in a failover test that is stopping"
    TEST_NOT_STOPPED = "is in a failover test that could not be stopped"
    FAILING_OVER = "is failing over"
    FAILED_OVER = "has failed over and is to be committed or rolled back"
    COMMITTING_FAILOVER = "is committing a failover"
    ROLLING_BACK_FAILOVER = "is rolling back a failover"
    FAILOVER_NOT_ROLLED_BACK = "has failed over and could not be rolled back"
    MOVING = "is moving"
    MOVED = "has moved and is to be committed or rolled back"
    COMMITTING_MOVE = "is committing a move"
    ROLLING_BACK_MOVE = "is rolling back a move"
    MOVE_NOT_ROLLED_BACK = "has moved and could not be rolled back"
    RECOVERED = "has been recovered without reverse protection"
    PAUSED = "is paused"
    SYNCING = "is synchronizing"
    RESTORING = "has a VM that is being restored"
    RESTORED = "has a restored VM that is to be committed or rolled back"
    COMMITTING_RESTORE = "is committing the restore of a VM"
    ROLLING_BACK_RESTORE = "is rolling back the restore of a VM"


LOOKS: Final = {
    Stage.TEST_STARTING: Look(test="Starting"),
    Stage.IN_TEST: Look(test="InTest"),
    Stage.TEST_STOPPING: Look(test="Stopping"),
    Stage.TEST_NOT_STOPPED: Look(None, 36, "Stopping"),
    Stage.FAILING_OVER: Look(5, 0, halted=True, off=True),
    Stage.FAILED_OVER: Look(5, 15, halted=True, off=True),
    Stage.COMMITTING_FAILOVER: Look(5, 14, halted=True, off=True),
    Stage.ROLLING_BACK_FAILOVER: Look(5, 16, halted=True, off=True),
    Stage.FAILOVER_NOT_ROLLED_BACK: Look(5, 37, halted=True, off=True),
    Stage.MOVING: Look(6, 0, halted=True, off=True),
    Stage.MOVED: Look(6, 19, halted=True, off=True),
    Stage.COMMITTING_MOVE: Look(6, 18, halted=True, off=True),
    Stage.ROLLING_BACK_MOVE: Look(6, 20, halted=True, off=True),
    Stage.MOVE_NOT_ROLLED_BACK: Look(6, 38, halted=True, off=True),
    Stage.RECOVERED: Look(8, 7, halted=True, off=True),
    Stage.PAUSED: Look(None, 25, halted=True),
    Stage.SYNCING: Look(None, 6),
    Stage.RESTORING: Look(5, 0),
    Stage.RESTORED: Look(5, 15),
    Stage.COMMITTING_RESTORE: Look(5, 17),
    Stage.ROLLING_BACK_RESTORE: Look(5, 29),
}

# What a task leads to: while it runs, when it has ended well, and when it has failed.
AFTER: Final[dict[Kind, dict[int, Stage]]] = {
    kind: {IN_PROGRESS: running, COMPLETED: done, FAILED: failed}
    for kind, running, done, failed in (
        (Kind.FAILOVER_TEST, Stage.TEST_STARTING, Stage.IN_TEST, Stage.IDLE),
        (Kind.STOP_FAILOVER_TEST, Stage.TEST_STOPPING, Stage.IDLE, Stage.TEST_NOT_STOPPED),
        (Kind.FAILOVER, Stage.FAILING_OVER, Stage.FAILED_OVER, Stage.IDLE),
        (Kind.FAILOVER_COMMIT, Stage.COMMITTING_FAILOVER, Stage.RECOVERED, Stage.FAILED_OVER),
        (Kind.FAILOVER_ROLLBACK, Stage.ROLLING_BACK_FAILOVER, Stage.SYNCING, Stage.FAILOVER_NOT_ROLLED_BACK),
        (Kind.MOVE, Stage.MOVING, Stage.MOVED, Stage.IDLE),
        (Kind.MOVE_COMMIT, Stage.COMMITTING_MOVE, Stage.RECOVERED, Stage.MOVED),
        (Kind.MOVE_ROLLBACK, Stage.ROLLING_BACK_MOVE, Stage.SYNCING, Stage.MOVE_NOT_ROLLED_BACK),
        (Kind.PAUSE, Stage.IDLE, Stage.PAUSED, Stage.IDLE),
        (Kind.RESUME, Stage.PAUSED, Stage.SYNCING, Stage.PAUSED),
        (Kind.FORCE_SYNC, Stage.SYNCING, Stage.IDLE, Stage.IDLE),
        (Kind.RESTORE, Stage.RESTORING, Stage.RESTORED, Stage.IDLE),
        (Kind.RESTORE_COMMIT, Stage.COMMITTING_RESTORE, Stage.IDLE, Stage.RESTORED),
        (Kind.RESTORE_ROLLBACK, Stage.ROLLING_BACK_RESTORE, Stage.IDLE, Stage.RESTORED),
    )
}

BEGINS_IN: Final[dict[Kind, frozenset[Stage]]] = {
    Kind.FAILOVER_TEST: frozenset({Stage.IDLE}),
    Kind.STOP_FAILOVER_TEST: frozenset({Stage.IN_TEST, Stage.TEST_NOT_STOPPED}),
    Kind.FAILOVER: frozenset({Stage.IDLE, Stage.PAUSED, Stage.SYNCING}),
    Kind.FAILOVER_COMMIT: frozenset({Stage.FAILED_OVER}),
    Kind.FAILOVER_ROLLBACK: frozenset({Stage.FAILED_OVER, Stage.FAILOVER_NOT_ROLLED_BACK}),
    Kind.MOVE: frozenset({Stage.IDLE}),
    Kind.MOVE_COMMIT: frozenset({Stage.MOVED}),
    Kind.MOVE_ROLLBACK: frozenset({Stage.MOVED, Stage.MOVE_NOT_ROLLED_BACK}),
    Kind.PAUSE: frozenset({Stage.IDLE, Stage.SYNCING}),
    Kind.RESUME: frozenset({Stage.PAUSED}),
    Kind.FORCE_SYNC: frozenset({Stage.IDLE}),
    Kind.RESTORE: frozenset({Stage.IDLE}),
    Kind.RESTORE_COMMIT: frozenset({Stage.RESTORED}),
    Kind.RESTORE_ROLLBACK: frozenset({Stage.RESTORED}),
}
