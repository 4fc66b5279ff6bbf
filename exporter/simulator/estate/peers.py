"""The sites that a site knows: itself and its peers, and what recovers to each of those.

What a peer has of this site's VMs is counted here from the VPGs of the same second, so that the numbers agree.
"""

from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.inventory import Site
from exporter.simulator.estate.protection import Protection
from exporter.simulator.estate.site import LivingSite

PAIRED, LOST = 0, 2
"""Whether the pairing with a peer holds."""

_LOSSES: Final = ("wan_down", "site_down")


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer at a second: storage in MiB, traffic in MiB a second, of the VMs that recover to it."""

    site: Site
    pairing: int
    provisioned_mb: int
    used_mb: int
    throughput: float
    bandwidth: float


def sites_of(site: LivingSite) -> list[Site]:
    """The site itself, then each that it protects to or that protects to it."""
    known = [site.here, site.peer]
    known += [other for protection in site.protections for other in _partners(protection)]
    here = site.here.identifier
    listed = {one.identifier: one for one in known if one.identifier != here}
    return [site.here, *listed.values()]


def peers_at(site: LivingSite, second: int) -> list[Peer]:
    """The peers of a site."""
    rows = site.own.at(second)
    incidents = site.own.incidents.at(second)
    lost = [incidents[kind] for kind in _LOSSES if kind in incidents]
    peers = []
    for peer in sites_of(site)[1:]:
        received = [row for row in rows if row[0].recovery.identifier == peer.identifier]
        vms = [member.vm for vpg, _ in received for member in vpg.members]
        peers.append(
            Peer(
                peer,
                LOST if any(one.site in ("", peer.identifier) for one in lost) else PAIRED,
                provisioned_mb=sum(vm.provisioned_mb for vm in vms),
                used_mb=sum(vm.used_mb for vm in vms),
                throughput=sum(reading.throughput for _, reading in received),
                bandwidth=sum(member.bandwidth for _, reading in received for member in reading.members),
            )
        )
    return peers


def _partners(protection: Protection) -> list[Site]:
    return [protection.site, *(vpg.recovery for vpg in protection.founded)]
