"""`show vms`: each VM in each VPG; those that are not replicated first, then those whose promise is broken."""

from __future__ import annotations

from math import inf
from typing import Final

from exporter.collectors import vms
from exporter.collectors.base import Promise, Source
from exporter.collectors.fields import calculated
from exporter.collectors.protection import INFO, STATE
from exporter.collectors.troubles import in_transit, trouble
from exporter.collectors.vms import Vm
from exporter.readable import local, size, span
from exporter.show.rows import Column, Found, Level, Plainly, Record, Resource, Row, number, sites, state, text

_PLAINLY: Final = Plainly(vms.TABLE, "zerto_vm_")


async def ask(source: Source) -> Found:
    """Return the VMs of *source*."""
    decoded = await vms.begin(source)()
    return Found([_row(vm) for vm in decoded.rows], decoded.lost)


def _row(vm: Vm) -> Row:
    status, substatus = STATE["status"](vm), STATE["substatus"](vm)
    rpo = calculated(vm.actual_rpo)
    found = trouble(vm.vpg or "", INFO["organization"](vm), status, substatus, Promise(rpo), Promise())
    moving = in_transit(status, substatus)
    level = Level(found.level) if found else Level.ON_THE_WAY if moving else Level.FINE
    why = list(found.why) if found else []
    if vm.exists is False:
        level, why = min(level, Level.BROKEN), [*why, "gone from the hypervisor"]
    order = (-(inf if rpo is None else rpo), vm.vpg or "", vm.name or "", vm.id)
    return Row(level, order, _PLAINLY.record(vm, why))


def _journal(record: Record) -> str:
    """Return what the journal uses of its limit, which is told in bytes or as a share of what the VM has."""
    used, most, share = (record[f"journal_{key}"] for key in ("used_bytes", "hard_limit_bytes", "hard_limit_ratio"))
    provisioned = record["provisioned_storage_bytes"]
    if not isinstance(used, int | float):
        return ""
    if isinstance(share, int | float) and isinstance(provisioned, int | float):
        most = share * provisioned
    return f"{size(used)} of {size(most)}" if isinstance(most, int | float) else size(used)


RESOURCE: Final = Resource(
    ("VM", "VMs"),
    _PLAINLY.keys,
    (
        Column("VM", text("vm"), least=32),
        Column("VPG", text("vpg"), least=32),
        Column("State", state, least=17, signal=True),
        Column("Trouble", text("trouble"), least=14, signal=True),
        Column("RPO", number("actual_rpo_seconds", span), right=True, signal=True),
        Column("Role", text("role"), rank=5),
        Column("Journal", _journal, rank=6, right=True),
        Column("IOPS", number("iops", lambda count: f"{count:.0f}"), rank=7, right=True),
        Column("Writes", number("throughput_bytes_per_second", lambda rate: f"{size(rate)}/s"), rank=8, right=True),
        Column("Sites", sites, rank=9, least=16),
        Column("Last test", number("last_test_timestamp_seconds", local), rank=10),
    ),
    ask,
    configured=True,
)
