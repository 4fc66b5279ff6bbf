"""What a ZVM's encryption detection says of the writes of its VMs: GET /v1/encryptionDetection/...

Servers have it from 10.0 on, not each of them all of its parts: what one does not have costs nothing but itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct, field

from exporter.collectors import vms
from exporter.collectors.base import Collector, Fetch, Source, UnsupportedError, if_there
from exporter.collectors.detection import (
    METRICS,
    ROOT,
    STATE,
    SUSPECTED_VMS,
    SUSPECTED_VOLUMES,
    SUSPECTED_VPGS,
    TABLES,
    Detection,
    OfVm,
    Suspicion,
    Volumes,
    Who,
)
from exporter.collectors.fields import NamedLink, Number, Text
from exporter.counts import NOTHING, Counts
from exporter.zvm.decode.layout import OBJECT
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import DecodeError

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
    published: dict[str, Who] = {}

    async def fetch() -> Decoded[Detection]:
        nonlocal known, names, published
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
            # One that has left the VMs and is counted still is called what it was called before.
            known, names = now_known, published | await _vms_of(now_known)
        counted = None if measured is None else await _measured(measured, names, counted=_counted(source))
        published = {one.who.id: one.who for one in counted or ()}
        detection = Detection(
            enabled=enabled,
            measured=counted,
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
