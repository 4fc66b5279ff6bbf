"""Is the RPO kept over 30 days?

The series of the recording rules in deploy/prometheus are used where there are any; else the same is computed from
the exporter's own, which takes Prometheus longer.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row
from boards.promql import RPO, vpgs

_CHOSEN: Final = 'zvm=~"$zvm", organization=~"$organization"'
_NOT_YET_OR_NO_LONGER: Final = (
    "InitialSync",
    "Creating",
    "VolumeInitialSync",
    "AddedVmsInInitialSync",
    "PreparePreseed",
    "EmptyProtectionGroup",
    "Promoting",
    "FailingOver.+",
    "Moving.+",
    "Deleting",
    "PendingRemove",
    "RollingBack.+Failure",
    "SplittingCommitting",
)
_SUBSTATUSES: Final = "|".join(_NOT_YET_OR_NO_LONGER)
_IN_TRANSIT: Final = (
    'status=~"Initializing|FailingOver|Moving|Deleting|Recovered"',
    f'substatus=~"{_SUBSTATUSES}"',
)
_VPGS: Final = vpgs()
_WINDOW: Final = "30d"

# An RPO that cannot be calculated is one that is missed, unless none is to be expected.
_PROMISED: Final = _VPGS.each(
    " unless on (zvm, vpg_id) ".join(
        (_VPGS.metric(RPO[1]) + " > 0", *(_VPGS.metric("zerto_vpg_state", which) for which in _IN_TRANSIT))
    )
)
_KEPT: Final = _VPGS.each(f"{_VPGS.metric(RPO[0])} <= {_VPGS.metric(RPO[1])}")
_KEPT_OF_PROMISED: Final = f"({_PROMISED} and {_KEPT}) > bool 0"
_COUNT: Final = f"count({_PROMISED})"
_MISSED: Final = f"count({_PROMISED} unless {_KEPT}) or 0 * {_COUNT}"

_RECORDED_MISSED: Final = f"zvm_organization:zerto_rpo_missed:sum{{{_CHOSEN}}}"
_RECORDED_COUNT: Final = f"zvm_organization:zerto_rpo_missed:count{{{_CHOSEN}}}"


def _missed_share(window: str, step: str) -> str:
    """Return which share of the VPG-time of *window* missed the RPO, from the recorded series or the raw ones."""
    recorded = f"sum(sum_over_time({_RECORDED_MISSED}[{window}])) / sum(sum_over_time({_RECORDED_COUNT}[{window}]))"
    raw = f"sum_over_time(({_MISSED})[{window}:{step}]) / sum_over_time(({_COUNT})[{window}:{step}])"
    return f"({recorded} or {raw})"


_SHARE: Final = _missed_share(_WINDOW, "1h")
_LEFT: Final = f"1 - {_SHARE} / (1 - $objective)"
_OBJECTIVE: Final = ((None, "orange"), (0, "red"), (0.95, "yellow"), (1, "green"))
_NEVER: Final = "no VPG with a configured RPO is reported."

NOW: Final = Row(
    "The promise",
    (
        parts.count(
            "VPGs within their RPO now",
            "VPGs whose newest checkpoint is as new as their configured RPO asks, as a share of all that have one. A "
            "VPG without a known RPO counts as missing it, unless it is moved or synchronized for the first time.",
            f"1 - ({_MISSED}) / {_COUNT}",
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
            f"1 - {_SHARE}",
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
            _LEFT,
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
            f"{_missed_share('1h', '1m')} / (1 - $objective)",
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
            Query(f"sum({_RECORDED_MISSED}) or ({_MISSED})", "Missing it"),
            Query(f"sum({_RECORDED_COUNT}) or {_COUNT}", "All that have one: limit"),
            missing="no VPG with a configured RPO was reported in this time.",
            promised=True,
        ),
        parts.chart(
            "Burn rate",
            "How many times as fast as it may is the budget used? Above the line it does not last 30 days.",
            Query(f"{_missed_share('1h', '5m')} / (1 - $objective)", "Last hour"),
            Query(f"{_missed_share('6h', '30m')} / (1 - $objective)", "Last 6 hours"),
            runbook="ZertoRpoBudgetBurningFast",
            missing="no VPG with a configured RPO was reported in this time.",
            steps=((None, "transparent"), (1, "red")),
        ),
        parts.rows(
            "VPGs by time within the RPO",
            "Which VPG used the budget? The share of the last 30 days in which each VPG kept its RPO.",
            {
                "A": f"(sum_over_time(({_KEPT_OF_PROMISED})[{_WINDOW}:1h]) or 0 * "
                f"count_over_time(({_PROMISED})[{_WINDOW}:1h])) / count_over_time(({_PROMISED})[{_WINDOW}:1h])",
                "B": _VPGS.each(_VPGS.metric(RPO[0])),
                "C": _VPGS.each(_VPGS.metric(RPO[1])),
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
