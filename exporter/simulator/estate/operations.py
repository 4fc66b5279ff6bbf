"""What a hand does with a VPG or a VM, from when to when, and how it ends: a book that only the clock turns over.

Everything is settled when a task begins, also what the ZVM will do by itself later; so a second is enough to tell
everything. State is replaced, never changed in place, so that an answer may be built in another thread meanwhile.
"""

import uuid
from dataclasses import dataclass, replace
from typing import Final

from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.past import seconds_of
from exporter.simulator.estate.stages import AFTER, BEGINS_IN, Stage
from exporter.simulator.estate.tasks import COMPLETED, RECOVERIES, Kind, Task

SYNC_SECONDS: Final = 60
"""How long a VPG synchronizes after a pause, a rollback or a reversal."""

_BROKE_AFTER: Final = 0.62
_COMMITS: Final = frozenset({Kind.FAILOVER_COMMIT, Kind.MOVE_COMMIT})


class RefusedError(Exception):
    """The VPG is in a state in which this cannot begin."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done, and how.

    `then` is what the ZVM does by itself `wait` seconds after the task has ended; `failure` the reason for which it
    fails, empty where it does not. The rest is as in a task.
    """

    kind: Kind
    user: str
    vm: str | None = None
    checkpoint: int | None = None
    reverse: bool = False
    proved: bool = True
    then: Kind | None = None
    wait: int = 0
    note: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a VPG stands: its stage, the task that led there, and since when nothing is replicated, if so.

    `lag` is how many seconds of changes a synchronization had to catch up with at its start, `progress` how far it is.
    """

    stage: Stage = Stage.IDLE
    task: Task | None = None
    halted: int | None = None
    lag: int = 0
    progress: float = 0.0


_IDLE: Final = Standing()


class OperationBook:
    """The operations of the VPGs that one site protects, by hand."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[Task, ...]] = {}
        self.revision = 0

    @property
    def blank(self) -> bool:
        """Whether no hand has begun anything."""
        return not self._tasks

    def of(self, vpg_identifier: str, second: int) -> tuple[Task, ...]:
        """The tasks of a VPG that have begun, the oldest first."""
        return tuple(task for task in self._tasks.get(vpg_identifier, ()) if task.start <= second)

    def tasks(self, second: int) -> list[Task]:
        """All tasks that have begun."""
        return [task for vpg in self._tasks for task in self.of(vpg, second)]

    def begin(self, vpg: Vpg, wish: Wish, second: int, drawn: Task | None) -> Task:
        """Begin a task; `drawn` as in `standing`.

        Raises:
            RefusedError: the VPG is in no state for it.
        """
        standing = self.standing(vpg.identifier, second, drawn)
        if standing.stage not in BEGINS_IN[wish.kind]:
            raise RefusedError(f"VPG '{vpg.name}' {standing.stage.value}")
        last = standing.task
        if wish.vm and wish.kind is not Kind.RESTORE and last is not None and last.vm != wish.vm:
            raise RefusedError(f"VPG '{vpg.name}' has another VM that was restored")
        opens = wish.kind in RECOVERIES or wish.kind is Kind.RESTORE
        operation = str(uuid.uuid4()) if opens else last.operation if last is not None else ""
        task = _task(vpg, wish, second, operation)
        later: tuple[Task, ...] = ()
        if wish.then is not None and not wish.failure:
            by_itself = replace(wish, kind=wish.then, note="", user="System")
            later = (replace(_task(vpg, by_itself, task.end + wish.wait, operation), system=True),)
        self._tasks = self._tasks | {vpg.identifier: (*self.of(vpg.identifier, second), task, *later)}
        self.revision += 1
        return task

    def forget(self) -> None:
        """All VPGs are as if no hand had begun anything."""
        self._tasks = {}
        self.revision += 1

    def standing(self, vpg_identifier: str, second: int, drawn: Task | None) -> Standing:
        """Where a VPG stands; `drawn` is the latest task of a test that no hand began and that is under way."""
        tasks = self.of(vpg_identifier, second)
        standing = _standing(tasks, second) if tasks else _IDLE
        idle = standing.stage is Stage.IDLE
        if idle and drawn is not None and drawn.operation not in self.closed(vpg_identifier, second):
            return Standing(AFTER[drawn.kind][drawn.state(second)], drawn)
        return standing

    def closed(self, vpg_identifier: str, second: int) -> set[str]:
        """The failover tests that a hand has stopped."""
        stops = (task for task in self.of(vpg_identifier, second) if task.kind is Kind.STOP_FAILOVER_TEST)
        return {task.operation for task in stops}

    def reversals(self, vpg_identifier: str, second: int) -> int:
        """How many times protection has turned round."""
        return sum(
            task.kind in _COMMITS and task.reverse and task.done(second) for task in self.of(vpg_identifier, second)
        )

    def last_test(self, vpg_identifier: str, second: int) -> int | None:
        """When the last failover test by hand began."""
        starts = [task.start for task in self.of(vpg_identifier, second) if task.kind is Kind.FAILOVER_TEST]
        return max(starts, default=None)


def _task(vpg: Vpg, wish: Wish, start: int, operation: str) -> Task:
    takes = seconds_of(wish.kind, 1 if wish.vm else len(vpg.members))
    return Task(
        identifier=str(uuid.uuid4()),
        kind=wish.kind,
        vpg=vpg.identifier,
        vpg_name=vpg.name,
        user=wish.user,
        start=start,
        end=start + (max(1, int(takes * _BROKE_AFTER)) if wish.failure else takes),
        failure=wish.failure,
        operation=operation,
        checkpoint=wish.checkpoint,
        vm=wish.vm,
        note=wish.note,
        reverse=wish.reverse,
        proved=wish.proved,
    )


def _standing(tasks: tuple[Task, ...], second: int) -> Standing:
    last = tasks[-1]
    state = last.state(second)
    stage = AFTER[last.kind][state]
    if last.kind in _COMMITS and state == COMPLETED and last.reverse:
        stage = Stage.SYNCING
    halted = _halted(tasks)
    if stage is not Stage.SYNCING:
        return Standing(stage, last, halted)
    begun, takes = (last.start, last.end - last.start) if last.kind is Kind.FORCE_SYNC else (last.end, SYNC_SECONDS)
    if second >= begun + takes:
        return _IDLE
    return Standing(stage, last, None, 0 if halted is None else begun - halted, (second - begun) / takes)


def _halted(tasks: tuple[Task, ...]) -> int | None:
    """Since when nothing is replicated, as far as the last task knows: from a pause or the start of its recovery."""
    last = tasks[-1]
    if last.kind in {Kind.PAUSE, Kind.RESUME}:
        return next(task.end for task in reversed(tasks) if task.kind is Kind.PAUSE)
    if last.operation and last.vm is None:
        return next(task.start for task in tasks if task.operation == last.operation)
    return None
