"""The license that a site shares with the sites that protect to it."""

from dataclasses import dataclass, field
from typing import Final

from exporter.simulator.estate.inventory import Site, Vpg
from exporter.simulator.estate.seeded import stream
from exporter.simulator.estate.site import LivingSite

_DAY: Final = 86400
_TERM: Final = 365 * _DAY
_RENEWED_BEFORE_END: Final = 90 * _DAY
_EXPIRING_AFTER: Final = 7 * _DAY


@dataclass(frozen=True, slots=True)
class License:
    """A license at a second: `expires` in unix seconds, `used` the protected VMs of each site, each VM once.

    `key` is a secret.
    """

    key: str = field(repr=False)
    kind: str
    expires: int
    max_vms: int
    used: tuple[tuple[Site, int], ...]


def license_at(site: LivingSite, second: int) -> License:
    """The license of a site: renewed each year in time, but for an incident, and with room for a quarter more VMs."""
    numbers = stream(site.seed, "license")
    key = "-".join(f"{numbers.getrandbits(32):08X}" for _ in range(5))
    phase = numbers.randrange(365) * _DAY
    terms = (second + _RENEWED_BEFORE_END - phase) // _TERM + 1
    ending = site.own.incidents.at(second).get("license_expiring")
    vpgs = [vpg for protection in site.protections for vpg in protection.vpgs]
    founded = sum(_machines(protection.founded) for protection in site.protections)
    return License(
        key=key,
        kind="Enterprise",
        expires=terms * _TERM + phase if ending is None else int(ending.start) + _EXPIRING_AFTER,
        max_vms=(founded * 5 // 4 // 25 + 1) * 25,
        used=tuple(
            (one.site, _machines(tuple(vpg for vpg in vpgs if vpg.protected.identifier == one.site.identifier)))
            for one in site.protections
        ),
    )


def _machines(vpgs: tuple[Vpg, ...]) -> int:
    return len({member.vm.identifier for vpg in vpgs for member in vpg.members})
