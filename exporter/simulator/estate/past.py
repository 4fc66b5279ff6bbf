"""What was done with a VPG before now, drawn from the seed and the clock: tests, moves, failovers, tagged checkpoints.

The tests are those that LastTest tells of: each period of the VPG's own, and those that the book of incidents drew in
the last day. Moves and failovers ended before the estate was made: from then on they begin by hand only.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from exporter.simulator.estate.incidents import Incident
from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.seeded import guid, stream
from exporter.simulator.estate.tasks import Kind, Task

DAY: Final = 86400
KEPT: Final = 400 * DAY
"""How long a ZVM of this estate remembers a recovery."""

FORGOTTEN: Final = 200 * DAY
"""For how long nobody has tested a VPG with the incident `test_overdue`."""

LONGEST_TEST: Final = 3600
_YEAR: Final = 365 * DAY
_TAGS_KEPT: Final = 7 * DAY
_USERS: Final = ("dr-operator", "dr-operator", "administrator@vsphere.local")
_REASONS: Final = (
    "The recovery host did not start the virtual machines in time.",
    "There is no space left on the recovery datastore.",
    "The peer site could not be reached.",
)
_FAILED_BELOW, _OPEN_FROM = 0.06, 0.97
_LEFT_OPEN: Final = "The test network could not be removed; it was cleaned up by hand."


def seconds_of(kind: Kind, machines: int) -> int:
    """How long a task takes with so many VMs."""
    match kind:
        case Kind.PAUSE | Kind.RESUME | Kind.TAG:
            return 4
        case Kind.STOP_FAILOVER_TEST:
            return 10 + machines
        case Kind.FAILOVER | Kind.MOVE | Kind.FAILOVER_TEST:
            return 30 + 3 * machines
        case Kind.FORCE_SYNC:
            return 60 + 6 * machines
    return 20 + 2 * machines


def tests(vpg: Vpg, since: int, second: int) -> Iterator[Task]:
    """The tasks of the failover tests of a VPG that began in that time, by its own period; the oldest first."""
    if vpg.test_period is None:
        return
    shift = int(vpg.phase * vpg.test_period)
    start = (max(since - LONGEST_TEST, 0) + shift + vpg.test_period - 1) // vpg.test_period * vpg.test_period - shift
    while start <= second:
        yield from _test(vpg, start)
        start += vpg.test_period


def overdue(incident: Incident | None, vpg: Vpg, last: int | None) -> int | None:
    """When the last test of a VPG began, if `last` did not take place for an incident that forgot about tests."""
    if incident is None or incident.kind != "test_overdue" or last is None or vpg.test_period is None:
        return last
    forgotten = int(incident.start) - FORGOTTEN
    return last if last < forgotten else last - -(-(last - forgotten + 1) // vpg.test_period) * vpg.test_period


def test_under_way(vpg: Vpg, last_test: int | None, second: int) -> Task | None:
    """The latest task of a test of the VPG's own period that is not over."""
    if last_test is None or second - last_test > 2 * LONGEST_TEST:
        return None
    found = [task for task in _test(vpg, last_test) if task.start <= second]
    last = found[-1]
    if last.kind is Kind.STOP_FAILOVER_TEST or last.failure:
        return last if second < last.end else None
    return last


def _test(vpg: Vpg, start: int) -> list[Task]:
    numbers = stream(vpg.identifier, "test", start)
    user, luck = numbers.choice(_USERS), numbers.random()
    reason = numbers.choice(_REASONS) if luck < _FAILED_BELOW else ""
    first = _task(vpg, Kind.FAILOVER_TEST, start, (user, guid(numbers)), reason)
    if reason:
        return [first]
    stopped = first.end + numbers.randint(300, LONGEST_TEST - 600)
    failure = _LEFT_OPEN if luck > _OPEN_FROM else ""
    return [first, _task(vpg, Kind.STOP_FAILOVER_TEST, stopped, (user, first.operation), failure)]


def drills(incidents: Iterable[Incident], vpgs: Iterable[Vpg], second: int) -> Iterator[Task]:
    """The tasks of the failover tests that were incidents of the VPGs."""
    known = {vpg.identifier: vpg for vpg in vpgs}
    for incident in incidents:
        if incident.kind != "failover_test":
            continue
        vpg, start = known[incident.vpg_identifier], int(incident.start)
        numbers = stream(vpg.identifier, "drill", start)
        first = _task(vpg, Kind.FAILOVER_TEST, start, (numbers.choice(_USERS), guid(numbers)), takes=10)
        yield first
        if incident.end is not None and incident.end <= second:
            yield _task(vpg, Kind.STOP_FAILOVER_TEST, int(incident.end), (first.user, first.operation))


def recoveries(vpg: Vpg, made: int) -> Iterator[Task]:
    """The tasks of the moves and failovers of a VPG that had ended when the estate was made; the oldest first."""
    for year in range(max(0, made - KEPT) // _YEAR, made // _YEAR + 1):
        numbers = stream(vpg.identifier, "year", year)
        start = year * _YEAR + numbers.randrange(_YEAR - 7 * DAY)
        luck, user = numbers.random(), numbers.choice(_USERS)
        if start + 4 * DAY > made or start < made - KEPT:
            continue
        if luck < 0.2:
            # There, and back some days later.
            yield from _recovery(vpg, Kind.MOVE, Kind.MOVE_COMMIT, start, user)
            yield from _recovery(vpg, Kind.MOVE, Kind.MOVE_COMMIT, start + numbers.randint(DAY, 3 * DAY), user)
        elif luck < 0.3:
            yield from _recovery(vpg, Kind.FAILOVER, Kind.FAILOVER_ROLLBACK, start, user)
        elif luck < 0.35:
            yield _task(vpg, Kind.FAILOVER, start, (user, guid(numbers)), numbers.choice(_REASONS))
        elif luck < 0.4:
            yield _task(vpg, Kind.MOVE, start, (user, guid(numbers)), numbers.choice(_REASONS))


def _recovery(vpg: Vpg, kind: Kind, then: Kind, start: int, user: str) -> Iterator[Task]:
    numbers = stream(vpg.identifier, kind, start)
    first = _task(vpg, kind, start, (user, guid(numbers)))
    yield first
    yield _task(vpg, then, first.end + numbers.randint(120, 1800), (user, first.operation))


def tags(vpg: Vpg, since: int, second: int) -> Iterator[Task]:
    """The checkpoints that a script tags once a day, in every third VPG, of the last days."""
    numbers = stream(vpg.identifier, "tags")
    if numbers.random() > 1 / 3:
        return
    at = numbers.randrange(DAY)
    for day in range(max(since, second - _TAGS_KEPT) // DAY - 1, second // DAY + 1):
        start = day * DAY + at
        if max(since, second - _TAGS_KEPT) <= start <= second:
            yield _task(vpg, Kind.TAG, start, ("svc-backup", ""))


def _task(vpg: Vpg, kind: Kind, start: int, by: tuple[str, str], failure: str = "", takes: int = 0) -> Task:
    """A task of a user in an operation; it takes its usual time where it is not said how long."""
    user, operation = by
    return Task(
        identifier=guid(stream(vpg.identifier, kind, start, "task")),
        kind=kind,
        vpg=vpg.identifier,
        vpg_name=vpg.name,
        user=user,
        start=start,
        end=start + (takes or seconds_of(kind, len(vpg.members))),
        failure=failure,
        operation=operation,
        checkpoint=start - start % 5 - 5,
        note="before the nightly batch" if kind is Kind.TAG else "",
    )
