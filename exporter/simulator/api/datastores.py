"""GET /v1/datastores and /v1/datastores/{id}: the datastores of the site, and what of each Zerto uses."""

from typing import Final

from exporter.simulator.api.links import address, link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import Site
from exporter.simulator.estate.storage import ERROR_SHARE, WARNING_SHARE, Datastore, Use, cluster_of, datastores_at

_MIB: Final = 2**20


def _listed(asked: Asked) -> list[Document]:
    return [_datastore(one, asked.site.here) for one in datastores_at(asked.site, asked.second)]


def _one(asked: Asked) -> Document:
    identifier = asked.ids["id"]
    for document in _listed(asked):
        if document["DatastoreIdentifier"] == identifier.lower():
            return document
    raise ApiError(404, f"Exception occurred in API: no datastore '{identifier}'.")


def device_of(number: int) -> str:
    """The name of the device that a datastore is on."""
    return f"naa.6006016{number:025x}"


def cluster_document(number: int, site: Site) -> Document | None:
    """The cluster that a datastore is in."""
    name = cluster_of(number)
    if name is None:
        return None
    return {
        "DatastoreClusterIdentifier": f"{site.server}.group-p{name.rpartition('-')[2]}",
        "DatastoreClusterName": name,
    }


def _datastore(one: Datastore, here: Site) -> Document:
    free = one.capacity_mb - one.total.used_mb
    return {
        "DatastoreIdentifier": f"{here.server}.datastore-{one.number}",
        "DatastoreName": f"ds-prod-{one.number}",
        "Config": {
            "Devices": [device_of(one.number)],
            "Type": "VMFS",
            "OwningDatastoreCluster": cluster_document(one.number, here),
        },
        "Stats": {
            "NumVRAs": one.vras,
            "NumIncomingVMs": one.incoming,
            "NumOutgoingVMs": one.outgoing,
            "AvailabilityStatus": "Normal",
            "Usage": {
                "Datastore": {
                    "CapacityInBytes": one.capacity_mb * _MIB,
                    "FreeInBytes": free * _MIB,
                    **_use(one.total),
                },
                "Zerto": {purpose: _use(use) for purpose, use in one.zerto.items()},
            },
        },
        "Health": _health(one, here),
    }


def _use(use: Use) -> Document:
    return {"UsedInBytes": use.used_mb * _MIB, "ProvisionedInBytes": use.provisioned_mb * _MIB}


def _health(one: Datastore, here: Site) -> Document:
    if one.full < WARNING_SHARE:
        return {"Status": "Normal", "Alerts": []}
    level = "Error" if one.full >= ERROR_SHARE else "Warning"
    identifier = f"STR-{one.number}"
    alert = {
        "Description": f"Datastore ds-prod-{one.number} is low on space.",
        "Level": level,
        "Link": link(f"{address(here)}/v1/alerts/{identifier}", "AlertApi", identifier),
    }
    return {"Status": level, "Alerts": [alert]}


_FIELDS: Final = Fields(
    enums={},
    elements={"Devices": "string", "Alerts": "DatastoreAlertApi"},
    identity=frozenset({"DatastoreIdentifier"}),
)
ROUTES: Final = (
    Route("/v1/datastores", "DatastoreApi", _listed, fields=_FIELDS),
    Route("/v1/datastores/{id}", "DatastoreApi", _one, fields=_FIELDS),
)
