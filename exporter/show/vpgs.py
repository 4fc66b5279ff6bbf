"""`show vpgs`: in the order of the landing page, those that need attention first."""

from __future__ import annotations

from math import inf
from typing import Final

from exporter.collectors import vpgs
from exporter.collectors.base import Source, Trouble
from exporter.collectors.fields import calculated
from exporter.collectors.protection import STATE
from exporter.collectors.troubles import in_transit
from exporter.collectors.vpgs import Vpg
from exporter.readable import local, size, span
from exporter.show.rows import Column, Found, Level, Plainly, Resource, Row, number, sites, state, text

_PLAINLY: Final = Plainly(vpgs.TABLE, "zerto_vpg_")


async def ask(source: Source) -> Found:
    """Return the VPGs of *source*."""
    decoded = await vpgs.begin(source)()
    told = vpgs.troubles(decoded.rows)
    troubles = {**told.own, **told.others}
    return Found([_row(vpg, troubles[vpg.id]) for vpg in decoded.rows], decoded.lost)


def _row(vpg: Vpg, trouble: Trouble | None) -> Row:
    if trouble is not None:
        return Row(Level(trouble.level), trouble.order[1:], _PLAINLY.record(vpg, trouble.why))
    moving = in_transit(STATE["status"](vpg), STATE["substatus"](vpg))
    rpo = calculated(vpg.actual_rpo)
    order = (-(inf if rpo is None else rpo), 0.0, vpg.name or "")
    return Row(Level.ON_THE_WAY if moving else Level.FINE, order, _PLAINLY.record(vpg, ()))


RESOURCE: Final = Resource(
    ("VPG", "VPGs"),
    _PLAINLY.keys,
    (
        Column("VPG", text("vpg"), least=32),
        Column("State", state, least=20, signal=True),
        Column("Trouble", text("trouble"), least=14, signal=True),
        Column("RPO", number("actual_rpo_seconds", span), right=True, signal=True),
        Column("Target", number("configured_rpo_seconds", span), rank=1, right=True),
        Column("History", number("history_seconds", span), rank=2, right=True),
        Column("Promised", number("configured_history_seconds", span), rank=3, right=True),
        Column("VMs", number("vms", lambda count: f"{count:.0f}"), rank=5, right=True),
        Column("Role", text("role"), rank=4),
        Column(
            "Progress",
            number("progress_ratio", lambda ratio: f"{100 * ratio:.0f} %" if ratio else ""),
            rank=6,
            right=True,
        ),
        Column("Used", number("used_storage_bytes", size), rank=8, right=True),
        Column("Sites", sites, rank=7, least=16),
        Column("Last test", number("last_test_timestamp_seconds", local), rank=9),
    ),
    ask,
    configured=True,
)
