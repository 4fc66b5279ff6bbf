"""What one site protects, as it is now: its VPGs less what was removed, and their readings at a second.

Shared by the two estates of a pair, so that both tell the same. State is replaced, never changed in place, so that an
answer may be built in another thread meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from exporter.simulator.estate import past
from exporter.simulator.estate.incidents import Incident, IncidentBook
from exporter.simulator.estate.inventory import Inventory, Vm, Vpg
from exporter.simulator.estate.readings import VpgReading, vpg_at
from exporter.simulator.estate.tasks import Task

Rows = list[tuple[Vpg, VpgReading]]
ALL: Final = 100
"""Per cent of the VPGs."""
_SECONDS_BETWEEN_NEWCOMERS: Final = 60


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

    def __init__(self, inventory: Inventory, seed: int, pace: Pace, *, scheduled: bool) -> None:
        self.site = inventory.site
        self.founded = self.vpgs = inventory.vpgs
        self._backups = inventory.backups
        self._unprotected, self._newcomers = inventory.unprotected, inventory.newcomers
        self.strangers = (*self._unprotected, *self._newcomers)
        self.incidents = IncidentBook(
            ((vpg.identifier, vpg.name) for vpg in inventory.vpgs),
            (seed, inventory.site.name),
            scheduled=scheduled and pace.changing == ALL,
        )
        self._removals = 0
        self._made = pace.made
        self._still = {vpg.identifier for place, vpg in enumerate(inventory.vpgs) if not pace.moves(place)}

    @property
    def revision(self) -> int:
        """Differs after every change that a hand made."""
        return self._removals + self.incidents.revision

    def at(self, second: int) -> Rows:
        """Every VPG with its reading, in the order in which they were made."""
        holding = self.incidents.at(second)
        return [(vpg, self._read(vpg, second, holding)) for vpg in self.vpgs]

    def one_at(self, vpg_identifier: str, second: int) -> tuple[Vpg, VpgReading] | None:
        """One of `at`, without the work for all others; None if there is none of that identifier."""
        for vpg in self.vpgs:
            if vpg.identifier == vpg_identifier:
                return vpg, self._read(vpg, second, self.incidents.at(second))
        return None

    def backups_at(self, second: int) -> Rows:
        """The groups that exist for long-term retention only; nothing happens to them."""
        return [(vpg, vpg_at(vpg, second, None)) for vpg in self._backups]

    def unprotected_at(self, second: int) -> list[Vm]:
        """The VMs of the site that no VPG has: those that never had one, and those that were taken out of theirs."""
        protected = {member.vm.identifier for vpg in self.vpgs for member in vpg.members}
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
        found = [
            *past.drills(self.incidents.of_the_last_day(second), self.founded, second),
            *self._recoveries,
            *(task for vpg in self.founded for task in past.tests(vpg, began, second)),
            *(task for vpg in self.founded for task in past.tags(vpg, began, second)),
        ]
        return sorted(
            (task for task in found if began <= task.start <= second), key=lambda task: (task.start, task.identifier)
        )

    def holds(self, vpg_identifier: str) -> bool:
        return any(vpg.identifier == vpg_identifier for vpg in self.vpgs)

    def holds_vm(self, vm_identifier: str) -> bool:
        return any(member.vm.identifier == vm_identifier for vpg in self.vpgs for member in vpg.members)

    def remove_vm(self, vm_identifier: str) -> None:
        """Take the VM out of every VPG; a VPG that was left empty stays, as EmptyProtectionGroup."""
        self.vpgs = tuple(
            replace(vpg, members=tuple(m for m in vpg.members if m.vm.identifier != vm_identifier)) for vpg in self.vpgs
        )
        self._removals += 1

    def remove_vpg(self, vpg_identifier: str) -> None:
        self.vpgs = tuple(vpg for vpg in self.vpgs if vpg.identifier != vpg_identifier)
        self._removals += 1

    @cached_property
    def _recoveries(self) -> tuple[Task, ...]:
        return tuple(task for vpg in self.founded for task in past.recoveries(vpg, self._made))

    def _read(self, vpg: Vpg, second: int, holding: Mapping[str, Incident]) -> VpgReading:
        moment = self._made if vpg.identifier in self._still else second
        return vpg_at(vpg, moment, _felt(vpg, holding))


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
