"""What VMs and VPGs have in common on the wire: who is protected, from where to where, and in which state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct, field

from exporter.collectors.base import Source
from exporter.collectors.enums import ENTITY, PRIORITY, STATUS, SUBSTATUS, Code, Enum, State
from exporter.collectors.fields import Link, NamedLink, Text
from exporter.prometheus.table import Labels, Value

_DESCRIBED: Final = 1000  # codes; there are fifty
_AT_ONCE: Final = 1000  # rows; more would hold up the event loop
_SENT: Final = attrgetter("status", "status_description", "substatus", "substatus_description")


class Entities(Struct, frozen=True, gc=False):
    """The kind of both sides of a protection."""

    protected: Code = field(name="Protected", default=None)
    recovery: Code = field(name="Recovery", default=None)


class Protection(Struct, kw_only=True, gc=False):
    """The fields that a VM repeats from its VPG, and both from their sites."""

    organization: Text = field(name="OrganizationName", default=None)
    zorg: NamedLink | None = field(name="Zorg", default=None)
    priority: Code = field(name="Priority", default=None)
    status: Code = field(name="Status", default=None)
    substatus: Code = field(name="SubStatus", default=None)
    status_description: Text = field(name="StatusDescription", default=None)
    substatus_description: Text = field(name="SubStatusDescription", default=None)
    protected_site: Link | None = field(name="ProtectedSite", default=None)
    recovery_site: Link | None = field(name="RecoverySite", default=None)
    protected_site_name: Text = field(name="ProtectedSiteName", default=None)
    recovery_site_name: Text = field(name="RecoverySiteName", default=None)
    source_site: Text = field(name="SourceSite", default=None)  # the names' older keys
    target_site: Text = field(name="TargetSite", default=None)
    entities: Entities | None = field(name="Entities", default=None)


ROLE: Labels[Protection] = {"role": lambda one: role(one.protected_site, one.recovery_site)}

INFO: Labels[Protection] = {
    "organization": lambda one: one.organization or ("" if one.zorg is None else str(one.zorg)),
    "priority": lambda one: PRIORITY.name(one.priority),
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


async def name_states(source: Source, rows: Sequence[Any]) -> None:
    """Give the states of *rows* the names and codes that the ZVM has for them.

    Raises:
        AuthError: as Source.names.
    """
    # One after the other: a third connection to each ZVM would be for them alone.
    statuses, substatuses = [
        _States(enum, await source.names(enum.path), source.described(enum.path)) for enum in (STATUS, SUBSTATUS)
    ]
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        # At each poll nearly every state stays as it is: which there are is found in C, and Python sets the others.
        named = {
            sent: (statuses.state(*sent[:2]), substatuses.state(*sent[2:])) for sent in dict.fromkeys(map(_SENT, some))
        }
        if any(status is not sent[0] or substatus is not sent[2] for sent, (status, substatus) in named.items()):
            for row in some:
                row.status, row.substatus = named[_SENT(row)]
        await asyncio.sleep(0)


class _States:
    """The states of one answer, each looked up once.

    A VM is not described, its VPG is: what is said of one is *described* and holds for the other from then on.
    """

    def __init__(self, enum: Enum, listed: tuple[str, ...], described: dict[int | str, str]) -> None:
        self._enum = enum
        self._described = described
        self._listed = enum.listed(listed)
        self._known: dict[tuple[Code, str | None], State] = {}

    def state(self, wire: Code, description: str | None) -> State:
        """Return what the ZVM means by *wire*, which it describes by *description*."""
        sent = (wire, description)
        if sent not in self._known:
            if wire is not None and description and (wire in self._described or len(self._described) < _DESCRIBED):
                self._described[wire] = description
            said = description or (None if wire is None else self._described.get(wire))
            self._known[sent] = self._enum.resolve(wire, self._listed, said)
        return self._known[sent]
