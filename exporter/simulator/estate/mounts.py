"""Files that are being restored at a site: a VM whose points in time are mounted from the morning to the afternoon."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.inventory import Vm, Vpg
from exporter.simulator.estate.seeded import guid, stream
from exporter.simulator.estate.site import LivingSite

_DAY: Final = 86400
_OPENED: Final = (6 * 3600, 8 * 3600 - 1)
_OPEN: Final = (23_400, 28_800)
_MOUNTING: Final = 20
_PER_VMS: Final = 50


@dataclass(frozen=True, slots=True)
class Mount:
    """A session; `opened` in unix seconds, `status` by the API's name."""

    identifier: str
    vm: Vm
    vpg: Vpg
    opened: int
    status: str


def mounts_at(site: LivingSite, second: int) -> list[Mount]:
    """The sessions at a second: in the daytime one for each fifty VMs, at night none."""
    members = [(vpg, member.vm) for vpg in site.own.vpgs for member in vpg.members]
    return list(_mounts(site, members, second))


def _mounts(site: LivingSite, members: list[tuple[Vpg, Vm]], second: int) -> Iterator[Mount]:
    day = second // _DAY
    for place in range(-(-len(members) // _PER_VMS)):
        numbers = stream(site.seed, site.here.name, "mount", day, place)
        vpg, vm = numbers.choice(members)
        opened = day * _DAY + numbers.randint(*_OPENED)
        closed = opened + numbers.randint(*_OPEN)
        if opened <= second < closed:
            status = "MountInProgress" if second < opened + _MOUNTING else "MountReady"
            status = "UnmountInProgress" if second >= closed - _MOUNTING else status
            yield Mount(guid(numbers), vm, vpg, opened, status)
