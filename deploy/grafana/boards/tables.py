"""The tables of VPGs and VMs that several dashboards show."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states
from boards.parts import Column, Link, Panel
from boards.promql import HISTORY, RPO, Level, journal_limit, listed, share

VPG_UID: Final = "zerto-vpg"
VM_UID: Final = "zerto-vm"
TO_VPG: Final = Link("Open this VPG", VPG_UID, {"zvm": "ZVM", "vpg": "VPG"})
TO_VM: Final = Link("Open this VM", VM_UID, {"zvm": "ZVM", "vpg": "VPG", "vm": "VM"})


def since(metric: str) -> str:
    """Return how long ago the time in *metric* is."""
    return f"time() - {metric}"


def vpgs(
    title: str, answers: str, level: Level, *, missing: str, height: int = 12, runbook: str | None = None
) -> Panel:
    """Return the table of VPGs, worst first."""
    queries = {
        "A": f"max by (vpg, vpg_id) ({listed('vpg:zerto_trouble:rating', *level.chosen)})",
        "B": level.each(level.metric("zerto_vpg_state"), "status", "substatus"),
        "C": level.each(level.metric(RPO[0])),
        "D": level.each(level.metric(RPO[1])),
        "E": level.each(share(level, *RPO)),
        "F": level.each(level.metric(HISTORY[0])),
        "G": level.each(share(level, *HISTORY)),
        "H": level.each(since(level.metric("zerto_vpg_last_test_timestamp_seconds"))),
        "I": f"max by ({', '.join(level.labels)}, organization, protected_site, recovery_site) {level.view}",
    }
    columns = (
        Column("Trouble", "A", names=states.TROUBLE, width=130),
        Column("VPG", "vpg", link=TO_VPG),
        Column("Status", "status"),
        Column("Substatus", "substatus"),
        Column("RPO", "C", unit=units.Seconds, empty="Not known", width=100),
        Column("RPO promised", "D", unit=units.Seconds, width=115),
        Column("RPO of promised", "E", unit=units.PercentUnit, steps=parts.ALL_OF_IT, empty="Not known", width=130),
        Column("History", "F", unit=units.Seconds, empty="Not known", width=100),
        Column("History of promised", "G", unit=units.PercentUnit, steps=parts.AT_LEAST_ALL, width=150),
        Column("Last test, ago", "H", unit=units.Seconds, empty="Never", width=120),
        Column("ZVM", "zvm", width=110),
        Column("From", "protected_site"),
        Column("To", "recovery_site"),
        Column("Organization", "organization"),
    )
    return parts.rows(
        title,
        answers,
        queries,
        columns,
        missing=missing,
        worst=("Trouble", True),
        hidden=("vpg_id", "Value #I"),
        height=height,
        runbook=runbook,
    )


def vms(title: str, answers: str, level: Level, *, missing: str, worst: tuple[str, bool], height: int = 12) -> Panel:
    """Return the table of VMs with their RPO, load and journal."""
    used = level.metric("zerto_vm_journal_used_bytes")
    queries = {
        "A": level.each(level.metric("zerto_vm_exists")),
        "B": level.each(level.metric("zerto_vm_state"), "status", "substatus"),
        "C": level.each(level.metric("zerto_vm_actual_rpo_seconds")),
        "D": level.each(level.metric("zerto_vm_iops")),
        "E": level.each(level.metric("zerto_vm_throughput_bytes_per_second")),
        "F": level.each(used),
        "G": level.each(journal_limit(level, "hard_limit")),
        "H": level.each(f"{used} / {journal_limit(level, 'hard_limit')}"),
    }
    columns = (
        Column("VM", "vm", link=TO_VM),
        Column("Exists", "A", names=states.EXISTS, empty="Not known", width=90),
        Column("Status", "status"),
        Column("Substatus", "substatus"),
        Column("RPO", "C", unit=units.Seconds, empty="Not known", width=100),
        Column("IOPS", "D", unit=units.IOOpsPerSecond, width=100),
        Column("Writes", "E", unit=units.BytesPerSecondIEC, width=110),
        Column("Journal", "F", unit=units.BytesIEC, width=110),
        Column("Journal limit", "G", unit=units.BytesIEC, empty="No limit", width=110),
        Column("Journal of limit", "H", unit=units.PercentUnit, steps=parts.ALL_OF_IT, empty="No limit", width=130),
        Column("VPG", "vpg", link=TO_VPG),
        Column("ZVM", "zvm", width=110),
    )
    return parts.rows(
        title,
        answers,
        queries,
        columns,
        missing=missing,
        worst=worst,
        hidden=("vpg_id", "vm_id"),
        height=height,
    )
