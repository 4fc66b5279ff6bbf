"""Do the ZVMs answer, and what does each of them know?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import (
    ANSWERS,
    INTERVAL,
    LAST_GOOD,
    NEVER_GOOD,
    OVERDUE,
    OVERDUE_OF_EACH,
    SILENT,
    SUCCEEDED,
    UP,
    counted,
    of_zvms,
    tally,
    told_by,
    vms,
    vpgs,
)

_TOOK: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_duration_seconds')})"
_INSECURE: Final = f"max by (zvm) ({of_zvms('zerto_exporter_tls_insecure')})"
_FAILED: Final = 'outcome!="success"'
_REMOTE: Final = 'role!="local"'
_VPGS: Final = vpgs()
_VMS: Final = vms()
_WAY: Final = "zvm, vpg_id, protected_site, recovery_site"
_NO_EXPORTER: Final = "no exporter is scraped, or no ZVM is chosen."


def _listed(role: str) -> str:
    return counted(f"max by (zvm, vm_id) ({of_zvms('zerto_vm_info', role)})", "vms")


def _between(metric: str) -> str:
    both = ("protected_site", "recovery_site")
    return f"sum by ({', '.join(both)}) ({_VPGS.described(_VPGS.metric(metric), *both)})"


def _latency(quantile: float) -> str:
    buckets = f"rate({of_zvms('zerto_exporter_api_request_duration_seconds_bucket')}[$__rate_interval])"
    return f"histogram_quantile({quantile}, sum by (zvm, le) ({buckets}))"


# What increased in the past is no row of its own for a ZVM that nobody asks any more.
_REFUSED: Final = (
    f"sum by (zvm) (increase({of_zvms('zerto_exporter_logins_total', _FAILED)}[$__range])) and on (zvm) {UP}"
)
_BY_ID: Final = of_zvms("zerto_vpg_info", _REMOTE)
_ONE_SIDED: Final = f"count by (vpg_id) (group by (zvm, vpg_id) ({_BY_ID})) == 1"

ANSWER: Final = Row(
    "Do they answer?",
    (
        parts.count(
            "ZVMs",
            "ZVMs that the exporter polls.",
            f"count({UP})",
            to=To("zerto-sites", "Each ZVM"),
            missing=_NO_EXPORTER,
            steps=parts.COUNT,
        ),
        parts.count(
            "ZVMs down",
            "ZVMs of which neither the last poll of the VMs nor that of the VPGs succeeded.",
            tally(SILENT, UP),
            runbook="ZertoZvmDown",
            to=To("zerto-sites", "Each ZVM"),
            missing=_NO_EXPORTER,
        ),
        parts.count(
            "Polls failing",
            "Polls of one resource of one ZVM that failed the last time. A ZVM may answer for its VMs and not for its "
            "VPGs.",
            tally(f"{SUCCEEDED} == 0", SUCCEEDED),
            runbook="ZertoDataStale",
            to=To("zerto-sites", "Polls, failing first"),
            missing=_NO_EXPORTER,
        ),
        parts.count(
            "Never polled",
            "Resources of a ZVM of which no poll has succeeded since the exporter started: look at the address, the "
            "password and the certificate.",
            tally(NEVER_GOOD, SUCCEEDED),
            runbook="ZertoZvmDown",
            to=To("zerto-sites", "Polls, failing first"),
            missing=_NO_EXPORTER,
        ),
        parts.count(
            "Certificates unverified",
            "ZVMs whose certificate the exporter does not verify. Whoever is in between can read the password.",
            tally(f"{_INSECURE} == 1", _INSECURE),
            runbook="ZertoCertificateNotVerified",
            to=To("zerto-sites", "Each ZVM"),
            missing="the exporter's own metrics are not scraped.",
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "VPGs with one ZVM",
            "VPGs that only their protecting or only their recovering ZVM reports: the other is not polled, is down, "
            "or has lost its pairing. Normal where only one side is configured, or the VPG recovers to a cloud.",
            tally(_ONE_SIDED, of_zvms("zerto_vpg_info")),
            to=To("zerto-sites", "VPGs with one ZVM, by name"),
            missing="no VPG is reported.",
            steps=parts.ANY_IS_ODD,
        ),
        parts.rows(
            "Each ZVM",
            "How is each ZVM, is what it said in time, and what does it list? Partly: it answers for its VMs or for "
            "its VPGs, not for both. VMs of both are those that it protects to itself. Polls took: the last ones of "
            "all its resources together. Logins failed: in the time of this page.",
            {
                "A": ANSWERS,
                "B": OVERDUE_OF_EACH,
                "C": f"sum by (zvm) ({_TOOK})",
                "D": _listed('role="protected"'),
                "E": _listed('role="recovery"'),
                "F": _listed('role="local"'),
                "G": counted(f"max by (zvm, vpg_id) ({of_zvms('zerto_vpg_info')})", "vpgs"),
                "H": _REFUSED,
                "I": _INSECURE,
            },
            (
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Answers", "A", names=states.ANSWERS, empty="Not known"),
                Column("Data overdue", "B", unit=units.DurationInDaysHoursMinutesSeconds, empty="Not known"),
                Column("Polls took", "C", unit=units.Seconds, empty="Not known"),
                Column("VMs protected", "D", empty="Not known"),
                Column("VMs recovered", "E", empty="Not known"),
                Column("VMs of both", "F", empty="Not known"),
                Column("VPGs", "G", empty="Not known"),
                Column("Logins failed", "H", unit=units.LocaleFormat, decimals=0, empty="Not known"),
                Column(
                    "Certificate",
                    "I",
                    names={0: ("Verified", "transparent"), 1: ("Not verified", "yellow")},
                    empty="Not known",
                ),
            ),
            missing=_NO_EXPORTER,
            worst=(("Answers", False), ("Data overdue", True)),
            height=8,
        ),
        parts.timeline(
            "Answers",
            "When did each ZVM answer? Partly: for its VMs or for its VPGs, not for both.",
            Query(ANSWERS, "{{zvm}}"),
            names=states.ANSWERS,
            height=6,
            runbook="ZertoZvmDown",
            missing=_NO_EXPORTER + " A gap in the band is a time in which nobody asked.",
        ),
        parts.rows(
            "Polls, failing first",
            "Which resource of which ZVM is not polled well? Overdue: for how long its next good poll has been due. "
            "Never polled: none has succeeded since the exporter started.",
            {"A": SUCCEEDED, "B": OVERDUE, "C": _TOOK, "D": INTERVAL},
            (
                Column("ZVM", "zvm", link=tables.TO_ZVM),
                Column("Collector", "collector", width=140),
                Column("Last poll", "A", names=states.in_cells(states.SUCCEEDED), empty="Not known", width=130),
                Column("Overdue", "B", unit=units.DurationInDaysHoursMinutesSeconds, empty="Never polled", width=125),
                Column("Took", "C", unit=units.Seconds, empty="Not known", width=95),
                Column("Interval", "D", unit=units.Seconds, empty="Not known", width=95),
            ),
            missing=_NO_EXPORTER,
            worst=(("Last poll", False), ("Overdue", True)),
            width=12,
            height=11,
        ),
        parts.timeline(
            "ZVMs that fail, by collector",
            "At how many of the chosen ZVMs did the polls of each resource fail, and since when?",
            Query(
                f"count by (collector) ({SUCCEEDED} == 0) or 0 * count by (collector) ({SUCCEEDED})", "{{collector}}"
            ),
            names=states.FAILING,
            steps=((None, "orange"), (10, "red")),
            width=12,
            height=11,
            missing=_NO_EXPORTER + " A gap in the band is a time in which nobody asked.",
        ),
        parts.chart(
            "Age of the data",
            "How old were the oldest samples of each ZVM, in poll intervals of their resource? It should stay below 1. "
            "Above the line they are too old.",
            Query(f"max by (zvm) ((time() - {LAST_GOOD}) / {INTERVAL})", "{{zvm}}"),
            runbook="ZertoDataStale",
            missing="no poll has ever succeeded.",
            decades=(0.01, 1000),
            steps=((None, "transparent"), (3, "red")),
            many=True,
        ),
        parts.chart(
            "Polls took",
            "How long did a poll of each resource take, at the slowest of the chosen ZVMs? Near the interval polls "
            "are left out.",
            Query(f"max by (collector) ({_TOOK})", "{{collector}}"),
            missing=_NO_EXPORTER,
            unit=units.Seconds,
            many=True,
        ),
        parts.chart(
            "Answers, 99 of 100 faster than",
            "How long does a ZVM take to answer a request?",
            Query(_latency(0.99), "{{zvm}}"),
            missing="no request was sent in this time, or the exporter's own metrics are not scraped.",
            unit=units.Seconds,
            many=True,
        ),
        parts.chart(
            "Answers, half faster than",
            "How long does a ZVM usually take to answer a request?",
            Query(_latency(0.5), "{{zvm}}"),
            missing="no request was sent in this time, or the exporter's own metrics are not scraped.",
            unit=units.Seconds,
            many=True,
        ),
    ),
)

KNOW: Final = Row(
    "What do they know?",
    (
        parts.chart(
            "VMs by ZVM and role",
            "How many VMs does each ZVM protect, and for how many is it the recovery side? A VM that two ZVMs list is "
            "here twice, once in each role.",
            Query(f"max by (zvm, role) ({told_by('zvm:zerto_vm_role:count')})", "{{zvm}} {{role}}"),
            missing="no VM was reported in this time.",
            passing=True,
            stacked=True,
            whole=True,
            many=True,
        ),
        parts.chart(
            "VPGs by ZVM and role",
            "The same for VPGs.",
            Query(
                f"max by (zvm, role) (count by (job, instance, zvm, role) ({of_zvms('zerto_vpg_info')}))",
                "{{zvm}} {{role}}",
            ),
            missing="no VPG was reported in this time.",
            passing=True,
            stacked=True,
            whole=True,
            many=True,
        ),
        parts.rows(
            "From where to where",
            "How much is protected between each two sites? Each VPG and VM is counted once. ZVM: the one that tells of "
            "most of them; a click on it opens them. Used there: storage at the recovery site.",
            {
                "A": f"count by (protected_site, recovery_site) (max by (protected_site, recovery_site, vpg_id) "
                f"{_VPGS.view})",
                "B": f"count by (protected_site, recovery_site) (max by (protected_site, recovery_site, vm_id) "
                f"{_VMS.view})",
                "C": _between("zerto_vpg_throughput_bytes_per_second"),
                "D": _between("zerto_vpg_used_storage_bytes"),
                "E": "topk by (protected_site, recovery_site) "
                f"(1, count by (zvm, protected_site, recovery_site) (max by ({_WAY}) {_VPGS.view}))",
            },
            (
                Column("From", "protected_site", width=100),
                Column("To", "recovery_site", width=105),
                Column("ZVM", "zvm", link=tables.TO_ZVM, width=95),
                Column("VPGs", "A", empty="Not known", width=90),
                Column("VMs", "B", empty="Not known", width=95),
                Column("Writes", "C", unit=units.BytesPerSecondIEC, empty="Not known", width=110),
                Column("Used there", "D", unit=units.BytesIEC, empty="Not known"),
            ),
            missing="no VPG and no VM is reported.",
            worst=(("VMs", True),),
            width=12,
            height=8,
        ),
        parts.rows(
            "VPGs with one ZVM, by name",
            "Which VPGs does only their protecting or only their recovering ZVM report, and which is it?",
            {
                "A": f"max by (zvm, vpg, vpg_id, role, protected_site, recovery_site) ({_BY_ID} and on (vpg_id) "
                f"({_ONE_SIDED}))",
                "B": f"max by (zvm, vpg_id) ({of_zvms('zerto_vpg_state')} and on (vpg_id) ({_ONE_SIDED}))",
            },
            (
                Column("VPG", "vpg", link=tables.TO_VPG),
                Column("ZVM", "zvm", link=tables.TO_ZVM, width=110),
                Column("Listed as", "role", width=120),
                Column("From", "protected_site", width=140),
                Column("To", "recovery_site", width=140),
                tables.A_VPG_ID,
            ),
            missing="each VPG is reported by two ZVMs or by one for itself; or no VPG is reported at all.",
            nothing="None, or not known",
            worst=(("VPG", False),),
            width=12,
            height=8,
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-sites",
    title="Zerto / Sites and ZVMs",
    question="Do the ZVMs answer, how old is what they said, and what does each of them know?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM, variables.ORGANIZATION),
    rows=(ANSWER, KNOW),
)
