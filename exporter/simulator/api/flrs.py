"""GET /v1/flrs: the sessions in which files are restored, as the appliance has them."""

from typing import Final

from exporter.simulator.api.filters import text
from exporter.simulator.api.links import iso
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.mounts import Mount, mounts_at

_SECONDS_BETWEEN_CHECKPOINTS: Final = 5


def _sessions(asked: Asked) -> list[Document]:
    if not asked.appliance:
        raise ApiError(404, "No HTTP resource was found that matches the request URI.")
    return [_session(mount, asked) for mount in mounts_at(asked.site, asked.second)]


def _session(mount: Mount, asked: Asked) -> Document:
    return {
        "FlrSessionStatus": mount.status,
        "FlrSessionIdentifier": f"{mount.identifier}.{asked.site.here.identifier}",
        "FlrSessionType": "Journal",
        "VmIdentifier": mount.vm.identifier,
        "VmVolumeIdentifier": "scsi:0:0",
        "VpgIdentifier": mount.vpg.identifier,
        "CheckpointIdentifier": str(mount.opened // _SECONDS_BETWEEN_CHECKPOINTS),
        "MountTime": iso(mount.opened),
        "SelectedPath": "C:\\Users",
        "NumberOfRelatedRunningTasks": int(mount.status != "MountReady"),
        "RepositoryIdentifier": None,
        "RetentionSetIdentifier": None,
        "SiteIdentifier": asked.site.here.identifier,
    }


_FIELDS: Final = Fields(enums={}, identity=frozenset({"FlrSessionIdentifier"}))
ROUTES: Final = (
    Route("/v1/flrs", "FlrSessionInformationApi", _sessions, {"vmidentifier": text("VmIdentifier")}, _FIELDS),
)
