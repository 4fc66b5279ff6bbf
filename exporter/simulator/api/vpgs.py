"""GET /v1/vpgs, /v1/vpgs/{id}, and the names of its enumerations.

Documents of one answer share their nested objects, so they are to be encoded, not changed.
"""

from typing import Final

from exporter.simulator.api.checkpoints import checkpoint
from exporter.simulator.api.codes import ENTITY_TYPES, PRIORITIES, STATUSES, SUBSTATUSES, name_of
from exporter.simulator.api.filters import OF_GROUPS, flag, text
from exporter.simulator.api.legacy import legacy_vpg
from exporter.simulator.api.links import address, iso, link, site_link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route, names
from exporter.simulator.estate.founding import NO_ZORG
from exporter.simulator.estate.inventory import Site, Vpg
from exporter.simulator.estate.organizations import profile_name
from exporter.simulator.estate.readings import VpgReading


def _listed(asked: Asked) -> list[Document]:
    documents = [vpg_document(vpg, reading, asked.site.here) for vpg, reading in asked.site.vpgs_at(asked.second)]
    return documents if asked.appliance else [legacy_vpg(document) for document in documents]


def _one(asked: Asked) -> Document:
    found = asked.site.vpg_at(asked.ids["id"].lower(), asked.second)
    if found is None:
        raise ApiError(404, f"Exception occurred in API: no VPG '{asked.ids['id']}'.")
    document = vpg_document(*found, asked.site.here)
    return document if asked.appliance else legacy_vpg(document)


def vpg_document(vpg: Vpg, reading: VpgReading, here: Site) -> Document:
    """A VPG as the ZVM of `here` answers it (GET /v1/vpgs)."""
    base = address(here)
    status, substatus = name_of(STATUSES, reading.status), name_of(SUBSTATUSES, reading.substatus)
    return {
        "VpgIdentifier": vpg.identifier,
        "VpgName": vpg.name,
        "VpgDescription": None,
        "VpgType": "Remote" if vpg.protected.identifier != vpg.recovery.identifier else "Local",
        "Link": link(f"{base}/v1/vpgs/{vpg.identifier}", "VpgApi", vpg.identifier),
        "Status": reading.status,
        "StatusDescription": status,
        "SubStatus": reading.substatus,
        "SubStatusDescription": substatus,
        "AlertStatus": reading.alert,
        "Priority": vpg.priority,
        "VmsCount": len(vpg.members),
        "ActualRPO": reading.rpo,
        "ConfiguredRpoSeconds": vpg.rpo,
        "IOPs": reading.iops,
        "ThroughputInMB": reading.throughput,
        "ProvisionedStorageInMB": sum(member.vm.provisioned_mb for member in vpg.members),
        "UsedStorageInMB": sum(member.vm.used_mb for member in vpg.members),
        "ProgressPercentage": reading.progress,
        "LastTest": iso(reading.last_test),
        "HistoryStatusApi": {
            "ActualHistoryInMinutes": reading.history,
            "ConfiguredHistoryInMinutes": vpg.history,
            "EarliestCheckpoint": checkpoint(reading.oldest),
        },
        "FailSafeHistory": None
        if vpg.failsafe is None
        else {
            "ActualFailSafeHistory": reading.failsafe,
            "ConfiguredFailSafeHistory": vpg.failsafe,
            "FailSafeDescription": None,
        },
        "ActiveProcessesApi": {
            "RunningFailOverTestApi": None if reading.test_stage is None else {"Stage": reading.test_stage}
        },
        "Entities": {"Protected": vpg.protected.entity_type, "Recovery": vpg.recovery.entity_type},
        "ProtectedSite": site_link(vpg.protected, here),
        "RecoverySite": site_link(vpg.recovery, here),
        "ProtectedSiteName": vpg.protected.name,
        "RecoverySiteName": vpg.recovery.name,
        "SourceSite": vpg.protected.name,
        "TargetSite": vpg.recovery.name,
        "OrganizationName": vpg.organization,
        "Zorg": link(None if vpg.zorg == NO_ZORG else f"{base}/v1/zorgs/{vpg.zorg}", "ZorgApi", vpg.zorg),
        "ServiceProfile": None
        if vpg.service_profile is None
        else link(f"{base}/v1/serviceprofiles/{vpg.service_profile}", "ServiceProfileApi", vpg.service_profile),
        "ServiceProfileIdentifier": vpg.service_profile,
        "ServiceProfileName": None if vpg.service_profile is None else profile_name(vpg),
        "BackupEnabled": False,
    }


_FILTERS: Final = OF_GROUPS | {
    "name": text("VpgName"),
    "zorgidentifier": text("Zorg", "identifier"),
    "serviceprofileidentifier": text("ServiceProfile", "identifier"),
    "backupenabled": flag("BackupEnabled"),
}
ROUTES: Final = (
    Route("/v1/vpgs", "VpgApi", _listed, _FILTERS),
    Route("/v1/vpgs/{id}", "VpgApi", _one),
    names("/v1/vpgs/statuses", STATUSES),
    names("/v1/vpgs/substatuses", SUBSTATUSES),
    names("/v1/vpgs/priorities", PRIORITIES),
    names("/v1/vpgs/entitytypes", ENTITY_TYPES),
)
