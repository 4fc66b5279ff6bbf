"""What VMs and VPGs have in common on the wire: who is protected, from where to where, and in which state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from msgspec import Struct, field

from exporter.collectors.enums import ENTITY, PRIORITY, STATUS, SUBSTATUS, Code
from exporter.collectors.wire import Link, Text
from exporter.exposition import Labels, Value
from exporter.zvm.client import Zvm

_AT_ONCE: Final = 1000  # rows; more would hold up the event loop


class Entities(Struct, frozen=True, gc=False):
    """The kind of both sides of a protection."""

    protected: Code = field(name="Protected", default=None)
    recovery: Code = field(name="Recovery", default=None)


class Protection(Struct, kw_only=True, gc=False):
    """The fields that a VM repeats from its VPG, and both from their sites."""

    organization: Text = field(name="OrganizationName", default=None)
    priority: Code = field(name="Priority", default=None)
    status: Code = field(name="Status", default=None)
    substatus: Code = field(name="SubStatus", default=None)
    protected_site: Link | None = field(name="ProtectedSite", default=None)
    recovery_site: Link | None = field(name="RecoverySite", default=None)
    protected_site_name: Text = field(name="ProtectedSiteName", default=None)
    recovery_site_name: Text = field(name="RecoverySiteName", default=None)
    source_site: Text = field(name="SourceSite", default=None)  # the names' older keys
    target_site: Text = field(name="TargetSite", default=None)
    entities: Entities | None = field(name="Entities", default=None)


INFO: Labels[Protection] = {
    "organization": lambda one: one.organization or "",
    "priority": lambda one: PRIORITY.name(one.priority),
    "role": lambda one: role(one.protected_site, one.recovery_site),
    "protected_site": lambda one: one.protected_site_name or one.source_site or "",
    "protected_site_id": lambda one: "" if one.protected_site is None else one.protected_site.identifier or "",
    "recovery_site": lambda one: one.recovery_site_name or one.target_site or "",
    "recovery_site_id": lambda one: "" if one.recovery_site is None else one.recovery_site.identifier or "",
    "protected_type": lambda one: "" if one.entities is None else ENTITY.name(one.entities.protected),
    "recovery_type": lambda one: "" if one.entities is None else ENTITY.name(one.entities.recovery),
}

STATE: Labels[Protection] = {
    "status": lambda one: STATUS.name(one.status),
    "substatus": lambda one: SUBSTATUS.name(one.substatus),
}


def has_state(one: Protection) -> Value:
    """Return 1 where the ZVM sent a state, else None."""
    return None if one.status is None and one.substatus is None else 1


def role(protected: Link | None, recovery: Link | None) -> str:
    """Tell what the answering ZVM is to an object: its site's links say whose each side is."""
    protects = protected is not None and protected.type == "LocalSiteApi"
    recovers = recovery is not None and recovery.type == "LocalSiteApi"
    if protects and recovers:
        return "local"
    return "protected" if protects else "recovery" if recovers else ""


async def name_states(zvm: Zvm, rows: Sequence[Any]) -> None:
    """Give each state that our tables lack the name that the ZVM has for it, asking it only where one is met.

    Raises:
        AuthError: as Zvm.names.
    """
    for enum, key in ((STATUS, "status"), (SUBSTATUS, "substatus")):
        strange = [row async for row in _with_pauses(rows, _AT_ONCE) if not enum.knows(getattr(row, key))]
        if strange and enum.path is not None:
            listed = await zvm.names(enum.path)
            # A name is looked for in the whole list, which a broken ZVM can make a hundred times as long.
            async for row in _with_pauses(strange, _AT_ONCE // 100):
                setattr(row, key, enum.named(getattr(row, key), listed))


async def _with_pauses(rows: Sequence[Any], at_once: int) -> AsyncIterator[Any]:
    for start in range(0, len(rows), at_once):
        for row in rows[start : start + at_once]:
            yield row
        await asyncio.sleep(0)
