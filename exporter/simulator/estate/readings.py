"""How a VM and a VPG are doing at an instant: pure functions of what they are, the second and the incident.

No state: asking twice, or in another order, or after a restart, gives the same numbers. Units: seconds, MiB, writes a
second, MiB a second.
"""

import math
from dataclasses import dataclass
from typing import Final

from exporter.simulator.estate.incidents import Incident
from exporter.simulator.estate.inventory import UNLIMITED, Journal, Vm, Vpg

NOT_CALCULATED: Final = -1
"""ActualRPO of a VPG without a VM. One that is being initialized answers 0."""

_DAY: Final = 86400
_DISCONNECTED_SHARE: Final = 0.7
_STATUS_INITIALIZING, _STATUS_MEETING, _STATUS_NEITHER, _STATUS_RPO, _STATUS_HISTORY = range(5)
_SUBSTATUS: Final = {
    "initial_sync": 1,
    "recovery_possible": 5,
    "delta_sync": 6,
    "vra_down": 8,
    "vra_failed": 8,
    "bitmap_sync": 23,
    "peer_disconnected": 24,
    "journal_full": 31,
}
_EMPTY: Final = 9
_FILLING: Final = frozenset({"journal_near_limit", "journal_full"})
_TRAFFIC: Final = {
    "peer_disconnected": 0.0,
    "recovery_possible": 0.0,
    "vra_down": 0.0,
    "vra_failed": 0.0,
    "journal_full": 0.0,
    "bitmap_sync": 1.8,
    "delta_sync": 1.5,
    "initial_sync": 3.0,
}


@dataclass(frozen=True, slots=True)
class VmReading:
    """A VM in a VPG, in numbers."""

    rpo: int
    iops: int
    throughput: float
    bandwidth: float
    journal_mb: int
    exists: bool


@dataclass(frozen=True, slots=True)
class VpgReading:
    """A VPG in numbers, and its members in their order.

    `oldest` and `newest` are the unix seconds of the checkpoints at the ends of the journal, None where it has none.
    """

    status: int
    substatus: int
    alert: int
    rpo: int
    progress: float
    history: int
    failsafe: int | None
    test_stage: str | None
    last_test: int | None
    oldest: int | None
    newest: int | None
    iops: int
    throughput: float
    members: tuple[VmReading, ...]


def load(vm: Vm, now: float) -> float:
    """How busy a VM is, above 0 to 1: a curve over the day with three slow waves on top, smooth in time."""
    rhythm = vm.rhythm
    day = 0.5 - 0.5 * math.cos(math.tau * (now / _DAY - rhythm.low))
    first, second, third = rhythm.waves
    pace = now * rhythm.speed
    waves = (
        math.sin(pace / 19 + first) * 0.3 + math.sin(pace / 61 + second) * 0.4 + math.sin(pace / 287 + third)
    ) / 1.7
    return min(1.0, (0.1 + 0.75 * day) * (1 + 0.3 * waves))


def vpg_at(vpg: Vpg, now: int, incident: Incident | None) -> VpgReading:
    """The state of a VPG and its members at a unix second."""
    kind, lag, progress = _phase(incident, now)
    pressure = incident.elapsed(now) / 60 if incident and incident.kind in _FILLING else 0.0
    members = tuple(
        _vm_at(
            member.vm,
            member.journal,
            now,
            _Strain(kind, lag, min(1.0, pressure), exists=not (kind == "vm_missing" and place == 0)),
        )
        for place, member in enumerate(vpg.members)
    )
    rpo = max((member.rpo for member in members), default=NOT_CALCULATED)
    wave = 0.5 + 0.5 * math.sin(math.tau * (now / 5400 + vpg.phase))
    kept = 1.05 + 0.12 * wave - 0.6 * min(1.0, pressure)
    # While no checkpoint is added the oldest still age out.
    history = 0 if kind == "initial_sync" else max(0, int(vpg.history * kept - lag / 60))
    status = sla_status(rpo > vpg.rpo, history < vpg.history)
    if kind == "initial_sync":
        status = _STATUS_INITIALIZING
    elif kind == "recovery_possible":
        status = _STATUS_MEETING  # protection is halted, and a ZVM says so by the substatus alone
    newest = now - rpo if rpo > 0 else None
    testing = kind == "failover_test" and incident is not None
    return VpgReading(
        status=status,
        substatus=_SUBSTATUS.get(kind, 0) if members else _EMPTY,
        alert=2 if kind in {"peer_disconnected", "ransomware"} else int(status > _STATUS_MEETING),
        rpo=rpo,
        progress=round(100 * progress, 1),
        history=history,
        failsafe=None if vpg.failsafe is None else min(history, vpg.failsafe + int(vpg.failsafe * 0.1 * wave)),
        test_stage=("Starting" if incident.elapsed(now) < 10 else "InTest") if testing and incident else None,
        last_test=int(incident.start) if testing and incident else last_test(vpg, now),
        oldest=None if newest is None else newest - 60 * history,
        newest=newest,
        iops=sum(member.iops for member in members),
        throughput=sum(member.throughput for member in members),
        members=members,
    )


@dataclass(frozen=True, slots=True)
class _Strain:
    kind: str
    lag: float
    pressure: float
    exists: bool


def _phase(incident: Incident | None, now: float) -> tuple[str, float, float]:
    """What holds, how many seconds of RPO it adds, and how far the synchronisation is, 0 to 1."""
    if incident is None:
        return "", 0.0, 0.0
    elapsed, progress = incident.elapsed(now), incident.progress(now)
    if incident.kind == "peer_disconnected":
        # A connection that comes back by itself is followed by a bitmap sync that works the backlog off.
        if incident.end is None or progress < _DISCONNECTED_SHARE:
            return incident.kind, elapsed, 0.0
        synced = (progress - _DISCONNECTED_SHARE) / (1 - _DISCONNECTED_SHARE)
        return "bitmap_sync", (incident.end - incident.start) * _DISCONNECTED_SHARE * (1 - synced), synced
    if incident.kind in {"recovery_possible", "vra_down", "vra_failed", "journal_full"}:
        return incident.kind, elapsed, 0.0
    if incident.kind == "bitmap_sync":
        return incident.kind, elapsed * 0.5, progress
    if incident.kind == "delta_sync":
        return incident.kind, elapsed * 0.3, progress
    return incident.kind, 0.0, progress if incident.kind == "initial_sync" else 0.0


def _vm_at(vm: Vm, journal: Journal, now: int, strain: _Strain) -> VmReading:
    busy = load(vm, now)
    wobble = 0.7 + 0.7 * math.sin(now / 7 + journal.phase * 40)
    iops = int(vm.peak_iops * busy) if strain.exists else 0
    throughput = iops * vm.block_kib / 1024
    syncing = strain.kind == "initial_sync"
    return VmReading(
        rpo=0 if syncing else round(4 + 6.5 * busy + wobble + strain.lag),
        iops=iops,
        throughput=throughput,
        bandwidth=round(throughput * 0.45 * _TRAFFIC.get(strain.kind, 1.0), 6),
        journal_mb=0 if syncing else int(journal.capacity_mb * _fill(journal, now, strain)),
        exists=strain.exists,
    )


def _fill(journal: Journal, now: float, strain: _Strain) -> float:
    """How full a journal is, 0 to 1: it fills for most of an hour, then the oldest checkpoints age out."""
    turn = (now / 3600 + journal.phase) % 1.0
    saw = turn / 0.8 if turn < 0.8 else (1 - turn) / 0.2
    swing = 0.5 + 0.5 * math.sin(math.tau * (now / _DAY + journal.phase))
    usual = journal.plateau * (0.76 + 0.12 * saw + 0.12 * swing)
    ceiling = 1.0 if strain.kind == "journal_full" else usual if journal.limit_type == UNLIMITED else 0.97
    return usual + (ceiling - usual) * strain.pressure


def sla_status(rpo_missed: bool, history_missed: bool) -> int:
    """The status of a VPG that is in no operation, by what it misses."""
    if rpo_missed and history_missed:
        return _STATUS_NEITHER
    if rpo_missed:
        return _STATUS_RPO
    return _STATUS_HISTORY if history_missed else _STATUS_MEETING


def last_test(vpg: Vpg, now: int) -> int | None:
    """When the last failover test of the VPG's own period began; None where it has none."""
    if vpg.test_period is None:
        return None
    return now - int(now + vpg.phase * vpg.test_period) % vpg.test_period
