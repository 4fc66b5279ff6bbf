"""GET /v1/localsite: as little as a client needs to know who answers."""

from typing import Final

from exporter.simulator.api.links import address, link, version
from exporter.simulator.api.routes import Asked, Document, Route


def _here(asked: Asked) -> Document:
    here = asked.site.here
    document: Document = {
        "SiteIdentifier": here.identifier,
        "SiteName": here.name,
        "Location": here.name.upper(),
        "Version": version(appliance=asked.appliance),
        "SiteType": "VCenter",
        "IpAddress": address(here).removeprefix("https://"),
        "IsReplicationToSelfEnabled": True,
        "UtcOffsetInMinutes": 0,
        "BandwidthThrottlingInMBs": -1,
        "ContactEmail": f"dr@{here.name}.example.test",
        "ContactName": "Disaster Recovery",
        "ContactPhone": "",
        "Link": link(f"{address(here)}/v1/localsite", "LocalSiteApi", here.identifier),
    }
    if asked.appliance:
        document |= {"DisplayVersion": "10.0 U6", "ZvmApiVersion": "10.0", "PlatformInformation": None}
    return document


ROUTES: Final = (Route("/v1/localsite", "LocalSiteApi", _here),)
