"""GET /v1/vras, /v1/vras/{id} and the names of a VRA's statuses and ways to get an address."""

from typing import Final

from exporter.simulator.api.filters import code, text
from exporter.simulator.api.links import address, legacy_href, link, version
from exporter.simulator.api.routes import ApiError, Asked, Document, Route, names
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.appliances import Load, Vra, vras_at
from exporter.simulator.estate.inventory import Site

STATUSES: Final = (
    "Installed",
    "UnsupportedEsxVersion",
    "NotInstalled",
    "Installing",
    "Removing",
    "InstallationError",
    "HostPasswordChanged",
    "UpdatingIpSettings",
    "DuringChangeHost",
    "HostInMaintenanceMode",
    # Code 10 exists, but no public source names it: this is a placeholder.
    "Status10",
)
_UPGRADE_STATUSES: Final = ("None", "UpgradeAvailable", "Upgrading", "UpgradeFailed", "LatestVersion")
_ALERT_STATUSES: Final = ("Normal", "Warning", "Error")
_ONLY_10: Final = frozenset(
    {"UpgradeStatus", "VraDisplayVersion", "VmInstanceType", "IsGhost", "IsVaio", "PlatformInformation"}
)


def _vras(asked: Asked) -> list[Document]:
    here = asked.site.here
    documents = [_vra(vra, here, version(appliance=asked.appliance)) for vra in vras_at(asked.site, asked.second)]
    return documents if asked.appliance else [_legacy(document) for document in documents]


def _one(asked: Asked) -> Document:
    found = [document for document in _vras(asked) if document["VraIdentifierStr"] == asked.ids["id"]]
    if not found:
        raise ApiError(404, f"Exception occurred in API: no VRA '{asked.ids['id']}'.")
    return found[0]


def _vra(vra: Vra, here: Site, ours: str) -> Document:
    base = address(here)
    network = base.removeprefix("https://").removesuffix(".0.20")
    return {
        "VraIdentifier": vra.identifier,
        "VraIdentifierStr": str(vra.identifier),
        "VraName": f"Z-VRA-esx-{vra.host}.{here.name}.test",
        "Link": link(f"{base}/v1/vras/{vra.identifier}", "VraApi", str(vra.identifier)),
        "Status": vra.condition.status,
        "UpgradeStatus": 4,
        "Progress": 0,
        "VraVersion": ours,
        "VraDisplayVersion": "10.0 U6",
        "HostVersion": "8.0.2",
        "HostIdentifier": f"{here.server}.host-{vra.host}",
        "HostDisplayName": f"esx-{vra.host}.{here.name}.test",
        "IpAddress": f"{network}.1.{vra.host}",
        "VraNetworkDataApi": {
            "VraIPConfigurationTypeApi": "Static",
            "VraIPAddress": f"{network}.1.{vra.host}",
            "VraIPAddressRangeEnd": None,
            "SubnetMask": "255.255.255.0",
            "DefaultGateway": f"{network}.1.1",
        },
        "VraGroup": vra.group,
        "MemoryInGB": vra.memory_gb,
        "NumOfCpus": vra.cores,
        "VmInstanceType": None,
        "DatastoreName": f"ds-prod-{vra.datastore}",
        "DatastoreIdentifier": f"{here.server}.datastore-{vra.datastore}",
        "DatastoreClusterName": None,
        "DatastoreClusterIdentifier": None,
        "NetworkName": "Replication",
        "NetworkIdentifier": f"{here.server}.network-12",
        "ProtectedCounters": _counters(vra.protected),
        "RecoveryCounters": _counters(vra.recovery),
        "SelfProtectedVpgs": vra.self_protected,
        "VraAlerts": {"VraAlertsStatus": vra.condition.alert},
        "IsGhost": vra.condition.ghost,
        "IsVaio": True,
        "PlatformInformation": None,
    }


def _counters(load: Load) -> Document:
    return {"Vms": len(load.vms), "Volumes": load.volumes, "Vpgs": len(load.vpgs)}


def _legacy(document: Document) -> Document:
    href = legacy_href(document["Link"]["href"])
    network = document["VraNetworkDataApi"]
    return {key: value for key, value in document.items() if key not in _ONLY_10} | {
        "Link": document["Link"] | {"href": href},
        "Link_{0}": {"href": href, "rel": "self", "type": "VraApi"},
        "VraNetworkDataApi": {key: value for key, value in network.items() if key != "VraIPAddressRangeEnd"},
    }


_FILTERS: Final = {
    "vraname": text("VraName"),
    "status": code(STATUSES, "Status"),
    "vraversion": text("VraVersion"),
    "hostversion": text("HostVersion"),
    "ipaddress": text("IpAddress"),
    "vragroup": text("VraGroup"),
    "datastorename": text("DatastoreName"),
    "datastoreclustername": text("DatastoreClusterName"),
    "networkname": text("NetworkName"),
    "vraipconfigurationtypeapi": text("VraNetworkDataApi", "VraIPConfigurationTypeApi"),
}
_FIELDS: Final = Fields(
    enums={"Status": STATUSES, "UpgradeStatus": _UPGRADE_STATUSES, "VraAlertsStatus": _ALERT_STATUSES},
    identity=frozenset({"VraIdentifier", "VraIdentifierStr"}),
)
ROUTES: Final = (
    Route("/v1/vras", "VraApi", _vras, _FILTERS, _FIELDS),
    Route("/v1/vras/{id}", "VraApi", _one, fields=_FIELDS),
    names("/v1/vras/statuses", STATUSES),
    names("/v1/vras/ipconfigurationtypes", ("Dhcp", "Static")),
)
