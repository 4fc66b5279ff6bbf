"""GET /v1/peersites: the sites that this one is paired with."""

from typing import Final

from exporter.simulator.api.links import address, link, version
from exporter.simulator.api.routes import Asked, Document, Route


def _peers(asked: Asked) -> list[Document]:
    here = asked.site.here
    return [
        {
            "SiteIdentifier": peer.identifier,
            "PeerSiteName": peer.name,
            "Location": peer.name.upper(),
            "HostName": address(peer).removeprefix("https://"),
            "Version": version(appliance=True),
            "SiteType": "VCenter",
            "PairingStatus": 0,
            "Port": 9071,
            "ProvisionedStorage": 0,
            "UsedStorage": 0,
            "IncomingThroughputInMb": 0.0,
            "OutgoingBandWidth": 0.0,
            "Link": link(f"{address(here)}/v1/peersites/{peer.identifier}", "PeerSiteApi", peer.identifier),
        }
        for peer in (asked.site.peer,)
    ]


ROUTES: Final = (Route("/v1/peersites", "PeerSiteApi", _peers),)
