"""Virtual protection groups: GET /v1/vpgs. What their VMs are measured against: RPO and journal history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Promise, Source, Vpgs
from exporter.collectors.enums import ALERT_STATUS, STATUS, SUBSTATUS, Code
from exporter.collectors.fields import (
    Identifier,
    Item,
    Number,
    Text,
    calculated,
    identity_from_link,
    measured,
    timestamp,
)
from exporter.collectors.protection import INFO, ROLE, STATE, Protection, has_state, name_states, role
from exporter.collectors.troubles import trouble
from exporter.prometheus.table import (
    CODE,
    MEBIBYTES,
    MEBIBYTES_PER_SECOND,
    MINUTES,
    NONE,
    PERCENT,
    SECONDS,
    TIMESTAMP,
    Labels,
    Metric,
    Table,
)
from exporter.zvm.decode.rows import Decoded, Decoder

PATH = "/v1/vpgs"


class Checkpoint(Struct, frozen=True, gc=False):
    time: Text = field(name="TimeStamp", default=None)


class History(Struct, frozen=True, gc=False):
    actual: Number = field(name="ActualHistoryInMinutes", default=None)
    configured: Number = field(name="ConfiguredHistoryInMinutes", default=None)
    earliest: Checkpoint | None = field(name="EarliestCheckpoint", default=None)


class FailSafeHistory(Struct, frozen=True, gc=False):
    actual: Number = field(name="ActualFailSafeHistory", default=None)
    configured: Number = field(name="ConfiguredFailSafeHistory", default=None)


class Processes(Struct, frozen=True, gc=False):
    failover_test: Item | None = field(name="RunningFailOverTestApi", default=None)


class Vpg(Protection, kw_only=True, gc=False):
    id: Identifier = field(name="VpgIdentifier")
    name: Text = field(name="VpgName", default=None)
    alert_status: Code = field(name="AlertStatus", default=None)
    service_profile: Text = field(name="ServiceProfileName", default=None)
    actual_rpo: Number = field(name="ActualRPO", default=None)
    configured_rpo: Number = field(name="ConfiguredRpoSeconds", default=None)
    history: History | None = field(name="HistoryStatusApi", default=None)
    failsafe: FailSafeHistory | None = field(name="FailSafeHistory", default=None)
    iops: Number = field(name="IOPs", default=None)
    throughput: Number = field(name="ThroughputInMB", default=None)
    provisioned_storage: Number = field(name="ProvisionedStorageInMB", default=None)
    used_storage: Number = field(name="UsedStorageInMB", default=None)
    vms: Number = field(name="VmsCount", default=None)
    progress: Number = field(name="ProgressPercentage", default=None)
    last_test: Text = field(name="LastTest", default=None)
    processes: Processes | None = field(name="ActiveProcessesApi", default=None)


# What GET /v1/vms is filtered by and GET /v1/vpgs knows too, by the name that it has there.
FILTERS = {
    "vpgName": "name",
    "status": "status",
    "subStatus": "subStatus",
    "protectedSiteType": "protectedSiteType",
    "recoverySiteType": "recoverySiteType",
    "protectedSiteIdentifier": "protectedSiteIdentifier",
    "recoverySiteIdentifier": "recoverySiteIdentifier",
    "organizationName": "organizationName",
    "priority": "priority",
    "sourceType": "sourceType",
    "targetType": "targetType",
    "sourceSite": "sourceSite",
    "targetSite": "targetSite",
}

LABELS: Labels[Vpg] = {
    "vpg": lambda vpg: vpg.name or "",
    "vpg_id": lambda vpg: vpg.id,
}

CHOSEN_BY: Labels[Vpg] = {"vpg": LABELS["vpg"], "organization": INFO["organization"], **ROLE}

DESCRIPTION: Labels[Vpg] = {**INFO, "service_profile": lambda vpg: vpg.service_profile or ""}

TABLE: Table[Vpg] = Table(
    LABELS,
    Metric(
        "zerto_vpg_info", "What describes a VPG and seldom changes.", "GET /v1/vpgs", NONE, lambda _: 1, DESCRIPTION
    ),
    Metric(
        "zerto_vpg_state",
        "The state that the VPG is in, by the API's names.",
        "GET /v1/vpgs Status, SubStatus",
        NONE,
        has_state,
        STATE,
    ),
    Metric(
        "zerto_vpg_status_code",
        "Status as a number; 1 is MeetingSLA.",
        "GET /v1/vpgs Status",
        CODE,
        lambda vpg: STATUS.code(vpg.status),
    ),
    Metric(
        "zerto_vpg_substatus_code",
        "Substatus as a number; 0 is None.",
        "GET /v1/vpgs SubStatus",
        CODE,
        lambda vpg: SUBSTATUS.code(vpg.substatus),
    ),
    Metric(
        "zerto_vpg_alert_status_code",
        "Worst alert on the VPG as a number: 0 none, 1 warning, 2 error.",
        "GET /v1/vpgs AlertStatus",
        CODE,
        lambda vpg: ALERT_STATUS.code(vpg.alert_status),
    ),
    Metric(
        "zerto_vpg_actual_rpo_seconds",
        "Age of the newest checkpoint: what would be lost now. No sample while the ZVM has not calculated it: it sends "
        "0 or less then, or 3955710 or more.",
        "GET /v1/vpgs ActualRPO",
        SECONDS,
        lambda vpg: calculated(vpg.actual_rpo),
    ),
    Metric(
        "zerto_vpg_configured_rpo_seconds",
        "RPO that the VPG is to meet.",
        "GET /v1/vpgs ConfiguredRpoSeconds",
        SECONDS,
        lambda vpg: vpg.configured_rpo,
    ),
    Metric(
        "zerto_vpg_history_seconds",
        "Time that the journal reaches back.",
        "GET /v1/vpgs HistoryStatusApi.ActualHistoryInMinutes",
        MINUTES,
        lambda vpg: None if vpg.history is None else vpg.history.actual,
    ),
    Metric(
        "zerto_vpg_configured_history_seconds",
        "Time that the journal is to reach back.",
        "GET /v1/vpgs HistoryStatusApi.ConfiguredHistoryInMinutes",
        MINUTES,
        lambda vpg: None if vpg.history is None else vpg.history.configured,
    ),
    Metric(
        "zerto_vpg_failsafe_history_seconds",
        "Fail-safe history: the history below which the journal stops rather than lose checkpoints, as it is.",
        "GET /v1/vpgs FailSafeHistory.ActualFailSafeHistory",
        MINUTES,
        lambda vpg: None if vpg.failsafe is None else vpg.failsafe.actual,
    ),
    Metric(
        "zerto_vpg_configured_failsafe_history_seconds",
        "Fail-safe history as it is configured.",
        "GET /v1/vpgs FailSafeHistory.ConfiguredFailSafeHistory",
        MINUTES,
        lambda vpg: None if vpg.failsafe is None else vpg.failsafe.configured,
    ),
    Metric(
        "zerto_vpg_earliest_checkpoint_timestamp_seconds",
        "Time of the oldest checkpoint that the journal holds.",
        "GET /v1/vpgs HistoryStatusApi.EarliestCheckpoint.TimeStamp",
        TIMESTAMP,
        lambda vpg: (
            None if vpg.history is None or vpg.history.earliest is None else timestamp(vpg.history.earliest.time)
        ),
    ),
    Metric("zerto_vpg_iops", "I/O operations per second of its VMs.", "GET /v1/vpgs IOPs", NONE, lambda vpg: vpg.iops),
    Metric(
        "zerto_vpg_throughput_bytes_per_second",
        "Rate at which its VMs write.",
        "GET /v1/vpgs ThroughputInMB",
        MEBIBYTES_PER_SECOND,
        lambda vpg: vpg.throughput,
    ),
    Metric(
        "zerto_vpg_provisioned_storage_bytes",
        "Storage provisioned for its VMs at the recovery site.",
        "GET /v1/vpgs ProvisionedStorageInMB",
        MEBIBYTES,
        lambda vpg: vpg.provisioned_storage,
    ),
    Metric(
        "zerto_vpg_used_storage_bytes",
        "Storage that its VMs use at the recovery site.",
        "GET /v1/vpgs UsedStorageInMB",
        MEBIBYTES,
        lambda vpg: vpg.used_storage,
    ),
    Metric("zerto_vpg_vms", "VMs in the VPG.", "GET /v1/vpgs VmsCount", NONE, lambda vpg: vpg.vms),
    Metric(
        "zerto_vpg_progress_ratio",
        "Progress of the synchronization or operation that runs; 0 when none does.",
        "GET /v1/vpgs ProgressPercentage",
        PERCENT,
        lambda vpg: vpg.progress,
    ),
    Metric(
        "zerto_vpg_last_test_timestamp_seconds",
        "Time of the last failover test. No sample if there was none.",
        "GET /v1/vpgs LastTest",
        TIMESTAMP,
        lambda vpg: timestamp(vpg.last_test),
    ),
    Metric(
        "zerto_vpg_failover_test_running",
        "1 while a failover test runs.",
        "GET /v1/vpgs ActiveProcessesApi.RunningFailOverTestApi",
        NONE,
        lambda vpg: None if vpg.processes is None else vpg.processes.failover_test is not None,
    ),
    attributes=ROLE,
)


def repair(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from its link."""
    identity_from_link(record, "vpgidentifier")


DECODER: Decoder[Vpg] = Decoder(Vpg, repair)


class Known(NamedTuple):
    """What other collectors may know of a VPG: its identity, and what the ZVM is to it."""

    id: str
    name: str
    role: str


def begin(source: Source) -> Fetch[Vpg]:
    """Return what asks *source* for its VPGs."""
    params = {FILTERS[name]: value for name, value in source.filters.items() if name in FILTERS}

    async def fetch() -> Decoded[Vpg]:
        decoded = await source.get(PATH, DECODER, params)
        await name_states(source, decoded.rows)
        return decoded

    return fetch


def troubles(vpgs: Sequence[Vpg]) -> Vpgs:
    """Tell which of *vpgs* need attention, and why."""
    told = Vpgs({}, {})
    for vpg in vpgs:
        history = vpg.history or History()
        (told.others if ROLE["role"](vpg) == "recovery" else told.own)[vpg.id] = trouble(
            vpg.name or "",
            INFO["organization"](vpg),
            STATE["status"](vpg),
            STATE["substatus"](vpg),
            Promise(calculated(vpg.actual_rpo), measured(vpg.configured_rpo, SECONDS)),
            Promise(measured(history.actual, MINUTES), measured(history.configured, MINUTES)),
        )
    return told


COLLECTOR: Collector[Vpg] = Collector(
    "vpgs",
    "VPGs",
    PATH,
    (TABLE,),
    begin,
    chosen_by=CHOSEN_BY,
    essential=True,
    keeps=lambda vpg: Known(vpg.id, vpg.name or "", role(vpg.protected_site, vpg.recovery_site)),
    vpgs=troubles,
)
