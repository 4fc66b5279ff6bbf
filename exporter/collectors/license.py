"""The license of a ZVM: GET /v1/license. The key itself is never read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.fields import Number, Text, timestamp
from exporter.prometheus.table import NONE, TIMESTAMP, Metric, Table
from exporter.zvm.decode.layout import OBJECT
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import DecodeError

PATH: Final = "/v1/license"


class Details(Struct, frozen=True, gc=False):
    type: Text = field(name="LicenseType", default=None)
    expiry: Text = field(name="ExpiryTime", default=None)
    max_vms: Number = field(name="MaxVms", default=None)


class SiteUsage(Struct, frozen=True, gc=False):
    site_id: Text = field(name="SiteIdentifier", default=None)
    site: Text = field(name="SiteName", default=None)
    protected_vms: Number = field(name="ProtectedVmsCount", default=None)


class Usage(Struct, frozen=True):
    vms: Number = field(name="TotalVmsCount", default=None)
    sites: list[SiteUsage] | None = field(name="SitesUsage", default=None)


class License(Struct, frozen=True):
    details: Details | None = field(name="Details", default=None)
    usage: Usage | None = field(name="Usage", default=None)


TABLE: Table[License] = Table(
    {},
    Metric(
        "zerto_license_info",
        "What describes the license.",
        "GET /v1/license Details",
        NONE,
        lambda one: None if one.details is None else 1,
        {"type": lambda one: "" if one.details is None else one.details.type or ""},
    ),
    Metric(
        "zerto_license_expiry_timestamp_seconds",
        "Time at which the license ends. No sample if it does not.",
        "GET /v1/license Details.ExpiryTime",
        TIMESTAMP,
        lambda one: None if one.details is None else timestamp(one.details.expiry),
    ),
    Metric(
        "zerto_license_max_vms",
        "VMs that the license allows to be protected.",
        "GET /v1/license Details.MaxVms",
        NONE,
        lambda one: None if one.details is None else one.details.max_vms,
    ),
    Metric(
        "zerto_license_used_vms",
        "VMs that are protected with the license, at all sites that share it: not to be summed over ZVMs.",
        "GET /v1/license Usage.TotalVmsCount",
        NONE,
        lambda one: None if one.usage is None else one.usage.vms,
    ),
)


def sites(one: License) -> Iterable[SiteUsage]:
    """Return the use of the license at each site."""
    return () if one.usage is None else one.usage.sites or ()


SITES: Table[SiteUsage] = Table(
    {"site": lambda usage: usage.site or "", "site_id": lambda usage: usage.site_id or ""},
    Metric(
        "zerto_license_site_protected_vms",
        "VMs that are protected with the license at one site.",
        "GET /v1/license Usage.SitesUsage ProtectedVmsCount",
        NONE,
        lambda usage: usage.protected_vms,
    ),
    each=sites,
)

DECODER: Decoder[License] = Decoder(License, layout=OBJECT, quoted=False)  # it may begin with the key


def begin(source: Source) -> Fetch[License]:
    """Return what asks *source* for its license."""

    async def fetch() -> Decoded[License]:
        decoded = await source.get(PATH, DECODER)
        if any(one.details is None and one.usage is None for one in decoded.rows):
            raise DecodeError(f"GET {PATH}: expected an object with Details and Usage, got one with neither")
        return decoded

    return fetch


COLLECTOR: Collector[License] = Collector("license", "License", PATH, (TABLE, SITES), begin, interval=3600.0)
