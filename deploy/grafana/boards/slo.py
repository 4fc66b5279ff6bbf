"""Is the RPO kept over 30 days? All of it is asked of the recorded series of zerto-rpo-budget.yml."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import ORGANIZATION, RPO_SHARE, told_by

_WINDOW: Final = "30d"
_MISSED: Final = told_by("zvm_organization:zerto_rpo_missed:sum", ORGANIZATION)
_COUNT: Final = told_by("zvm_organization:zerto_rpo_missed:count", ORGANIZATION)
_OF_EACH: Final = told_by("vpg:zerto_rpo_missed:avg3h", ORGANIZATION)
_PROMISED: Final = "vpg:zerto_vpg_configured_rpo_seconds:once"
# Of what was measured in the past alone nothing is green.
_STILL: Final = f"and on () sum({_COUNT})"
_TO_EACH: Final = To("zerto-slo", "VPGs by time within the RPO")


def _missed_share(window: str) -> str:
    """Return which share of the VPG-time of *window* missed the RPO."""
    return f"sum(sum_over_time({_MISSED}[{window}])) / sum(sum_over_time({_COUNT}[{window}]))"


def _now(record: str, *more: str) -> str:
    """Return what *record* last said of each VPG, with *more* of its labels."""
    return f"max by ({', '.join(('vpg', 'vpg_id', *more))}) ({told_by(record, ORGANIZATION)})"


# In the first three hours of the rules there is no whole step: then what there is. A VPG that was deleted has no row.
_MISSED_OF_EACH: Final = (
    f"(max by (vpg, vpg_id) (avg_over_time({_OF_EACH}[{_WINDOW}:3h]) or {_OF_EACH}) "
    "and on (vpg_id) vpg:zerto_vpg_info:once)"
)
_NEVER: Final = "no VPG with a configured RPO is reported."

NOW: Final = Row(
    "The promise",
    (
        parts.count(
            "VPGs within their RPO now",
            "VPGs whose newest checkpoint is as new as their configured RPO asks, as a share of all that have one. A "
            "VPG without a known RPO counts as missing it, unless it is moved or synchronized for the first time.",
            f"1 - sum({_MISSED}) / sum({_COUNT})",
            runbook="ZertoRpoAboveTarget",
            to=_TO_EACH,
            missing=_NEVER,
            unit=units.PercentUnit,
            decimals=2,
            # 95 % is the lowest objective that can be chosen.
            steps=((None, "orange"), (0, "red"), (0.95, "yellow"), (1, "green")),
            width=5,
        ),
        parts.count(
            "Within the RPO over 30 days",
            "The share of VPG-time of the last 30 days in which the RPO was kept. Time without data counts neither as "
            "kept nor as missed: see beside how much of it there is. The budget tells whether it is enough.",
            f"1 - {_missed_share(_WINDOW)}",
            to=_TO_EACH,
            missing=_NEVER,
            unit=units.PercentUnit,
            decimals=2,
            steps=parts.COUNT,
            width=5,
        ),
        parts.count(
            "Time with data",
            "How much of these 30 days has data: what is said of less than all of them may change much.",
            f"count_over_time(sum({_COUNT})[{_WINDOW}:5m]) * 300",
            missing=_NEVER,
            unit=units.DurationInDaysHoursMinutesSeconds,
            steps=((None, "orange"), (0, "yellow"), (29 * 86400, "blue")),
            width=4,
        ),
        parts.count(
            "Error budget left",
            "What is left of the VPG-time that may miss the RPO in 30 days, at the objective chosen above. 0 %: used "
            "up. Below: the promise is broken.",
            f"1 - {_missed_share(_WINDOW)} / (1 - $objective) {_STILL}",
            runbook="ZertoRpoBudgetBurningSlow",
            to=_TO_EACH,
            missing=_NEVER,
            unit=units.PercentUnit,
            decimals=1,
            steps=((None, "orange"), (0, "yellow"), (0.25, "green")),
            red_to=0,
            width=5,
        ),
        parts.count(
            "Burn rate of the last hour",
            "How many times as fast as it may the budget is used. At 1 it lasts just 30 days.",
            f"{_missed_share('1h')} / (1 - $objective) {_STILL}",
            runbook="ZertoRpoBudgetBurningFast",
            to=To("zerto-slo", "Burn rate"),
            missing=_NEVER,
            decimals=1,
            steps=((None, "orange"), (0, "green"), (1, "yellow"), (6, "red")),
            width=5,
        ),
    ),
)

OVER_TIME: Final = Row(
    "Over time",
    (
        parts.chart(
            "VPGs that miss their RPO",
            "How many VPGs missed their RPO?",
            Query(f"sum({_MISSED})", "VPGs"),
            colors={"VPGs": "red"},
            missing="no VPG with a configured RPO was reported in this time.",
            whole=True,
        ),
        parts.chart(
            "Burn rate",
            "How many times as fast as it may is the budget used? Above the line it does not last 30 days.",
            Query(f"{_missed_share('1h')} / (1 - $objective)", "Last hour"),
            Query(f"{_missed_share('6h')} / (1 - $objective)", "Last 6 hours"),
            runbook="ZertoRpoBudgetBurningFast",
            missing="no VPG with a configured RPO was reported in this time.",
            steps=((None, "transparent"), (1, "red")),
            colors={"Last hour": "blue", "Last 6 hours": "purple"},
            in_sight=1.5,
        ),
        parts.rows(
            "VPGs by time within the RPO",
            "Which VPG used the budget? The share of the last 30 days in which each VPG kept its RPO, and how much of "
            "the budget of one VPG it used, at the objective chosen above. In steps of three hours: what began since "
            "the last one is not in it yet. RPO % is how much of the promised RPO it uses now. Only VPGs that are "
            "reported now: the numbers above also have the time of those that were deleted.",
            {
                "A": f"1 - {_MISSED_OF_EACH}",
                "B": f"{_MISSED_OF_EACH} / (1 - $objective)",
                "C": _now("vpg:zerto_vpg_actual_rpo_seconds:once"),
                "D": _now(_PROMISED),
                "E": _now(RPO_SHARE),
                "F": _now(_PROMISED, "zvm"),
            },
            (
                parts.share("Budget used", "B", parts.ALL_OF_IT, width=145),
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("Time within the RPO", "A", unit=units.PercentUnit, decimals=2, empty="Not known"),
                Column("RPO now", "C", unit=units.Seconds, empty="Not known"),
                Column("RPO promised", "D", unit=units.Seconds, empty="Not known"),
                parts.share("RPO %", "E", parts.ALL_OF_IT, width=145),
                Column("ZVM", "zvm", width=110),
                tables.A_VPG_ID,
            ),
            missing=_NEVER,
            worst=(("Budget used", True), ("RPO %", True)),
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
