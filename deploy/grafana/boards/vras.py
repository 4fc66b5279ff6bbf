"""Do the VRAs work, and how much does each of them carry?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, tables, variables
from boards.parts import Board, Column, Query, Row, To
from boards.promql import of_zvms, tally

_OF_EACH: Final = "zvm, vra, vra_id"
NONE: Final = "no VRA is reported: the collector vras is off, or no ZVM answers."
TO_EACH: Final = To("zerto-vras", "Each VRA")
_NOT_READY: Final = 'status=~"NotInstalled|InstallationError|UnsupportedEsxVersion|HostPasswordChanged"'
_IN_MAINTENANCE: Final = 'status="HostInMaintenanceMode"'
_ALL: Final = f"max by ({_OF_EACH}) ({of_zvms('zerto_vra_info')})"

NOT_READY: Final = tally(f"max by ({_OF_EACH}) ({of_zvms('zerto_vra_state', _NOT_READY)})", _ALL)
_MAINTAINED: Final = f"max by ({_OF_EACH}) ({of_zvms('zerto_vra_state', _IN_MAINTENANCE)})"


def _each(metric: str, *more: str) -> str:
    """Return the value of *metric* of each VRA once, with the labels *more*."""
    return f"max by ({', '.join((_OF_EACH, *more))}) ({of_zvms(metric)})"


# What is told by a state differs from the others by its labels. A ghost is given one, or its alert alone would count.
_TROUBLE: Final = " or ".join(
    (
        of_zvms("zerto_vra_alert_status_code"),
        f"2 * {of_zvms('zerto_vra_state', _NOT_READY)}",
        of_zvms("zerto_vra_state", _IN_MAINTENANCE),
        f"0 * {of_zvms('zerto_vra_state')}",
        f'label_replace(2 * {of_zvms("zerto_vra_ghost")}, "status", "Ghost", "", "")',
    )
)


def _busiest(metric: str) -> str:
    """Return the lines of the ten VRAs with the most of *metric* at their end."""
    found = of_zvms(metric)
    return f"max by (zvm, vra) ({found}) and on (zvm, vra) topk(10, max by (zvm, vra) ({found} @ end()))"


NOW: Final = Row(
    "Do they work?",
    (
        parts.count(
            "VRAs",
            "VRAs that the ZVMs know which answer.",
            f"count({_ALL})",
            to=TO_EACH,
            missing=NONE,
            steps=parts.COUNT,
        ),
        parts.count(
            "Not ready",
            "VRAs that are not installed, failed to install, or cannot be managed.",
            NOT_READY,
            runbook="ZertoVraNotReady",
            to=TO_EACH,
            missing=NONE,
        ),
        parts.count(
            "With an error",
            "VRAs on which the ZVM has an alert of the level error.",
            tally(f"{_each('zerto_vra_alert_status_code')} == 2", _each("zerto_vra_alert_status_code")),
            runbook="ZertoZvmAlert",
            to=TO_EACH,
            missing=NONE,
        ),
        parts.count(
            "Ghosts",
            "VRAs that the ZVM still knows though their host is gone.",
            tally(f"{_each('zerto_vra_ghost')} == 1", _each("zerto_vra_ghost")),
            runbook="ZertoVraGhost",
            to=TO_EACH,
            missing="no VRA is reported, or the ZVMs are older and do not tell.",
        ),
        parts.count(
            "In maintenance",
            "VRAs whose host is in maintenance: their VMs get no checkpoints, or cannot be recovered there.",
            tally(_MAINTAINED, _ALL),
            runbook="ZertoHostInMaintenance",
            to=TO_EACH,
            missing=NONE,
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "Versions",
            "How many versions of VRAs there are. More than one: an upgrade is not at its end.",
            f"count(count by (version) ({of_zvms('zerto_vra_info')}))",
            to=TO_EACH,
            missing=NONE,
            steps=((None, "orange"), (0, "green"), (2, "yellow")),
        ),
        parts.rows(
            "Each VRA",
            "How is each VRA, on which host, and how many VMs does it protect and recover? The worst come first: those "
            "that are not ready, ghosts or have an error, then warnings and hosts in maintenance.",
            {
                "A": _each("zerto_vra_alert_status_code"),
                "B": _each("zerto_vra_state", "status"),
                "C": _each("zerto_vra_ghost"),
                "D": _each("zerto_vra_protected_vms"),
                "E": _each("zerto_vra_recovery_vms"),
                "F": _each("zerto_vra_recovery_volumes"),
                "G": _each("zerto_vra_memory_bytes"),
                "H": _each("zerto_vra_cpu_cores"),
                "I": _each("zerto_vra_info", "host", "version"),
                "J": f"max by ({_OF_EACH}) ({_TROUBLE})",
            },
            (
                Column("Trouble", "J", names=states.in_cells(states.ALERTS), empty="Not known", width=112),
                Column("VRA", "vra", width=170),
                Column("State", "status", names=states.NAMES_OF_VRA_STATUS, empty="Not known", width=185),
                Column("Alert", "A", names=states.in_cells(states.ALERTS), empty="Not known", width=90),
                Column("Host", "host", width=145),
                Column(
                    "Ghost",
                    "C",
                    names={0: ("No", "transparent"), 1: ("Ghost", "red")},
                    empty="Not told",
                    harmless=True,
                    width=85,
                ),
                Column("Protects", "D", empty="Not known", width=110),
                Column("Recovers", "E", empty="Not known", width=125),
                Column("Volumes", "F", empty="Not known", width=100),
                Column("Memory", "G", unit=units.BytesIEC, empty="Not known", width=100),
                Column("Cores", "H", empty="Not told", harmless=True, width=90),
                Column("Version", "version", width=96),
                Column("ZVM", "zvm", link=tables.TO_ZVM, width=130),
                Column("vra_id", "vra_id", hidden=True),
            ),
            missing=NONE,
            worst=(("Trouble", True), ("Recovers", True)),
            runbook="ZertoVraNotReady",
        ),
    ),
)

OVER_TIME: Final = Row(
    "How much do they carry?",
    (
        parts.chart(
            "VMs protected by way of the ten busiest",
            "Do some VRAs carry much more than others?",
            Query(_busiest("zerto_vra_protected_vms"), "{{vra}}"),
            missing=NONE,
            whole=True,
            many=True,
        ),
        parts.chart(
            "VMs recovered by way of the ten busiest",
            "Do some VRAs receive much more than others?",
            Query(_busiest("zerto_vra_recovery_vms"), "{{vra}}"),
            missing=NONE,
            whole=True,
            many=True,
        ),
        parts.chart(
            "VRAs by state",
            "How many VRAs were in which state? Where all are fewer, a ZVM did not answer, or VRAs were removed.",
            Query(f"count by (status) (max by ({_OF_EACH}, status) ({of_zvms('zerto_vra_state')}))", "{{status}}"),
            missing=NONE,
            passing=True,
            whole=True,
            stacked=True,
            colors=states.COLOR_OF_VRA_STATUS,
            many=True,
            width=24,
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-vras",
    title="Zerto / VRAs",
    question="Do the VRAs work, and how much does each of them carry?",
    variables=(variables.SOURCE, variables.JOB, variables.ZVM),
    rows=(NOW, OVER_TIME),
)
