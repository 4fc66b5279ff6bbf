"""The ZVM's own site, and how far its clock is off: GET /v1/localsite and /v1/serverDateTime/serverDateTimeUtc.

Whom to call at the site, and what it says to those who log in, is never read.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source, if_there
from exporter.collectors.fields import Identifier, Number, Text, identity_from_link, timestamp
from exporter.prometheus.table import (
    MEGABYTES_PER_SECOND,
    NONE,
    OFFSET_MINUTES,
    OFFSET_SECONDS,
    Labels,
    Metric,
    NoNumber,
    Table,
)
from exporter.zvm.decode.layout import OBJECT, value
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.paths import LOCAL_SITE

TIME: Final = "/v1/serverDateTime/serverDateTimeUtc"

_UNLIMITED: Final = -1  # of a throttling


class Site(Struct, frozen=True, gc=False):
    id: Identifier = field(name="SiteIdentifier")
    name: Text = field(name="SiteName", default=None)
    location: Text = field(name="Location", default=None)
    type: Text = field(name="SiteType", default=None)
    type_version: Text = field(name="SiteTypeVersion", default=None)
    version: Text = field(name="Version", default=None)
    display_version: Text = field(name="DisplayVersion", default=None)
    api_version: Text = field(name="ZvmApiVersion", default=None)
    replicates_to_itself: bool | None = field(name="IsReplicationToSelfEnabled", default=None)
    utc_offset: Number = field(name="UtcOffsetInMinutes", default=None)
    throttling: Number = field(name="BandwidthThrottlingInMBs", default=None)


class Time(Struct, frozen=True, gc=False):
    now: Text = field(name="ServerDateTimeUtc", default=None)


class Told(Struct, frozen=True, gc=False):
    """A site, and by how many seconds the clock of its ZVM is ahead of ours; None where that is not known."""

    site: Site
    clock_offset: Number = None


DESCRIPTION: Labels[Told] = {
    "site": lambda told: told.site.name or "",
    "site_id": lambda told: told.site.id,
    "location": lambda told: told.site.location or "",
    "type": lambda told: told.site.type or "",
    "type_version": lambda told: told.site.type_version or "",
    "version": lambda told: told.site.version or "",
    "display_version": lambda told: told.site.display_version or "",
    "api_version": lambda told: told.site.api_version or "",
}


def throttled(told: Told) -> Number:
    """Return what the site may send in MB/s, None for no limit."""
    return None if told.site.throttling == _UNLIMITED else told.site.throttling


TABLE: Table[Told] = Table(
    {},
    Metric(
        "zerto_site_info", "What describes the ZVM's own site.", "GET /v1/localsite", NONE, lambda _: 1, DESCRIPTION
    ),
    Metric(
        "zerto_site_replication_to_self_enabled",
        "1 if a VPG may recover to the site that it is protected at.",
        "GET /v1/localsite IsReplicationToSelfEnabled",
        NONE,
        lambda told: told.site.replicates_to_itself,
    ),
    Metric(
        "zerto_site_bandwidth_throttling_bytes_per_second",
        "What the site may send to its peers now. No sample if there is no limit.",
        "GET /v1/localsite BandwidthThrottlingInMBs",
        MEGABYTES_PER_SECOND,
        throttled,
    ),
    Metric(
        "zerto_site_utc_offset_seconds",
        "Offset of the site's local time from UTC.",
        "GET /v1/localsite UtcOffsetInMinutes",
        OFFSET_MINUTES,
        lambda told: told.site.utc_offset,
    ),
    Metric(
        "zerto_site_clock_offset_seconds",
        "The ZVM's clock minus the exporter's, at the middle of the request: above 0 the ZVM is ahead.",
        "GET /v1/serverDateTime/serverDateTimeUtc",
        OFFSET_SECONDS,
        lambda told: told.clock_offset,
    ),
)


def repair(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from its link."""
    identity_from_link(record, "siteidentifier")


# Some servers send their fields by the alphabet: an error would quote whom to call.
DECODER: Decoder[Site] = Decoder(Site, repair, OBJECT, quoted=False)
TIMES: Decoder[Time] = Decoder(Time, layout=value("ServerDateTimeUtc"))


def ahead(times: Decoded[Time]) -> Number:
    """Return by how many seconds a clock is ahead of ours, whose answer is *times*; NaN for a text that is no date."""
    told = next((timestamp(time.now) for time in times.rows), None)
    return told if told is None or isinstance(told, NoNumber) else told - times.at


def begin(source: Source) -> Fetch[Told]:
    """Return what asks *source* for its own site and the time there."""

    async def fetch() -> Decoded[Told]:
        sites = await source.get(LOCAL_SITE, DECODER)
        times = await if_there(source.get(TIME, TIMES))
        offset, lost = (None, sites.lost) if times is None else (ahead(times), sites.lost + times.lost)
        return Decoded([Told(site, offset) for site in sites.rows], lost)

    return fetch


COLLECTOR: Collector[Told] = Collector("site", "Site", LOCAL_SITE, (TABLE,), begin, interval=300.0)
