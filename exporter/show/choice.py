"""Which VM is meant by a name: found, ambiguous, or unknown with names that are near."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.collectors import vms
from exporter.collectors.base import Source
from exporter.collectors.protection import INFO, ROLE
from exporter.collectors.vms import Known, Vm
from exporter.show.rows import Column, Level, Record, Row, text

_NEAR: Final = 5  # names that are suggested
_ROLES: Final = {"local": 0, "recovery": 1}  # who has the journal is asked first


@dataclass(frozen=True)
class Candidate:
    """A VM in a VPG as a ZVM knows it."""

    zvm: str
    known: Known
    organization: str


async def listed(source: Source) -> list[Vm]:
    """Return the VMs of *source*."""
    return (await source.get(vms.PATH, vms.DECODER, source.filters)).rows


def matching(answers: Mapping[str, Sequence[Vm]], vm: str, vpg: str | None) -> list[Candidate]:
    """Return who is meant by *vm* and *vpg*, each a name or an identifier; each VM in a VPG once.

    Two ZVMs know a VM that one protects and the other recovers. The one that has its journal is named.
    """
    known = [_candidate(zvm, one) for zvm, rows in answers.items() for one in rows]
    found = [one for one in known if _is(vm, one.known.name, one.known.id)]
    exact = [one for one in found if vm in {one.known.name, one.known.id}]
    found = [one for one in exact or found if vpg is None or _is(vpg, one.known.vpg, one.known.vpg_id)]
    found.sort(key=lambda one: _ROLES.get(one.known.role, 2))
    once: dict[tuple[str, str], Candidate] = {}
    for one in found:
        once.setdefault((one.known.id, one.known.vpg_id), one)
    return sorted(once.values(), key=lambda one: (one.known.vpg, one.zvm, one.known.id))


def near(answers: Mapping[str, Sequence[Vm]], vm: str) -> list[str]:
    """Return the names that may be meant by *vm*: those that it is a part of, then those that are spelled like it."""
    names = {one.name: None for rows in answers.values() for one in rows if one.name}
    wanted = vm.casefold()
    parts = sorted((name for name in names if wanted in name.casefold()), key=lambda name: (len(name), name))
    folded = {name.casefold(): name for name in names}
    spelled = [folded[name] for name in difflib.get_close_matches(wanted, folded, n=_NEAR)]
    return list(dict.fromkeys([*parts, *spelled]))[:_NEAR]


def rows(candidates: Sequence[Candidate]) -> list[Row]:
    """Return *candidates* as rows with what tells them apart."""
    records: list[Record] = [
        {
            "zvm": one.zvm,
            "vm": one.known.name,
            "vpg": one.known.vpg,
            "role": one.known.role,
            "organization": one.organization,
            "vm_id": one.known.id,
            "vpg_id": one.known.vpg_id,
        }
        for one in candidates
    ]
    return [Row(Level.FINE, (), record) for record in records]


COLUMNS: Final = (
    Column("ZVM", text("zvm")),
    Column("VM", text("vm"), least=24),
    Column("VPG", text("vpg"), least=24),
    Column("Role", text("role"), rank=2),
    Column("Organization", text("organization"), rank=1, least=24),
    Column("Identifier of the VM", text("vm_id"), least=20),
    Column("Identifier of the VPG", text("vpg_id"), least=20),
)


def _candidate(zvm: str, vm: Vm) -> Candidate:
    known = Known(vm.id, vm.vpg_id, vm.name or "", vm.vpg or "", ROLE["role"](vm))
    return Candidate(zvm, known, INFO["organization"](vm))


def _is(wanted: str, name: str, identifier: str) -> bool:
    return wanted == identifier or wanted.casefold() == name.casefold()
