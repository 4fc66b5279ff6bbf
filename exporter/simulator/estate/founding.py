"""Founds a site: draws its VMs and VPGs from the seed.

The only place that decides how many of what there are. The number asked for is that of rows of /v1/vms, one for each
(VM, VPG) pair; a VM that is in three VPGs takes three.
"""

import random
from dataclasses import dataclass, field
from typing import Final

from exporter.simulator.estate.inventory import (
    AZURE,
    MEGABYTES,
    PERCENTAGE,
    UNLIMITED,
    Inventory,
    Journal,
    Member,
    Rhythm,
    Site,
    Vm,
    Vpg,
)
from exporter.simulator.estate.names import ROLES, WORKLOADS, Namer, vpg_name
from exporter.simulator.estate.seeded import guid, stream

NO_ZORG: Final = "00000000-0000-0000-0000-000000000000"
ENOUGH_FOR_ALL_KINDS: Final = 20
"""From this many VMs on an estate has VMs in several VPGs and, if wanted, a VPG that recovers to Azure."""

_ORGANIZATIONS: Final = ("", "", "", "Acme", "Globex", "Initech")
_RPO_BY_PRIORITY: Final = (300, 120, 60)
_DAY: Final = 86400
_LIMIT_MB: Final = 153600
_SYSTEM_DISK_GB: Final = 100
_PROTECTED_TO_ONE_THAT_IS_NOT: Final = 12
_NEWCOMERS: Final = 20


@dataclass(slots=True)
class Founder:
    """Draws one site's inventory. One call each; `found` puts the parts together."""

    site: Site
    peer: Site
    seed: int
    namer: Namer = field(default_factory=Namer)
    machines: int = 0

    def found(self, vms: int, *, cloud: bool, local: bool) -> Inventory:
        """The inventory of a site whose /v1/vms has that many rows of its own."""
        numbers = stream(self.seed, self.site.name, "vpgs")
        workloads = tuple(numbers.sample(tuple(WORKLOADS), len(WORKLOADS)))
        rest = vms
        special: list[tuple[str, str, Site, int]] = []
        if cloud and vms >= ENOUGH_FOR_ALL_KINDS:
            special.append(("Web-to-Cloud", "Web", Site.named("Azure-West", self.seed, AZURE), 3))
        if local and vms >= ENOUGH_FOR_ALL_KINDS:
            special.append(("Files-Local", "Files", self.site, 3))
        copies = 3 if vms >= ENOUGH_FOR_ALL_KINDS else 0
        rest -= copies + sum(size for *_, size in special)
        vpgs: list[Vpg] = []
        while rest > 0:
            size = min(rest, numbers.randint(8, 12))
            name, workload = vpg_name(len(vpgs), workloads)
            vpgs.append(self._vpg(name, self.peer, self._machines_of(workload, size)))
            rest -= size
        if copies:
            twice = vpgs[0].members[:2]
            stem = vpgs[0].name.partition("-")[0]
            vpgs.append(self._vpg(f"{stem}-Archive", self.peer, [member.vm for member in twice]))
            vpgs.append(self._vpg(f"{stem}-Vault", self.peer, [twice[0].vm]))
        for name, workload, recovery, size in special:
            vpgs.append(self._vpg(name, recovery, self._machines_of(workload, size)))
        backups = [
            self._vpg(f"Retention-{n:02d}", self.peer, self._machines_of("Files", 1)) for n in range(1, vms // 25 + 1)
        ]
        # The last ones, so that the others are who they were before there were any.
        strangers = self._strangers(_NEWCOMERS + max(2, vms // _PROTECTED_TO_ONE_THAT_IS_NOT)) if vms else ()
        return Inventory(
            self.site, tuple(vpgs), tuple(backups), strangers[_NEWCOMERS:], newcomers=strangers[:_NEWCOMERS]
        )

    def _strangers(self, count: int) -> tuple[Vm, ...]:
        workloads = tuple(WORKLOADS)
        return tuple(vm for n in range(count) for vm in self._machines_of(workloads[n % len(workloads)], 1))

    def _machines_of(self, workload: str, count: int) -> list[Vm]:
        roles = WORKLOADS[workload]
        return [self._vm(workload, roles[n % len(roles)]) for n in range(count)]

    def _vm(self, workload: str, role_name: str) -> Vm:
        role = ROLES[role_name]
        number = self.machines
        self.machines += 1
        numbers = stream(self.seed, self.site.name, "vm", number)
        provisioned = int(role.disk_gb * numbers.choice((0.5, 0.75, 1, 1, 1.5))) * 1024
        # Most machines are quiet at two in the morning; the batch runs then.
        low = (14 if numbers.random() < 0.15 else 2) + numbers.uniform(-1.5, 1.5)
        return Vm(
            identifier=f"{self.site.server}.vm-{101 + number}",
            name=self.namer.vm(workload, role_name),
            guest_os=role.guest_os,
            hardware=numbers.choice(("vmx-17", "vmx-19", "vmx-20")),
            cores=role.cores,
            memory_mb=role.memory_mb,
            provisioned_mb=provisioned,
            used_mb=int(provisioned * numbers.uniform(0.2, 0.85)),
            volumes=numbers.choice((1, 1, 1, 1, 2, 3) if role.disk_gb > _SYSTEM_DISK_GB else (1,)),
            peak_iops=int(role.peak_iops * numbers.uniform(0.5, 1.6)) + 5,
            block_kib=numbers.choice((4, 8, 8, 16, 32)),
            rhythm=Rhythm(low / 24, _phases(numbers), numbers.uniform(0.8, 1.25)),
            host=10 + number // 12 % 64,
            datastore=50 + number // 20 % 48,
            address=_address(number) if numbers.random() < 0.33 else None,
            file_restore=numbers.random() < 0.9,
            agent=numbers.random() < 0.05,
            mounted=number % 40 == 7,
        )

    def _vpg(self, name: str, recovery: Site, vms: list[Vm]) -> Vpg:
        numbers = stream(self.seed, self.site.name, "vpg", name)
        priority = numbers.choice((0, 1, 1, 1, 2))
        organization = numbers.choice(_ORGANIZATIONS)
        history = numbers.choice((60, 240, 720, 1440, 4320))
        return Vpg(
            identifier=guid(numbers),
            name=name,
            organization=organization,
            zorg=guid(stream(self.seed, "zorg", organization)) if organization else NO_ZORG,
            service_profile=guid(stream(self.seed, "profile", organization)) if organization else None,
            priority=priority,
            protected=self.site,
            recovery=recovery,
            rpo=_RPO_BY_PRIORITY[priority],
            history=history,
            failsafe=numbers.choice((history // 4, history // 4, history // 2, None)),
            test_period=numbers.choice((30 * _DAY, 90 * _DAY, 90 * _DAY, None)),
            phase=numbers.random(),
            members=tuple(
                Member(
                    vm,
                    _journal(vm, numbers),
                    None if recovery.entity_type == AZURE else numbers.randint(20, 51),
                )
                for vm in vms
            ),
        )


def _address(number: int) -> str:
    return f"10.{20 + number // 62500}.{number // 250 % 250}.{number % 250 + 2}"


def _phases(numbers: random.Random) -> tuple[float, float, float]:
    return (numbers.uniform(0, 6.283), numbers.uniform(0, 6.283), numbers.uniform(0, 6.283))


def _journal(vm: Vm, numbers: random.Random) -> Journal:
    kind = numbers.choice((MEGABYTES, MEGABYTES, MEGABYTES, PERCENTAGE, UNLIMITED))
    plateau = numbers.uniform(0.15, 0.6)
    phase = numbers.random()
    if kind == MEGABYTES:
        return Journal(kind, _LIMIT_MB, _LIMIT_MB * 3 // 4, _LIMIT_MB, plateau, phase)
    if kind == PERCENTAGE:
        percent = numbers.choice((20, 30, 50))
        return Journal(kind, percent, percent * 3 // 4, vm.provisioned_mb * percent // 100, plateau, phase)
    return Journal(kind, 0, 0, vm.provisioned_mb // 5, plateau, phase)
