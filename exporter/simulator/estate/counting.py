"""What a ZVM counts of each VM in a VPG since it started: the integral of the rates that it tells at the same time.

Between two questions a rate is taken to change evenly. A ZVM that starts anew counts from 0, and so does a VM that
comes to a VPG. When the estate is made, its ZVM has counted for some days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from exporter.simulator.estate.encryption import encrypted_share, encrypting_for, usual_share
from exporter.simulator.estate.incidents import Incident
from exporter.simulator.estate.inventory import Vm
from exporter.simulator.estate.protection import Rows
from exporter.simulator.estate.readings import VmReading

_COUNTED_BEFORE: Final = 5 * 86400
_USUAL_LOAD: Final = 0.45
_SYNCHRONIZING: Final = frozenset({1, 3, 4, 6, 11, 12, 13, 23, 34})
"""Substatuses in which all that is sent is for a copy that is not complete."""

Key = tuple[str, str]
"""The identifiers of VM and VPG."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Operations and MiB; of the counters, or of each second."""

    operations: float = 0.0
    written: float = 0.0
    synchronized: float = 0.0
    sent: float = 0.0
    encrypted: float = 0.0

    def after(self, before: "Amounts", now: "Amounts", seconds: float) -> "Amounts":
        """These counters, *seconds* later, in which the rates went from *before* to *now*."""
        half = seconds / 2
        return Amounts(
            self.operations + (before.operations + now.operations) * half,
            self.written + (before.written + now.written) * half,
            self.synchronized + (before.synchronized + now.synchronized) * half,
            self.sent + (before.sent + now.sent) * half,
            self.encrypted + (before.encrypted + now.encrypted) * half,
        )


@dataclass(frozen=True, slots=True)
class _Counted:
    total: Amounts
    rate: Amounts


class Counters:
    """The counters of one ZVM."""

    def __init__(self) -> None:
        """Have counted for some days, whatever is asked for first."""
        self.restarts = 0
        self._lock = Lock()
        self._second: int | None = None
        self._counted: Mapping[Key, _Counted] = {}

    def restart(self, second: int) -> None:
        """Begin at 0 at that *second*."""
        with self._lock:
            self.restarts += 1
            self._second, self._counted = second, {}

    def at(self, second: int, rows: Rows, holding: Mapping[str, Incident]) -> dict[Key, Amounts]:
        """The counters of all VMs of *rows*, the readings of that *second*; *holding* is what is wrong then."""
        with self._lock:
            first = self._second is None
            seconds = 0 if self._second is None else max(0, second - self._second)
            counted: dict[Key, _Counted] = {}
            for vpg, reading in rows:
                syncing = reading.substatus in _SYNCHRONIZING
                incident = holding.get(vpg.identifier)
                for place, (member, one) in enumerate(zip(vpg.members, reading.members, strict=True)):
                    share = encrypted_share(member.vm, encrypting_for(incident, place, second))
                    rate = _rate(one, share, syncing=syncing)
                    key = (member.vm.identifier, vpg.identifier)
                    before = self._counted.get(key)
                    if before is not None:
                        total = before.total.after(before.rate, rate, seconds)
                    else:
                        total = _before(member.vm) if first else Amounts()
                    counted[key] = _Counted(total, rate)
            self._second, self._counted = max(second, self._second or second), counted
            return {key: one.total for key, one in counted.items()}


def _rate(reading: VmReading, share: float, *, syncing: bool) -> Amounts:
    return Amounts(
        operations=reading.iops,
        written=reading.throughput,
        synchronized=reading.bandwidth if syncing else 0.0,
        sent=reading.bandwidth,
        encrypted=reading.throughput * share,
    )


def _before(vm: Vm) -> Amounts:
    operations = int(vm.peak_iops * _USUAL_LOAD) * _COUNTED_BEFORE
    written = operations * vm.block_kib / 1024
    return Amounts(operations, written, vm.used_mb, vm.used_mb + written * 0.45, written * usual_share(vm))
