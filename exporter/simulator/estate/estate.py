"""The estate of one site as its ZVM tells it: what it protects, and what recovers to it.

Time comes from the clock that it was given, in whole seconds: the same seed at the same second gives the same
documents, in whatever order they are asked for.
"""

import time
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import msgspec

from exporter.simulator.api.documents import Document, Row, vm_rows, vpg_document
from exporter.simulator.api.legacy import legacy_vm, legacy_vpg
from exporter.simulator.estate.founding import Founder
from exporter.simulator.estate.incidents import Incident
from exporter.simulator.estate.inventory import Site
from exporter.simulator.estate.protection import Protection

Clock = Callable[[], float]


class Traits(TypedDict, total=False):
    """What an estate may have besides: see `Estate`."""

    peer: Site
    cloud: bool
    local: bool
    incidents: bool


class Estate:
    """One site's VMs and VPGs, alive.

    `vms` is the number of rows of its own in /v1/vms, one for each VM and VPG. Traits: `peer`, the site that it
    protects to (without it, one that nobody else knows); `cloud` (True), a VPG that recovers to Azure; `local`
    (False), a VPG that recovers to the site itself; `incidents` (True), trouble that starts and ends by itself.
    From 20 VMs on, one VM is in three VPGs and one in two.
    """

    def __init__(
        self, site: str = "nyc", vms: int = 50, seed: int = 1, clock: Clock = time.time, **traits: Unpack[Traits]
    ) -> None:
        self.site = site
        self.clock = clock
        self.here = Site.named(site, seed)
        self.peer = traits.get("peer") or Site.named(f"{site}-dr", seed)
        founder = Founder(self.here, self.peer, seed)
        inventory = founder.found(vms, cloud=traits.get("cloud", True), local=traits.get("local", False))
        self.own = Protection(inventory, seed, scheduled=traits.get("incidents", True))
        self._incoming: tuple[Protection, ...] = ()

    def receive(self, other: "Estate") -> None:
        """List from now on also those VMs of the other estate that recover to this site."""
        self._incoming = (*self._incoming, other.own)

    @property
    def second(self) -> int:
        """The unix second that an answer given now is about."""
        return int(self.clock())

    @property
    def revision(self) -> tuple[int, ...]:
        """Differs after every incident or removal by hand."""
        return tuple(protection.revision for protection in self._protections)

    def vms(self) -> list[Document]:
        """What GET /v1/vms answers now, as documents of the caller's own."""
        rows = self.vm_rows(self.second)
        return _copies([row.document for row in rows if not row.backup])

    def vpgs(self) -> list[Document]:
        """What GET /v1/vpgs answers now, as documents of the caller's own."""
        return _copies(self.vpg_documents(self.second))

    def vm_rows(self, second: int, *, appliance: bool = True) -> list[Row]:
        """Every row of /v1/vms at a unix second, with those that are listed on request only.

        The documents share parts of theirs: encode them, do not change them.
        """
        rows: list[Row] = []
        for protection in self._protections:
            for vpg, reading in protection.at(second):
                if self._listed(protection, vpg.recovery):
                    rows += vm_rows(vpg, reading, self.here)
            if protection is self.own:
                for vpg, reading in protection.backups_at(second):
                    rows += vm_rows(vpg, reading, self.here, backup=True)
        return rows if appliance else [row._replace(document=legacy_vm(row.document)) for row in rows]

    def vpg_documents(self, second: int, *, appliance: bool = True) -> list[Document]:
        """Every row of /v1/vpgs at a unix second; to be encoded, not changed."""
        documents = [
            vpg_document(vpg, reading, self.here, second)
            for protection in self._protections
            for vpg, reading in protection.at(second)
            if self._listed(protection, vpg.recovery)
        ]
        return documents if appliance else [legacy_vpg(document) for document in documents]

    @property
    def incidents(self) -> list[Incident]:
        """What is wrong now, in the VPGs that this site protects or receives."""
        second = self.second
        return [
            incident
            for protection in self._protections
            for incident in protection.incidents.at(second).values()
            if protection.holds(incident.vpg_identifier)
        ]

    def start_incident(self, kind: str, vpg_name: str | None = None) -> None:
        """Begin an incident that lasts until it is ended, in the VPG of that name or in every one.

        Raises:
            ValueError: there is no such kind of incident.
            KeyError: there is no VPG of that name.
        """
        begun = sum(protection.incidents.start(kind, vpg_name, self.clock()) for protection in self._protections)
        if not begun:
            raise KeyError(vpg_name)

    def end_incident(self, kind: str | None = None, vpg_name: str | None = None) -> int:
        """End what is wrong now, by hand or by itself; None stands for any. Says how many incidents ended."""
        return sum(protection.incidents.end(kind, vpg_name, self.clock()) for protection in self._protections)

    def remove_vm(self, vm_identifier: str) -> None:
        """Take a VM out of all its VPGs, at both sites of a pair.

        Raises:
            KeyError: no VPG holds it.
        """
        holding = [protection for protection in self._protections if protection.holds_vm(vm_identifier)]
        if not holding:
            raise KeyError(vm_identifier)
        for protection in holding:
            protection.remove_vm(vm_identifier)

    def remove_vpg(self, vpg_identifier: str) -> None:
        """Delete a VPG with its rows in /v1/vms, at both sites of a pair.

        Raises:
            KeyError: there is no such VPG.
        """
        holding = [protection for protection in self._protections if protection.holds(vpg_identifier)]
        if not holding:
            raise KeyError(vpg_identifier)
        for protection in holding:
            protection.remove_vpg(vpg_identifier)

    @property
    def _protections(self) -> tuple[Protection, ...]:
        return (self.own, *self._incoming)

    def _listed(self, protection: Protection, recovery: Site) -> bool:
        return protection is self.own or recovery.identifier == self.here.identifier


def pair(
    first: tuple[str, int],
    second: tuple[str, int],
    *,
    seed: int = 1,
    clock: Clock = time.time,
    **traits: Unpack[Traits],
) -> tuple[Estate, Estate]:
    """Two sites, given as (name, VMs), that protect to one another, each listing the other's VMs as incoming.

    With the trait `cloud` (here False) or `local`, a VPG that recovers elsewhere is listed by its own site only.
    """
    a = Estate(*first, seed, clock, **_towards(second[0], seed, traits))
    b = Estate(*second, seed, clock, **_towards(first[0], seed, traits))
    a.receive(b)
    b.receive(a)
    return a, b


def _towards(peer: str, seed: int, traits: Traits) -> Traits:
    return {"cloud": False, **traits, "peer": Site.named(peer, seed)}


def _copies(documents: list[Document]) -> list[dict[str, Any]]:
    copies: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(documents))
    return copies
