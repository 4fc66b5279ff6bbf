"""The points in time that a VPG and its VMs can be recovered to: checkpoints of the journal, copies of the retention.

A checkpoint each five seconds in the last hour and each minute before, between the ends that the readings tell.
"""

from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.readings import VpgReading
from exporter.simulator.estate.seeded import guid, stream
from exporter.simulator.estate.site import LivingSite

SECONDS_BETWEEN: Final = 5
_DENSE: Final = 3600
_MINUTE: Final = 60
_DAY: Final = 86400
_COPIES: Final = 30


@dataclass(frozen=True, slots=True)
class RetentionSet:
    """A long-term copy of a VM, in the repository of the site that it recovers to. `second` is what it is a copy of."""

    identifier: str
    repository: str
    second: int
    volumes: int


def checkpoints(site: LivingSite, vpg: Vpg, reading: VpgReading, second: int) -> list[tuple[int, str | None]]:
    """The checkpoints of a VPG, the oldest first, each with its tag or None; none while there is no journal."""
    if reading.oldest is None or reading.newest is None:
        return []
    # Two checkpoints never share an identifier, which is made of the five seconds that they are in.
    first, last = reading.oldest // SECONDS_BETWEEN + 1, reading.newest // SECONDS_BETWEEN - 1
    dense = max(first, (reading.newest - _DENSE) // SECONDS_BETWEEN)
    sparse = range(-(-first * SECONDS_BETWEEN // _MINUTE) * _MINUTE, dense * SECONDS_BETWEEN, _MINUTE)
    between = [*sparse, *range(dense * SECONDS_BETWEEN, (last + 1) * SECONDS_BETWEEN, SECONDS_BETWEEN)]
    tags = {
        task.end - task.end % SECONDS_BETWEEN: task.note
        for protection in site.protections
        for task in protection.tagged(vpg.identifier, reading.oldest, second)
        if task.done(second)
    }
    inner = {when for when in (*between, *tags) if first <= when // SECONDS_BETWEEN <= last}
    return [(when, tags.get(when)) for when in sorted({reading.oldest, *inner, reading.newest})]


def retention_sets(vpg: Vpg, vm: str, second: int, seed: int) -> list[RetentionSet]:
    """The long-term copies of a VM, one a day at one in the morning, the oldest first."""
    volumes = next(member.vm.volumes for member in vpg.members if member.vm.identifier == vm)
    last = (second - _MINUTE * _MINUTE) // _DAY
    return [
        RetentionSet(
            identifier=guid(stream(vm, vpg.identifier, "retention", day)),
            repository=guid(stream(seed, vpg.recovery.name, "repository")),
            second=day * _DAY + _MINUTE * _MINUTE,
            volumes=volumes,
        )
        for day in range(last - _COPIES + 1, last + 1)
    ]
