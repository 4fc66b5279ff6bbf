"""Do the ZVMs answer, and what does each of them know?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, variables
from boards.parts import Board, Column, Query, Row
from boards.promql import AGE_OF_EACH, LAST_GOOD, NEVER_GOOD, SUCCEEDED, UP, of_zvms, tally, told_by, vms, vpgs

_TOOK: Final = f"max by (zvm, collector) ({of_zvms('zerto_collector_duration_seconds')})"
_INSECURE: Final = f"max by (zvm) ({of_zvms('zerto_exporter_tls_insecure')})"
_FAILED: Final = 'outcome!="success"'
_REMOTE: Final = 'role!="local"'
_VPGS: Final = vpgs()
_VMS: Final = vms()
_NO_EXPORTER: Final = "no exporter is scraped, or no ZVM is chosen."


def _listed(role: str) -> str:
    return f"count by (zvm) (max by (zvm, vm_id) ({of_zvms('zerto_vm_info', role)}))"


def _between(metric: str) -> str:
    both = ("protected_site", "recovery_site")
    return f"sum by ({', '.join(both)}) ({_VPGS.described(_VPGS.metric(metric), *both)})"


def _latency(quantile: float) -> str:
    buckets = f"rate({of_zvms('zerto_exporter_api_request_duration_seconds_bucket')}[$__rate_interval])"
    return f"histogram_quantile({quantile}, sum by (zvm, le) ({buckets}))"


_REFUSED: Final = f"sum by (zvm) (increase({of_zvms('zerto_exporter_logins_total', _FAILED)}[$__range]))"
_ONE_SIDED: Final = f"count by (vpg_id) (group by (zvm, vpg_id) ({of_zvms('zerto_vpg_info', _REMOTE)})) == 1"

ANSWER: Final = Row(
    "Do they answer?",
    (
        parts.count(
            "ZVMs",
            "ZVMs that the exporter polls.",
            f"count({UP})",
            missing=_NO_EXPORTER,
            steps=parts.COUNT,
        ),
        parts.count(
            "ZVMs down",
            "ZVMs whose last poll failed.",
            tally(f"{UP} == 0", UP),
            runbook="ZertoZvmDown",
            missing=_NO_EXPORTER,
        ),
        parts.count(
            "Collectors that fail",
            "Polls of one resource of one ZVM that failed the last time. A ZVM may answer for its VMs and not for its "
            "VPGs.",
            tally(f"{SUCCEEDED} == 0", SUCCEEDED),
            runbook="ZertoDataStale",
            missing=_NO_EXPORTER,
        ),
        parts.count(
            "Never polled well",
            "Resources of a ZVM of which no poll has succeeded since the exporter started: look at the address, the "
            "password and the certificate.",
            tally(NEVER_GOOD, SUCCEEDED),
            runbook="ZertoZvmDown",
            missing=_NO_EXPORTER,
        ),
        parts.count(
            "Certificates not verified",
            "ZVMs whose certificate the exporter does not verify. Whoever is in between can read the password.",
            tally(f"{_INSECURE} == 1", _INSECURE),
            runbook="ZertoCertificateNotVerified",
            missing="the exporter's own metrics are not scraped.",
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "VPGs that one ZVM alone lists",
            "VPGs that only their protecting or only their recovering ZVM reports: the other is not polled, is down, "
            "or has lost its pairing. Normal where only one side is configured, or the VPG recovers to a cloud.",
            tally(_ONE_SIDED, of_zvms("zerto_vpg_info")),
            missing="no VPG is reported.",
            steps=parts.ANY_IS_ODD,
        ),
        parts.rows(
            "Each ZVM",
            "How is each ZVM, how old are its samples, and what does it list?",
            {
                "A": UP,
                "B": AGE_OF_EACH,
                "C": f"sum by (zvm) ({_TOOK})",
                "D": _listed('role="protected"'),
                "E": _listed('role="recovery"'),
                "F": _listed('role="local"'),
                "G": f"count by (zvm) (max by (zvm, vpg_id) ({of_zvms('zerto_vpg_info')}))",
                "H": _REFUSED,
                "I": _INSECURE,
            },
            (
                Column("ZVM", "zvm"),
                Column("Answers", "A", names=states.ANSWERS),
                Column("Age of the data", "B", unit=units.Seconds, empty="Never polled"),
                Column("Last poll took", "C", unit=units.Seconds, empty="Not known"),
                Column("VMs it protects", "D", empty="None"),
                Column("VMs it recovers", "E", empty="None"),
                Column("VMs it does both for", "F", empty="None"),
                Column("VPGs listed", "G", empty="None"),
                Column("Logins that failed", "H", empty="Not known"),
                Column(
                    "Certificate",
                    "I",
                    names={0: ("Verified", "green"), 1: ("Not verified", "yellow")},
                    empty="Not known",
                ),
            ),
            missing=_NO_EXPORTER,
            worst=("Answers", False),
            height=8,
        ),
        parts.timeline(
            "Up",
            "When did each ZVM answer?",
            Query(UP, "{{zvm}}"),
            names=states.ANSWERS,
            runbook="ZertoZvmDown",
            missing=_NO_EXPORTER + " A gap in the band is a time in which nobody asked.",
        ),
        parts.timeline(
            "Collectors",
            "When did each poll of a resource succeed?",
            Query(SUCCEEDED, "{{zvm}} {{collector}}"),
            names=states.SUCCEEDED,
            missing=_NO_EXPORTER + " A gap in the band is a time in which nobody asked.",
        ),
        parts.chart(
            "Age of the data",
            "How old were the samples? It should saw between 0 and the poll interval.",
            Query(f"time() - {LAST_GOOD}", "{{zvm}} {{collector}}"),
            runbook="ZertoDataStale",
            missing="no poll has ever succeeded.",
            unit=units.Seconds,
        ),
        parts.chart(
            "Polls took",
            "How long did a poll of each resource take? Near the interval polls are left out.",
            Query(_TOOK, "{{zvm}} {{collector}}"),
            missing=_NO_EXPORTER,
            unit=units.Seconds,
        ),
        parts.chart(
            "Answers of the API, 99 of 100 faster than",
            "How long does a ZVM take to answer a request?",
            Query(_latency(0.99), "{{zvm}}"),
            missing="no request was sent in this time, or the exporter's own metrics are not scraped.",
            unit=units.Seconds,
        ),
        parts.chart(
            "Answers of the API, half faster than",
            "How long does a ZVM usually take to answer a request?",
            Query(_latency(0.5), "{{zvm}}"),
            missing="no request was sent in this time, or the exporter's own metrics are not scraped.",
            unit=units.Seconds,
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
            stacked=True,
        ),
        parts.chart(
            "VPGs by ZVM and role",
            "The same for VPGs.",
            Query(
                f"max by (zvm, role) (count by (job, instance, zvm, role) ({of_zvms('zerto_vpg_info')}))",
                "{{zvm}} {{role}}",
            ),
            missing="no VPG was reported in this time.",
            stacked=True,
        ),
        parts.rows(
            "From where to where",
            "How much is protected between each two sites? Each VPG and VM is counted once.",
            {
                "A": f"count by (protected_site, recovery_site) (max by (protected_site, recovery_site, vpg_id) "
                f"{_VPGS.view})",
                "B": f"count by (protected_site, recovery_site) (max by (protected_site, recovery_site, vm_id) "
                f"{_VMS.view})",
                "C": _between("zerto_vpg_throughput_bytes_per_second"),
                "D": _between("zerto_vpg_used_storage_bytes"),
            },
            (
                Column("From", "protected_site"),
                Column("To", "recovery_site"),
                Column("VPGs", "A"),
                Column("VMs", "B"),
                Column("Replicated writes", "C", unit=units.BytesPerSecondIEC),
                Column("Used at the recovery site", "D", unit=units.BytesIEC),
            ),
            missing="no VPG and no VM is reported.",
            worst=("VMs", True),
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
