"""The documents of GET /v1/localsite and GET /v1/peersites: as little as a client needs to know who answers."""

from collections.abc import Iterable
from typing import Any

from exporter.simulator.api.documents import address
from exporter.simulator.estate.inventory import Site


def local_site(here: Site, *, appliance: bool) -> dict[str, Any]:
    """GET /v1/localsite of a site's ZVM."""
    document: dict[str, Any] = {
        "SiteIdentifier": here.identifier,
        "SiteName": here.name,
        "Location": here.name.upper(),
        "Version": "10.0.60" if appliance else "9.7.20",
        "SiteType": "VCenter",
        "IpAddress": address(here).removeprefix("https://"),
        "IsReplicationToSelfEnabled": True,
        "UtcOffsetInMinutes": 0,
        "BandwidthThrottlingInMBs": -1,
        "ContactEmail": f"dr@{here.name}.example.test",
        "ContactName": "Disaster Recovery",
        "ContactPhone": "",
        "Link": {
            "rel": None,
            "href": f"{address(here)}/v1/localsite",
            "type": "LocalSiteApi",
            "identifier": here.identifier,
        },
    }
    if appliance:
        document |= {"DisplayVersion": "10.0 U6", "ZvmApiVersion": "10.0", "PlatformInformation": None}
    return document


def peer_sites(peers: Iterable[Site], here: Site) -> list[dict[str, Any]]:
    """GET /v1/peersites: the sites that this one is paired with."""
    return [
        {
            "SiteIdentifier": peer.identifier,
            "PeerSiteName": peer.name,
            "Location": peer.name.upper(),
            "HostName": address(peer).removeprefix("https://"),
            "Version": "10.0.60",
            "SiteType": "VCenter",
            "PairingStatus": 0,
            "Port": 9071,
            "ProvisionedStorage": 0,
            "UsedStorage": 0,
            "IncomingThroughputInMb": 0.0,
            "OutgoingBandWidth": 0.0,
            "Link": {
                "rel": None,
                "href": f"{address(here)}/v1/peersites/{peer.identifier}",
                "type": "PeerSiteApi",
                "identifier": peer.identifier,
            },
        }
        for peer in peers
    ]
