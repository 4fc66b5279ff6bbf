"""Is everything recoverable?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, tables, variables
from boards.parts import Board, Column, Link, Query, Row, To
from boards.promql import (
    A_VPG,
    ANSWERS,
    FIRST_SYNC,
    HISTORY,
    HISTORY_SHARE,
    MISSED,
    NEVER_GOOD,
    ORGANIZATION,
    OVERDUE,
    OVERDUE_OF_EACH,
    RPO,
    RPO_SHARE,
    SILENT,
    SUCCEEDED,
    UP,
    counted,
    gone,
    listed,
    of_vms,
    of_zvms,
    over,
    scraped,
    share,
    tally,
    told_by,
    under,
    untested,
    vms,
    vpgs,
    went,
)

_VPGS: Final = vpgs(A_VPG)
_VMS: Final = vms(A_VPG)
_LISTED: Final = listed("vpg:zerto_vpg_info:listed", A_VPG)
_STATE: Final = listed("vpg:zerto_vpg_state:listed", A_VPG)
_RPO_SHARE: Final = listed(RPO_SHARE, A_VPG)
_MISSING: Final = f"{_VMS.beside('zerto_vm_exists')} == bool 0"
_TO_VPGS: Final = To("zerto-overview", "VPGs, worst first")
_TO_GONE: Final = To("zerto-overview", "Gone or missing")
_TO_ZVMS: Final = To("zerto-sites", "Each ZVM")


def _told(what: str, expression: str, **labels: str) -> str:
    """Return *expression* with a label that tells what is the matter, and more *labels*: all rows have the same."""
    for name, value in {"what": what, **labels}.items():
        expression = f"label_replace({expression}, '{name}', '{value}', '', '')"
    return expression


def _missing_vms() -> str:
    spoken = listed("vpg:zerto_vm_info:listed", A_VPG)
    return f"{_VMS.beside('zerto_vm_exists')} == 0 and on (zvm, vpg_id) {spoken}"


TRUST: Final = Row(
    "Can these numbers be trusted?",
    (
        parts.count(
            "ZVMs down",
            "ZVMs of which neither the last poll of the VMs nor that of the VPGs succeeded. What they protect is still "
            "replicated, perhaps; nobody sees it.",
            tally(SILENT, UP),
            runbook="ZertoZvmDown",
            to=_TO_ZVMS,
            missing="no exporter is scraped, or no ZVM is chosen. Nothing below can be trusted.",
            width=3,
        ),
        parts.count(
            "Polls failing",
            "Resources of a ZVM, its VMs or its VPGs, whose last poll failed. The panels about them show old data or "
            "none.",
            tally(f"{SUCCEEDED} == 0", SUCCEEDED),
            runbook="ZertoDataStale",
            to=To("zerto-sites", "Collectors"),
            missing="no exporter is scraped, or no ZVM is chosen. Nothing below can be trusted.",
            width=3,
        ),
        parts.count(
            "Never polled",
            "Resources of a ZVM of which no poll has succeeded since the exporter started: look at the address, the "
            "password and the certificate.",
            tally(NEVER_GOOD, SUCCEEDED),
            runbook="ZertoZvmDown",
            to=To("zerto-sites", "Collectors"),
            missing="no exporter is scraped, or no ZVM is chosen. Nothing below can be trusted.",
            width=3,
        ),
        parts.count(
            "ZVMs silent",
            "ZVMs that were reported a day ago and are no longer: the exporter that polls them is down, or they were "
            "taken out of the configuration.",
            tally(
                f"group by (zvm) ({of_zvms('zerto_up')} offset 1d) unless group by (zvm) ({of_zvms('zerto_up')})",
                f"{of_zvms('zerto_up')} offset 1d",
            ),
            runbook="ZertoZvmMissing",
            to=To("zerto-sites", "Up"),
            missing="Prometheus has no samples from a day ago to compare with.",
            width=3,
        ),
        parts.count(
            "Scrapes failed",
            "Targets of the exporter's jobs that Prometheus cannot scrape. Where none has ever been, those of each job "
            "with zerto in its name.",
            tally(f"{scraped()} == 0", scraped()),
            runbook="ZertoExporterDown",
            to=To("zerto-exporter", "Each exporter"),
            missing="Prometheus has no target of the exporter.",
            width=3,
        ),
        parts.count(
            "Data overdue",
            "For how long the next good poll of a resource of a ZVM has been due, of that which waits longest. 0 s: "
            "all are in time. After stale_after the samples are dropped.",
            f"max({OVERDUE})",
            runbook="ZertoDataStale",
            to=To("zerto-sites", "Age of the data"),
            missing="no poll has ever succeeded. Nothing below can be trusted.",
            unit=units.Seconds,
            decimals=0,
            steps=((None, "orange"), (0, "green"), (120, "yellow"), (300, "red")),
            width=3,
        ),
        parts.count(
            "VPGs gone",
            "VPGs that were reported a day ago and are not reported by any ZVM now: they were deleted. What a ZVM "
            "listed that does not answer is not counted: nobody knows of it.",
            gone(_VPGS),
            to=_TO_GONE,
            missing="no ZVM answers, or Prometheus has no samples from a day ago to compare with.",
            width=3,
        ),
        parts.count(
            "VMs gone",
            "VMs that were reported a day ago and are not reported in any VPG by any ZVM now: they were taken out of "
            "their VPGs. What a ZVM listed that does not answer for its VMs is not counted: nobody knows of it.",
            gone(_VMS),
            to=_TO_GONE,
            missing="no ZVM answers, or Prometheus has no samples from a day ago to compare with.",
            width=3,
        ),
    ),
)

RECOVERABLE: Final = Row(
    "Is everything recoverable?",
    (
        parts.count(
            "VPGs missing their SLA",
            "VPGs in one of the states NotMeetingSLA, RpoNotMeetingSLA and HistoryNotMeetingSLA.",
            tally(_VPGS.values(_VPGS.metric("zerto_vpg_state", MISSED)), _VPGS.ever),
            runbook="ZertoVpgNotMeetingSla",
            to=_TO_VPGS,
            missing="no VPG is reported.",
        ),
        parts.count(
            "VPGs over their RPO",
            "VPGs whose newest checkpoint is older than their configured RPO allows.",
            over(_VPGS, *RPO),
            runbook="ZertoRpoAboveTarget",
            to=_TO_VPGS,
            missing="the RPO of no VPG is known.",
        ),
        parts.count(
            "Worst RPO of promised",
            "The highest actual RPO as a share of the RPO that is configured for the same VPG. 100 % is the limit.",
            f"max({_VPGS.values(share(_VPGS, *RPO))})",
            runbook="ZertoRpoAboveTarget",
            to=_TO_VPGS,
            missing="the RPO of no VPG is known.",
            unit=units.PercentUnit,
            decimals=0,
            steps=parts.ALL_OF_IT,
        ),
        parts.count(
            "VPGs without an RPO",
            "VPGs for which the ZVM calculates no RPO. In their first synchronization there is nothing to recover yet.",
            _VPGS.missing(_VPGS.metric(RPO[0])),
            runbook="ZertoRpoNotCalculated",
            to=_TO_VPGS,
            missing="no VPG is reported.",
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
            "VMs missing",
            "VMs that only their VPG still knows: deleted, or moved out of reach of the ZVM.",
            f"sum({of_vms(_MISSING, A_VPG)})",
            runbook="ZertoVmGone",
            to=_TO_GONE,
            missing="of no VM is it known whether it exists.",
        ),
        parts.count(
            "Failover tests overdue",
            "VPGs without a failover test in the time chosen above, or without any.",
            untested(_VPGS),
            runbook="ZertoFailoverTestOverdue",
            to=_TO_VPGS,
            missing="no VPG is reported.",
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "VPGs",
            "VPGs that are reported, each counted once.",
            _VPGS.count,
            to=_TO_VPGS,
            missing="no VPG is reported: the ZVMs are silent, or the collector vpgs is off.",
            steps=parts.COUNT,
        ),
        parts.count(
            "Protected VMs",
            "VMs that are reported, each counted once, however many VPGs it is in.",
            _VMS.count,
            to=To("zerto-sites", "From where to where"),
            missing="no VM is reported: the ZVMs are silent, or the collector vms is off.",
            steps=parts.COUNT,
        ),
        parts.count(
            "Used at recovery sites",
            "Storage that the VPGs use at their recovery sites.",
            f"sum({_VPGS.values(_VPGS.metric('zerto_vpg_used_storage_bytes'))})",
            to=To("zerto-journal", "Storage by recovery site"),
            missing="no VPG is reported with its storage.",
            unit=units.BytesIEC,
            steps=parts.COUNT,
        ),
        parts.count(
            "Failover tests running",
            "VPGs in which a failover test runs. End it when it is done: it fills the journal meanwhile.",
            f"sum({_VPGS.values(_VPGS.metric('zerto_vpg_failover_test_running'))})",
            to=_TO_VPGS,
            missing="no VPG is reported.",
            steps=((None, "orange"), (0, "blue"), (1, "purple")),
        ),
        parts.count(
            "VPGs with an alert",
            "VPGs for which the ZVM itself has a warning or an error.",
            f"sum({_VPGS.values(_VPGS.metric('zerto_vpg_alert_status_code') + ' > bool 0')})",
            to=_TO_VPGS,
            missing="no ZVM tells its alerts.",
            steps=parts.ANY_IS_ODD,
        ),
    ),
)

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
            "hypervisor? What a ZVM listed that does not answer is not among them: see beside.",
            {
                "A": _told("VPG gone", f"group by (vpg, vpg_id) ({went(_VPGS)})", vm="-", vm_id="-"),
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
                Column("Data overdue", "B", unit=units.Seconds, empty="Not known", width=160),
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
            steps=((None, "transparent"), (1, "red")),
        ),
        parts.chart(
            "VPGs by status",
            "How many VPGs were in which state?",
            Query(f"count by (status) ({_STATE})", "{{status}}"),
            missing="no VPG was reported in this time.",
            stacked=True,
            whole=True,
            many=True,
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

BOARD: Final = Board(
    uid="zerto-overview",
    title="Zerto / Overview",
    question="Is everything recoverable, and can I trust these numbers?",
    variables=(
        variables.SOURCE,
        variables.JOB,
        variables.ZVM,
        variables.ORGANIZATION,
        variables.VPG,
        variables.TEST_EVERY,
    ),
    rows=(TRUST, RECOVERABLE, WORST, TREND),
)
