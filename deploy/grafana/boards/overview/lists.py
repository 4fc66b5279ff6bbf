"""The VPGs and ZVMs by name, worst first."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, tables
from boards.parts import Column, Link, Row
from boards.promql import (
    A_VPG,
    ANSWERS,
    OVERDUE_OF_EACH,
    counted,
    listed,
    of_zvms,
    vms,
    vpgs,
    went,
)

_VPGS: Final = vpgs(A_VPG)
_VMS: Final = vms(A_VPG)


def _told(what: str, expression: str) -> str:
    """Return *expression* with a label that tells what is the matter."""
    return f"label_replace({expression}, 'what', '{what}', '', '')"


def _missing_vms() -> str:
    spoken = listed("vpg:zerto_vm_info:listed", A_VPG)
    return f"{_VMS.beside('zerto_vm_exists')} == 0 and on (zvm, vpg_id) {spoken}"


WORST: Final = Row(
    "Worst first",
    (
        tables.vpgs(
            "VPGs, worst first",
            "Which VPG needs a look first? Promise broken: its state, its RPO or its history misses what was promised, "
            "or a VM of it is missing. RPO unknown: nothing can be said. RPO % and History % are shares of what was "
            "promised; Last test is how long ago, in days and hours. All VPGs are listed, not only those in trouble; a "
            "click on one opens it.",
            _VPGS,
            missing="no VPG is reported. That is not the same as no VPG in trouble.",
        ),
        parts.rows(
            "Gone or missing",
            "Which VPGs and VMs were reported a day ago and are no longer, and which VMs are missing at the "
            "hypervisor? Ask who did it: the events of the ZVM name the user. What a ZVM listed that does not answer "
            "is not among them: see beside.",
            {
                "A": _told("VPG gone", f"group by (vpg, vpg_id) ({went(_VPGS)})"),
                "B": _told("VM gone", f"group by (vpg, vpg_id, vm, vm_id) ({went(_VMS)})"),
                "C": _told("VM missing", f"group by (vpg, vpg_id, vm, vm_id) ({_missing_vms()})"),
            },
            (
                Column("What", "what", width=130),
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("VM", "vm", link=tables.TO_VM),
                tables.A_VPG_ID,
                tables.A_VM_ID,
            ),
            missing="none is gone and none is missing, or it cannot be told: the numbers above tell which.",
            nothing="None, or not known",
            worst=(("What", True), ("VPG", False)),
            width=12,
            height=7,
        ),
        parts.rows(
            "ZVMs, those down first",
            "Whose numbers are these, and how old are they?",
            {
                "A": ANSWERS,
                "B": OVERDUE_OF_EACH,
                "C": counted(f"max by (zvm, vm_id) ({of_zvms('zerto_vm_info')})", "vms"),
                "D": counted(f"max by (zvm, vpg_id) ({of_zvms('zerto_vpg_info')})", "vpgs"),
            },
            (
                Column("ZVM", "zvm", link=Link("Open the sites", "zerto-sites", {"zvm": "ZVM"})),
                Column("Answers", "A", names=states.ANSWERS, empty="Not known", width=120),
                Column("Data overdue", "B", unit=units.DurationInDaysHoursMinutesSeconds, empty="Not known", width=160),
                Column("VMs listed", "C", empty="Not known", width=125),
                Column("VPGs listed", "D", empty="Not known", width=130),
            ),
            missing="no exporter is scraped. Nothing on this page can be trusted.",
            worst=(("Answers", False),),
            width=12,
            height=7,
        ),
    ),
)
