"""The datastores of a site, and who uses how much of each: VMs, what recovers to it, journals, VRAs, others.

Sums of what the estate has at the same second, so that the numbers agree with those of VMs and VRAs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.appliances import vras_at
from exporter.simulator.estate.inventory import Member, Site
from exporter.simulator.estate.site import LivingSite

PURPOSES: Final = ("Protected", "Recovery", "Journal", "Scratch", "Appliances", "Unknown")
WARNING_SHARE, ERROR_SHARE = 0.85, 0.95
"""Of a datastore: from which share in use on it is unhealthy."""

_GIB: Final = 1024
_TIB: Final = 1024 * _GIB
VRA_USED_MB, VRA_PROVISIONED_MB = 7 * _GIB, 13 * _GIB
"""What a VRA uses and may come to use of its datastore."""
SCRATCH_SHARE: Final = 0.02
"""Of what a VM uses: what a failover test of it writes."""

_FULL: Final = 0.995
_SECONDS_TO_FILL: Final = 600


@dataclass(slots=True)
class Use:
    """What is used and provisioned, in MiB."""

    used_mb: int = 0
    provisioned_mb: int = 0

    def add(self, used_mb: int, provisioned_mb: int) -> None:
        """Let there be so much more."""
        self.used_mb += used_mb
        self.provisioned_mb += provisioned_mb


@dataclass(frozen=True, slots=True)
class Datastore:
    """A datastore at a second: its number, size in MiB, all that is on it, and what of that is Zerto's, by purpose."""

    number: int
    capacity_mb: int
    total: Use
    zerto: dict[str, Use]
    vras: int
    incoming: int
    outgoing: int

    @property
    def full(self) -> float:
        """The share of it that is in use, 0 to 1."""
        return self.total.used_mb / self.capacity_mb


@dataclass(slots=True)
class _Sums:
    """What is on the datastores of a site, by their numbers."""

    zerto: defaultdict[int, dict[str, Use]]
    others: defaultdict[int, Use]
    incoming: Counter[int]
    outgoing: Counter[int]


def datastore_behind(host: int) -> int:
    """The number of the datastore with the recovery volumes and journals of the VMs that recover to a host."""
    return 50 + host % 48


def recovery_datastore(member: Member) -> int | None:
    """The number of the datastore with the recovery volumes and the journal of a VM; None in a cloud."""
    return None if member.recovery_host is None else datastore_behind(member.recovery_host)


def cluster_of(number: int) -> str | None:
    """The name of the cluster that a datastore is in; each third is in none."""
    return None if number % 3 == 0 else f"ds-cluster-{number // 16:02d}"


def datastores_of(site: LivingSite, of: Site) -> list[int]:
    """The numbers of the datastores of one site, as far as this one knows them."""
    numbers: set[int] = set()
    for protection in site.protections:
        if protection.site.identifier == of.identifier:
            numbers |= {vm.datastore for vm in protection.strangers}
        for vpg in protection.founded:
            if vpg.protected.identifier == of.identifier:
                numbers |= {member.vm.datastore for member in vpg.members}
            if vpg.recovery.identifier == of.identifier:
                numbers |= {number for member in vpg.members if (number := recovery_datastore(member)) is not None}
    if of.identifier == site.here.identifier:
        numbers |= {vra.datastore for vra in vras_at(site, site.second)}
    return sorted(numbers)


def datastores_at(site: LivingSite, second: int) -> list[Datastore]:
    """The datastores of the site itself, by their numbers."""
    sums = _sums(site, second)
    vras = Counter(vra.datastore for vra in vras_at(site, second))
    sizes = _sizes(site)
    numbers = sorted(sizes)
    filling = site.own.incidents.at(second).get("datastore_full")
    found = []
    for number in numbers:
        zerto, total = sums.zerto[number], Use()
        zerto["Appliances"].add(vras[number] * VRA_USED_MB, vras[number] * VRA_PROVISIONED_MB)
        for use in (*zerto.values(), sums.others[number]):
            total.add(use.used_mb, use.provisioned_mb)
        if filling is not None and number == numbers[0]:
            progress = min(1.0, filling.elapsed(second) / _SECONDS_TO_FILL)
            more = int(max(0, sizes[number] * _FULL - total.used_mb) * progress)
            total.add(more, more)
        found.append(
            Datastore(
                number, sizes[number], total, zerto, vras[number], sums.incoming[number], outgoing=sums.outgoing[number]
            )
        )
    return found


def _sums(site: LivingSite, second: int) -> _Sums:
    sums = _Sums(
        defaultdict(lambda: {purpose: Use() for purpose in PURPOSES}), defaultdict(Use), Counter(), outgoing=Counter()
    )
    outgoing: set[str] = set()
    incoming: set[tuple[int, str]] = set()
    for vpg, reading in site.vpgs_at(second):
        here = (vpg.protected.identifier == site.here.identifier, vpg.recovery.identifier == site.here.identifier)
        for member, numbers in zip(vpg.members, reading.members, strict=True):
            vm = member.vm
            if here[0] and vm.identifier not in outgoing:
                outgoing.add(vm.identifier)
                sums.outgoing[vm.datastore] += 1
                sums.zerto[vm.datastore]["Protected"].add(vm.used_mb, vm.provisioned_mb)
            number = recovery_datastore(member)
            if here[1] and number is not None:
                sums.incoming[number] += (number, vm.identifier) not in incoming
                incoming.add((number, vm.identifier))
                sums.zerto[number]["Recovery"].add(vm.used_mb, vm.provisioned_mb)
                sums.zerto[number]["Journal"].add(numbers.journal_mb, member.journal.capacity_mb)
                if reading.test_stage is not None:
                    scratch = int(vm.used_mb * SCRATCH_SHARE)
                    sums.zerto[number]["Scratch"].add(scratch, scratch)
    for vm in site.own.unprotected_at(second):
        sums.others[vm.datastore].add(vm.used_mb, vm.provisioned_mb)
    return sums


def _sizes(site: LivingSite) -> dict[int, int]:
    """How big each datastore is, by its number: a quarter more than what it was made for, in whole TiB."""
    made_for: Counter[int] = Counter(dict.fromkeys(datastores_of(site, site.here), 0))
    for number, provisioned_mb in _founded(site):
        made_for[number] += provisioned_mb
    return {number: (provisioned_mb * 5 // 4 // _TIB + 1) * _TIB for number, provisioned_mb in made_for.items()}


def _founded(site: LivingSite) -> Iterator[tuple[int, int]]:
    """The datastore and the MiB of all that there was when the estate was made."""
    for vra in vras_at(site, site.second):
        yield vra.datastore, VRA_PROVISIONED_MB
    for vpg in (vpg for protection in site.protections for vpg in protection.founded):
        for member in vpg.members:
            if vpg.protected.identifier == site.here.identifier:
                yield member.vm.datastore, member.vm.provisioned_mb
            number = recovery_datastore(member)
            if vpg.recovery.identifier == site.here.identifier and number is not None:
                yield number, member.vm.provisioned_mb + member.journal.capacity_mb
    for vm in site.own.strangers:
        yield vm.datastore, vm.provisioned_mb
