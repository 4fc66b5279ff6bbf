"""What each VM has written and sent since its ZVM counts: GET /v1/statistics/vms. One row for each VM and VPG.

The counters are published as they are sent. A ZVM that restarts begins at 0, which is a reset that `rate()` knows. A VM
that another site protects from now on has another identifier there, and so has other series.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct, field

from exporter.collectors import vms
from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.fields import Identifier, Number, Text, timestamp
from exporter.prometheus.table import MEBIBYTES, NONE, SECTORS, TIMESTAMP, Labels, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/statistics/vms"

ENCRYPTED_HELP: Final = "Data that the VM wrote and that looks encrypted."
UNENCRYPTED_HELP: Final = "Data that the VM wrote and that does not look encrypted."

_AT_ONCE: Final = 1000  # rows; more would hold up the event loop


class Encryption(Struct, frozen=True, gc=False):
    """What servers before 10.0 say of a VM's writes, in blocks of 512 bytes."""

    encrypted: Number = field(name="EncryptedDataInLBs", default=None)
    unencrypted: Number = field(name="UnencryptedDataInLBs", default=None)


class Statistics(Struct, frozen=True, gc=False):
    id: Identifier = field(name="VmIdentifier")
    vpg_id: Identifier = field(name="VpgIdentifier")
    operations: Number = field(name="IoOperationsCounter", default=None)
    written: Number = field(name="WriteCounterInMBs", default=None)
    synchronized: Number = field(name="SyncCounterInMBs", default=None)
    network_traffic: Number = field(name="NetworkTrafficCounterInMBs", default=None)
    time: Text = field(name="SampleTime", default=None)
    encryption: Encryption | None = field(name="EncryptionStatistics", default=None)


class OfVm(Struct, frozen=True, gc=False):
    """The statistics of the VM *vm* in its VPG, as the last good poll of the VMs names both."""

    vm: vms.Known
    operations: Number
    written: Number
    synchronized: Number
    network_traffic: Number
    time: Text
    encryption: Encryption | None


LABELS: Labels[OfVm] = {
    "vpg": lambda one: one.vm.vpg,
    "vpg_id": lambda one: one.vm.vpg_id,
    "vm": lambda one: one.vm.name,
    "vm_id": lambda one: one.vm.id,
}

TABLE: Table[OfVm] = Table(
    LABELS,
    Metric(
        "zerto_vm_io_operations_total",
        "I/O operations of the VM.",
        "GET /v1/statistics/vms IoOperationsCounter",
        NONE,
        lambda one: one.operations,
    ),
    Metric(
        "zerto_vm_written_bytes_total",
        "Data that the VM wrote. The ZVM counts whole MiB.",
        "GET /v1/statistics/vms WriteCounterInMBs",
        MEBIBYTES,
        lambda one: one.written,
    ),
    Metric(
        "zerto_vm_synchronized_bytes_total",
        "Data that was sent to synchronize the VM with its copy. The ZVM counts whole MiB.",
        "GET /v1/statistics/vms SyncCounterInMBs",
        MEBIBYTES,
        lambda one: one.synchronized,
    ),
    Metric(
        "zerto_vm_network_traffic_bytes_total",
        "Data of the VM that was sent to the other site. The ZVM counts whole MiB.",
        "GET /v1/statistics/vms NetworkTrafficCounterInMBs",
        MEBIBYTES,
        lambda one: one.network_traffic,
    ),
    Metric(
        "zerto_vm_statistics_timestamp_seconds",
        "Time at which the ZVM took the counters of the VM.",
        "GET /v1/statistics/vms SampleTime",
        TIMESTAMP,
        lambda one: timestamp(one.time),
    ),
    Metric(
        "zerto_vm_encrypted_bytes_total",
        ENCRYPTED_HELP,
        "GET /v1/statistics/vms EncryptionStatistics.EncryptedDataInLBs",
        SECTORS,
        lambda one: None if one.encryption is None else one.encryption.encrypted,
    ),
    Metric(
        "zerto_vm_unencrypted_bytes_total",
        UNENCRYPTED_HELP,
        "GET /v1/statistics/vms EncryptionStatistics.UnencryptedDataInLBs",
        SECTORS,
        lambda one: None if one.encryption is None else one.encryption.unencrypted,
    ),
    attributes={"role": lambda one: one.vm.role},
)

DECODER: Decoder[Statistics] = Decoder(Statistics)


class Names:
    """The VMs that one ZVM is known to have, by the identifiers of VM and VPG.

    They are remembered where the answers of the VMs fail for long: a counter must not change its labels for that.
    """

    def __init__(self) -> None:
        self._of: Sequence[vms.Known] = ()
        self._by_key: dict[tuple[str, str], vms.Known] = {}

    def learn(self, known: Sequence[vms.Known]) -> None:
        """Know the VMs *known*; none at all says nothing."""
        if known and known is not self._of:
            self._of, self._by_key = known, vms.by_key(known)

    @property
    def who(self) -> Callable[[tuple[str, str]], vms.Known | None]:
        """What tells whose identifiers those are, None for a VM that is not among those known.

        While none is known at all, each is called by its identifiers alone.
        """
        return self._by_key.get if self._by_key else _unnamed


def _unnamed(key: tuple[str, str]) -> vms.Known:
    return vms.Known(*key, "", "", "")


def begin(source: Source) -> Fetch[OfVm]:
    """Return what asks *source* for the statistics of the VMs that it is known to have."""
    names = Names()

    async def fetch() -> Decoded[OfVm]:
        decoded = await source.get(PATH, DECODER)
        names.learn(source.rows("vms"))
        who = names.who
        rows: list[OfVm] = []
        for start in range(0, len(decoded.rows), _AT_ONCE):
            rows += [
                OfVm(vm, one.operations, one.written, one.synchronized, one.network_traffic, one.time, one.encryption)
                for one in decoded.rows[start : start + _AT_ONCE]
                if (vm := who((one.id, one.vpg_id))) is not None
            ]
            await asyncio.sleep(0)
        return Decoded(rows, decoded.lost)

    return fetch


COLLECTOR: Collector[OfVm] = Collector(
    "statistics",
    "Statistics of VMs",
    PATH,
    (TABLE,),
    begin,
    chosen_by={"vpg": LABELS["vpg"], "vm": LABELS["vm"], "role": TABLE.attributes["role"]},
    rank=2,
    keeps=lambda one: one.encryption is not None,
    needs=("vms",),
)
