"""What a ZVM's encryption detection says of the writes of its VMs: GET /v1/encryptionDetection/...

Servers have it from 10.0 on, not each of them all of its parts: what one does not have costs nothing but itself.
Where nothing is suspected, that is told by a 0; where detection is switched off, nothing is told but that.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct, field

from exporter.collectors import vms
from exporter.collectors.base import Collector, Fetch, Source, UnsupportedError, if_there
from exporter.collectors.fields import NamedLink, Number, Text
from exporter.collectors.statistics import ENCRYPTED_HELP, UNENCRYPTED_HELP
from exporter.counts import NOTHING, Counts
from exporter.prometheus.table import NONE, SECTORS, Labels, Metric, Table
from exporter.zvm.decode.layout import OBJECT
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import DecodeError

ROOT: Final = "/v1/encryptionDetection"
STATE: Final = f"{ROOT}/state"
METRICS: Final = f"{ROOT}/metrics/vms"
SUSPECTED_VMS: Final = f"{ROOT}/suspected/vms"
SUSPECTED_VPGS: Final = f"{ROOT}/suspected/vpgs"
SUSPECTED_VOLUMES: Final = f"{ROOT}/suspected/volumes"

_AT_ONCE: Final = 1000  # rows; more would hold up the event loop
_ROLES: Final = ("protected", "local", "recovery", "")  # of a VM in several VPGs, the first of these

Row = TypeVar("Row", bound=Struct)


class Settings(Struct, frozen=True, gc=False):
    enabled: bool | None = field(name="EncryptionDetectionEnabled", default=None)


class Measured(Struct, frozen=True, gc=False):
    """Data in blocks of 512 bytes."""

    encrypted: Number = field(name="EncryptedData", default=None)
    unencrypted: Number = field(name="NonEncryptedData", default=None)
    trend: Number = field(name="TrendChangeLevel", default=None)


class VmMetrics(Struct, frozen=True, gc=False):
    vm: NamedLink | None = field(name="Link", default=None)
    measured: Measured | None = field(name="EncryptionMetrics", default=None)


class Suspected(Struct, frozen=True, gc=False):
    """A VM or a VPG."""

    link: NamedLink | None = field(name="Link", default=None)
    level: Number = field(name="SuspicionLevel", default=None)


class Associated(Struct, frozen=True, gc=False):
    id: Text = field(name="Identifier", default=None)
    name: Text = field(name="Name", default=None)


class SuspectedVolume(Struct, frozen=True, gc=False):
    vm: Associated | None = field(name="AssociatedVm", default=None)


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
)

STATE_DECODER: Final = Decoder(Settings, layout=OBJECT)
METRICS_DECODER: Final = Decoder(VmMetrics)
SUSPECTED_DECODER: Final = Decoder(Suspected)
VOLUMES_DECODER: Final = Decoder(SuspectedVolume)

_NOT_MEASURED: Final = Measured()


class _Parts:
    """The parts of one poll: which the server has, and what of them did not fit."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.lost: list[Counts] = []

    async def rows(self, path: str, decoder: Decoder[Row]) -> list[Row] | None:
        """Return the rows of a part, None where the server does not have it.

        Raises:
            ZvmError: it failed, or nothing of it could be read: that must not be told as "none".
        """
        decoded = await if_there(self._source.get(path, decoder))
        if decoded is None:
            return None
        if decoded.lost.invalid_records and not decoded.rows:
            raise DecodeError(f"GET {path}: {decoded.lost.complaint}")
        self.lost.append(decoded.lost)
        return decoded.rows


def begin(source: Source) -> Fetch[Detection]:
    """Return what asks *source* for each part of its encryption detection."""
    # Of the last poll that knew VMs: a counter must not change its labels where one fails.
    known: Sequence[vms.Known] = ()
    names: dict[str, Who] = {}

    async def fetch() -> Decoded[Detection]:
        nonlocal known, names
        parts = _Parts(source)
        settings = await parts.rows(STATE, STATE_DECODER)
        enabled = settings[0].enabled if settings else None
        if enabled is False:
            return Decoded([Detection(enabled=False)], parts.lost[0])
        suspected_vms = await parts.rows(SUSPECTED_VMS, SUSPECTED_DECODER)
        suspected_vpgs = await parts.rows(SUSPECTED_VPGS, SUSPECTED_DECODER)
        volumes = await parts.rows(SUSPECTED_VOLUMES, VOLUMES_DECODER)
        measured = await parts.rows(METRICS, METRICS_DECODER)  # last: it is large, and in hand until the end
        if not parts.lost:
            raise UnsupportedError(f"the ZVM has none of GET {ROOT}/..., or not for this user")
        now_known = source.rows("vms")
        if now_known and now_known is not known:
            known, names = now_known, await _vms_of(now_known)
        detection = Detection(
            enabled=enabled,
            measured=None if measured is None else await _measured(measured, names, counted=_counted(source)),
            vms=_suspicions(suspected_vms, names),
            vpgs=_suspicions(suspected_vpgs, {vpg.id: Who(vpg.id, vpg.name, vpg.role) for vpg in source.rows("vpgs")}),
            volumes=None if volumes is None else _volumes(volumes, names),
        )
        return Decoded([detection], sum(parts.lost, NOTHING))

    return fetch


async def _vms_of(known: Sequence[vms.Known]) -> dict[str, Who]:
    """Return the VMs *known* by their identifiers, each once."""
    found: dict[str, Who] = {}
    for start in range(0, len(known), _AT_ONCE):
        for vm in known[start : start + _AT_ONCE]:
            before = found.get(vm.id)
            if before is None or _ROLES.index(vm.role) < _ROLES.index(before.role):
                found[vm.id] = Who(vm.id, vm.name, vm.role)
        await asyncio.sleep(0)
    return found


def _counted(source: Source) -> bool:
    """Tell whether the ZVM says with the statistics, too, what is encrypted: it is not to be counted twice."""
    return any(source.rows("statistics"))


async def _measured(rows: Sequence[VmMetrics], names: Mapping[str, Who], *, counted: bool) -> list[OfVm]:
    """Return what *rows* say of VMs; without the data where that is *counted* already."""
    found: list[OfVm] = []
    for start in range(0, len(rows), _AT_ONCE):
        for row in rows[start : start + _AT_ONCE]:
            if row.vm is not None and row.vm.identifier:
                measured = row.measured or _NOT_MEASURED
                data = (None, None) if counted else (measured.encrypted, measured.unencrypted)
                found.append(OfVm(_who(row.vm.identifier, row.vm.name, names), *data, measured.trend))
        await asyncio.sleep(0)
    return found


def _suspicions(rows: Sequence[Suspected] | None, names: Mapping[str, Who]) -> list[Suspicion] | None:
    """Return who is suspected, each once, None where *rows* are not known."""
    if rows is None:
        return None
    found: list[Suspicion] = []
    seen: set[str] = set()
    for row in rows:
        link = row.link or NamedLink()
        who = _who(link.identifier, link.name, names)
        if who.id not in seen:
            found.append(Suspicion(who, row.level))
        seen |= {who.id} - {""}  # of whom nothing is said is somebody, too
    return found


def _volumes(rows: Sequence[SuspectedVolume], names: Mapping[str, Who]) -> list[Volumes]:
    """Return how many volumes of each VM are suspected; one 0 of no VM where none is."""
    vms = ((row.vm or Associated()) for row in rows)
    counts = Counter(_who(vm.id, vm.name, names) for vm in vms) or {Who("", "", ""): 0}
    return [Volumes(who, count) for who, count in counts.items()]


def _who(identifier: str | None, name: str | None, names: Mapping[str, Who]) -> Who:
    """Return whose *identifier* that is, by the *name* that the answer has, if it has one."""
    known = names.get(identifier or "")
    if known is not None and known.name == name:  # as nearly all
        return known
    identifier = (identifier or "").partition("?")[0]  # links to VMs may carry `?VpgIdentifier=`
    known = names.get(identifier)
    if known is None:
        return Who(identifier, name or "", "")
    return known if name in (None, "", known.name) else Who(known.id, name or "", known.role)


COLLECTOR: Collector[Detection] = Collector(
    "encryption",
    "Encryption detection",
    METRICS,
    TABLES,
    begin,
    interval=120.0,
    rank=2,
    needs=("vms", "vpgs", "statistics"),
)
