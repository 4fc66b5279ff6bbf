"""VMs of the ZVM's own site that nobody protects: GET /v1/virtualizationsites/{id}/vms and /vcdvapps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field

from exporter.collectors import site
from exporter.collectors.base import Collector, Fetch, Source, if_there
from exporter.collectors.fields import Identifier, Number
from exporter.prometheus.table import MEBIBYTES, NONE, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import DecodeError
from exporter.zvm.paths import LOCAL_SITE

VMS: Final = "/v1/virtualizationsites/{id}/vms"
VAPPS: Final = "/v1/virtualizationsites/{id}/vcdvapps"


class Size(Struct, frozen=True, gc=False):
    provisioned_storage: Number = field(name="ProvisionedStorageInMB", default=None)


class Vm(Struct, frozen=True, gc=False):
    id: Identifier = field(name="VmIdentifier")
    size: Size | None = field(name="VmPerfMetricInfo", default=None)


class Vapp(Struct, frozen=True, gc=False):
    id: Identifier = field(name="VcdVappIdentifier")


class Unprotected(Struct, frozen=True, gc=False):
    """How many VMs and vApps of vCloud Director are in no VPG, and the MiB of storage that these VMs are given."""

    vms: int
    provisioned_storage: Number
    vapps: int | None


TABLE: Table[Unprotected] = Table(
    {},
    Metric(
        "zerto_unprotected_vms",
        "VMs of the site that could be protected and are in no VPG.",
        "GET /v1/virtualizationsites/{id}/vms",
        NONE,
        lambda one: one.vms,
    ),
    Metric(
        "zerto_unprotected_provisioned_storage_bytes",
        "Storage that these VMs are given. No sample where the ZVM tells none of their sizes.",
        "GET /v1/virtualizationsites/{id}/vms VmPerfMetricInfo.ProvisionedStorageInMB",
        MEBIBYTES,
        lambda one: one.provisioned_storage,
    ),
    Metric(
        "zerto_unprotected_vcd_vapps",
        "VApps of vCloud Director that could be protected and are in no VPG.",
        "GET /v1/virtualizationsites/{id}/vcdvapps",
        NONE,
        lambda one: one.vapps,
    ),
)

VM_DECODER: Decoder[Vm] = Decoder(Vm)
VAPP_DECODER: Decoder[Vapp] = Decoder(Vapp)


def storage(vms: Sequence[Vm]) -> Number:
    """Return the MiB that *vms* are given, None where there are some and of none it is known."""
    sizes = (vm.size.provisioned_storage for vm in vms if vm.size is not None)
    known = [size for size in sizes if size is not None and size >= 0]
    return sum(known) if known or not vms else None


def begin(source: Source) -> Fetch[Unprotected]:
    """Return what asks *source* for what is unprotected at its own site."""

    async def fetch() -> Decoded[Unprotected]:
        sites = await source.get(LOCAL_SITE, site.DECODER)
        if not sites.rows:
            raise DecodeError(f"GET {LOCAL_SITE}: expected the own site, got nothing")
        own = sites.rows[0].id
        vapps = await if_there(source.get(VAPPS, VAPP_DECODER, id=own))
        vms = await source.get(VMS, VM_DECODER, id=own)  # last: it is large, and in hand until the end
        row = Unprotected(len(vms.rows), storage(vms.rows), None if vapps is None else len(vapps.rows))
        return Decoded([row], vms.lost if vapps is None else vms.lost + vapps.lost)

    return fetch


COLLECTOR: Collector[Unprotected] = Collector("unprotected", "Unprotected VMs", VMS, (TABLE,), begin, interval=900.0)
