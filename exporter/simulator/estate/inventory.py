"""What a site protects: sites, VMs, VPGs and their settings, made once from the seed and never changed after.

Knows what does not move with time. How much a VM writes, and how its VPG is doing, is in the readings.
"""

from dataclasses import dataclass

from exporter.simulator.estate.seeded import guid, stream

VCENTER = 0
AZURE = 5

UNLIMITED, MEGABYTES, PERCENTAGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Site:
    """A site: its ZVM's identifier, and that of the hypervisor manager, which VM identifiers begin with."""

    name: str
    identifier: str
    server: str
    entity_type: int = VCENTER

    @classmethod
    def named(cls, name: str, seed: int, entity_type: int = VCENTER) -> "Site":
        """The site of that name; the same seed gives the same identifiers."""
        numbers = stream(seed, "site", name)
        return cls(name, guid(numbers), guid(numbers), entity_type)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a machine's load moves: the time of day of its low, in days, and three waves on top, in radians."""

    low: float
    waves: tuple[float, float, float]
    speed: float


@dataclass(frozen=True, slots=True)
class Vm:
    """A protected machine. Sizes in MiB, load in writes a second, block in KiB.

    Without guest tools nobody knows its `address`.
    """

    identifier: str
    name: str
    guest_os: str
    hardware: str
    cores: int
    memory_mb: int
    provisioned_mb: int
    used_mb: int
    volumes: int
    peak_iops: int
    block_kib: int
    rhythm: Rhythm
    host: int
    datastore: int
    address: str | None
    file_restore: bool
    agent: bool
    mounted: bool


@dataclass(frozen=True, slots=True)
class Journal:
    """A member's journal: its limits as the API states them, the MiB that they come to, and how it fills."""

    limit_type: int
    hard_limit: int
    warning_threshold: int
    capacity_mb: int
    plateau: float
    phase: float


@dataclass(frozen=True, slots=True)
class Member:
    """A VM in a VPG. A VM may be a member of up to three."""

    vm: Vm
    journal: Journal
    recovery_host: int | None


@dataclass(frozen=True, slots=True)
class Vpg:
    """A virtual protection group. RPO in seconds, histories in minutes, tests in seconds."""

    identifier: str
    name: str
    organization: str
    zorg: str
    service_profile: str | None
    priority: int
    protected: Site
    recovery: Site
    rpo: int
    history: int
    failsafe: int | None
    test_period: int | None
    phase: float
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that one site protects; the long-term-retention copies are listed only on request.

    `unprotected` are its VMs that no VPG has, `newcomers` those that may appear beside them.
    """

    site: Site
    vpgs: tuple[Vpg, ...]
    backups: tuple[Vpg, ...]
    unprotected: tuple[Vm, ...]
    newcomers: tuple[Vm, ...]
