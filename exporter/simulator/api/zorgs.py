"""GET /v1/zorgs and /v1/zorgs/{id}: the organizations of Zerto Cloud Manager."""

from typing import Final

from exporter.simulator.api.links import address, legacy_links, link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.organizations import organizations_of


def _listed(asked: Asked) -> list[Document]:
    base = address(asked.site.here)
    documents: list[Document] = [
        {
            "ZorgIdentifier": identifier,
            "ZorgName": name,
            "Link": link(f"{base}/v1/zorgs/{identifier}", "ZorgApi", identifier),
        }
        for identifier, name in organizations_of(asked.site).items()
    ]
    return documents if asked.appliance else [legacy_links(document) for document in documents]


def _one(asked: Asked) -> Document:
    identifier = asked.ids["id"]
    for document in _listed(asked):
        if document["ZorgIdentifier"] == identifier.lower():
            return document
    raise ApiError(404, f"Exception occurred in API: no organization '{identifier}'.")


_FIELDS: Final = Fields(enums={}, identity=frozenset({"ZorgIdentifier"}))
ROUTES: Final = (
    Route("/v1/zorgs", "ZorgApi", _listed, fields=_FIELDS),
    Route("/v1/zorgs/{id}", "ZorgApi", _one, fields=_FIELDS),
)
