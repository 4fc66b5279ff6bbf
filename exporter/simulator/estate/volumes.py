"""The volumes that a site stores: those of its VRAs and of the VMs that it protects, and the copies of others' VMs.

With the copies come the journals, and what failover tests write. Together they are what the ZVM says of a VM's storage
and of its journal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.appliances import vras_at
from exporter.simulator.estate.inventory import Member, Site, Vm, Vpg
from exporter.simulator.estate.readings import VmReading
from exporter.simulator.estate.seeded import guid, stream
from exporter.simulator.estate.site import LivingSite
from exporter.simulator.estate.storage import SCRATCH_SHARE, VRA_PROVISIONED_MB, VRA_USED_MB, datastore_behind

_MEBIBYTE: Final = 2**20
_GIB: Final = 1024
_JOURNAL_VOLUME_MB: Final = 64 * _GIB


@dataclass(frozen=True, slots=True)
class Machine:
    """A VM by its identifier and its name."""

    identifier: str
    name: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume; sizes in bytes. It is attached to `owner`, and holds data of `vm` in `vpg`.

    `share` is its part of all volumes of its kind that the VM has there, `datastore` a number.
    """

    kind: str
    identifier: str
    owner: Machine
    vm: Machine | None
    vpg: Vpg | None
    used: int
    provisioned: int
    share: float
    datastore: int

    @property
    def file(self) -> str:
        return f"{self.identifier[:8]}.vmdk"


def volumes_at(site: LivingSite, second: int) -> Iterator[Volume]:
    """All volumes of a site."""
    here = site.here.identifier
    seen: set[str] = set()
    for vpg, reading in site.vpgs_at(second):
        for member, one in zip(vpg.members, reading.members, strict=True):
            if vpg.protected.identifier == here and member.vm.identifier not in seen:
                seen.add(member.vm.identifier)
                yield from protected_volumes(member.vm, vpg)
            if vpg.recovery.identifier == here and member.recovery_host is not None:
                yield from _received(
                    site.here, vpg, member, member.recovery_host, one, testing=reading.test_stage is not None
                )
    for vra in vras_at(site, second):
        owner = _appliance(site.here, vra.host)
        yield from _parts("Appliance", owner, None, None, (VRA_USED_MB, VRA_PROVISIONED_MB), 1, vra.datastore)


def protected_volumes(vm: Vm, vpg: Vpg | None = None) -> Iterator[Volume]:
    """The volumes of a VM, of which a VM in several VPGs has only one set."""
    owner = Machine(vm.identifier, vm.name)
    return _parts("Protected", owner, owner, vpg, (vm.used_mb, vm.provisioned_mb), vm.volumes, vm.datastore)


def _received(
    here: Site, vpg: Vpg, member: Member, host: int, reading: VmReading, *, testing: bool
) -> Iterator[Volume]:
    """What there is of a VM that recovers to this site. The VRA of its recovery host has it."""
    owner, vm = _appliance(here, host), Machine(member.vm.identifier, member.vm.name)
    datastore = datastore_behind(host)
    sizes = (member.vm.used_mb, member.vm.provisioned_mb)
    yield from _parts("Recovery", owner, vm, vpg, sizes, member.vm.volumes, datastore)
    capacity = member.journal.capacity_mb
    journals = max(1, capacity // _JOURNAL_VOLUME_MB)
    yield from _parts("Journal", owner, vm, vpg, (reading.journal_mb, capacity), journals, datastore)
    if testing:
        scratch = int(member.vm.used_mb * SCRATCH_SHARE)
        yield from _parts("Scratch", owner, vm, vpg, (scratch, scratch), 1, datastore)


def _parts(
    kind: str,
    owner: Machine,
    vm: Machine | None,
    vpg: Vpg | None,
    sizes: tuple[int, int],
    count: int,
    datastore: int,
) -> Iterator[Volume]:
    """So many volumes, which together use and have *sizes* in MiB."""
    used, provisioned = (_split(size * _MEBIBYTE, count) for size in sizes)
    whose = (owner if vm is None else vm).identifier
    for number in range(count):
        # A protected volume is the VM's own, whatever VPG it is in.
        of = "" if vpg is None or kind == "Protected" else vpg.identifier
        yield Volume(
            kind,
            guid(stream(kind, whose, of, number)),
            owner,
            vm,
            vpg,
            used[number],
            provisioned[number],
            1 / count,
            datastore,
        )


def _appliance(here: Site, host: int) -> Machine:
    return Machine(f"{here.server}.vm-{90_000 + host}", f"Z-VRA-esx-{host}.{here.name}.test")


def _split(whole: int, parts: int) -> list[int]:
    return [whole // parts + (number < whole % parts) for number in range(parts)]
