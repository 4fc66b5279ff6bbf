"""What is told of encryption detection: the rows that a poll brings, and their metrics.

Where nothing is suspected, that is told by a 0; where detection is switched off, nothing is told but that.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from exporter.collectors.fields import Number
from exporter.collectors.statistics import ENCRYPTED_HELP, UNENCRYPTED_HELP
from exporter.prometheus.table import NONE, SECTORS, Labels, Metric, Table

ROOT: Final = "/v1/encryptionDetection"
STATE: Final = f"{ROOT}/state"
METRICS: Final = f"{ROOT}/metrics/vms"
SUSPECTED_VMS: Final = f"{ROOT}/suspected/vms"
SUSPECTED_VPGS: Final = f"{ROOT}/suspected/vpgs"
SUSPECTED_VOLUMES: Final = f"{ROOT}/suspected/volumes"


class Who(Struct, frozen=True, gc=False):
    """A VM or a VPG, and what the ZVM is to it."""

    id: str
    name: str
    role: str


class OfVm(Struct, frozen=True, gc=False):
    who: Who
    encrypted: Number
    unencrypted: Number
    trend: Number


class Suspicion(Struct, frozen=True, gc=False):
    who: Who
    level: Number


class Volumes(Struct, frozen=True, gc=False):
    """How many volumes of a VM are suspected."""

    who: Who
    count: int


class Detection(Struct, frozen=True):
    """All that one poll brought; None where the server does not have it."""

    enabled: bool | None = None
    measured: list[OfVm] | None = None
    vms: list[Suspicion] | None = None
    vpgs: list[Suspicion] | None = None
    volumes: list[Volumes] | None = None


OF_VM: Labels[OfVm | Suspicion | Volumes] = {"vm": lambda one: one.who.name, "vm_id": lambda one: one.who.id}
OF_VPG: Labels[Suspicion] = {"vpg": lambda one: one.who.name, "vpg_id": lambda one: one.who.id}
ROLE: Labels[OfVm | Suspicion | Volumes] = {"role": lambda one: one.who.role}

TABLES: Final = (
    Table[Detection](
        {},
        Metric(
            "zerto_encryption_detection_enabled",
            "1 if the ZVM looks for encryption, 0 if that is switched off.",
            f"GET {STATE} EncryptionDetectionEnabled",
            NONE,
            lambda one: one.enabled,
        ),
        Metric(
            "zerto_suspected_vms",
            "VMs whose data is suspected of being encrypted by others.",
            f"GET {SUSPECTED_VMS}",
            NONE,
            lambda one: None if one.vms is None else len(one.vms),
        ),
        Metric(
            "zerto_suspected_vpgs",
            "VPGs of VMs whose data is suspected of being encrypted by others.",
            f"GET {SUSPECTED_VPGS}",
            NONE,
            lambda one: None if one.vpgs is None else len(one.vpgs),
        ),
    ),
    Table[Suspicion](
        OF_VM,
        Metric(
            "zerto_vm_suspicion_level",
            "How much a suspected VM is suspected. Zerto does not say how far it goes.",
            f"GET {SUSPECTED_VMS} SuspicionLevel",
            NONE,
            lambda one: one.level,
        ),
        attributes=ROLE,
        each=lambda one: one.vms or (),
    ),
    Table[Suspicion](
        OF_VPG,
        Metric(
            "zerto_vpg_suspicion_level",
            "How much a suspected VPG is suspected. Zerto does not say how far it goes.",
            f"GET {SUSPECTED_VPGS} SuspicionLevel",
            NONE,
            lambda one: one.level,
        ),
        attributes=ROLE,
        each=lambda one: one.vpgs or (),
    ),
    Table[Volumes](
        OF_VM,
        Metric(
            "zerto_suspected_volumes",
            "Volumes of the VM whose data is suspected of being encrypted by others. Where no volume is, one sample of "
            "0 without a VM.",
            f"GET {SUSPECTED_VOLUMES}",
            NONE,
            lambda one: one.count,
        ),
        attributes=ROLE,
        each=lambda one: one.volumes or (),
    ),
    # Last, as each VM has them: where there is no room for all, who is suspected comes first.
    Table[OfVm](
        OF_VM,
        Metric(
            "zerto_vm_encrypted_bytes_total",
            ENCRYPTED_HELP,
            f"GET {METRICS} EncryptionMetrics.EncryptedData",
            SECTORS,
            lambda one: one.encrypted,
        ),
        Metric(
            "zerto_vm_unencrypted_bytes_total",
            UNENCRYPTED_HELP,
            f"GET {METRICS} EncryptionMetrics.NonEncryptedData",
            SECTORS,
            lambda one: one.unencrypted,
        ),
        Metric(
            "zerto_vm_encryption_trend_level",
            "How much the share of data that looks encrypted has changed lately. Zerto does not say how far it goes.",
            f"GET {METRICS} EncryptionMetrics.TrendChangeLevel",
            NONE,
            lambda one: one.trend,
        ),
        attributes=ROLE,
        each=lambda one: one.measured or (),
    ),
)
