"""What is the matter with this VM?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, tables, variables
from boards.parts import Board, Column, Query, Row
from boards.promql import A_VM, A_VPG, VM_ID, journal_limit, vms

_VMS: Final = vms(A_VPG, VM_ID, A_VM)  # a name is always chosen, an identity only where two share it
_NAME: Final = "{{vm}} in {{vpg}}"
_SILENT: Final = "the VM was not reported in this time: its ZVMs are silent, or it is no longer protected."
_GAP: Final = " A gap in the band is not a good time."


def _each(metric: str) -> str:
    return _VMS.each(_VMS.metric(metric))


# The RPO is configured for a VPG: once for each VPG that one of the chosen VMs is in.
_CONFIGURED: Final = f"vpg:zerto_vpg_configured_rpo_seconds:once{{{A_VPG}}}"
_PROMISED: Final = f"max by (vpg, vpg_id) ({_CONFIGURED} and on (vpg_id) {_VMS.view})"


NOW: Final = Row(
    "Now",
    (
        tables.vms(
            "The VM now",
            "State, RPO, load and journal of the chosen VMs, once for each VPG that they are in. Where two sites have "
            "a VM of this name, both are here and in all panels below; a click on one leaves only that one.",
            _VMS,
            missing="the VM is not reported: its ZVMs are silent, or it is no longer protected.",
            worst=(("RPO", True),),
            height=5,
        ),
        parts.rows(
            "What it is",
            "Where does the VM run, and where would it be recovered?",
            {
                "A": f"max by ({', '.join(_VMS.labels)}, organization, protected_site, recovery_site, "
                f"protected_host, recovery_host, hardware_version) {_VMS.view}",
                "B": _each("zerto_vm_cpu_cores"),
                "C": _each("zerto_vm_memory_bytes"),
                "D": _each("zerto_vm_volumes"),
                "E": _each("zerto_vm_file_level_restore_enabled"),
                "F": _VMS.each(tables.since(_VMS.metric("zerto_vm_last_test_timestamp_seconds"))),
            },
            (
                Column("VM", "vm", link=tables.TO_VM, width=155),
                Column("VPG", "vpg", link=tables.TO_VPG, width=190),
                Column("Tenant", "organization", width=110),
                Column("From", "protected_site", width=85),
                Column("To", "recovery_site", width=85),
                Column("Runs on", "protected_host"),
                Column("Would run on", "recovery_host"),
                Column("Hardware", "hardware_version", width=105),
                Column("Cores", "B", empty="Not known", width=90),
                Column("Memory", "C", unit=units.BytesIEC, decimals=0, empty="Not known", width=90),
                Column("Volumes", "D", empty="Not known", width=90),
                Column(
                    "File restore",
                    "E",
                    names={0: ("No", "transparent"), 1: ("Yes", "transparent")},
                    empty="Not known",
                    width=125,
                ),
                Column("Last test", "F", unit=units.DurationInDaysHoursMinutesSeconds, empty="Never", width=115),
                tables.A_VPG_ID,
                tables.A_VM_ID,
            ),
            missing="the VM is not reported: its ZVMs are silent, or it is no longer protected.",
            worst=(("VM", False),),
            height=5,
        ),
    ),
)

PROMISES: Final = Row(
    "RPO and journal",
    (
        parts.chart(
            "RPO",
            "How much would be lost, and how much may be? The dashed line is the RPO that is configured for the VPG.",
            Query(_each("zerto_vm_actual_rpo_seconds"), _NAME),
            Query(_PROMISED, "{{vpg}} promised"),
            runbook="ZertoRpoAboveTarget",
            missing="the ZVM calculated no RPO in this time, or was silent. It is not zero.",
            unit=units.Seconds,
            promised=True,
            many=True,
        ),
        parts.chart(
            "Journal",
            "How full is the journal? Dashed: where the ZVM warns, and the size that it may not exceed. A limit that "
            "is set as a share is shown as that share of the storage provisioned for the VM.",
            Query(_each("zerto_vm_journal_used_bytes"), _NAME),
            Query(_VMS.each(journal_limit(_VMS, "warning_threshold")), f"{_NAME} warning"),
            Query(_VMS.each(journal_limit(_VMS, "hard_limit")), f"{_NAME} limit"),
            runbook="ZertoJournalNearLimit",
            missing=_SILENT + " A journal without a limit has no dashed line.",
            unit=units.BytesIEC,
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
            "When did the VPG of this VM meet its SLA?",
            Query(_each("zerto_vm_status_code"), _NAME),
            names=states.STATUSES,
            runbook="ZertoVpgNotMeetingSla",
            missing=_SILENT + _GAP,
        ),
        parts.timeline(
            "Substatus",
            "What was it busy with, or what was in its way?",
            Query(_each("zerto_vm_substatus_code"), _NAME),
            names=states.SUBSTATUSES,
            runbook="ZertoVpgError",
            missing=_SILENT + _GAP,
        ),
        parts.timeline(
            "Exists at the hypervisor",
            "Since when is the VM missing?",
            Query(_each("zerto_vm_exists"), _NAME),
            names=states.EXISTS,
            runbook="ZertoVmGone",
            missing=_SILENT + _GAP,
        ),
    ),
)

LOAD: Final = Row(
    "Load and storage",
    (
        parts.chart(
            "Writes",
            "How fast does the VM write? Some ZVMs cut this to whole MiB/s: a small load may show as 0.",
            Query(_each("zerto_vm_throughput_bytes_per_second"), _NAME),
            missing=_SILENT,
            unit=units.BytesPerSecondIEC,
        ),
        parts.chart(
            "I/O operations",
            "How many I/O operations does the VM do?",
            Query(_each("zerto_vm_iops"), _NAME),
            missing=_SILENT,
            unit=units.IOOpsPerSecond,
        ),
        parts.chart(
            "Outgoing replication",
            "How fast does it replicate? The number is as the ZVM sends it: sources disagree whether it is Mbit/s or "
            "MiB/s.",
            Query(_each("zerto_vm_outgoing_bandwidth_mbps"), _NAME),
            missing=_SILENT,
        ),
        parts.chart(
            "Storage at the recovery site",
            "How much storage does the VM use of what is provisioned for it? That is the dashed line.",
            Query(_each("zerto_vm_used_storage_bytes"), _NAME),
            Query(_each("zerto_vm_provisioned_storage_bytes"), f"{_NAME} provisioned"),
            missing=_SILENT,
            unit=units.BytesIEC,
            promised=True,
            many=True,
        ),
    ),
)

BOARD: Final = Board(
    uid=tables.VM_UID,
    title="Zerto / VM",
    question="What is the matter with this VM, and since when?",
    variables=(
        variables.SOURCE,
        variables.JOB,
        variables.ZVM,
        variables.ORGANIZATION,
        variables.VPG,
        variables.A_VM,
        variables.VM_ID,
    ),
    rows=(NOW, PROMISES, STATES, LOAD),
)
