"""Do the journals hold the history that was promised, and for how long will there be room?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row
from boards.promql import A_VPG, HISTORY, HISTORY_SHARE, journal_limit, listed, of_vms, share, under, vms, vpgs

_VPGS: Final = vpgs(A_VPG)
_VMS: Final = vms(A_VPG)
_NAME: Final = "{{vpg}} ({{zvm}})"
_USED: Final = _VMS.beside("zerto_vm_journal_used_bytes")
_WARNED: Final = f"{_USED} > bool {journal_limit(_VMS, 'warning_threshold')}"
_LISTED: Final = listed("vpg:zerto_vpg_info:listed", A_VPG)
_FULLEST: Final = listed("vpg:zerto_vm_journal_used_ratio:topk1", A_VPG)
_VM: Final = "zvm, vpg_id, vm_id"
_TABLED: Final = f"topk(100, vm:zerto_vm_journal_used:ratio{{{A_VPG}}} and on (vpg_id) {_LISTED})"
_FAIL_SAFE: Final = ("zerto_vpg_failsafe_history_seconds", "zerto_vpg_configured_failsafe_history_seconds")
_NO_VM: Final = "no VM is reported with its journal."
_NO_VM_THEN: Final = "no VM was reported with its journal in this time."


def _tabled(expression: str) -> str:
    return f"max by ({', '.join(_VMS.labels)}) ({expression})"


def _of_vpgs(metric: str) -> str:
    return listed(f"vpg:{metric}:listed", A_VPG)


def _to_sites(metric: str) -> str:
    return f"sum by (recovery_site) ({_of_vpgs(metric)})"


NOW: Final = Row(
    "Now",
    (
        parts.count(
            "Journals past their warning",
            "Journals that are fuller than the size at which the ZVM warns.",
            f"sum({of_vms(_WARNED, A_VPG)})",
            runbook="ZertoJournalNearLimit",
            missing="no journal with a warning threshold is reported. Unlimited journals are not counted here.",
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "Fullest journal of its limit",
            "The fullest journal as a share of the size that it may not exceed. At 100 % the history gets shorter.",
            f"max({_FULLEST})",
            runbook="ZertoJournalNearLimit",
            missing="no journal with a limit is reported. Unlimited journals fill the datastore instead.",
            unit=units.PercentUnit,
            decimals=0,
            steps=parts.ALL_OF_IT,
        ),
        parts.count(
            "VPGs with short history",
            "VPGs whose journal reaches back less far than it is configured to.",
            under(_VPGS, *HISTORY),
            runbook="ZertoJournalHistoryShort",
            missing="the history of no VPG is known.",
        ),
        parts.count(
            "Shortest history of promised",
            "The VPG whose journal reaches back least, as a share of what is configured for it.",
            f"min({_VPGS.values(share(_VPGS, *HISTORY))})",
            runbook="ZertoJournalHistoryShort",
            missing="the history of no VPG is known.",
            unit=units.PercentUnit,
            decimals=0,
            steps=parts.AT_LEAST_ALL,
        ),
        parts.count(
            "Below the fail-safe history",
            "VPGs whose journal is below the history at which it stops rather than lose checkpoints.",
            under(_VPGS, *_FAIL_SAFE),
            missing="no VPG is reported with a fail-safe history.",
        ),
        parts.count(
            "Journals in all",
            "Storage that all journals use together.",
            f"sum({_of_vpgs('zerto_vm_journal_used_bytes')})",
            missing=_NO_VM,
            unit=units.BytesIEC,
            steps=parts.COUNT,
        ),
    ),
)

WORST: Final = Row(
    "Worst first",
    (
        parts.rows(
            "Journals, fullest first",
            "Which hundred journals are the fullest? Those without a limit are not among them: they fill the datastore "
            "instead.",
            {
                "A": _tabled(_TABLED),
                "B": _tabled(f"{_USED} and on ({_VM}) {_TABLED}"),
                "C": _tabled(f"{_USED} / on ({_VM}) group_left () {_TABLED}"),
                "D": _tabled(f"{_VMS.beside('zerto_vm_throughput_bytes_per_second')} and on ({_VM}) {_TABLED}"),
            },
            (
                Column("VM", "vm", link=tables.TO_VM),
                Column("Writes", "D", unit=units.BytesPerSecondIEC, width=110),
                Column("Journal", "B", unit=units.BytesIEC, width=110),
                Column("Journal limit", "C", unit=units.BytesIEC, width=110),
                Column("Journal of limit", "A", unit=units.PercentUnit, steps=parts.ALL_OF_IT, width=130),
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("ZVM", "zvm", width=110),
            ),
            missing=_NO_VM,
            worst=("Journal of limit", True),
            hidden=("vpg_id", "vm_id"),
            height=10,
        ),
        parts.rows(
            "Histories, shortest first",
            "Which VPG can be recovered less far back than was promised?",
            {
                "A": _VPGS.each(_VPGS.metric(HISTORY[0])),
                "B": _VPGS.each(_VPGS.metric(HISTORY[1])),
                "C": _VPGS.each(share(_VPGS, *HISTORY)),
                "D": _VPGS.each(_VPGS.metric(_FAIL_SAFE[1])),
                "E": _VPGS.each(tables.since(_VPGS.metric("zerto_vpg_earliest_checkpoint_timestamp_seconds"))),
            },
            (
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("History", "A", unit=units.Seconds, empty="Not known"),
                Column("Promised", "B", unit=units.Seconds, empty="Not known"),
                Column("Of promised", "C", unit=units.PercentUnit, steps=parts.AT_LEAST_ALL, empty="Not known"),
                Column("Fail-safe", "D", unit=units.Seconds, empty="None"),
                Column("Oldest checkpoint, ago", "E", unit=units.Seconds, empty="None"),
                Column("ZVM", "zvm"),
            ),
            missing="the history of no VPG is known.",
            worst=("Of promised", False),
            hidden=("vpg_id",),
            height=10,
        ),
    ),
)

TREND: Final = Row(
    "Trend",
    (
        parts.chart(
            "Fullest journals of their limit",
            "Which ten VPGs have the fullest journals? The fullest of each. At 100 % the oldest checkpoints go.",
            Query(f"topk(10, {_FULLEST})", "{{vm}} in {{vpg}} ({{zvm}})"),
            missing="no journal with a limit was reported in this time.",
            unit=units.PercentUnit,
            steps=((None, "transparent"), (1, "red")),
        ),
        parts.chart(
            "Shortest histories of promised",
            "Which ten VPGs reach back the least of what was promised?",
            Query(f"bottomk(10, {listed(HISTORY_SHARE, A_VPG)})", _NAME),
            missing="the history of no VPG was known in this time.",
            unit=units.PercentUnit,
            steps=((None, "transparent"), (1, "red")),
        ),
        parts.chart(
            "Journals by recovery site",
            "How much storage do the journals use at each recovery site?",
            Query(_to_sites("zerto_vm_journal_used_bytes"), "{{recovery_site}}"),
            missing=_NO_VM_THEN,
            unit=units.BytesIEC,
            stacked=True,
        ),
        parts.chart(
            "Largest journals by VPG",
            "Which ten VPGs have the largest journals?",
            Query(f"topk(10, {_of_vpgs('zerto_vm_journal_used_bytes')})", _NAME),
            missing=_NO_VM_THEN,
            unit=units.BytesIEC,
        ),
        parts.chart(
            "Storage by recovery site",
            "How much is used at each recovery site? Dashed: what is provisioned there for the VMs.",
            Query(_to_sites("zerto_vpg_used_storage_bytes"), "{{recovery_site}}"),
            Query(_to_sites("zerto_vpg_provisioned_storage_bytes"), "{{recovery_site}} limit"),
            missing="no VM was reported in this time.",
            unit=units.BytesIEC,
            promised=True,
        ),
        parts.chart(
            "Writes to be journaled by recovery site",
            "How fast do the journals of each recovery site have to take data in?",
            Query(_to_sites("zerto_vpg_throughput_bytes_per_second"), "{{recovery_site}}"),
            missing="no VM was reported in this time.",
            unit=units.BytesPerSecondIEC,
            stacked=True,
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-journal",
    title="Zerto / Journal and capacity",
    question="Do the journals hold the history that was promised, and is there room for them?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM, variables.ORGANIZATION, variables.VPG),
    rows=(NOW, WORST, TREND),
    since="now-24h",
)
