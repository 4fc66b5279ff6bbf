"""VMs and VPGs as the documents that a ZVM 10.x answers: keys in PascalCase, enumerations as codes.

Knows every field's name and unit; knows neither how a number comes about nor how a document is encoded. Members of
link objects are in lower case, as real servers send them. Documents of one answer share their nested objects, so they
are to be encoded, not changed.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from exporter.simulator.api.codes import STATUSES, SUBSTATUSES, name_of
from exporter.simulator.estate.founding import NO_ZORG
from exporter.simulator.estate.inventory import AZURE, Journal, Member, Site, Vpg
from exporter.simulator.estate.readings import VmReading, VpgReading

Document = dict[str, Any]

_ADAPTER: Final = "Network adapter 1"


class Row(NamedTuple):
    """One element of /v1/vms, and what the list's filters go by that the document does not say."""

    document: Document
    backup: bool
    mounted: bool


def address(site: Site) -> str:
    """The base URL that a site's ZVM believes to have; links begin with it, and it leads nowhere."""
    return f"https://10.{int(site.identifier[:2], 16)}.0.20"


def iso(second: float | None) -> str | None:
    """A unix second as ISO 8601 UTC with milliseconds."""
    if second is None:
        return None
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def site_link(site: Site, here: Site) -> Document:
    """A link to a site; its type tells whether it is the site of the ZVM that answers."""
    local = site.identifier == here.identifier
    return {
        "rel": None,
        "href": f"{address(here)}/v1/{'localsite' if local else f'peersites/{site.identifier}'}",
        "type": "LocalSiteApi" if local else "PeerSiteApi",
        "identifier": site.identifier,
    }


def vm_rows(vpg: Vpg, reading: VpgReading, here: Site, *, backup: bool = False) -> list[Row]:
    """A row for each member of a VPG, as the ZVM of `here` answers it (GET /v1/vms)."""
    vms_href = f"{address(here)}/v1/vms/"
    shared: Document = {
        "Entities": {"Protected": vpg.protected.entity_type, "Recovery": vpg.recovery.entity_type},
        "ProtectedSite": site_link(vpg.protected, here),
        "RecoverySite": site_link(vpg.recovery, here),
        "LastTest": iso(reading.last_test),
    }
    return [
        Row(_vm(vpg, member, reading, numbers, shared, vms_href), backup, member.vm.mounted)
        for member, numbers in zip(vpg.members, reading.members, strict=True)
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


def vpg_document(vpg: Vpg, reading: VpgReading, here: Site, now: int) -> Document:
    """A VPG as the ZVM of `here` answers it (GET /v1/vpgs). `now` in unix seconds."""
    base = address(here)
    status, substatus = name_of(STATUSES, reading.status), name_of(SUBSTATUSES, reading.substatus)
    earliest = now - reading.history * 60
    return {
        "VpgIdentifier": vpg.identifier,
        "VpgName": vpg.name,
        "VpgDescription": None,
        "VpgType": "Remote" if vpg.protected.identifier != vpg.recovery.identifier else "Local",
        "Link": _link(f"{base}/v1/vpgs/{vpg.identifier}", "VpgApi", vpg.identifier),
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
            "EarliestCheckpoint": {
                "CheckpointIdentifier": str(earliest // 5),
                "TimeStamp": iso(earliest),
                "Tag": None,
                "Type": 0,
            },
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
        "Zorg": _link(None if vpg.zorg == NO_ZORG else f"{base}/v1/zorgs/{vpg.zorg}", "ZorgApi", vpg.zorg),
        "ServiceProfile": None
        if vpg.service_profile is None
        else _link(f"{base}/v1/serviceprofiles/{vpg.service_profile}", "ServiceProfileApi", vpg.service_profile),
        "ServiceProfileIdentifier": vpg.service_profile,
        "ServiceProfileName": None if vpg.service_profile is None else f"{vpg.organization}-Gold",
        "BackupEnabled": False,
    }


def _limit(journal: Journal, value: int) -> Document:
    return {"LimitType": journal.limit_type, "LimitValue": value}


def _link(href: str | None, kind: str, identifier: str) -> Document:
    return {"rel": None, "href": href, "type": kind, "identifier": identifier}
