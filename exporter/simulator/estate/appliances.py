"""The VRAs (Virtual Replication Appliances) of a site: one on each host that has run or received one of its VMs.

What a VRA counts is counted here from the VMs and VPGs of the same second, so that the numbers agree.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from exporter.simulator.estate.incidents import OF_A_VRA
from exporter.simulator.estate.inventory import Site, Vpg
from exporter.simulator.estate.seeded import stream
from exporter.simulator.estate.site import LivingSite

FINE, WARNED, FAULTY = range(3)
"""A VRA's alert status."""

INSTALLED, NOT_DONE, IN_MAINTENANCE = 0, 5, 9
"""A VRA's status: it works, its installation failed, its host is in maintenance."""

_BEYOND_A_DOUBLE: Final = 1 << 62


@dataclass(slots=True)
class Load:
    """What a VRA protects or receives: VMs, each once, their volumes, and the VPGs that they are in."""

    vms: set[str] = field(default_factory=set)
    vpgs: set[str] = field(default_factory=set)
    volumes: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """What its ZVM says of a VRA: its status and alert status by their codes, and whether its host is gone."""

    status: int = INSTALLED
    alert: int = FINE
    ghost: bool = False


_CONDITIONS: Final = {
    "vra_down": Condition(alert=FAULTY),
    "vra_failed": Condition(NOT_DONE, FAULTY),
    "vra_ghost": Condition(alert=FAULTY, ghost=True),
    "host_in_maintenance": Condition(IN_MAINTENANCE, WARNED),
}
_WELL: Final = Condition()


@dataclass(frozen=True, slots=True)
class Vra:
    """A VRA at a second. `identifier` needs more bits than a double has; `host` is the number of its host."""

    identifier: int
    host: int
    cores: int
    memory_gb: int
    group: str
    datastore: int
    protected: Load
    recovery: Load
    self_protected: int
    condition: Condition


def vras_at(site: LivingSite, second: int) -> list[Vra]:
    """The VRAs of a site by the numbers of their hosts; those without a VM any more stay."""
    protected: defaultdict[int, Load] = defaultdict(Load)
    recovery: defaultdict[int, Load] = defaultdict(Load)
    own: defaultdict[int, set[str]] = defaultdict(set)
    for vpg in (vpg for protection in site.protections for vpg in protection.vpgs):
        here = (vpg.protected.identifier == site.here.identifier, vpg.recovery.identifier == site.here.identifier)
        for member in vpg.members:
            if here[0]:
                _protect(protected[member.vm.host], vpg, member.vm.identifier, member.vm.volumes)
            if here[1] and member.recovery_host is not None:
                _receive(recovery[member.recovery_host], vpg, member.vm.identifier, member.vm.volumes)
            if all(here):
                own[member.vm.host].add(vpg.identifier)
    troubled = _troubled(site, second)
    return [
        _vra(site, host, (protected[host], recovery[host]), len(own[host]), troubled.get(host, _WELL))
        for host in sorted(hosts_of(site, site.here))
    ]


def _protect(load: Load, vpg: Vpg, vm: str, volumes: int) -> None:
    """A VM in several VPGs is read once."""
    load.volumes += volumes if vm not in load.vms else 0
    load.vms.add(vm)
    load.vpgs.add(vpg.identifier)


def _receive(load: Load, vpg: Vpg, vm: str, volumes: int) -> None:
    """A VM in several VPGs has volumes of its own for each of them."""
    load.volumes += volumes
    load.vms.add(vm)
    load.vpgs.add(vpg.identifier)


def hosts_of(site: LivingSite, of: Site) -> set[int]:
    """The hosts of one site, as far as they had a VM of a VPG when the estate was made."""
    hosts: set[int] = set()
    for vpg in (vpg for protection in site.protections for vpg in protection.founded):
        if vpg.protected.identifier == of.identifier:
            hosts |= {member.vm.host for member in vpg.members}
        if vpg.recovery.identifier == of.identifier:
            hosts |= {member.recovery_host for member in vpg.members if member.recovery_host is not None}
    return hosts


def _troubled(site: LivingSite, second: int) -> dict[int, Condition]:
    """What is wrong with VRAs, by their hosts: that of the first VM of each VPG with such an incident."""
    kinds = {key: incident.kind for key, incident in site.own.incidents.at(second).items() if incident.kind in OF_A_VRA}
    return {
        vpg.members[0].vm.host: _CONDITIONS[kinds[vpg.identifier]]
        for vpg in site.own.vpgs
        if vpg.identifier in kinds and vpg.members
    }


def _vra(site: LivingSite, host: int, loads: tuple[Load, Load], self_protected: int, condition: Condition) -> Vra:
    numbers = stream(site.seed, site.here.name, "vra", host)
    return Vra(
        identifier=_BEYOND_A_DOUBLE | numbers.getrandbits(62),
        host=host,
        cores=numbers.choice((1, 2, 2, 4)),
        memory_gb=numbers.choice((3, 4, 8, 16)),
        group=numbers.choice(("default_group", "default_group", "branch")),
        datastore=numbers.randint(50, 97),
        protected=loads[0],
        recovery=loads[1],
        self_protected=self_protected,
        condition=condition,
    )
