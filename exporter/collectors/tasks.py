"""What a ZVM does and did: GET /v1/tasks, of the last 24 hours. Tasks are counted; none is told by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.enums import Code, Enum
from exporter.collectors.fields import Number, Text, earliest, latest, query_date, timestamp
from exporter.collectors.names import Names, gently, listed_name
from exporter.prometheus.table import NONE, TIMESTAMP, Labels, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/tasks"

_DAY: Final = 86400
_OTHER_STATES: Final = 10

# Servers answer the names; the codes of their own list mean nothing.
TYPE: Final = Enum({}, f"{PATH}/types")

STATE: Final = Enum(
    {
        0: "FirstUnusedValue",
        1: "InProgress",
        2: "WaitingForUserInput",
        3: "Paused",
        4: "Failed",
        5: "Stopped",
        6: "Completed",
        7: "Cancelling",
    }
)
_RUNNING: Final = frozenset({1, 2, 3, 7})


class Status(Struct, frozen=True, gc=False):
    state: Code = field(name="State", default=None)


class Task(Struct, frozen=True, gc=False):
    type: Code = field(name="Type", default=None)
    status: Status | None = field(name="Status", default=None)
    started: Text = field(name="Started", default=None)
    completed: Text = field(name="Completed", default=None)


class InState(Struct, frozen=True, gc=False):
    """The tasks of one type in one state: how many there are, and when the last of them was completed."""

    type: str
    state: str
    count: int
    last_completed: Number


class OfType(Struct, frozen=True):
    """The tasks of one type: by their states, and when the one began that runs longest."""

    type: str
    states: list[InState]
    oldest_running: Number


def states(one: OfType) -> Iterable[InState]:
    """Return the tasks of a type by their states."""
    return one.states


LABELS: Labels[OfType] = {"type": lambda one: one.type}

BY_STATE: Table[InState] = Table(
    {"type": lambda one: one.type, "state": lambda one: one.state},
    Metric(
        "zerto_tasks",
        "Tasks that were started in the last 24 hours. No sample of a type and state that no task has.",
        f"GET {PATH} Type, Status.State",
        NONE,
        lambda one: one.count,
    ),
    Metric(
        "zerto_task_last_completed_timestamp_seconds",
        "Time at which the last of these tasks was completed.",
        f"GET {PATH} Completed",
        TIMESTAMP,
        lambda one: one.last_completed,
    ),
    each=states,
)

BY_TYPE: Table[OfType] = Table(
    LABELS,
    Metric(
        "zerto_task_oldest_running_timestamp_seconds",
        "Time at which that one of the tasks was started that runs longest. No sample where none runs.",
        f"GET {PATH} Started",
        TIMESTAMP,
        lambda one: one.oldest_running,
    ),
)

DECODER: Decoder[Task] = Decoder(Task, quoted=False)


def begin(source: Source) -> Fetch[OfType]:
    """Return what asks *source* for its tasks."""
    types, names = Names(), Names(len(STATE.codes) + _OTHER_STATES)

    async def fetch() -> Decoded[OfType]:
        decoded = await source.get(PATH, DECODER, {"startedAfterDate": query_date(source.wall() - _DAY)})
        listed = TYPE.listed(await source.names(TYPE.path))
        kind_of = cache(
            lambda wire: types(listed_name(TYPE, wire, listed))
        )  # of thousands of tasks there are few kinds
        tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
        async for task in gently(decoded.rows):
            state = None if task.status is None else task.status.state
            tallies[kind_of(task.type)].add(task, names(STATE.name(state)), state)
        return Decoded([tally.row(kind) for kind, tally in tallies.items()], decoded.lost)

    return fetch


class _Tally:
    """The tasks of one type in one answer."""

    def __init__(self) -> None:
        self._completed: defaultdict[str, list[Number]] = defaultdict(list)  # by state, None for one that is not
        self._running: list[Number] = []

    def add(self, task: Task, name: str, state: Code) -> None:
        """Count *task*, which is in *state*; that is called *name*."""
        completed = timestamp(task.completed)
        self._completed[name].append(completed)
        if completed is None and STATE.code(state) in _RUNNING:
            self._running.append(timestamp(task.started))

    def row(self, kind: str) -> OfType:
        """Return what was counted, of the type that is called *kind*."""
        in_states = [InState(kind, name, len(dates), latest(dates)) for name, dates in self._completed.items()]
        return OfType(kind, in_states, earliest(self._running))


COLLECTOR: Collector[OfType] = Collector(
    "tasks", "Tasks", PATH, (BY_STATE, BY_TYPE), begin, chosen_by=LABELS, interval=60.0
)
