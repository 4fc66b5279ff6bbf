"""GET /v1/vms and /v1/vms/{id}: a document for each VM and VPG.

Documents of one answer share their nested objects, so they are to be encoded, not changed.
"""

from typing import Final

from exporter.simulator.api.filters import OF_GROUPS, boolean, text
from exporter.simulator.api.legacy import legacy_vm
from exporter.simulator.api.links import address, iso, site_link
from exporter.simulator.api.routes import ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.inventory import AZURE, Journal, Member, Site, Vpg
from exporter.simulator.estate.readings import VmReading, VpgReading

_ADAPTER: Final = "Network adapter 1"


def _listed(asked: Asked) -> list[Document]:
    """Backup VMs only on request, mounted ones unless declined."""
    here = asked.site.here
    mounted = boolean(asked.query.get("includemountedvms", "true"))
    found = [(vpg, reading) for vpg, reading in asked.site.vpgs_at(asked.second)]
    if boolean(asked.query.get("includebackupedvms", "false")):
        found += asked.site.backups_at(asked.second)
    documents = [document for vpg, reading in found for document in vm_documents(vpg, reading, here, mounted=mounted)]
    return documents if asked.appliance else [legacy_vm(document) for document in documents]


def _one(asked: Asked) -> Document:
    identifier, vpg = asked.ids["id"].lower(), asked.query.get("vpgidentifier", "").lower()
    found = [
        document
        for document in _listed(asked)
        if document["VmIdentifier"].lower() == identifier and vpg in ("", document["VpgIdentifier"])
    ]
    if not found:
        raise ApiError(404, f"Exception occurred in API: no virtual machine '{asked.ids['id']}'.")
    if len(found) > 1:
        raise ApiError(
            400,
            f"Exception occurred in API: virtual machine '{asked.ids['id']}' is in {len(found)} VPGs; "
            "vpgIdentifier is required.",
        )
    return found[0]


def vm_documents(vpg: Vpg, reading: VpgReading, here: Site, *, mounted: bool = True) -> list[Document]:
    """A document for each member of a VPG, as the ZVM of `here` answers it; without the mounted VMs if declined."""
    vms_href = f"{address(here)}/v1/vms/"
    shared: Document = {
        "Entities": {"Protected": vpg.protected.entity_type, "Recovery": vpg.recovery.entity_type},
        "ProtectedSite": site_link(vpg.protected, here),
        "RecoverySite": site_link(vpg.recovery, here),
        "LastTest": iso(reading.last_test),
    }
    return [
        _vm(vpg, member, reading, numbers, shared, vms_href)
        for member, numbers in zip(vpg.members, reading.members, strict=True)
        if mounted or not member.vm.mounted
    ]


def _vm(vpg: Vpg, member: Member, group: VpgReading, reading: VmReading, shared: Document, vms_href: str) -> Document:
    vm = member.vm
    server, recovery_server = vpg.protected.server, vpg.recovery.server
    azure = vpg.recovery.entity_type == AZURE
    recovery_host = member.recovery_host
    return {
        "VmIdentifier": vm.identifier,
        "VpgIdentifier": vpg.identifier,
        "VmName": vm.name,
        "VpgName": vpg.name,
        "Link": {
            "vpg_identifier": vpg.identifier,
            "instance_identifier": None,
            "rel": None,
            "href": vms_href + vm.identifier,
            "type": "VmApi",
            "identifier": vm.identifier,
        },
        "OrganizationName": vpg.organization,
        "Priority": vpg.priority,
        "ProvisionedStorageInMB": vm.provisioned_mb,
        "UsedStorageInMB": vm.used_mb,
        "CpuCoresNum": vm.cores,
        "MemorySizeInMB": vm.memory_mb,
        "JournalUsedStorageMb": reading.journal_mb,
        "JournalWarningThreshold": _limit(member.journal, member.journal.warning_threshold),
        "JournalHardLimit": _limit(member.journal, member.journal.hard_limit),
        "IOPs": reading.iops,
        "ThroughputInMB": reading.throughput,
        "OutgoingBandWidthInMbps": reading.bandwidth,
        "ActualRPO": reading.rpo,
        "LastTest": shared["LastTest"],
        "Volumes": [
            {"VmVolumeIdentifier": f"scsi:0:{n}", "PublicCloudVolumeIdentifier": None} for n in range(vm.volumes)
        ],
        "Nics": [{"NicIdentifier": _ADAPTER}],
        "ProtectedSiteName": vpg.protected.name,
        "RecoverySiteName": vpg.recovery.name,
        "SourceSite": vpg.protected.name,
        "TargetSite": vpg.recovery.name,
        "Entities": shared["Entities"],
        "Status": group.status,
        "SubStatus": group.substatus,
        "ProtectedSite": shared["ProtectedSite"],
        "RecoverySite": shared["RecoverySite"],
        "EnabledActions": {"IsFlrEnabled": vm.file_restore and not azure},
        "IsVmExists": reading.exists,
        "RecoveryHostIdentifier": None if recovery_host is None else f"{recovery_server}.host-{recovery_host}",
        "RecoveryHostName": None if recovery_host is None else f"esx-{recovery_host}.{vpg.recovery.name}.test",
        "OwningHostIdentifier": f"{server}.host-{vm.host}",
        "OwningHostName": f"esx-{vm.host}.{vpg.protected.name}.test",
        "OwningDatastoreIdentifier": f"{server}.datastore-{vm.datastore}",
        "OwningDatastoreName": f"ds-prod-{vm.datastore}",
        "GuestOs": vm.guest_os,
        "VmNetworkInformation": {
            "NetworkAdapters": []
            if vm.address is None
            else [{"DisplayName": _ADAPTER, "NetworkIdentifier": f"{server}.network-12", "IpAddresses": [vm.address]}]
        },
        "HardwareVersion": vm.hardware,
        "IsAgentInstalled": vm.agent,
        "PlatformInformation": None,
    }


def _limit(journal: Journal, value: int) -> Document:
    return {"LimitType": journal.limit_type, "LimitValue": value}


_FILTERS: Final = OF_GROUPS | {
    "vpgname": text("VpgName"),
    "vmname": text("VmName"),
    "vmidentifier": text("VmIdentifier"),
}
_FIELDS: Final = Fields(
    elements={"Volumes": "VmVolumeApi", "Nics": "NicNativeApi", "NetworkAdapters": "VmNetworkAdapter"}
)
ROUTES: Final = (
    Route("/v1/vms", "VmApi", _listed, _FILTERS, _FIELDS),
    Route("/v1/vms/{id}", "VmApi", _one, fields=_FIELDS),
)
