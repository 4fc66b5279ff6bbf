"""What was recovered: each failover test, failover and move, from its first task to its last.

A report is there from when the machines have started, before the test is stopped or the failover committed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.simulator.estate.site import LivingSite
from exporter.simulator.estate.tasks import RECOVERIES, Kind, Task

_CLOSING = frozenset(
    {
        Kind.STOP_FAILOVER_TEST,
        Kind.FAILOVER_COMMIT,
        Kind.FAILOVER_ROLLBACK,
        Kind.MOVE_COMMIT,
        Kind.MOVE_ROLLBACK,
    }
)
SUCCESS, FAIL, RUNNING = "Success", "Fail", "InProgress"


@dataclass(frozen=True, slots=True)
class Recovery:
    """A recovery at a second; times in unix seconds.

    `end` is None while it lasts and where its last task failed. `rto` is how many seconds the machines took to start,
    None where they did not.
    """

    identifier: str
    kind: str
    vpg: str
    vpg_name: str
    user: str
    start: int
    end: int | None
    checkpoint: int | None
    rto: int | None
    status: str
    note: str
    tasks: tuple[Task, ...]


def recoveries_at(site: LivingSite, second: int, since: int = 0) -> list[Recovery]:
    """The recoveries of a site's VPGs that began from `since` on and have a report, the newest first."""
    concerned = site.concerned
    found = [
        recovery
        for protection in site.protections
        for recovery in _of(protection.tasks(since, second), second)
        if recovery.vpg in concerned
    ]
    return sorted(found, key=lambda recovery: (recovery.start, recovery.identifier), reverse=True)


def _of(tasks: Iterable[Task], second: int) -> list[Recovery]:
    together: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        if task.operation:
            together[task.operation].append(task)
    return [
        _recovery(chain, second)
        for chain in together.values()
        if chain[0].kind in RECOVERIES and chain[0].end <= second
    ]


def _recovery(chain: list[Task], second: int) -> Recovery:
    first, last = chain[0], chain[-1]
    closed = last.kind in _CLOSING and last.end <= second
    ended_well = SUCCESS if closed else RUNNING
    return Recovery(
        identifier=first.operation,
        kind=RECOVERIES[first.kind],
        vpg=first.vpg,
        vpg_name=first.vpg_name,
        user=first.user,
        start=first.start,
        end=first.end if first.failure else last.end if closed and not last.failure else None,
        checkpoint=first.checkpoint,
        rto=None if first.failure else first.end - first.start,
        status=FAIL if first.failure or (closed and (last.failure or not last.proved)) else ended_well,
        note=first.failure or last.failure or last.note,
        tasks=tuple(task for task in chain if task.end <= second),
    )
