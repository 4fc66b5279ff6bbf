"""The command `show`: who is asked for what, and what of it goes to standard output and to standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from exporter.collectors.vms import Vm
from exporter.config import Config
from exporter.config.words import did_you_mean
from exporter.show import alerts, choice, points, vms, vpgs, vras
from exporter.show.estate import Asked, Estate
from exporter.show.formats import as_csv, as_json
from exporter.show.progress import waiting
from exporter.show.rows import Column, Found, Resource, Row, text
from exporter.show.table import Page, table
from exporter.show.text import harmless
from exporter.zvm.slots import Slots

LISTS: Final[Mapping[str, Resource]] = {
    "vms": vms.RESOURCE,
    "vpgs": vpgs.RESOURCE,
    "vras": vras.RESOURCE,
    "alerts": alerts.RESOURCE,
}

_ZVM: Final = Column("ZVM", text("zvm"))


@dataclass(frozen=True)
class Query:
    """What is asked for: a *resource*, of the *zvms* named (all, where none is), at most *limit* rows.

    *filters* have the API's names. For points in time: of *vm*, in *vpg*, of the last *since* seconds.
    """

    resource: str
    zvms: Sequence[str] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    form: str = "table"
    limit: int | None = None
    vm: str = ""
    vpg: str | None = None
    since: float | None = None


@dataclass(frozen=True)
class Told:
    """What goes to standard output, the lines for standard error, and the exit code."""

    out: str = ""
    err: tuple[str, ...] = ()
    code: int = 0


async def show(config: Config, query: Query, page: Page) -> Told:
    """Return what the ZVMs of *config* answer to *query*, a table of it drawn for *page*.

    The code is 1 where it is not all that was asked for: a ZVM failed, a name is unknown or not unique.
    """
    known = {zvm.name: zvm for zvm in config.zvms}
    unknown = [name for name in query.zvms if name not in known]
    if unknown:
        lines = [_say(f"--zvm: no ZVM is configured as {name}{did_you_mean(name, known)}") for name in unknown]
        return Told("", tuple(lines), 1)
    zvms = [zvm for name, zvm in known.items() if not query.zvms or name in query.zvms]
    estate = Estate(zvms, Slots(config.max_answers))
    estate.notes += [
        f"{zvm.name}: the connection is not secure: {zvm.insecure}" for zvm in zvms if zvm.insecure and not zvm.loopback
    ]
    async with waiting(estate.words), estate:
        told = await (_points(estate, query, page) if query.resource == "points" else _list(estate, query, page))
    code = max(told.code, 1 if estate.complaints else 0)
    complaints = [f"{zvm}: {what}" for name in known for zvm, what in estate.complaints if zvm == name]
    return Told(told.out, (*map(_say, (*estate.notes, *complaints)), *told.err), code)


async def _list(estate: Estate, query: Query, page: Page) -> Told:
    resource = LISTS[query.resource]

    async def ask(asked: Asked) -> Found:
        configured = asked.config.filters if resource.configured else {}
        return await resource.ask(asked.source({**configured, **query.filters}))

    answers = await estate.each(ask)
    return _shown(estate, query, page, _View(resource.keys, resource.columns, resource.noun), answers)


async def _points(estate: Estate, query: Query, page: Page) -> Told:
    answers = await estate.each(lambda asked: choice.listed(asked.source({"vmName": query.vm})))
    found = choice.matching(answers, query.vm, query.vpg)
    if not found:  # by its identifier, or not as the ZVM spells it
        answers = await estate.each(lambda asked: choice.listed(asked.source({})), list(answers))
        found = choice.matching(answers, query.vm, query.vpg)
    if not found:
        return _unknown(query, answers)
    if len(found) > 1:
        what = f"{query.vm} is not unique, it may be any of {len(found)}"
        listed, _ = table(choice.COLUMNS, choice.rows(found), page)
        hint = "say which with --zvm, --vpg, or an identifier in the place of a name"
        return Told("", (_say(f"--vm: {what}; {hint}"), *listed.splitlines()), 1)
    (one,) = found
    asked = await estate.each(lambda zvm: points.ask(zvm.source({}), one.known, query.since), [one.zvm])
    told = _shown(estate, query, page, _View(points.KEYS, points.COLUMNS, points.NOUN), asked)
    if query.form != "table" or not any(answer.rows for answer in asked.values()):
        return told
    title = harmless(f"{one.known.name} in the VPG {one.known.vpg}, as {one.zvm} tells")
    return Told(f"{title}\n\n{told.out}", told.err, told.code)


def _unknown(query: Query, answers: Mapping[str, Sequence[Vm]]) -> Told:
    if not answers:
        return Told("", (), 1)
    of_name = choice.matching(answers, query.vm, None)
    if of_name:
        known = ", ".join(sorted({one.known.vpg for one in of_name}))
        return Told("", (_say(f"--vpg: {query.vm} is not in a VPG {query.vpg}; it is in {known}"),), 1)
    near = choice.near(answers, query.vm)
    meant = f"did you mean {', '.join(near)}?" if near else "`show vms` lists all"
    return Told("", (_say(f"--vm: no VM is called {query.vm} at {', '.join(answers)}; {meant}"),), 1)


def _together(estate: Estate, answers: Mapping[str, Found]) -> list[Row]:
    """Return the rows of all ZVMs, worst first; what could not be read is complained of."""
    rows: list[Row] = []
    for zvm, found in answers.items():
        for row in found.rows:
            row.record["zvm"] = zvm
        rows += found.rows
        if found.lost:
            lost = found.lost
            estate.complain(zvm, f"{lost.invalid_records} records could not be read in full: {lost.complaint}")
    return sorted(rows, key=lambda row: (row.level, *row.order, row.record["zvm"]))


@dataclass(frozen=True)
class _View:
    """How rows are shown: the keys of their records, the columns of a table, and what one and several are called."""

    keys: Sequence[str]
    columns: Sequence[Column]
    noun: tuple[str, str]


def _shown(estate: Estate, query: Query, page: Page, view: _View, answers: Mapping[str, Found]) -> Told:
    rows = _together(estate, answers)
    more = 0 if query.limit is None else max(len(rows) - query.limit, 0)
    err = [_say(f"{more} more {view.noun[min(more - 1, 1)]} beyond --limit")] if more else []
    shown = rows[: query.limit]
    records = [row.record for row in shown]
    if query.form == "json":
        return Told(as_json(records), tuple(err))
    if query.form == "csv":
        return Told(as_csv(view.keys, records), tuple(err))
    if not shown:
        # Nothing, said by those who failed, would look like safety.
        which = " that match" if query.filters or query.since is not None else ""
        return Told(f"no {view.noun[1]}{which} at {', '.join(map(harmless, answers))}\n" if answers else "")
    several = (_ZVM,) if len(estate.zvms) > 1 else ()
    drawn, left_out = table((*several, *view.columns), shown, page)
    if left_out:
        err.append(_say(f"no room for {', '.join(left_out)}: a wider terminal, or --format csv, has all"))
    return Told(drawn, tuple(err))


def _say(what: str) -> str:
    return f"zerto-exporter: {harmless(what)}"
