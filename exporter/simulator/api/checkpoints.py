"""GET /v1/vpgs/{id}/checkpoints/stats: the oldest and the newest checkpoint of a VPG."""

from typing import Final

from exporter.simulator.api.links import iso, legacy_date
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields

_SECONDS_BETWEEN: Final = 5


def checkpoint(second: int | None) -> Document | None:
    """A checkpoint of the journal as documents have it; None where there is none."""
    if second is None:
        return None
    return {"CheckpointIdentifier": str(second // _SECONDS_BETWEEN), "TimeStamp": iso(second), "Tag": None, "Type": 0}


def _stats(asked: Asked) -> Document:
    found = asked.site.vpg_at(asked.ids["id"].lower(), asked.second)
    if found is None:
        raise ApiError(404, f"Exception occurred in API: no VPG '{asked.ids['id']}'.")
    vpg, reading = found
    ends = {"Earliest": checkpoint(reading.oldest), "Latest": checkpoint(reading.newest)}
    return ends if asked.appliance else {key: _legacy(end, vpg.identifier) for key, end in ends.items()}


def _legacy(end: Document | None, vpg_identifier: str) -> Document | None:
    """Before 10.0: no type, but whether the guest was quiesced."""
    if end is None:
        return None
    bare = {key: value for key, value in end.items() if key != "Type"}
    return bare | {"TimeStamp": legacy_date(end["TimeStamp"], vpg_identifier), "Vss": False}


# Nobody outside the vendor knows the names of the types: XML has their numbers here.
ROUTES: Final = (Route("/v1/vpgs/{id}/checkpoints/stats", "VpgCheckpointsStatsApi", _stats, fields=Fields(enums={})),)
