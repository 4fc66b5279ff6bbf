"""Protected VMs: GET /v1/vms. One row for each VM and VPG: a VM may be in three VPGs.

A ZVM lists the VMs that it protects and those that recover to it; the label `role` tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import attrgetter, not_
from typing import Any

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source, Summary
from exporter.collectors.enums import STATUS, SUBSTATUS
from exporter.collectors.fields import (
    Identifier,
    Item,
    Limit,
    Number,
    Text,
    calculated,
    identity_from_link,
    megabytes,
    percentage,
    timestamp,
)
from exporter.collectors.protection import INFO, ROLE, STATE, Protection, has_state, name_states, role
from exporter.prometheus.table import (
    CODE,
    MEBIBYTES,
    MEBIBYTES_PER_SECOND,
    MEGABITS_PER_SECOND,
    NONE,
    PERCENT,
    SECONDS,
    TIMESTAMP,
    Labels,
    Metric,
    Table,
)
from exporter.zvm.decode.rows import Decoded, Decoder

PATH = "/v1/vms"


class Actions(Struct, frozen=True, gc=False):
    file_level_restore: bool | None = field(name="IsFlrEnabled", default=None)


class Vm(Protection, kw_only=True, gc=False):
    id: Identifier = field(name="VmIdentifier")
    vpg_id: Identifier = field(name="VpgIdentifier")
    name: Text = field(name="VmName", default=None)
    vpg: Text = field(name="VpgName", default=None)
    protected_host: Text = field(name="OwningHostName", default=None)
    recovery_host: Text = field(name="RecoveryHostName", default=None)
    hardware_version: Text = field(name="HardwareVersion", default=None)
    actual_rpo: Number = field(name="ActualRPO", default=None)
    iops: Number = field(name="IOPs", default=None)
    throughput: Number = field(name="ThroughputInMB", default=None)
    outgoing_bandwidth: Number = field(name="OutgoingBandWidthInMbps", default=None)
    journal_used: Number = field(name="JournalUsedStorageMb", default=None)
    journal_hard_limit: Limit | None = field(name="JournalHardLimit", default=None)
    journal_warning: Limit | None = field(name="JournalWarningThreshold", default=None)
    provisioned_storage: Number = field(name="ProvisionedStorageInMB", default=None)
    used_storage: Number = field(name="UsedStorageInMB", default=None)
    volumes: list[Item] | None = field(name="Volumes", default=None)
    exists: bool | None = field(name="IsVmExists", default=None)
    actions: Actions | None = field(name="EnabledActions", default=None)
    last_test: Text = field(name="LastTest", default=None)
    cpu_cores: Number = field(name="CpuCoresNum", default=None)
    memory: Number = field(name="MemorySizeInMB", default=None)


# The API's own filters of GET /v1/vms; the last four are older names that servers still take.
FILTERS = frozenset(
    {
        "vpgName",
        "vmName",
        "status",
        "subStatus",
        "protectedSiteType",
        "recoverySiteType",
        "protectedSiteIdentifier",
        "recoverySiteIdentifier",
        "organizationName",
        "priority",
        "vmIdentifier",
        "includeBackupedVms",
        "includeMountedVms",
        "sourceType",
        "targetType",
        "sourceSite",
        "targetSite",
    }
)

LABELS: Labels[Vm] = {
    "vpg": lambda vm: vm.vpg or "",
    "vpg_id": lambda vm: vm.vpg_id,
    "vm": lambda vm: vm.name or "",
    "vm_id": lambda vm: vm.id,
}

DESCRIPTION: Labels[Vm] = {
    **INFO,
    "protected_host": lambda vm: vm.protected_host or "",
    "recovery_host": lambda vm: vm.recovery_host or "",
    "hardware_version": lambda vm: vm.hardware_version or "",
}

CHOSEN_BY: Labels[Vm] = {
    "vpg": LABELS["vpg"],
    "vm": LABELS["vm"],
    "organization": INFO["organization"],
    **ROLE,
}

TABLE: Table[Vm] = Table(
    LABELS,
    Metric(
        "zerto_vm_info",
        "What describes a protected VM and seldom changes.",
        "GET /v1/vms",
        NONE,
        lambda _: 1,
        DESCRIPTION,
    ),
    Metric(
        "zerto_vm_state",
        "The state that the VM is in: that of its VPG, by the API's names.",
        "GET /v1/vms Status, SubStatus",
        NONE,
        has_state,
        STATE,
    ),
    Metric(
        "zerto_vm_status_code",
        "Status as a number; 1 is MeetingSLA.",
        "GET /v1/vms Status",
        CODE,
        lambda vm: STATUS.code(vm.status),
    ),
    Metric(
        "zerto_vm_substatus_code",
        "Substatus as a number; 0 is None.",
        "GET /v1/vms SubStatus",
        CODE,
        lambda vm: SUBSTATUS.code(vm.substatus),
    ),
    Metric(
        "zerto_vm_actual_rpo_seconds",
        "Age of the newest checkpoint: what would be lost now. No sample while the ZVM has not calculated it: it sends "
        "0 or less then, or 3955710 or more.",
        "GET /v1/vms ActualRPO",
        SECONDS,
        lambda vm: calculated(vm.actual_rpo),
    ),
    Metric("zerto_vm_iops", "I/O operations per second of the VM.", "GET /v1/vms IOPs", NONE, lambda vm: vm.iops),
    Metric(
        "zerto_vm_throughput_bytes_per_second",
        "Rate at which the VM writes.",
        "GET /v1/vms ThroughputInMB",
        MEBIBYTES_PER_SECOND,
        lambda vm: vm.throughput,
    ),
    Metric(
        "zerto_vm_outgoing_bandwidth_mbps",
        "Outgoing rate of replication as the ZVM sends it; sources disagree whether the unit is Mbit/s or MiB/s.",
        "GET /v1/vms OutgoingBandWidthInMbps",
        MEGABITS_PER_SECOND,
        lambda vm: vm.outgoing_bandwidth,
    ),
    Metric(
        "zerto_vm_journal_used_bytes",
        "Storage that the VM's journal uses.",
        "GET /v1/vms JournalUsedStorageMb",
        MEBIBYTES,
        lambda vm: vm.journal_used,
    ),
    Metric(
        "zerto_vm_journal_hard_limit_bytes",
        "Size that the journal may not exceed, where it is set in bytes.",
        "GET /v1/vms JournalHardLimit",
        MEBIBYTES,
        lambda vm: megabytes(vm.journal_hard_limit),
    ),
    Metric(
        "zerto_vm_journal_hard_limit_ratio",
        "Size that the journal may not exceed, where it is set as a share of the VM's storage.",
        "GET /v1/vms JournalHardLimit",
        PERCENT,
        lambda vm: percentage(vm.journal_hard_limit),
    ),
    Metric(
        "zerto_vm_journal_warning_threshold_bytes",
        "Size of the journal at which the ZVM warns, where it is set in bytes.",
        "GET /v1/vms JournalWarningThreshold",
        MEBIBYTES,
        lambda vm: megabytes(vm.journal_warning),
    ),
    Metric(
        "zerto_vm_journal_warning_threshold_ratio",
        "Size of the journal at which the ZVM warns, where it is set as a share of the VM's storage.",
        "GET /v1/vms JournalWarningThreshold",
        PERCENT,
        lambda vm: percentage(vm.journal_warning),
    ),
    Metric(
        "zerto_vm_provisioned_storage_bytes",
        "Storage provisioned for the VM at the recovery site.",
        "GET /v1/vms ProvisionedStorageInMB",
        MEBIBYTES,
        lambda vm: vm.provisioned_storage,
    ),
    Metric(
        "zerto_vm_used_storage_bytes",
        "Storage that the VM uses at the recovery site.",
        "GET /v1/vms UsedStorageInMB",
        MEBIBYTES,
        lambda vm: vm.used_storage,
    ),
    Metric(
        "zerto_vm_volumes",
        "Volumes of the VM that are protected.",
        "GET /v1/vms Volumes",
        NONE,
        lambda vm: None if vm.volumes is None else len(vm.volumes),
    ),
    Metric(
        "zerto_vm_exists",
        "1 if the VM exists at the hypervisor, 0 if only the VPG still knows it.",
        "GET /v1/vms IsVmExists",
        NONE,
        lambda vm: vm.exists,
    ),
    Metric(
        "zerto_vm_file_level_restore_enabled",
        "1 if single files can be restored from the journal.",
        "GET /v1/vms EnabledActions.IsFlrEnabled",
        NONE,
        lambda vm: None if vm.actions is None else vm.actions.file_level_restore,
    ),
    Metric(
        "zerto_vm_last_test_timestamp_seconds",
        "Time of the last failover test. No sample if there was none.",
        "GET /v1/vms LastTest",
        TIMESTAMP,
        lambda vm: timestamp(vm.last_test),
    ),
    Metric("zerto_vm_cpu_cores", "CPU cores of the VM.", "GET /v1/vms CpuCoresNum", NONE, lambda vm: vm.cpu_cores),
    Metric(
        "zerto_vm_memory_bytes",
        "Memory of the VM.",
        "GET /v1/vms MemorySizeInMB",
        MEBIBYTES,
        lambda vm: vm.memory,
    ),
    attributes=ROLE,
)


def repair(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from its link."""
    identity_from_link(record, "vmidentifier")


DECODER: Decoder[Vm] = Decoder(Vm, repair)


class Known(Struct, frozen=True, gc=False):
    """What other collectors may know of a VM in a VPG: who both are, and what the ZVM is to them."""

    id: str
    vpg_id: str
    name: str
    vpg: str
    role: str


def by_key(known: Sequence[Known]) -> dict[tuple[str, str], Known]:
    """Return the VMs *known* by the identifiers of VM and VPG."""
    return dict(zip(map(attrgetter("id", "vpg_id"), known), known, strict=True))


def begin(source: Source) -> Fetch[Vm]:
    """Return what asks *source* for its VMs."""

    async def fetch() -> Decoded[Vm]:
        decoded = await source.get(PATH, DECODER, source.filters)
        await name_states(source, decoded.rows)
        return decoded

    return fetch


def summary(vms: Sequence[Vm]) -> Summary:
    """Sum up *vms*: how many they are, each counted once, which has the worst RPO, and how many have none."""
    ids = list(map(attrgetter("id"), vms))
    known = [calculated(rpo) or 0 for rpo in map(attrgetter("actual_rpo"), vms)]
    count, unknown = len(set(ids)), len(set(compress(ids, map(not_, known))))
    worst_rpo = max(known, default=0)
    if not worst_rpo:
        return Summary(count, None, without_rpo=unknown)
    worst = vms[known.index(worst_rpo)]
    return Summary(count, worst_rpo, worst.name or "", worst.vpg or "", unknown)


COLLECTOR: Collector[Vm] = Collector(
    "vms",
    "Protected VMs",
    PATH,
    (TABLE,),
    begin,
    chosen_by=CHOSEN_BY,
    rank=1,
    essential=True,
    keeps=lambda vm: Known(vm.id, vm.vpg_id, vm.name or "", vm.vpg or "", role(vm.protected_site, vm.recovery_site)),
    summary=summary,
)
