"""GET /v1/vpgs/{id}/checkpoints and its stats: the checkpoints of a VPG, and the oldest and the newest of them."""

from typing import Final

from exporter.simulator.api.dates import bounds
from exporter.simulator.api.links import iso, legacy_date
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.points import SECONDS_BETWEEN, checkpoints
from exporter.simulator.estate.readings import VpgReading

_TAGGED: Final = 1


def checkpoint(second: int | None, tag: str | None = None) -> Document | None:
    """A checkpoint of the journal as documents have it; None where there is none."""
    if second is None:
        return None
    return {
        "CheckpointIdentifier": str(second // SECONDS_BETWEEN),
        "TimeStamp": iso(second),
        "Tag": tag,
        "Type": 0 if tag is None else _TAGGED,
    }


def _listed(asked: Asked) -> list[Document]:
    """The oldest first."""
    since, until = bounds(asked.query, "startdate", "enddate")
    vpg, reading = _vpg(asked)
    documents = [
        checkpoint(second, tag)
        for second, tag in checkpoints(asked.site, vpg, reading, asked.second)
        if (since is None or second >= since) and (until is None or second <= until)
    ]
    found = documents if asked.appliance else [legacy(document, vpg.identifier) for document in documents]
    return [document for document in found if document is not None]


def _stats(asked: Asked) -> Document:
    vpg, reading = _vpg(asked)
    ends = {"Earliest": checkpoint(reading.oldest), "Latest": checkpoint(reading.newest)}
    return ends if asked.appliance else {key: legacy(end, vpg.identifier) for key, end in ends.items()}


def _vpg(asked: Asked) -> tuple[Vpg, VpgReading]:
    found = asked.site.vpg_at(asked.ids["id"].lower(), asked.second)
    if found is None:
        raise ApiError(404, f"Exception occurred in API: no VPG '{asked.ids['id']}'.")
    return found


def legacy(document: Document | None, vpg_identifier: str) -> Document | None:
    """Before 10.0: no type, but whether the guest was quiesced."""
    if document is None:
        return None
    bare = {key: value for key, value in document.items() if key != "Type"}
    return bare | {"TimeStamp": legacy_date(document["TimeStamp"], vpg_identifier), "Vss": False}


# Nobody outside the vendor knows the names of the types: XML has their numbers here.
_FIELDS: Final = Fields(enums={}, identity=frozenset({"CheckpointIdentifier"}))
ROUTES: Final = (
    Route("/v1/vpgs/{id}/checkpoints", "CheckpointApi", _listed, fields=_FIELDS),
    Route("/v1/vpgs/{id}/checkpoints/stats", "VpgCheckpointsStatsApi", _stats, fields=Fields(enums={})),
)
