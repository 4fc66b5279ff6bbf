"""`show vras`: those first that protect and recover nothing, then those that are about to."""

from __future__ import annotations

from typing import Final

from exporter.collectors import vras
from exporter.collectors.base import Source
from exporter.collectors.enums import ALERT_STATUS
from exporter.collectors.vras import UPGRADE_STATUS, Vra
from exporter.readable import size
from exporter.show.rows import Column, Found, Level, Plainly, Record, Resource, Row, number, text

_PLAINLY: Final = Plainly(vras.TABLE, "zerto_vra_")

# What is in none of these protects and recovers nothing until somebody acts, or is of a version to come.
_GOOD: Final = "Installed"
_ON_THE_WAY: Final = frozenset({"Installing", "Removing", "UpdatingIpSettings", "DuringChangeHost"})
_HALTED: Final = {
    "NotInstalled": "not installed",
    "InstallationError": "its installation failed",
    "UnsupportedEsxVersion": "its host has a version that Zerto does not support",
    "HostPasswordChanged": "the password of its host was changed",
}


async def ask(source: Source) -> Found:
    """Return the VRAs of *source*."""
    decoded = await source.get(vras.PATH, vras.DECODER, source.filters)
    await vras.name_states(source, decoded.rows)
    return Found([_row(vra) for vra in decoded.rows], decoded.lost)


def _row(vra: Vra) -> Row:
    found = _troubles(vra)
    on_the_way = vras.STATUS.name(vra.status) in _ON_THE_WAY
    level = min((level for level, _ in found), default=Level.ON_THE_WAY if on_the_way else Level.FINE)
    return Row(level, (-_load(vra), vra.name or "", vra.id), _PLAINLY.record(vra, [why for _, why in found]))


def _troubles(vra: Vra) -> list[tuple[Level, str]]:
    status = vras.STATUS.name(vra.status)
    found: list[tuple[Level, str]] = []
    if vra.ghost:
        found.append((Level.HALTED, "a ghost: its host is gone"))
    if status in _HALTED:
        found.append((Level.HALTED, _HALTED[status]))
    elif status == "HostInMaintenanceMode":
        load = _load(vra)
        whose = f", with {load:.0f} VMs on it" if load else ""
        found.append((Level.BROKEN if load else Level.ON_THE_WAY, f"its host is in maintenance{whose}"))
    elif status != _GOOD and status not in _ON_THE_WAY:
        found.append((Level.UNKNOWN, f"state {status}" if status else "state not known"))
    if UPGRADE_STATUS.name(vra.upgrade_status) == "UpgradeFailed":
        found.append((Level.BROKEN, "its upgrade failed"))
    alert = "" if vra.alerts is None else ALERT_STATUS.name(vra.alerts.status)
    if alert in {"Warning", "Error"}:
        found.append((Level.BROKEN if alert == "Error" else Level.UNKNOWN, f"alert of level {alert}"))
    return found


def _load(vra: Vra) -> float:
    """Return how many VMs go by way of it."""
    return sum(side.vms or 0 for side in (vra.protected, vra.recovery) if side is not None)


def _count(key: str) -> Column:
    titles = {"protected_vms": "Protects", "recovery_vms": "Recovers"}
    return Column(titles[key], number(key, lambda count: f"{count:.0f}"), rank=2, right=True)


def _host(record: Record) -> str:
    return str(record["host"] or record["host_id"] or "")


RESOURCE: Final = Resource(
    ("VRA", "VRAs"),
    _PLAINLY.keys,
    (
        Column("VRA", text("vra"), least=32),
        Column("Host", _host, rank=1, least=24),
        Column("State", text("status"), least=12, signal=True),
        Column("Trouble", text("trouble"), least=18, signal=True),
        _count("protected_vms"),
        _count("recovery_vms"),
        Column("Version", text("version"), rank=3),
        Column("IP", text("ip"), rank=4),
        Column("Memory", number("memory_bytes", size), rank=5, right=True),
        Column("CPUs", number("cpu_cores", lambda count: f"{count:.0f}"), rank=6, right=True),
        Column("Group", text("group"), rank=7, least=10),
        Column("Datastore", text("datastore"), rank=8, least=12),
        Column("Network", text("network"), rank=9, least=12),
    ),
    ask,
)
