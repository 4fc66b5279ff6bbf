"""Virtual replication appliances of the ZVM's own site: GET /v1/vras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.enums import ALERT_STATUS, Code, Enum
from exporter.collectors.fields import Identifier, Number, Text, identity_from_link
from exporter.prometheus.table import CODE, GIBIBYTES, NONE, PERCENT, Labels, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/vras"

STATUS: Final = Enum(
    {
        0: "Installed",
        1: "UnsupportedEsxVersion",
        2: "NotInstalled",
        3: "Installing",
        4: "Removing",
        5: "InstallationError",
        6: "HostPasswordChanged",
        7: "UpdatingIpSettings",
        8: "DuringChangeHost",
        9: "HostInMaintenanceMode",
    },
    f"{PATH}/statuses",
)

UPGRADE_STATUS: Final = Enum({0: "None", 1: "UpgradeAvailable", 2: "Upgrading", 3: "UpgradeFailed", 4: "LatestVersion"})


class Counters(Struct, frozen=True, gc=False):
    vms: Number = field(name="Vms", default=None)
    vpgs: Number = field(name="Vpgs", default=None)
    volumes: Number = field(name="Volumes", default=None)


class Alerts(Struct, frozen=True, gc=False):
    status: Code = field(name="VraAlertsStatus", default=None)


class Network(Struct, frozen=True, gc=False):
    address: Text = field(name="VraIPAddress", default=None)


class Vra(Struct, kw_only=True, gc=False):
    id: Identifier = field(name="VraIdentifierStr")
    name: Text = field(name="VraName", default=None)
    status: Code = field(name="Status", default=None)
    upgrade_status: Code = field(name="UpgradeStatus", default=None)
    progress: Number = field(name="Progress", default=None)
    version: Text = field(name="VraVersion", default=None)
    host: Text = field(name="HostDisplayName", default=None)
    host_id: Text = field(name="HostIdentifier", default=None)
    host_version: Text = field(name="HostVersion", default=None)
    address: Text = field(name="IpAddress", default=None)
    network_data: Network | None = field(name="VraNetworkDataApi", default=None)
    group: Text = field(name="VraGroup", default=None)
    datastore: Text = field(name="DatastoreName", default=None)
    network: Text = field(name="NetworkName", default=None)
    memory: Number = field(name="MemoryInGB", default=None)
    cpu_cores: Number = field(name="NumOfCpus", default=None)
    ghost: bool | None = field(name="IsGhost", default=None)
    protected: Counters | None = field(name="ProtectedCounters", default=None)
    recovery: Counters | None = field(name="RecoveryCounters", default=None)
    self_protected_vpgs: Number = field(name="SelfProtectedVpgs", default=None)
    alerts: Alerts | None = field(name="VraAlerts", default=None)


LABELS: Labels[Vra] = {"vra": lambda vra: vra.name or "", "vra_id": lambda vra: vra.id}

DESCRIPTION: Labels[Vra] = {
    "host": lambda vra: vra.host or "",
    "host_id": lambda vra: vra.host_id or "",
    "host_version": lambda vra: vra.host_version or "",
    "version": lambda vra: vra.version or "",
    "ip": lambda vra: vra.address or ("" if vra.network_data is None else vra.network_data.address) or "",
    "group": lambda vra: vra.group or "",
    "datastore": lambda vra: vra.datastore or "",
    "network": lambda vra: vra.network or "",
}

TABLE: Table[Vra] = Table(
    LABELS,
    Metric(
        "zerto_vra_info", "What describes a VRA and seldom changes.", "GET /v1/vras", NONE, lambda _: 1, DESCRIPTION
    ),
    Metric(
        "zerto_vra_state",
        "The state that the VRA is in, by the API's names.",
        "GET /v1/vras Status",
        NONE,
        lambda vra: None if vra.status is None else 1,
        {"status": lambda vra: STATUS.name(vra.status)},
    ),
    Metric(
        "zerto_vra_status_code",
        "Status as a number; 0 is Installed.",
        "GET /v1/vras Status",
        CODE,
        lambda vra: STATUS.code(vra.status),
    ),
    Metric(
        "zerto_vra_upgrade_status_code",
        "Status of its upgrade as a number; 0 is None. The meaning of the others changes between versions.",
        "GET /v1/vras UpgradeStatus",
        CODE,
        lambda vra: UPGRADE_STATUS.code(vra.upgrade_status),
    ),
    Metric(
        "zerto_vra_progress_ratio",
        "Progress of the installation or upgrade that runs; 0 when none does.",
        "GET /v1/vras Progress",
        PERCENT,
        lambda vra: vra.progress,
    ),
    Metric(
        "zerto_vra_alert_status_code",
        "Worst alert on the VRA as a number: 0 none, 1 warning, 2 error.",
        "GET /v1/vras VraAlerts.VraAlertsStatus",
        CODE,
        lambda vra: None if vra.alerts is None else ALERT_STATUS.code(vra.alerts.status),
    ),
    Metric(
        "zerto_vra_memory_bytes", "Memory of the VRA.", "GET /v1/vras MemoryInGB", GIBIBYTES, lambda vra: vra.memory
    ),
    Metric("zerto_vra_cpu_cores", "CPU cores of the VRA.", "GET /v1/vras NumOfCpus", NONE, lambda vra: vra.cpu_cores),
    Metric(
        "zerto_vra_ghost",
        "1 if the ZVM knows the VRA, and its host is gone.",
        "GET /v1/vras IsGhost",
        NONE,
        lambda vra: vra.ghost,
    ),
    Metric(
        "zerto_vra_protected_vms",
        "VMs on its host that are protected by way of it.",
        "GET /v1/vras ProtectedCounters.Vms",
        NONE,
        lambda vra: None if vra.protected is None else vra.protected.vms,
    ),
    Metric(
        "zerto_vra_protected_vpgs",
        "VPGs of these VMs.",
        "GET /v1/vras ProtectedCounters.Vpgs",
        NONE,
        lambda vra: None if vra.protected is None else vra.protected.vpgs,
    ),
    Metric(
        "zerto_vra_protected_volumes",
        "Volumes of these VMs.",
        "GET /v1/vras ProtectedCounters.Volumes",
        NONE,
        lambda vra: None if vra.protected is None else vra.protected.volumes,
    ),
    Metric(
        "zerto_vra_recovery_vms",
        "VMs that recover to its host by way of it.",
        "GET /v1/vras RecoveryCounters.Vms",
        NONE,
        lambda vra: None if vra.recovery is None else vra.recovery.vms,
    ),
    Metric(
        "zerto_vra_recovery_vpgs",
        "VPGs of the VMs that recover by way of it.",
        "GET /v1/vras RecoveryCounters.Vpgs",
        NONE,
        lambda vra: None if vra.recovery is None else vra.recovery.vpgs,
    ),
    Metric(
        "zerto_vra_recovery_volumes",
        "Volumes of the VMs that recover by way of it.",
        "GET /v1/vras RecoveryCounters.Volumes",
        NONE,
        lambda vra: None if vra.recovery is None else vra.recovery.volumes,
    ),
    Metric(
        "zerto_vra_self_protected_vpgs",
        "VPGs that it both protects and recovers.",
        "GET /v1/vras SelfProtectedVpgs",
        NONE,
        lambda vra: vra.self_protected_vpgs,
    ),
)


def repair(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from the number that the OpenAPI document has, or from its link."""
    number = record.get("vraidentifier")
    if not record.get("vraidentifierstr") and number is not None:
        record["vraidentifierstr"] = str(number)  # some are larger than a float can tell apart
    identity_from_link(record, "vraidentifierstr")


DECODER: Decoder[Vra] = Decoder(Vra, repair)


async def name_states(source: Source, vras: Sequence[Any]) -> None:
    """Give the states of *vras* the names that the ZVM has for them.

    Raises:
        AuthError: as Source.names.
    """
    listed = STATUS.listed(await source.names(STATUS.path))
    for vra in vras:
        vra.status = STATUS.resolve(vra.status, listed)


def begin(source: Source) -> Fetch[Vra]:
    """Return what asks *source* for its VRAs."""

    async def fetch() -> Decoded[Vra]:
        decoded = await source.get(PATH, DECODER)
        await name_states(source, decoded.rows)
        return decoded

    return fetch


COLLECTOR: Collector[Vra] = Collector(
    "vras",
    "VRAs",
    PATH,
    (TABLE,),
    begin,
    chosen_by={**LABELS, "host": DESCRIPTION["host"], "group": DESCRIPTION["group"]},
    interval=60.0,
)
