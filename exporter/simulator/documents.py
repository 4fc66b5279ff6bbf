"""Estates for the simulator, with the documents that their ZVMs answer at hand for a test."""

import time
from typing import Any, Unpack

import msgspec

from exporter.simulator.api.routes import Document
from exporter.simulator.api.vms import vm_documents
from exporter.simulator.api.vpgs import vpg_document
from exporter.simulator.estate.inventory import Site
from exporter.simulator.estate.site import Clock, LivingSite, Traits


class Estate(LivingSite):
    """A site that lives, see there, which tells what its ZVM answers now."""

    def vms(self) -> list[Document]:
        """What GET /v1/vms answers, as documents of the caller's own."""
        rows = self.vpgs_at(self.second)
        return _copies([document for vpg, reading in rows for document in vm_documents(vpg, reading, self.here)])

    def vpgs(self) -> list[Document]:
        """What GET /v1/vpgs answers, as documents of the caller's own."""
        return _copies([vpg_document(vpg, reading, self.here) for vpg, reading in self.vpgs_at(self.second)])


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
