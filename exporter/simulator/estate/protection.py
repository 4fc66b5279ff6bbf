"""What one site protects, as it is now: its VPGs less what was removed, and their readings at a second.

Shared by the two estates of a pair, so that both tell the same. State is replaced, never changed in place, so that an
answer may be built in another thread meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from exporter.simulator.estate import past
from exporter.simulator.estate.acting import acted, turned
from exporter.simulator.estate.incidents import Incident, IncidentBook
from exporter.simulator.estate.inventory import Inventory, Vm, Vpg
from exporter.simulator.estate.operations import OperationBook, RefusedError, Wish
from exporter.simulator.estate.readings import VpgReading, last_test, vpg_at
from exporter.simulator.estate.tasks import Kind, Task

Clock = Callable[[], float]
Rows = list[tuple[Vpg, VpgReading]]
ALL: Final = 100
"""Per cent of the VPGs."""
_SECONDS_BETWEEN_NEWCOMERS: Final = 60

_OF_A_TEST: Final = frozenset({Kind.FAILOVER_TEST, Kind.STOP_FAILOVER_TEST})
_NEED_A_CHECKPOINT: Final = frozenset({Kind.FAILOVER_TEST, Kind.FAILOVER, Kind.MOVE, Kind.RESTORE})


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of an estate changes with time: `changing` per cent of the VPGs, the others are as at `made`."""

    changing: int
    made: int

    def moves(self, place: int) -> bool:
        """Whether the VPG of that place does: they are spread evenly."""
        return place * self.changing % ALL < self.changing


class Protection:
    """The living side of an inventory: `founded` are the VPGs that there were, `vpgs` those that are left.

    `strangers` are the VMs that no VPG ever had, those that have not appeared yet with them.
    """

    def __init__(self, inventory: Inventory, origin: tuple[int, Clock], pace: Pace, *, scheduled: bool) -> None:
        """Take the inventory, the seed and the clock, and how much changes and goes wrong by itself."""
        seed, self._clock = origin
        self.site = inventory.site
        self.founded = self._left = inventory.vpgs
        self._backups = inventory.backups
        self._unprotected, self._newcomers = inventory.unprotected, inventory.newcomers
        self.strangers = (*self._unprotected, *self._newcomers)
        self.incidents = IncidentBook(
            ((vpg.identifier, vpg.name) for vpg in inventory.vpgs),
            (seed, inventory.site.name),
            scheduled=scheduled and pace.changing == ALL,
        )
        self.operations = OperationBook()
        self._removals = 0
        self._made = pace.made
        self._still = {vpg.identifier for place, vpg in enumerate(inventory.vpgs) if not pace.moves(place)}

    @property
    def revision(self) -> int:
        """Differs after every change that a hand made."""
        return self._removals + self.incidents.revision + self.operations.revision

    @property
    def vpgs(self) -> tuple[Vpg, ...]:
        """The VPGs that are left, those turned round whose protection is so now."""
        return self._vpgs_at(int(self._clock()))

    def at(self, second: int) -> Rows:
        """Every VPG with its reading, in the order in which they were made."""
        holding = self.incidents.at(second)
        drills = self._drills(second)
        return [(vpg, self._read(vpg, second, holding, drills)) for vpg in self._vpgs_at(second)]

    def one_at(self, vpg_identifier: str, second: int) -> tuple[Vpg, VpgReading] | None:
        """One of `at`, without the work for all others; None if there is none of that identifier."""
        for vpg in self._vpgs_at(second):
            if vpg.identifier == vpg_identifier:
                return vpg, self._read(vpg, second, self.incidents.at(second), self._drills(second))
        return None

    def backups_at(self, second: int) -> Rows:
        """The groups that exist for long-term retention only; nothing happens to them."""
        return [(vpg, vpg_at(vpg, second, None)) for vpg in self._backups]

    def unprotected_at(self, second: int) -> list[Vm]:
        """The VMs of the site that no VPG has: those that never had one, and those that were taken out of theirs."""
        protected = {member.vm.identifier for vpg in self._left for member in vpg.members}
        founded = {member.vm.identifier: member.vm for vpg in self.founded for member in vpg.members}
        left = [vm for identifier, vm in founded.items() if identifier not in protected]
        appear = self.incidents.at(second).get("vms_unprotected")
        new = 0 if appear is None else 1 + int(appear.elapsed(second) // _SECONDS_BETWEEN_NEWCOMERS)
        return [*self._unprotected, *left, *self._newcomers[:new]]

    def tagged(self, vpg_identifier: str, since: int, second: int) -> list[Task]:
        """The tasks that tagged a checkpoint of that VPG and began in that time, the oldest first."""
        return [
            task for vpg in self.founded if vpg.identifier == vpg_identifier for task in past.tags(vpg, since, second)
        ]

    def tasks(self, since: int, second: int) -> list[Task]:
        """What has been done with the VPGs and their VMs and began in that time, the oldest first."""
        began = max(since, second - past.KEPT)
        closed = {task.operation for task in self.operations.tasks(second) if task.kind is Kind.STOP_FAILOVER_TEST}
        drawn = [
            *past.drills(self.incidents.of_the_last_day(second), self.founded, second),
            *self._recoveries,
            *(task for vpg in self.founded for task in past.tests(vpg, began, second)),
            *(task for vpg in self.founded for task in past.tags(vpg, began, second)),
        ]
        forgotten = {
            one.vpg_identifier: one.start - past.FORGOTTEN
            for one in self.incidents.at(second).values()
            if one.kind == "test_overdue"
        }
        found = [
            task
            for task in drawn
            if (task.kind is not Kind.STOP_FAILOVER_TEST or task.operation not in closed)
            and (task.kind not in _OF_A_TEST or task.start < forgotten.get(task.vpg, task.start + 1))
        ]
        return sorted(
            (task for task in (*found, *self.operations.tasks(second)) if began <= task.start <= second),
            key=lambda task: (task.start, task.identifier),
        )

    def begin(self, vpg: Vpg, wish: Wish) -> Task:
        """Begin an operation of one of the VPGs.

        Raises:
            RefusedError: it is in no state for it.
        """
        now = self._clock()
        incident = _felt(vpg, self.incidents.at(now))
        kind = "" if incident is None else incident.kind
        if wish.kind in _NEED_A_CHECKPOINT and (kind == "initial_sync" or not vpg.members):
            raise RefusedError(f"VPG '{vpg.name}' has no checkpoint")
        task = self.operations.begin(vpg, wish, int(now), self._drawn(vpg, int(now), incident))
        if wish.kind is Kind.STOP_FAILOVER_TEST and kind == "failover_test":
            self.incidents.end(kind, vpg.name, now)
        return task

    def holds(self, vpg_identifier: str) -> bool:
        return any(vpg.identifier == vpg_identifier for vpg in self._left)

    def holds_vm(self, vm_identifier: str) -> bool:
        return any(member.vm.identifier == vm_identifier for vpg in self.vpgs for member in vpg.members)

    def remove_vm(self, vm_identifier: str) -> None:
        """Take the VM out of every VPG; a VPG that was left empty stays, as EmptyProtectionGroup."""
        self._left = tuple(
            replace(
                left,
                members=tuple(
                    member
                    for member, seen in zip(left.members, shown.members, strict=True)
                    if seen.vm.identifier != vm_identifier
                ),
            )
            for left, shown in zip(self._left, self.vpgs, strict=True)
        )
        self._removals += 1

    def remove_vpg(self, vpg_identifier: str) -> None:
        self._left = tuple(vpg for vpg in self._left if vpg.identifier != vpg_identifier)
        self._removals += 1

    @cached_property
    def _recoveries(self) -> tuple[Task, ...]:
        return tuple(task for vpg in self.founded for task in past.recoveries(vpg, self._made))

    def _vpgs_at(self, second: int) -> tuple[Vpg, ...]:
        if self.operations.blank:
            return self._left
        return tuple(
            turned(vpg) if self.operations.reversals(vpg.identifier, second) % 2 else vpg for vpg in self._left
        )

    def _drills(self, second: int) -> dict[str, int]:
        """When the last failover test of each VPG began that was an incident."""
        incidents = self.incidents.of_the_last_day(second)
        return {one.vpg_identifier: int(one.start) for one in incidents if one.kind == "failover_test"}

    def _drawn(self, vpg: Vpg, second: int, incident: Incident | None) -> Task | None:
        """The latest task of a failover test that no hand began by HTTP, if one is under way."""
        if incident is not None and incident.kind == "failover_test":
            return next(past.drills((incident,), (vpg,), second))
        return past.test_under_way(vpg, past.overdue(incident, vpg, last_test(vpg, second)), second)

    def _read(self, vpg: Vpg, second: int, holding: Mapping[str, Incident], drills: Mapping[str, int]) -> VpgReading:
        moment = self._made if vpg.identifier in self._still else second
        incident = _felt(vpg, holding)
        reading = vpg_at(vpg, moment, incident)
        forgotten = incident is not None and incident.kind == "test_overdue"
        tests = (
            None if forgotten else drills.get(vpg.identifier),
            past.overdue(incident, vpg, reading.last_test),
            self.operations.last_test(vpg.identifier, second),
        )
        reading = replace(reading, last_test=max((test for test in tests if test is not None), default=None))
        standing = self.operations.standing(vpg.identifier, second, self._drawn(vpg, moment, incident))
        return acted(vpg, reading, standing, second)


def _felt(vpg: Vpg, holding: Mapping[str, Incident]) -> Incident | None:
    """What is wrong with a VPG, be it because one of its sites cannot be reached by the other."""
    lost = holding.get("site_down") or holding.get("wan_down")
    own = holding.get(vpg.identifier)
    if lost is None or vpg.protected.identifier == vpg.recovery.identifier:
        return own
    if lost.site == vpg.protected.identifier:
        return replace(lost, kind="recovery_possible")
    if lost.site in ("", vpg.recovery.identifier):
        return replace(lost, kind="peer_disconnected")
    return own
