"""GET /v1/peersites and /v1/peersites/{id}: the sites that this one is paired with."""

from typing import Final

from exporter.simulator.api.filters import code, exact, text
from exporter.simulator.api.links import address, legacy_links, link, version
from exporter.simulator.api.routes import ApiError, Asked, Document, Route, names
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import AZURE, Site
from exporter.simulator.estate.peers import Peer, peers_at

PAIRING_STATUSES: Final = ("Paired", "Pairing", "Unpaired")


def _peers(asked: Asked) -> list[Document]:
    documents = [_peer(peer, asked.site.here) for peer in peers_at(asked.site, asked.second)]
    if asked.appliance:
        return documents
    bare = ({key: value for key, value in one.items() if key != "RegionName"} for one in documents)
    return [legacy_links(document | {"Port": 9081}) for document in bare]


def _one(asked: Asked) -> Document:
    identifier = asked.ids["id"]
    for document in _peers(asked):
        if document["SiteIdentifier"] == identifier.lower():
            return document
    raise ApiError(404, f"Exception occurred in API: no peer site '{identifier}'.")


def _peer(peer: Peer, here: Site) -> Document:
    site = peer.site
    azure = site.entity_type == AZURE
    return {
        "SiteIdentifier": site.identifier,
        "PeerSiteName": site.name,
        "Location": site.name.upper(),
        "HostName": address(site).removeprefix("https://"),
        "Version": version(appliance=True),
        "SiteType": "Azure" if azure else "VCenter",
        "RegionName": "westeurope" if azure else None,
        "PairingStatus": peer.pairing,
        "Port": 9071,
        "ProvisionedStorage": peer.provisioned_mb,
        "UsedStorage": peer.used_mb,
        "IncomingThroughputInMb": peer.throughput,
        "OutgoingBandWidth": round(peer.bandwidth, 6),
        "Link": link(f"{address(here)}/v1/peersites/{site.identifier}", "PeerSiteApi", site.identifier),
    }


_FILTERS: Final = {
    "peername": exact("PeerSiteName"),
    "pairingstatus": code(PAIRING_STATUSES, "PairingStatus"),
    "location": text("Location"),
    "hostname": text("HostName"),
    "port": text("Port"),
}
_FIELDS: Final = Fields(enums={"PairingStatus": PAIRING_STATUSES}, identity=frozenset({"SiteIdentifier"}))
ROUTES: Final = (
    Route("/v1/peersites", "PeerSiteApi", _peers, _FILTERS, _FIELDS),
    Route("/v1/peersites/{id}", "PeerSiteApi", _one, fields=_FIELDS),
    names("/v1/peersites/pairingstatuses", PAIRING_STATUSES),
)
