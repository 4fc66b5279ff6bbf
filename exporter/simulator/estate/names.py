"""What the machines of a company are called, and how big a machine of each kind is.

Knows names and sizes only; who protects what is the inventory's business.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of machine: its guest, and the middle of the range of its size and write load."""

    guest_os: str
    cores: int
    memory_mb: int
    disk_gb: int
    peak_iops: int


_WINDOWS: Final = "Microsoft Windows Server 2022 (64-bit)"
_LINUX: Final = "Red Hat Enterprise Linux 9 (64-bit)"
_UBUNTU: Final = "Ubuntu Linux (64-bit)"

ROLES: Final = {
    "db": Role(_LINUX, 16, 65536, 600, 900),
    "sql": Role(_WINDOWS, 12, 49152, 500, 750),
    "app": Role(_LINUX, 8, 16384, 120, 220),
    "web": Role(_UBUNTU, 4, 8192, 60, 60),
    "front": Role(_UBUNTU, 4, 8192, 60, 45),
    "cache": Role(_UBUNTU, 4, 32768, 40, 120),
    "mq": Role(_LINUX, 4, 8192, 80, 300),
    "file": Role(_WINDOWS, 4, 8192, 2000, 180),
    "dc": Role(_WINDOWS, 2, 8192, 80, 25),
    "worker": Role(_UBUNTU, 8, 16384, 100, 260),
}
WORKLOADS: Final = {
    "ERP": ("db", "app", "web", "mq"),
    "Web": ("front", "cache", "app"),
    "Mail": ("sql", "front", "app"),
    "CRM": ("sql", "app", "web"),
    "Files": ("file", "dc"),
    "Payments": ("db", "app", "mq"),
    "Warehouse": ("db", "worker", "app"),
    "Identity": ("dc", "app"),
    "Analytics": ("db", "worker", "cache"),
    "Shop": ("front", "app", "db", "cache"),
    "HR": ("sql", "app"),
    "Intranet": ("web", "sql"),
    "Build": ("worker", "file"),
    "Telephony": ("app", "sql"),
    "Billing": ("db", "app"),
    "Monitoring": ("db", "app"),
}
ENVIRONMENTS: Final = ("Production", "Staging", "Reporting", "Branch")


class Namer:
    """Hands out names that are each used once on a site."""

    def __init__(self) -> None:
        self._machines: Counter[str] = Counter()

    def vm(self, workload: str, role: str) -> str:
        """The next machine of a role, such as erp-db-01."""
        stem = f"{workload.lower()}-{role}"
        self._machines[stem] += 1
        return f"{stem}-{self._machines[stem]:02d}"


def vpg_name(number: int, workloads: tuple[str, ...]) -> tuple[str, str]:
    """The name of a site's nth VPG, such as ERP-Production or, on the second round, ERP-Production-02; its workload."""
    turn, place = divmod(number, len(workloads) * len(ENVIRONMENTS))
    environment, workload = divmod(place, len(workloads))
    name = f"{workloads[workload]}-{ENVIRONMENTS[environment]}"
    return (name if turn == 0 else f"{name}-{turn + 1:02d}"), workloads[workload]
