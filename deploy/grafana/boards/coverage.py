"""Which VMs does nobody protect?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import UP, counted, of_zvms, tally

NONE: Final = "no ZVM tells which VMs it does not protect: the collector unprotected is off, or none answers."
TO_EACH: Final = To("zerto-coverage", "Each site")
_UNPROTECTED: Final = f"max by (zvm) ({of_zvms('zerto_unprotected_vms')})"
IN_NONE: Final = f"sum({_UNPROTECTED})"
_OWN: Final = of_zvms("zerto_vm_info", 'role=~"protected|local"')
_PROTECTED: Final = counted(f"max by (zvm, vm_id) ({_OWN})", "vms")
_SHARE: Final = f"({_PROTECTED}) / on (zvm) ({_UNPROTECTED} + on (zvm) ({_PROTECTED}) > 0)"
_GROWTH: Final = f"{_UNPROTECTED} - max by (zvm) (min_over_time({of_zvms('zerto_unprotected_vms')}[1d]))"
_STORAGE: Final = f"max by (zvm) ({of_zvms('zerto_unprotected_provisioned_storage_bytes')})"

NOW: Final = Row(
    "Who is protected?",
    (
        parts.count(
            "VMs protected",
            "VMs of the sites of these ZVMs that are in a VPG, each once.",
            f"sum({_PROTECTED})",
            to=TO_EACH,
            missing="no VM is reported.",
            steps=parts.COUNT,
            width=6,
        ),
        parts.count(
            "VMs unprotected",
            "VMs of these sites that are in no VPG. Not all of them need be.",
            IN_NONE,
            runbook="ZertoUnprotectedVmsGrow",
            to=TO_EACH,
            missing=NONE,
            steps=parts.COUNT,
            width=6,
        ),
        parts.count(
            "Sites with new ones",
            "ZVMs with more unprotected VMs than there were at some time of the last day.",
            tally(f"{_GROWTH} > 0", _UNPROTECTED),
            runbook="ZertoUnprotectedVmsGrow",
            to=TO_EACH,
            missing=NONE,
            steps=parts.ANY_IS_ODD,
            width=6,
        ),
        parts.count(
            "Storage unprotected",
            "What is provisioned for the VMs that are in no VPG.",
            f"sum({_STORAGE})",
            to=TO_EACH,
            missing=NONE,
            unit=units.BytesIEC,
            steps=parts.COUNT,
            width=6,
        ),
        parts.rows(
            "Each site",
            "How many VMs of each site are in a VPG, and how many in none? What is not known is in no number above.",
            {
                "A": _SHARE,
                "B": _PROTECTED,
                "C": _UNPROTECTED,
                "D": _GROWTH,
                "E": _STORAGE,
                "F": f"max by (zvm) ({of_zvms('zerto_unprotected_vcd_vapps')})",
                "G": UP,
            },
            (
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Protected", "A", unit=units.PercentUnit, decimals=0, empty="Not known"),
                Column("VMs in a VPG", "B", empty="Not known"),
                Column("VMs in none", "C", empty="Not known"),
                Column("More within a day", "D", steps=parts.ANY_IS_ODD, empty="Not known"),
                Column("Their storage", "E", unit=units.BytesIEC, empty="Not known"),
                Column("VCD vApps in none", "F", empty="Not told", harmless=True),
            ),
            missing=NONE,
            worst=(("VMs in none", True),),
            height=8,
            runbook="ZertoUnprotectedVmsGrow",
        ),
    ),
)

OVER_TIME: Final = Row(
    "Does it grow?",
    (
        parts.chart(
            "VMs that nobody protects",
            "How many VMs of each site are in no VPG?",
            Query(_UNPROTECTED, "{{zvm}}"),
            missing=NONE,
            whole=True,
            many=True,
            runbook="ZertoUnprotectedVmsGrow",
        ),
        parts.chart(
            "Their storage",
            "How large are they together?",
            Query(_STORAGE, "{{zvm}}"),
            missing=NONE,
            unit=units.BytesIEC,
            many=True,
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-coverage",
    title="Zerto / Coverage",
    question="Which sites have VMs that nobody protects, and do they grow?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM),
    rows=(NOW, OVER_TIME),
    since="now-7d",
    refresh="5m",
)
