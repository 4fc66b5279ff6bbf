"""The tables of VPGs and VMs that several dashboards show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states
from boards.parts import Column, Link, Panel
from boards.promql import FIRST_SYNC, HISTORY, RPO, Level, journal_limit, listed, share

VPG_UID: Final = "zerto-vpg"
VM_UID: Final = "zerto-vm"
# What is passed is the object, whichever ZVM told it: another one tells it when that is down.
TO_VPG: Final = Link("Open this VPG", VPG_UID, {"vpg": "VPG", "vpg_id": "vpg_id"})
TO_VM: Final = Link("Open this VM", VM_UID, {"vm": "VM", "vm_id": "vm_id"})
TO_ZVM: Final = Link("Open what it lists", "zerto-overview", {"zvm": "ZVM"})
A_VPG_ID: Final = Column("vpg_id", "vpg_id", hidden=True)
A_VM_ID: Final = Column("vm_id", "vm_id", hidden=True)


def since(metric: str) -> str:
    """Return how long ago the time in *metric* is."""
    return f"time() - {metric}"


def vpgs(
    title: str, answers: str, level: Level, *, missing: str, height: int = 12, runbook: str | None = None
) -> Panel:
    """Return the table of VPGs, worst first."""
    told_by = ("zvm", "organization")
    queries = {
        "A": f"max by (vpg, vpg_id) ({listed('vpg:zerto_trouble:rating', *level.chosen)})",
        "B": level.each(level.metric("zerto_vpg_state"), "status", "substatus"),
        "C": level.each(level.metric(RPO[0])),
        "D": level.each(level.metric(RPO[1])),
        "E": level.each(share(level, *RPO)),
        "F": level.each(level.metric(HISTORY[0])),
        "G": level.each(share(level, *HISTORY, unless=FIRST_SYNC)),
        "H": level.each(since(level.metric("zerto_vpg_last_test_timestamp_seconds"))),
        "I": level.each(level.metric("zerto_vpg_alert_status_code")),
        "J": f"max by ({', '.join((*level.labels, *told_by))}) {level.view}",
    }
    columns = (
        Column("Trouble", "A", names=states.TROUBLE, empty="Not known", width=120),
        Column("VPG", "vpg", link=TO_VPG, width=198),
        Column("Status", "status", names=states.NAMES_OF_STATUS, empty="Not known", width=170),
        Column("Substatus", "substatus", names=states.NAMES_OF_SUBSTATUS, empty="Not known", width=170),
        Column("Alert", "I", names=states.in_cells(states.ALERTS), empty="Not told", harmless=True, width=85),
        Column("RPO", "C", unit=units.Seconds, empty="Not known", width=90),
        Column("Promised", "D", unit=units.Seconds, decimals=0, empty="Not known", width=102),
        parts.share("RPO %", "E", parts.ALL_OF_IT, width=105),
        Column("History", "F", unit=units.DurationInDaysHoursMinutesSeconds, empty="Not known", width=105),
        parts.share("History %", "G", parts.AT_LEAST_ALL, width=105),
        Column("Last test", "H", unit=units.DurationInDaysHoursMinutesSeconds, empty="Never", width=115),
        Column("ZVM", "zvm", width=80),
        Column("Tenant", "organization", width=95),
        A_VPG_ID,
    )
    return parts.rows(
        title,
        answers,
        queries,
        columns,
        missing=missing,
        worst=(("Trouble", True), ("RPO %", True)),
        height=height,
        runbook=runbook,
    )


def vms(
    title: str, answers: str, level: Level, *, missing: str, worst: Sequence[tuple[str, bool]], height: int = 12
) -> Panel:
    """Return the table of VMs with their RPO, load and journal."""
    queries = {
        "A": level.each(level.metric("zerto_vm_exists")),
        "B": level.each(level.metric("zerto_vm_state"), "status", "substatus"),
        "C": level.each(level.metric("zerto_vm_actual_rpo_seconds")),
        "D": level.each(level.metric("zerto_vm_iops")),
        "E": level.each(level.metric("zerto_vm_throughput_bytes_per_second")),
        "F": level.each(level.metric("zerto_vm_journal_used_bytes")),
        "G": level.each(journal_limit(level, "hard_limit")),
        "H": level.each(f"{level.beside('zerto_vm_journal_used_bytes')} / {journal_limit(level, 'hard_limit')}"),
        "I": f"max by ({', '.join((*level.labels, 'zvm'))}) {level.view}",
    }
    columns = (
        Column("VM", "vm", link=TO_VM, width=200),
        Column("Exists", "A", names=states.in_cells(states.EXISTS), empty="Not known", width=95),
        Column("Status", "status", names=states.NAMES_OF_STATUS, empty="Not known", width=180),
        Column("Substatus", "substatus", names=states.NAMES_OF_SUBSTATUS, empty="Not known", width=190),
        Column("RPO", "C", unit=units.Seconds, empty="Not known", width=95),
        Column("IOPS", "D", unit=units.Short, decimals=0, empty="Not known", width=90),
        Column("Writes", "E", unit=units.BytesPerSecondIEC, empty="Not known", width=105),
        Column("Journal", "F", unit=units.BytesIEC, empty="Not known", width=100),
        Column("Limit", "G", unit=units.BytesIEC, empty="No limit", harmless=True, width=100),
        parts.share("Journal %", "H", parts.ALL_OF_IT, empty="No limit", harmless=True, width=110),
        Column("VPG", "vpg", link=TO_VPG),
        Column("ZVM", "zvm", width=80),
        A_VPG_ID,
        A_VM_ID,
    )
    return parts.rows(title, answers, queries, columns, missing=missing, worst=worst, height=height)
