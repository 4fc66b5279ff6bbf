"""A site that lives: what it protects, what recovers to it, and how all of it does.

Time comes from the clock that it was given, in whole seconds: the same seed at the same second gives the same
readings, in whatever order they are asked for.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self, TypedDict, Unpack

from exporter.simulator.estate.counting import Amounts, Counters, Key
from exporter.simulator.estate.founding import Founder
from exporter.simulator.estate.incidents import OF_ONE_SITE, Incident
from exporter.simulator.estate.inventory import Site, Vpg
from exporter.simulator.estate.operations import Wish
from exporter.simulator.estate.protection import ALL, Pace, Protection, Rows
from exporter.simulator.estate.readings import VpgReading
from exporter.simulator.estate.tasks import Task

Clock = Callable[[], float]

_CLOCK_OFF: Final = 300
"""Seconds by which a clock is ahead that is off."""


@dataclass(frozen=True, slots=True)
class Failing:
    """An operation that will fail when it begins: the next of the VPG of that name, or of any."""

    vpg_name: str | None
    reason: str


class Traits(TypedDict, total=False):
    """What an estate may have besides: see `LivingSite`."""

    peer: Site
    cloud: bool
    local: bool
    incidents: bool
    changing: int


class LivingSite:
    """One site's VMs and VPGs, alive.

    `vms` is the number of its pairs of a VM and a VPG: a VM in two VPGs is two. Traits: `peer`, the site that it
    protects to (without it, one that nobody else knows); `cloud` (True), a VPG that recovers to Azure; `local`
    (False), a VPG that recovers to the site itself; `incidents` (True), trouble that starts and ends by itself.
    `changing` (100), how many per cent of its VPGs change with time: the others stay as they were when the estate was
    made, and with less than 100 no trouble starts by itself. With 0 time stands still, until a hand changes something.
    From 20 VMs on, one VM is in three VPGs and one in two.
    """

    def __init__(
        self, site: str = "nyc", vms: int = 50, seed: int = 1, clock: Clock = time.time, **traits: Unpack[Traits]
    ) -> None:
        self.site = site
        self.seed = seed
        self.clock = clock
        self.here = Site.named(site, seed)
        self.peer = traits.get("peer") or Site.named(f"{site}-dr", seed)
        founder = Founder(self.here, self.peer, seed)
        inventory = founder.found(vms, cloud=traits.get("cloud", True), local=traits.get("local", False))
        self._changing = traits.get("changing", ALL)
        self._made = int(clock())
        pace = Pace(self._changing, self._made)
        self.own = Protection(inventory, (seed, clock), pace, scheduled=traits.get("incidents", True))
        self._incoming: tuple[Protection, ...] = ()
        self.failing: tuple[Failing, ...] = ()
        self._counters = Counters()

    def receive(self, other: Self) -> None:
        """List from now on also those VMs of the other estate that recover to this site."""
        self._incoming = (*self._incoming, other.own)

    @property
    def second(self) -> int:
        """The unix second that an answer given now is about."""
        acting = any(not protection.operations.blank for protection in self.protections)
        return int(self.clock()) if self._changing or acting else self._made

    @property
    def told_time(self) -> float:
        """What the clock of the site's ZVM says, in seconds since the epoch; it goes on where time stands still."""
        now = self.clock()
        return now + _CLOCK_OFF if "clock_off" in self.own.incidents.at(now) else now

    @property
    def revision(self) -> tuple[int, ...]:
        """Differs after every incident, operation or removal by hand, and after a restart of its ZVM."""
        return (*(protection.revision for protection in self.protections), self._counters.restarts)

    def vpgs_at(self, second: int) -> Rows:
        """The VPGs that this site protects, and those of others that recover to it, with their readings at a second."""
        return [row for protection in self.protections for row in protection.at(second) if self._lists(row[0])]

    def backups_at(self, second: int) -> Rows:
        """The groups that exist for long-term retention only, which a ZVM lists on request only."""
        return self.own.backups_at(second)

    def counted_at(self, second: int) -> dict[Key, Amounts]:
        """What its ZVM has counted of each VM in a VPG of `vpgs_at` until a second."""
        holding: dict[str, Incident] = {}
        for protection in self.protections:
            holding |= protection.incidents.at(second)
        return self._counters.at(second, self.vpgs_at(second), holding)

    def restart_counters(self) -> None:
        """Let its ZVM count from 0, as one that starts."""
        self._counters.restart(self.second)

    def vpg_at(self, identifier: str, second: int) -> tuple[Vpg, VpgReading] | None:
        """One of `vpgs_at`, without the work for all others; None if there is none of that identifier."""
        found = (protection.one_at(identifier, second) for protection in self.protections)
        return next((row for row in found if row is not None and self._lists(row[0])), None)

    def vpgs_of(self, vm_identifier: str) -> list[Vpg]:
        """The VPGs of `vpgs_at` that a VM is in; the identifier in any case."""
        wanted = vm_identifier.lower()
        return [
            vpg
            for protection in self.protections
            for vpg in protection.vpgs
            if self._lists(vpg) and any(member.vm.identifier.lower() == wanted for member in vpg.members)
        ]

    @property
    def incidents(self) -> list[Incident]:
        """What is wrong now, in the VPGs that this site protects or receives."""
        second = self.second
        return [
            incident
            for protection in self.protections
            for incident in protection.incidents.at(second).values()
            if protection.holds(incident.vpg_identifier) or (protection is self.own and not incident.vpg_identifier)
        ]

    def start_incident(self, kind: str, vpg_name: str | None = None) -> None:
        """Begin an incident that lasts until it is ended, in the VPG of that name or in every one.

        Raises:
            ValueError: there is no such kind of incident, or it is one of a whole site and a VPG is named.
            KeyError: there is no VPG of that name.
        """
        kind = kind.replace("-", "_")
        where = (self.own,) if kind in OF_ONE_SITE else self.protections
        down = self.peer.identifier if kind == "site_down" else ""
        begun = sum(protection.incidents.start(kind, vpg_name, self.clock(), down) for protection in where)
        if not begun:
            raise KeyError(vpg_name)

    def end_incident(self, kind: str | None = None, vpg_name: str | None = None) -> int:
        """End what is wrong now, by hand or by itself; None stands for any. Says how many incidents ended."""
        return sum(
            protection.incidents.end(kind, vpg_name, self.clock(), peers=protection is not self.own)
            for protection in self.protections
        )

    def fail_next(self, vpg_name: str | None, reason: str, times: int) -> None:
        """Let the next operations that begin here fail, those of the VPG of that name or any.

        Raises:
            KeyError: there is no VPG of that name.
        """
        if vpg_name is not None and not any(
            vpg.name == vpg_name for protection in self.protections for vpg in protection.vpgs
        ):
            raise KeyError(vpg_name)
        self.failing = (*self.failing, *(Failing(vpg_name, reason) for _ in range(times)))

    def forget_operations(self) -> None:
        """All VPGs are as if no hand had begun an operation, and the next one does not fail."""
        self.failing = ()
        for protection in self.protections:
            protection.operations.forget()

    def begin(self, vpg: Vpg, wish: Wish) -> tuple[Task, Site]:
        """Begin an operation of a VPG that this site lists; gives the task, and the site that it is one of.

        Raises:
            RefusedError: the VPG is in no state for it.
        """
        failing = next((one for one in self.failing if one.vpg_name in (None, vpg.name)), None)
        protection = next(one for one in self.protections if one.holds(vpg.identifier))
        task = protection.begin(vpg, replace(wish, failure=failing.reason) if failing else wish)
        if failing is not None:
            place = self.failing.index(failing)
            self.failing = self.failing[:place] + self.failing[place + 1 :]
        return task, protection.site

    def remove_vm(self, vm_identifier: str) -> None:
        """Take a VM out of all its VPGs, at both sites of a pair.

        Raises:
            KeyError: no VPG holds it.
        """
        holding = [protection for protection in self.protections if protection.holds_vm(vm_identifier)]
        if not holding:
            raise KeyError(vm_identifier)
        for protection in holding:
            protection.remove_vm(vm_identifier)

    def remove_vpg(self, vpg_identifier: str) -> None:
        """Delete a VPG with its rows in /v1/vms, at both sites of a pair.

        Raises:
            KeyError: there is no such VPG.
        """
        holding = [protection for protection in self.protections if protection.holds(vpg_identifier)]
        if not holding:
            raise KeyError(vpg_identifier)
        for protection in holding:
            protection.remove_vpg(vpg_identifier)

    @property
    def concerned(self) -> frozenset[str]:
        """The identifiers of all VPGs that this site lists or has listed."""
        founded = (vpg for protection in self.protections for vpg in protection.founded)
        return frozenset(vpg.identifier for vpg in founded if self._lists(vpg))

    @property
    def protections(self) -> tuple[Protection, ...]:
        """What this site protects, and what each site does that protects to it."""
        return (self.own, *self._incoming)

    def _lists(self, vpg: Vpg) -> bool:
        return self.here.identifier in (vpg.protected.identifier, vpg.recovery.identifier)
