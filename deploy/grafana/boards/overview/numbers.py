"""Can these numbers be trusted, and is everything recoverable? In numbers."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts
from boards.parts import Row, To
from boards.promql import (
    A_VPG,
    FIRST_SYNC,
    HISTORY,
    MISSED,
    NEVER_GOOD,
    OVERDUE,
    RPO,
    SILENT,
    SUCCEEDED,
    UP,
    gone,
    of_vms,
    of_zvms,
    over,
    scraped,
    share,
    tally,
    under,
    untested,
    vms,
    vpgs,
)

_VPGS: Final = vpgs(A_VPG)
_VMS: Final = vms(A_VPG)
_MISSING: Final = f"{_VMS.beside('zerto_vm_exists')} == bool 0"
_TO_VPGS: Final = To("zerto-overview", "VPGs, worst first")
_TO_GONE: Final = To("zerto-overview", "Gone or missing")
_TO_ZVMS: Final = To("zerto-sites", "Each ZVM")

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
            to=To("zerto-sites", "Polls, failing first"),
            missing="no exporter is scraped, or no ZVM is chosen. Nothing below can be trusted.",
            width=3,
        ),
        parts.count(
            "Never polled",
            "Resources of a ZVM of which no poll has succeeded since the exporter started: look at the address, the "
            "password and the certificate.",
            tally(NEVER_GOOD, SUCCEEDED),
            runbook="ZertoZvmDown",
            to=To("zerto-sites", "Polls, failing first"),
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
            to=To("zerto-sites", "Answers"),
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
            "For how long the next good poll of a resource of a ZVM has been due, of that which waits longest, "
            "in days and hours. 00:00:00: all are in time. After stale_after the samples are dropped.",
            f"max({OVERDUE})",
            runbook="ZertoDataStale",
            to=To("zerto-sites", "Age of the data"),
            missing="no poll has ever succeeded. Nothing below can be trusted.",
            unit=units.DurationInDaysHoursMinutesSeconds,
            steps=((None, "orange"), (0, "green"), (120, "yellow"), (300, "red")),
            width=3,
        ),
        parts.count(
            "VPGs gone",
            "VPGs that were reported a day ago and are not reported by any ZVM now: they were deleted. What a ZVM "
            "listed that does not answer is not counted: nobody knows of it.",
            gone(_VPGS),
            runbook="ZertoVpgVanished",
            to=_TO_GONE,
            missing="no ZVM answers, or Prometheus has no samples from a day ago to compare with.",
            width=3,
        ),
        parts.count(
            "VMs gone",
            "VMs that were reported a day ago and are not reported in any VPG by any ZVM now: they were taken out of "
            "their VPGs. What a ZVM listed that does not answer for its VMs is not counted: nobody knows of it.",
            gone(_VMS),
            runbook="ZertoVmsVanished",
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
            "VPGs without a failover test in the time chosen above, or without any. In their list, order by Last test.",
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
            runbook="ZertoFailoverTestForgotten",
            to=_TO_VPGS,
            missing="no VPG is reported.",
            steps=((None, "orange"), (0, "blue"), (1, "purple")),
        ),
        parts.count(
            "VPGs with an alert",
            "VPGs for which the ZVM itself has a warning or an error: see Alert in their list. What it says is in the "
            "ZVM, under Monitoring.",
            f"sum({_VPGS.values(_VPGS.metric('zerto_vpg_alert_status_code') + ' > bool 0')})",
            runbook="ZertoZvmAlert",
            to=_TO_VPGS,
            missing="no ZVM tells its alerts.",
            steps=parts.ANY_IS_ODD,
        ),
    ),
)
