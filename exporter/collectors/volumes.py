"""Volumes, summed by VPG, VM and what they are for: GET /v1/volumes, the longest answer of a ZVM."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import Struct, field

from exporter.collectors import vms
from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.fields import Number, Text
from exporter.prometheus.table import BYTES, NONE, Labels, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/volumes"

_AT_ONCE: Final = 1000  # rows; more would hold up the event loop
APPLIANCE: Final = "appliance"
USAGES: Final = {usage: usage for usage in ("protected", "recovery", "journal", "scratch", APPLIANCE)}


class Size(Struct, frozen=True, gc=False):
    used: Number = field(name="UsedInBytes", default=None)
    provisioned: Number = field(name="ProvisionedInBytes", default=None)


class Named(Struct, frozen=True, gc=False):
    id: Text = field(name="Identifier", default=None)
    name: Text = field(name="Name", default=None)


class Volume(Struct, frozen=True, gc=False):
    type: Text = field(name="VolumeType", default=None)
    size: Size | None = field(name="Size", default=None)
    vm: Named | None = field(name="ProtectedVm", default=None)
    vpg: Named | None = field(name="Vpg", default=None)
    owner: Named | None = field(name="OwningVm", default=None)


class Of(Struct, frozen=True, gc=False):
    """What volumes are summed by: the VM in its VPG, and what for; or the appliance, without a VPG."""

    usage: str
    vpg_id: str
    vm_id: str
    vpg: str
    vm: str
    role: str


class Sum(Struct, gc=False):
    """Volumes together, None where no size was sent."""

    of: Of
    used: Number = None
    provisioned: Number = None
    count: int = 0

    def add(self, size: Size | None) -> None:
        """Count one volume more."""
        self.count += 1
        if size is not None:
            self.used = _sum(self.used, size.used)
            self.provisioned = _sum(self.provisioned, size.provisioned)


_NOBODY: Final = Named()
_UNKNOWN: Final = vms.Known("", "", "", "", "")


def _sum(one: Number, other: Number) -> Number:
    return one if other is None else other if one is None else one + other


LABELS: Labels[Sum] = {
    "vpg": lambda one: one.of.vpg,
    "vpg_id": lambda one: one.of.vpg_id,
    "vm": lambda one: one.of.vm,
    "vm_id": lambda one: one.of.vm_id,
    "usage": lambda one: one.of.usage,
}
ROLE: Labels[Sum] = {"role": lambda one: one.of.role}

TABLE: Table[Sum] = Table(
    LABELS,
    Metric(
        "zerto_vm_volume_used_bytes",
        "Storage that the VM's volumes of this usage take.",
        "GET /v1/volumes Size.UsedInBytes",
        BYTES,
        lambda one: one.used,
    ),
    Metric(
        "zerto_vm_volume_provisioned_bytes",
        "Storage that is provisioned for the VM's volumes of this usage.",
        "GET /v1/volumes Size.ProvisionedInBytes",
        BYTES,
        lambda one: one.provisioned,
    ),
    Metric(
        "zerto_vm_volume_count",
        "Volumes of the VM of this usage.",
        "GET /v1/volumes VolumeType",
        NONE,
        lambda one: one.count,
    ),
    attributes=ROLE,
    each=lambda one: () if one.of.usage == APPLIANCE else (one,),
)

APPLIANCES: Table[Sum] = Table(
    {"appliance": LABELS["vm"], "appliance_id": LABELS["vm_id"]},
    Metric(
        "zerto_appliance_volume_used_bytes",
        "Storage that the volumes of an appliance of Zerto take: of a VRA, as a rule.",
        "GET /v1/volumes Size.UsedInBytes",
        BYTES,
        lambda one: one.used,
    ),
    each=lambda one: (one,) if one.of.usage == APPLIANCE else (),
)

DECODER: Decoder[Volume] = Decoder(Volume)


def begin(source: Source) -> Fetch[Sum]:
    """Return what asks *source* for its volumes."""

    async def fetch() -> Decoded[Sum]:
        decoded = await source.get(PATH, DECODER)
        known = vms.by_key(source.rows("vms"))
        sums: dict[tuple[str, str, str], Sum] = {}
        for start in range(0, len(decoded.rows), _AT_ONCE):
            for volume in decoded.rows[start : start + _AT_ONCE]:
                usage = USAGES.get((volume.type or "").casefold(), "unknown")
                vm = (volume.owner if usage == APPLIANCE else volume.vm) or _NOBODY
                vpg = _NOBODY if usage == APPLIANCE else volume.vpg or _NOBODY
                key = (usage, vpg.id or "", vm.id or "")
                if key not in sums:
                    who = known.get((vm.id or "", vpg.id or ""), _UNKNOWN)
                    sums[key] = Sum(Of(*key, vpg.name or who.vpg, vm.name or who.name, who.role))
                sums[key].add(volume.size)
            await asyncio.sleep(0)
        return Decoded(list(sums.values()), decoded.lost)

    return fetch


COLLECTOR: Collector[Sum] = Collector(
    "volumes",
    "Volumes",
    PATH,
    (TABLE, APPLIANCES),
    begin,
    chosen_by={"vpg": LABELS["vpg"], "vm": LABELS["vm"], "usage": LABELS["usage"], "role": ROLE["role"]},
    interval=600.0,
    standard=False,
    rank=2,
    needs=("vms",),
)
