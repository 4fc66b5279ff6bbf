"""Is the RPO kept over 30 days? All of it is asked of the recorded series of zerto-rpo-budget.yml."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row
from boards.promql import ORGANIZATION, told_by

_WINDOW: Final = "30d"
_MISSED: Final = told_by("zvm_organization:zerto_rpo_missed:sum", ORGANIZATION)
_COUNT: Final = told_by("zvm_organization:zerto_rpo_missed:count", ORGANIZATION)
_OF_EACH: Final = told_by("vpg:zerto_rpo_missed:bool", ORGANIZATION)


def _missed_share(window: str) -> str:
    """Return which share of the VPG-time of *window* missed the RPO."""
    return f"sum(sum_over_time({_MISSED}[{window}])) / sum(sum_over_time({_COUNT}[{window}]))"


def _now(record: str) -> str:
    """Return what *record* last said of each VPG."""
    return f"max by (zvm, vpg, vpg_id) ({told_by(record, ORGANIZATION)})"


_OBJECTIVE: Final = ((None, "orange"), (0, "red"), (0.95, "yellow"), (1, "green"))
_NEVER: Final = "no VPG with a configured RPO is reported."

NOW: Final = Row(
    "The promise",
    (
        parts.count(
            "VPGs within their RPO now",
            "VPGs whose newest checkpoint is as new as their configured RPO asks, as a share of all that have one. A "
            "VPG without a known RPO counts as missing it, unless it is moved or synchronized for the first time.",
            f"1 - sum({_MISSED}) / sum({_COUNT})",
            missing=_NEVER,
            unit=units.PercentUnit,
            decimals=2,
            steps=_OBJECTIVE,
            width=6,
        ),
        parts.count(
            "Within the RPO over 30 days",
            "The share of VPG-time of the last 30 days in which the RPO was kept. Time without data counts neither as "
            "kept nor as missed.",
            f"1 - {_missed_share(_WINDOW)}",
            missing=_NEVER,
            unit=units.PercentUnit,
            decimals=3,
            steps=_OBJECTIVE,
            width=6,
        ),
        parts.count(
            "Error budget left",
            "What is left of the VPG-time that may miss the RPO in 30 days, at the objective chosen above. 0 %: used "
            "up. Below: the promise is broken.",
            f"1 - {_missed_share(_WINDOW)} / (1 - $objective)",
            runbook="ZertoRpoBudgetBurningSlow",
            missing=_NEVER,
            unit=units.PercentUnit,
            decimals=1,
            steps=((None, "red"), (0, "yellow"), (0.25, "green")),
            width=6,
        ),
        parts.count(
            "Burn rate of the last hour",
            "How many times as fast as it may the budget is used. At 1 it lasts just 30 days.",
            f"{_missed_share('1h')} / (1 - $objective)",
            runbook="ZertoRpoBudgetBurningFast",
            missing=_NEVER,
            decimals=1,
            steps=((None, "orange"), (0, "green"), (1, "yellow"), (6, "red")),
            width=6,
        ),
    ),
)

OVER_TIME: Final = Row(
    "Over time",
    (
        parts.chart(
            "VPGs that miss their RPO",
            "How many VPGs missed their RPO, of how many?",
            Query(f"sum({_MISSED})", "Missing it"),
            Query(f"sum({_COUNT})", "All that have one: limit"),
            missing="no VPG with a configured RPO was reported in this time.",
            promised=True,
        ),
        parts.chart(
            "Burn rate",
            "How many times as fast as it may is the budget used? Above the line it does not last 30 days.",
            Query(f"{_missed_share('1h')} / (1 - $objective)", "Last hour"),
            Query(f"{_missed_share('6h')} / (1 - $objective)", "Last 6 hours"),
            runbook="ZertoRpoBudgetBurningFast",
            missing="no VPG with a configured RPO was reported in this time.",
            steps=((None, "transparent"), (1, "red")),
        ),
        parts.rows(
            "VPGs by time within the RPO",
            "Which VPG used the budget? The share of the last 30 days in which each VPG kept its RPO.",
            {
                "A": f"1 - max by (zvm, vpg, vpg_id) (avg_over_time({_OF_EACH}[{_WINDOW}:1h]))",
                "B": _now("vpg:zerto_vpg_actual_rpo_seconds:once"),
                "C": _now("vpg:zerto_vpg_configured_rpo_seconds:once"),
            },
            (
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("Time within the RPO", "A", unit=units.PercentUnit, empty="Not known"),
                Column("RPO now", "B", unit=units.Seconds, empty="Not known"),
                Column("RPO promised", "C", unit=units.Seconds),
                Column("ZVM", "zvm"),
            ),
            missing=_NEVER,
            worst=("Time within the RPO", False),
            hidden=("vpg_id",),
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-slo",
    title="Zerto / RPO objective",
    question="Is the RPO kept over 30 days, and what of the error budget is left?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM, variables.ORGANIZATION, variables.OBJECTIVE),
    rows=(NOW, OVER_TIME),
    since="now-7d",
    refresh="5m",
)
