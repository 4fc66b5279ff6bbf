"""What of a VM's writes looks encrypted, and how far ransomware has come: from VM to VM, and more of each VM's writes.

Zerto does not say how far its levels go: here 0 is none, and 3 is certain.
"""

import math
from typing import Final

from exporter.simulator.estate.incidents import Incident
from exporter.simulator.estate.inventory import Vm

_SECONDS_TO_THE_NEXT: Final = 60
_LEVELS: Final = (30, 120, 300)
"""Seconds after which a VM that is being encrypted is suspected, more, and for certain."""

_MOST: Final = 0.95


def encrypting_for(incident: Incident | None, place: int, second: float) -> float | None:
    """Seconds since the VM of that place in its VPG is being encrypted, None if it is not."""
    if incident is None or incident.kind != "ransomware":
        return None
    seconds = incident.elapsed(second) - place * _SECONDS_TO_THE_NEXT
    return seconds if seconds >= 0 else None


def usual_share(vm: Vm) -> float:
    """The share of a VM's writes that looks encrypted on any day, 0 to 1."""
    return 0.02 + 0.1 * (vm.rhythm.low * 97 % 1)


def encrypted_share(vm: Vm, seconds: float | None) -> float:
    """The share of a VM's writes that looks encrypted, *seconds* after encryption began."""
    usual = usual_share(vm)
    return usual if seconds is None else usual + (_MOST - usual) * (1 - math.exp(-seconds / 60))


def level(seconds: float | None) -> int:
    """How much a VM is suspected, and how much its trend has changed, so many *seconds* after encryption began."""
    return 0 if seconds is None else sum(seconds >= least for least in _LEVELS)
