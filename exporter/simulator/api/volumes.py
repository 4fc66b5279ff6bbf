"""GET /v1/volumes: each volume that a site stores, and where it lies."""

from typing import Final

from exporter.simulator.api.filters import text
from exporter.simulator.api.routes import Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import Site, Vpg
from exporter.simulator.estate.volumes import Machine, Volume, volumes_at


def _listed(asked: Asked) -> list[Document]:
    here = asked.site.here
    documents = [_document(volume, here) for volume in volumes_at(asked.site, asked.second)]
    return documents if asked.appliance else [_legacy(document) for document in documents]


def _document(volume: Volume, here: Site) -> Document:
    return {
        "VolumeType": volume.kind,
        "IsThinProvisioned": volume.used < volume.provisioned,
        "VolumeIdentifier": volume.identifier,
        "Path": path_of(volume),
        "Size": size_of(volume),
        "Datastore": datastore_of(volume, here),
        "OwningVm": _machine(volume.owner),
        "ProtectedVm": _machine(volume.vm),
        "Vpg": _vpg(volume.vpg),
        "StoragePolicy": None,
    }


def _legacy(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "StoragePolicy"}


def path_of(volume: Volume) -> Document:
    """Where a volume lies on its datastore."""
    relative = f"{volume.owner.name}/{volume.file}"
    return {"Full": f"[ds-prod-{volume.datastore}] {relative}", "Relative": relative, "FileName": volume.file}


def size_of(volume: Volume) -> Document:
    """How large a volume is, in bytes."""
    return {"UsedInBytes": volume.used, "ProvisionedInBytes": volume.provisioned}


def datastore_of(volume: Volume, here: Site) -> Document:
    """The datastore of a volume at the site *here*."""
    return {"Identifier": f"{here.server}.datastore-{volume.datastore}", "Name": f"ds-prod-{volume.datastore}"}


def _machine(machine: Machine | None) -> Document | None:
    return None if machine is None else {"Identifier": machine.identifier, "Name": machine.name}


def _vpg(vpg: Vpg | None) -> Document | None:
    return None if vpg is None else {"Identifier": vpg.identifier, "Name": vpg.name}


_FILTERS: Final = {
    "volumetype": text("VolumeType"),
    "vpgidentifier": text("Vpg", "Identifier"),
    "datastoreidentifier": text("Datastore", "Identifier"),
    "protectedvmidentifier": text("ProtectedVm", "Identifier"),
    "owningvmidentifier": text("OwningVm", "Identifier"),
}
_FIELDS: Final = Fields(enums={}, identity=frozenset({"VolumeIdentifier", "Identifier", "VolumeType"}))
ROUTES: Final = (Route("/v1/volumes", "VolumeApi", _listed, _FILTERS, _FIELDS),)
