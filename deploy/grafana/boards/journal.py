"""Do the journals hold the history that was promised, and for how long will there be room?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import (
    A_VPG,
    FIRST_SYNC,
    HISTORY,
    HISTORY_SHARE,
    chosen_at_end,
    journal_limit,
    listed,
    of_vms,
    series,
    under,
    vms,
    vpgs,
)

_VPGS: Final = vpgs(A_VPG)
_VMS: Final = vms(A_VPG)
_NAME: Final = "{{vpg}}"
_USED: Final = _VMS.beside("zerto_vm_journal_used_bytes")
_WARNED: Final = f"{_USED} > {journal_limit(_VMS, 'warning_threshold')}"
# What is known is counted as cheaply as it can be: there is one of the two for each journal.
_WARNS: Final = " or ".join(
    f"count({_VMS.beside(f'zerto_vm_journal_warning_threshold_{unit}')})" for unit in ("bytes", "ratio")
)
_FULLEST: Final = listed("vpg:zerto_vm_journal_used_ratio:topk1", A_VPG)
_FULL: Final = f"topk(100, {_FULLEST})"
_SHORT: Final = f"bottomk(100, {listed(HISTORY_SHARE, A_VPG)})"
_FAIL_SAFE: Final = ("zerto_vpg_failsafe_history_seconds", "zerto_vpg_configured_failsafe_history_seconds")
_DAYS: Final = units.DurationInDaysHoursMinutesSeconds
_NO_VM: Final = "no VM is reported with its journal."
_NO_VM_THEN: Final = "no VM was reported with its journal in this time."


def _of_full(metric: str) -> str:
    """Return *metric* of the journals in the table."""
    return f"max by (vm, vm_id, vpg, vpg_id) ({_VMS.beside(metric)} and on (zvm, vpg_id, vm_id) {_FULL})"


def _of_short(expression: str) -> str:
    """Return the value of *expression* for the VPGs in the table."""
    return f"max by (vpg, vpg_id) ({expression} and on (zvm, vpg_id) {_SHORT})"


def _of_vpgs(metric: str) -> str:
    return listed(f"vpg:{metric}:listed", A_VPG)


def _to_sites(metric: str) -> str:
    return f"sum by (recovery_site) ({_of_vpgs(metric)})"


NOW: Final = Row(
    "Now",
    (
        parts.count(
            "Journals past warning",
            "Journals that are fuller than the size where the ZVM warns. Their list has the fullest one of each VPG; a "
            "click on the VPG there leads to all of its VMs.",
            f"count({of_vms(_WARNED, A_VPG)}) or 0 * ({_WARNS})",
            runbook="ZertoJournalNearLimit",
            to=To("zerto-journal", "Fullest journals"),
            missing="no journal with a warning threshold is reported. Unlimited journals are not counted here.",
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "Fullest journal",
            "The fullest journal as a share of the size that it may not exceed. At 100 % the history gets shorter.",
            f"max({_FULLEST})",
            runbook="ZertoJournalNearLimit",
            to=To("zerto-journal", "Fullest journals"),
            missing="no journal with a limit is reported. Unlimited journals fill the datastore instead.",
            unit=units.PercentUnit,
            decimals=0,
            steps=parts.ALL_OF_IT,
        ),
        parts.count(
            "VPGs with short history",
            "VPGs whose journal reaches back less far than it is configured to. Not counted: those in their first "
            "synchronization, which have none yet.",
            under(_VPGS, *HISTORY, unless=FIRST_SYNC),
            runbook="ZertoJournalHistoryShort",
            to=To("zerto-journal", "Histories, shortest first"),
            missing="the history of no VPG is known.",
        ),
        parts.count(
            "Shortest history",
            "The VPG whose journal reaches back least, as a share of what is configured for it.",
            f"min({listed(HISTORY_SHARE, A_VPG)})",
            runbook="ZertoJournalHistoryShort",
            to=To("zerto-journal", "Histories, shortest first"),
            missing="the history of no VPG is known.",
            unit=units.PercentUnit,
            decimals=0,
            steps=parts.AT_LEAST_ALL,
        ),
        parts.count(
            "Below fail-safe",
            "VPGs whose journal is below the history at which it stops rather than lose checkpoints.",
            under(_VPGS, *_FAIL_SAFE),
            runbook="ZertoJournalHistoryShort",
            to=To("zerto-journal", "Histories, shortest first"),
            missing="no VPG is reported with a fail-safe history.",
        ),
        parts.count(
            "Journals in all",
            "Storage that all journals use together. Not in it: VMs of which no ZVM tells, and a value that the "
            "protecting ZVM sent wrong.",
            f"sum({_of_vpgs('zerto_vm_journal_used_bytes')})",
            to=To("zerto-journal", "Largest journals by VPG"),
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
            "Fullest journals",
            "Which journals are the fullest? The fullest one of each VPG, at most a hundred. Those without a limit are "
            "not among them: they fill the datastore instead.",
            {
                "A": f"max by (vm, vm_id, vpg, vpg_id) ({_FULL})",
                "B": _of_full("zerto_vm_journal_used_bytes"),
                "C": _of_full("zerto_vm_throughput_bytes_per_second"),
                "D": f"max by (vm, vm_id, vpg, vpg_id, zvm) ({_FULL})",
            },
            (
                parts.share("Journal %", "A", parts.ALL_OF_IT, width=125),
                Column("VM", "vm", link=tables.TO_VM),
                Column("VPG", "vpg", link=tables.TO_VPG, width=200),
                Column("Journal", "B", unit=units.BytesIEC, empty="Not known", width=90),
                Column("Writes", "C", unit=units.BytesPerSecondIEC, empty="Not known", width=95),
                Column("ZVM", "zvm", width=75),
                tables.A_VPG_ID,
                tables.A_VM_ID,
            ),
            missing=_NO_VM,
            worst=(("Journal %", True),),
            width=12,
            height=10,
        ),
        parts.rows(
            "Histories, shortest first",
            "Which VPG can be recovered less far back than was promised? The hundred shortest; in days and hours.",
            {
                "A": f"max by (vpg, vpg_id) ({_SHORT})",
                "B": _of_short(series(HISTORY[0], A_VPG)),
                "C": _of_short(series(HISTORY[1], A_VPG)),
                "D": _of_short(series(_FAIL_SAFE[1], A_VPG)),
                "E": f"max by (vpg, vpg_id, zvm) ({_SHORT})",
            },
            (
                parts.share("History %", "A", parts.AT_LEAST_ALL, width=130),
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("History", "B", unit=_DAYS, empty="Not known", width=115),
                Column("Promised", "C", unit=_DAYS, empty="Not known", width=115),
                Column("Fail-safe", "D", unit=_DAYS, empty="None", harmless=True, width=115),
                Column("ZVM", "zvm", width=80),
                tables.A_VPG_ID,
            ),
            missing="the history of no VPG is known.",
            worst=(("History %", False),),
            width=12,
            height=10,
        ),
    ),
)

TREND: Final = Row(
    "Trend",
    (
        parts.chart(
            "Fullest journals over time",
            "How did the ten VPGs with the fullest journals come to that? The fullest of each. At 100 % the oldest "
            "checkpoints go.",
            Query(chosen_at_end("topk", _FULLEST), _NAME),
            missing="no journal with a limit is reported.",
            unit=units.PercentUnit,
            many=True,
            in_sight=1.1,
            steps=((None, "transparent"), (1, "red")),
            link=tables.TO_VPG,
        ),
        parts.chart(
            "Shortest histories over time",
            "How did the ten VPGs that reach back the least of what was promised come to that?",
            Query(chosen_at_end("bottomk", listed(HISTORY_SHARE, A_VPG)), _NAME),
            missing="the history of no VPG is known.",
            unit=units.PercentUnit,
            many=True,
            lowest_first=True,
            in_sight=1.1,
            steps=((None, "transparent"), (1, "red")),
            link=tables.TO_VPG,
        ),
        parts.chart(
            "Journals by recovery site",
            "How much storage do the journals use at each recovery site? A step down is also VMs of which no ZVM tells "
            "any more.",
            Query(_to_sites("zerto_vm_journal_used_bytes"), "{{recovery_site}}"),
            missing=_NO_VM_THEN,
            unit=units.BytesIEC,
            stacked=True,
            many=True,
        ),
        parts.chart(
            "Largest journals by VPG",
            "Which ten VPGs have the largest journals?",
            Query(chosen_at_end("topk", _of_vpgs("zerto_vm_journal_used_bytes")), _NAME),
            missing=_NO_VM,
            unit=units.BytesIEC,
            many=True,
            link=tables.TO_VPG,
        ),
        parts.chart(
            "Storage by recovery site",
            "How much is used at each recovery site? Dashed: what is provisioned there for the VMs.",
            Query(_to_sites("zerto_vpg_used_storage_bytes"), "{{recovery_site}}"),
            Query(_to_sites("zerto_vpg_provisioned_storage_bytes"), "{{recovery_site}} provisioned"),
            missing="no VM was reported in this time.",
            unit=units.BytesIEC,
            promised=True,
            many=True,
        ),
        parts.chart(
            "Writes to be journaled by recovery site",
            "How fast do the journals of each recovery site have to take data in?",
            Query(_to_sites("zerto_vpg_throughput_bytes_per_second"), "{{recovery_site}}"),
            missing="no VM was reported in this time.",
            unit=units.BytesPerSecondIEC,
            stacked=True,
            many=True,
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
