"""VMs and VPGs of the appliance generation turned into what a Windows ZVM up to 9.7 answers.

Fewer fields; deprecated copies of some; a VM's link identifier that carries its VPG; a second link under the literal
key `Link_{0}`; whole MiB/s for a VM; and LastTest in Microsoft's date syntax for some VPGs.
"""

from exporter.simulator.api.links import legacy_date, legacy_href
from exporter.simulator.api.routes import Document

_ONLY_10 = frozenset(
    {
        "CpuCoresNum",
        "MemorySizeInMB",
        "Nics",
        "ProtectedSiteName",
        "RecoverySiteName",
        "RecoveryHostName",
        "OwningHostIdentifier",
        "OwningHostName",
        "OwningDatastoreIdentifier",
        "OwningDatastoreName",
        "GuestOs",
        "VmNetworkInformation",
        "IsAgentInstalled",
        "PlatformInformation",
        "VpgDescription",
        "VpgType",
        "StatusDescription",
        "SubStatusDescription",
        "AlertStatus",
    }
)


def legacy_vm(document: Document) -> Document:
    """One element of /v1/vms as a Windows ZVM answers it."""
    identifier = f"{document['VmIdentifier']}?VpgIdentifier={document['VpgIdentifier']}"
    href = legacy_href(document["Link"]["href"].rpartition("/")[0] + "/" + identifier)
    return _legacy(document) | {
        "Link": {"href": href, "identifier": identifier, "rel": None, "type": "VmApi"},
        "Link_{0}": {"href": href, "rel": "self", "type": "VmApi"},
        "ThroughputInMB": int(document["ThroughputInMB"]),
        "Volumes": [{"VmVolumeIdentifier": volume["VmVolumeIdentifier"]} for volume in document["Volumes"]],
    }


def legacy_vpg(document: Document) -> Document:
    """One element of /v1/vpgs as a Windows ZVM answers it."""
    link = document["Link"]
    return _legacy(document) | {
        "Link": link | {"href": legacy_href(link["href"])},
        "Link_{0}": {"href": legacy_href(link["href"]), "rel": "self", "type": "VpgApi"},
    }


def _legacy(document: Document) -> Document:
    entities = document["Entities"]
    return {key: value for key, value in document.items() if key not in _ONLY_10} | {
        "Entities": entities | {"Source": entities["Protected"], "Target": entities["Recovery"]},
        "ProtectedSite": _site(document["ProtectedSite"]),
        "RecoverySite": _site(document["RecoverySite"]),
        "LastTest": legacy_date(document["LastTest"], document["VpgIdentifier"]),
    }


def _site(link: Document) -> Document:
    return link | {"href": legacy_href(link["href"])}
