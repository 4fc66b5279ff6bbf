"""Which VMs of a site are suspected of being encrypted by others, and how much."""

from collections import defaultdict
from dataclasses import dataclass

from exporter.simulator.estate.encryption import encrypting_for, level
from exporter.simulator.estate.inventory import Vm, Vpg
from exporter.simulator.estate.site import LivingSite


@dataclass(frozen=True, slots=True)
class Observed:
    """A VM that this site protects, with all its VPGs there, and how much it is suspected."""

    vm: Vm
    vpgs: tuple[Vpg, ...]
    level: int


def observed_at(site: LivingSite, second: int) -> list[Observed]:
    """Every VM that the site protects, each once."""
    vms: dict[str, Vm] = {}
    vpgs: defaultdict[str, list[Vpg]] = defaultdict(list)
    levels: defaultdict[str, int] = defaultdict(int)
    for protection in site.protections:
        holding = protection.incidents.at(second)
        for vpg in protection.vpgs:
            if vpg.protected.identifier != site.here.identifier:
                continue
            incident = holding.get(vpg.identifier)
            for place, member in enumerate(vpg.members):
                identifier = member.vm.identifier
                vms[identifier] = member.vm
                vpgs[identifier].append(vpg)
                levels[identifier] = max(levels[identifier], level(encrypting_for(incident, place, second)))
    return [Observed(vm, tuple(vpgs[identifier]), levels[identifier]) for identifier, vm in vms.items()]
