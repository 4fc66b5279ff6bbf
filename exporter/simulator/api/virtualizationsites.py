"""GET /v1/virtualizationsites and what each of them has: VMs that nobody protects, hosts, datastores, networks, ...

There is no vCloud Director, so nothing of it is there. Of a site in a public cloud the lists are empty.
"""

from collections.abc import Callable
from typing import Final

from exporter.simulator.api.datastores import cluster_document, device_of
from exporter.simulator.api.filters import text
from exporter.simulator.api.routes import Answer, ApiError, Asked, Document, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.appliances import hosts_of
from exporter.simulator.estate.inventory import AZURE, Site, Vm
from exporter.simulator.estate.peers import sites_of
from exporter.simulator.estate.storage import datastores_of

_OfSite = Callable[[Asked, Site], list[Document]]

_PATH: Final = "/v1/virtualizationsites"
_ADAPTER: Final = "Network adapter 1"
_NETWORKS: Final = ((12, "Replication"), (14, "Production"), (16, "Failover test"))
_FOLDERS: Final = ((3, "/"), (31, "Production"), (32, "Staging"))
_HOSTS_OF_A_CLUSTER: Final = 16
_DEVICE_BYTES: Final = 2**42


def _site(asked: Asked) -> Site:
    identifier = asked.ids["site"]
    for site in sites_of(asked.site):
        if site.identifier == identifier.lower():
            return site
    raise ApiError(404, f"Exception occurred in API: no virtualization site '{identifier}'.")


def _of_site(answer: _OfSite) -> Callable[[Asked], Answer]:
    """What is answered of a site that there is."""

    def answered(asked: Asked) -> list[Document]:
        site = _site(asked)
        return [] if site.entity_type == AZURE else answer(asked, site)

    return answered


def _about(site: Site) -> Document:
    return {"SiteIdentifier": site.identifier, "VirtualizationSiteName": site.name}


def _unprotected(asked: Asked, site: Site) -> list[Document]:
    protections = (one for one in asked.site.protections if one.site.identifier == site.identifier)
    vms = [vm for protection in protections for vm in protection.unprotected_at(asked.second)]
    if not asked.appliance:
        return [{"VmIdentifier": vm.identifier, "VmName": vm.name} for vm in vms]
    return [_vm(vm, site) for vm in vms]


def _vm(vm: Vm, site: Site) -> Document:
    addresses = [] if vm.address is None else [vm.address]
    adapter = {
        "DisplayName": _ADAPTER,
        "NetworkIdentifier": f"{site.server}.network-14",
        "IpAddresses": addresses,
    }
    return {
        "VmIdentifier": vm.identifier,
        "VmName": vm.name,
        "VmInstanceIdentifier": None,
        "OwningHostIdentifier": f"{site.server}.host-{vm.host}",
        "OwningHostName": f"esx-{vm.host}.{site.name}.test",
        "OwningDatastoreIdentifier": f"{site.server}.datastore-{vm.datastore}",
        "OwningDatastoreName": f"ds-prod-{vm.datastore}",
        "GuestOs": vm.guest_os,
        "VmNetworkInformation": {"NetworkAdapters": [adapter]},
        "VmPerfMetricInfo": {
            "ProvisionedStorageInMB": vm.provisioned_mb,
            "UsedStorageInMB": vm.used_mb,
            "CpuCoresNum": vm.cores,
            "MemorySizeInMB": vm.memory_mb,
        },
        "Nics": [{"NicIdentifier": _ADAPTER}],
        "Volumes": [
            {"VmVolumeIdentifier": f"scsi:0:{n}", "PublicCloudVolumeIdentifier": None} for n in range(vm.volumes)
        ],
        "IsAgentInstalled": vm.agent,
        "PlatformInformation": None,
    }


def _numbers(asked: Asked, site: Site) -> list[int]:
    """The numbers of a site's hosts: those of its VMs, protected or not, and those that VMs recover to."""
    strangers = (one.strangers for one in asked.site.protections if one.site.identifier == site.identifier)
    return sorted(hosts_of(asked.site, site) | {vm.host for vms in strangers for vm in vms})


def _bare_host(number: int, site: Site) -> Document:
    return {
        "HostIdentifier": f"{site.server}.host-{number}",
        "HostVersion": "8.0.2",
        "VirtualizationHostName": f"esx-{number}.{site.name}.test",
        "ConnectionStatus": "Connected",
    }


def _hosts(asked: Asked, site: Site) -> list[Document]:
    shared = {"AssociatedDatastores": _datastores(asked, site), "AssociatedNetworks": _networks(asked, site)}
    return [_bare_host(number, site) | shared for number in _numbers(asked, site)]


def _host(asked: Asked) -> Document:
    for document in _hosts(asked, _site(asked)):
        if document["HostIdentifier"] == asked.ids["host"].lower():
            return document
    raise ApiError(404, f"Exception occurred in API: no host '{asked.ids['host']}'.")


def _host_clusters(asked: Asked, site: Site) -> list[Document]:
    clusters: dict[int, list[Document]] = {}
    for number in _numbers(asked, site):
        clusters.setdefault(number // _HOSTS_OF_A_CLUSTER, []).append(_bare_host(number, site))
    return [
        {
            "ClusterIdentifier": f"{site.server}.domain-c{cluster}",
            "VirtualizationClusterName": f"Cluster-{cluster:02d}",
            "AssociatedHosts": hosts,
        }
        for cluster, hosts in clusters.items()
    ]


def _datastores(asked: Asked, site: Site) -> list[Document]:
    return [
        {
            "DatastoreIdentifier": f"{site.server}.datastore-{number}",
            "DatastoreName": f"ds-prod-{number}",
            "OwningDatastoreCluster": cluster_document(number, site),
        }
        for number in datastores_of(asked.site, site)
    ]


def _datastore_clusters(asked: Asked, site: Site) -> list[Document]:
    clusters = (cluster_document(number, site) for number in datastores_of(asked.site, site))
    return list({one["DatastoreClusterIdentifier"]: one for one in clusters if one is not None}.values())


def _devices(asked: Asked, site: Site) -> list[Document]:
    hosts = [f"{site.server}.host-{number}" for number in _numbers(asked, site)]
    host = asked.query.get("hostidentifier", "")
    return [
        {
            "DeviceIdentifier": f"{site.server}.{device_of(number)}",
            "DatastoreIdentifier": f"{site.server}.datastore-{number}",
            "DeviceName": device_of(number),
            "SizeInBytes": _DEVICE_BYTES,
            "HostIdentifiers": hosts,
            "VmIdentifier": None,
        }
        for number in datastores_of(asked.site, site)
        if not host or host.lower() in hosts
    ]


def _networks(_: Asked, site: Site) -> list[Document]:
    return [
        {"NetworkIdentifier": f"{site.server}.network-{number}", "VirtualizationNetworkName": name}
        for number, name in _NETWORKS
    ]


def _folders(_: Asked, site: Site) -> list[Document]:
    return [{"FolderIdentifier": f"{site.server}.group-v{number}", "FolderName": name} for number, name in _FOLDERS]


def _resource_pools(asked: Asked, site: Site) -> list[Document]:
    return [
        {
            "ResourcePoolIdentifier": cluster["ClusterIdentifier"].replace("domain-c", "resgroup-"),
            "ResourcepoolName": "Resources",
        }
        for cluster in _host_clusters(asked, site)
    ]


def _fields(identity: str, **elements: str) -> Fields:
    return Fields(enums={}, elements=elements, identity=frozenset({identity}))


_SITES: Final = _fields("SiteIdentifier")
_HOST: Final = _fields(
    "HostIdentifier", AssociatedDatastores="DatastoreNativeApi", AssociatedNetworks="NetworkNativeApi"
)
_VM: Final = _fields("VmIdentifier", Volumes="VmVolumeApi", Nics="NicNativeApi", NetworkAdapters="VmNetworkAdapter")
_CLUSTER: Final = _fields("ClusterIdentifier", AssociatedHosts="BaseHostNativeApi")
_DEVICE: Final = _fields("DeviceIdentifier", HostIdentifiers="string")
_LISTS: Final[tuple[tuple[str, str, _OfSite, Fields], ...]] = (
    ("vms", "VmNativeApi", _unprotected, _VM),
    ("hosts", "HostNativeApi", _hosts, _HOST),
    ("hostclusters", "HostClusterNativeApi", _host_clusters, _CLUSTER),
    ("datastores", "DatastoreNativeApi", _datastores, _fields("DatastoreIdentifier")),
    ("datastoreclusters", "DatastoreClusterNativeApi", _datastore_clusters, _fields("DatastoreClusterIdentifier")),
    ("networks", "NetworkNativeApi", _networks, _fields("NetworkIdentifier")),
    ("folders", "FolderNativeApi", _folders, _fields("FolderIdentifier")),
    ("resourcepools", "ResourcePoolNativeApi", _resource_pools, _fields("ResourcePoolIdentifier")),
    ("vcdvapps", "VCDVappNativeApi", lambda _asked, _site: [], _fields("VcdVappIdentifier")),
    ("orgvdcs", "OrgVdcNativeApi", lambda _asked, _site: [], _fields("Identifier")),
)
ROUTES: Final = (
    Route(_PATH, "VirtualizationSiteApi", lambda asked: [_about(one) for one in sites_of(asked.site)], fields=_SITES),
    Route(f"{_PATH}/{{site}}", "VirtualizationSiteApi", lambda asked: _about(_site(asked)), fields=_SITES),
    Route(f"{_PATH}/{{site}}/hosts/{{host}}", "HostNativeApi", _host, fields=_HOST),
    Route(
        f"{_PATH}/{{site}}/devices", "DeviceDataApi", _of_site(_devices), {"devicename": text("DeviceName")}, _DEVICE
    ),
    *(
        Route(f"{_PATH}/{{site}}/{name}", kind, _of_site(answer), fields=fields)
        for name, kind, answer, fields in _LISTS
    ),
)
