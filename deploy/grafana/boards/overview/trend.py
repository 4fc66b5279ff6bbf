"""Since when is it so?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states
from boards.parts import Query, Row
from boards.promql import (
    A_VPG,
    HISTORY_SHARE,
    MISSED,
    ORGANIZATION,
    RPO_SHARE,
    listed,
    tally,
    told_by,
)

_LISTED: Final = listed("vpg:zerto_vpg_info:listed", A_VPG)
_STATE: Final = listed("vpg:zerto_vpg_state:listed", A_VPG)
_RPO_SHARE: Final = listed(RPO_SHARE, A_VPG)

TREND: Final = Row(
    "Trend",
    (
        parts.chart(
            "VPGs in trouble",
            "Since when is it so? A gap is a time without data, not a good time.",
            Query(tally(listed("vpg:zerto_vpg_state:listed", A_VPG, MISSED), _STATE), "Not meeting the SLA"),
            Query(tally(listed("vpg:zerto_rpo_over:listed", A_VPG), _RPO_SHARE), "Over the RPO"),
            Query(
                tally(listed("vpg:zerto_history_short:listed", A_VPG), listed(HISTORY_SHARE, A_VPG)), "Short history"
            ),
            Query(tally(listed("vpg:zerto_rpo_unknown:listed", A_VPG), _LISTED), "RPO unknown"),
            missing="no VPG was reported in this time.",
            colors={
                "Not meeting the SLA": "red",
                "Over the RPO": "orange",
                "Short history": "blue",
                "RPO unknown": "purple",
            },
            whole=True,
            many=True,
        ),
        parts.chart(
            "RPO of promised",
            "How near is the worst VPG to its limit? 100 % is the RPO that is configured for it. Each line of the grid "
            "is ten times the one below.",
            Query(f"max({_RPO_SHARE})", "Worst VPG"),
            missing="the RPO of no VPG was known in this time.",
            unit=units.PercentUnit,
            decades=(0.01, 100),
            colors={"Worst VPG": "blue"},
            steps=((None, "transparent"), (1, "red")),
        ),
        parts.chart(
            "VPGs by status",
            "How many VPGs were in which state, and how many at most?",
            Query(f"count by (status) ({_STATE})", "{{status}}"),
            missing="no VPG was reported in this time.",
            stacked=True,
            whole=True,
            many=True,
            passing=True,
            colors=states.COLOR_OF_STATUS,
        ),
        parts.chart(
            "VMs by organization",
            "How many VMs are protected, and for whom? A step down is VMs that are no longer protected or no longer "
            "reported. Those of all VPGs, whichever are chosen above; with a ZVM chosen, those that it speaks for. A "
            "VM in VPGs of two organizations is in both lines.",
            Query(
                f"label_replace(sum by (organization) ({told_by('zvm_organization:zerto_vm:count', ORGANIZATION)}), "
                "'organization', 'none', 'organization', '')",
                "{{organization}}",
            ),
            missing="no VM was reported in this time.",
            whole=True,
            many=True,
        ),
    ),
)
