"""What is the matter with this VPG?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, tables, variables
from boards.parts import Board, Query, Row
from boards.promql import A_VPG, HISTORY, RPO, VPG_ID, vms, vpgs

_VPGS: Final = vpgs(VPG_ID, A_VPG)  # a name is always chosen, an identity only where two share it
_VMS: Final = vms(VPG_ID, A_VPG)
_NAME: Final = "{{vpg}}"
_SILENT: Final = "the VPG was not reported in this time: its ZVMs are silent, or it was deleted."


def _each(metric: str) -> str:
    return _VPGS.each(_VPGS.metric(metric))


NOW: Final = Row(
    "Now",
    (
        tables.vpgs(
            "The VPG now",
            "State, RPO and history of the chosen VPGs beside what was promised. Where two sites have a VPG of this "
            "name, both are here and in all panels below; a click on one leaves only that one.",
            _VPGS,
            missing="the VPG is not reported: its ZVMs are silent, or it was deleted.",
            height=5,
        ),
        tables.vms(
            "Its VMs",
            "Which VM holds the VPG back? The one with the highest RPO is first; a click on one opens it.",
            _VMS,
            missing="no VM of the VPG is reported: its ZVMs do not tell them, or it is empty and protects nothing.",
            worst=(("RPO", True),),
            height=9,
        ),
    ),
)

PROMISES: Final = Row(
    "Promises",
    (
        parts.chart(
            "RPO",
            "How much would be lost, and how much may be? The dashed line is the configured RPO.",
            Query(_each(RPO[0]), _NAME),
            Query(_each(RPO[1]), f"{_NAME} promised"),
            runbook="ZertoRpoAboveTarget",
            missing="the ZVM calculated no RPO in this time, or was silent. It is not zero.",
            unit=units.Seconds,
            promised=True,
            many=True,
        ),
        parts.chart(
            "History",
            "How far back can the VPG be recovered? Dashed: what was promised, and the fail-safe history below which "
            "the journal stops rather than lose checkpoints.",
            Query(_each(HISTORY[0]), _NAME),
            Query(_each(HISTORY[1]), f"{_NAME} promised"),
            Query(_each("zerto_vpg_configured_failsafe_history_seconds"), f"{_NAME} fail-safe"),
            runbook="ZertoJournalHistoryShort",
            missing="the ZVM told no history in this time, or was silent.",
            unit=units.DurationInDaysHoursMinutesSeconds,
            promised=True,
            many=True,
        ),
        parts.chart(
            "Oldest checkpoint",
            "How long ago is the oldest point in time to which the VPG can be recovered?",
            Query(_VPGS.each(tables.since(_VPGS.metric("zerto_vpg_earliest_checkpoint_timestamp_seconds"))), _NAME),
            missing="there was no checkpoint in this time, or the ZVM was silent.",
            unit=units.DurationInDaysHoursMinutesSeconds,
        ),
        parts.chart(
            "Fail-safe history",
            "How much history does the journal keep at least? Dashed: as it is configured.",
            Query(_each("zerto_vpg_failsafe_history_seconds"), _NAME),
            Query(_each("zerto_vpg_configured_failsafe_history_seconds"), f"{_NAME} promised"),
            missing="none is configured for the VPG, or the ZVM was silent.",
            unit=units.DurationInDaysHoursMinutesSeconds,
            promised=True,
            many=True,
        ),
    ),
)

STATES: Final = Row(
    "States",
    (
        parts.timeline(
            "Status",
            "When did the VPG meet its SLA?",
            Query(_each("zerto_vpg_status_code"), _NAME),
            names=states.STATUSES,
            runbook="ZertoVpgNotMeetingSla",
            missing=_SILENT + " A gap in the band is not a good time.",
        ),
        parts.timeline(
            "Substatus",
            "What was the VPG busy with, or what was in its way?",
            Query(_each("zerto_vpg_substatus_code"), _NAME),
            names=states.SUBSTATUSES,
            runbook="ZertoVpgError",
            missing=_SILENT + " A gap in the band is not a good time.",
        ),
        parts.timeline(
            "Alerts of the ZVM",
            "When did the ZVM itself warn about the VPG?",
            Query(_each("zerto_vpg_alert_status_code"), _NAME),
            names=states.ALERTS,
            missing="this ZVM does not tell its alerts, or was silent.",
            width=12,
        ),
        parts.timeline(
            "Failover test",
            "When did a failover test run?",
            Query(_each("zerto_vpg_failover_test_running"), _NAME),
            names=states.RUNS,
            missing=_SILENT,
            width=12,
        ),
    ),
)

LOAD: Final = Row(
    "Load and storage",
    (
        parts.chart(
            "Writes",
            "How fast do its VMs write? What they write has to be replicated.",
            Query(_each("zerto_vpg_throughput_bytes_per_second"), _NAME),
            missing=_SILENT,
            unit=units.BytesPerSecondIEC,
        ),
        parts.chart(
            "I/O operations",
            "How many I/O operations do its VMs do?",
            Query(_each("zerto_vpg_iops"), _NAME),
            missing=_SILENT,
            unit=units.IOOpsPerSecond,
        ),
        parts.chart(
            "Storage at the recovery site",
            "How much storage does the VPG use of what is provisioned for it? That is the dashed line.",
            Query(_each("zerto_vpg_used_storage_bytes"), _NAME),
            Query(_each("zerto_vpg_provisioned_storage_bytes"), f"{_NAME} provisioned"),
            missing=_SILENT,
            unit=units.BytesIEC,
            promised=True,
            many=True,
        ),
        parts.chart(
            "Progress",
            "How far is the synchronization or operation that runs? 0 % also where none runs: see the substatus.",
            Query(_each("zerto_vpg_progress_ratio"), _NAME),
            missing=_SILENT,
            unit=units.PercentUnit,
            in_sight=1,
        ),
        parts.chart(
            "VMs in the VPG",
            "How many VMs does the ZVM count in the VPG?",
            Query(_each("zerto_vpg_vms"), _NAME),
            missing=_SILENT,
            whole=True,
        ),
        parts.chart(
            "Journals of its VMs",
            "How much storage do the journals of its VMs use? A value that the protecting ZVM sent wrong is not in it.",
            Query(
                f"sum by (vpg, vpg_id) ({_VMS.each(_VMS.metric('zerto_vm_journal_used_bytes'))})",
                _NAME,
            ),
            missing=_SILENT,
            unit=units.BytesIEC,
        ),
    ),
)

BOARD: Final = Board(
    uid=tables.VPG_UID,
    title="Zerto / VPG",
    question="What is the matter with this VPG, and since when?",
    variables=(
        variables.SOURCE,
        variables.JOB,
        variables.ZVM,
        variables.ORGANIZATION,
        variables.A_VPG,
        variables.VPG_ID,
    ),
    rows=(NOW, PROMISES, STATES, LOAD),
)
