"""GET /v1/localsite: who answers, with whom to call there, and what its ZVM says to those who log in."""

from typing import Final

from exporter.simulator.api.links import address, legacy_links, link, version
from exporter.simulator.api.peersites import PAIRING_STATUSES
from exporter.simulator.api.routes import ApiError, Asked, Document, Route, names
from exporter.simulator.estate.inventory import Site
from exporter.simulator.estate.seeded import stream

BANNER: Final = "Authorized staff of the data centre only. Call Jo Doe at the service desk, +1 555 0100."
_UTC_OFFSETS: Final = (-300, -240, 60, 120, 330)
_THROTTLINGS: Final = (-1, 12.5, 62.5, 125)
_ONLY_10: Final = frozenset(
    {"DisplayVersion", "ZvmApiVersion", "PlatformInformation", "IsLoginBannerEnabled", "LoginBanner"}
)


def contact(site: Site) -> dict[str, str]:
    """Whom to call at a site: personal data."""
    return {
        "ContactEmail": f"jo.doe@{site.name}.example.test",
        "ContactName": "Jo Doe",
        "ContactPhone": "+1 555 0100",
    }


def utc_offset(asked: Asked) -> int:
    """By how many minutes the site's local time is ahead of UTC."""
    return stream(asked.site.seed, asked.site.here.name, "offset").choice(_UTC_OFFSETS)


def _here(asked: Asked) -> Document:
    here = asked.site.here
    host = address(here).removeprefix("https://")
    # By the alphabet, as real servers have it: those to call come early.
    document: Document = {
        "BandwidthThrottlingInMBs": stream(asked.site.seed, here.name, "throttling").choice(_THROTTLINGS),
        **contact(here),
        "DisplayVersion": "10.0 U6",
        "IpAddress": host,
        "IsLoginBannerEnabled": True,
        "IsReplicationToSelfEnabled": True,
        "Link": link(f"{address(here)}/v1/localsite", "LocalSiteApi", here.identifier),
        "Location": here.name.upper(),
        "LoginBanner": BANNER,
        "PlatformInformation": {"Azure": None, "VCenter": {"Ip": f"{host.removesuffix('.20')}.10"}},
        "SiteIdentifier": here.identifier,
        "SiteName": here.name,
        "SiteType": "VCenter",
        "SiteTypeVersion": "8.0.2" if asked.appliance else "7.0.3",
        "UtcOffsetInMinutes": utc_offset(asked),
        "Version": version(appliance=asked.appliance),
        "ZvmApiVersion": "10.0",
    }
    if asked.appliance:
        return document
    return legacy_links({key: value for key, value in document.items() if key not in _ONLY_10})


def _banner(asked: Asked) -> Document:
    if not asked.appliance:
        raise ApiError(404, "No HTTP resource was found that matches the request URI.")
    return {"IsLoginBannerEnabled": True, "LoginBanner": BANNER}


ROUTES: Final = (
    Route("/v1/localsite", "LocalSiteApi", _here),
    names("/v1/localsite/pairingstatuses", PAIRING_STATUSES),
    Route("/v1/localsite/settings/loginBanner", "LoginBannerSettingsApi", _banner),
)
