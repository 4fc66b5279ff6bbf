"""What a query of `/metrics` or `/probe` asks for; what it cannot ask for is refused by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aiohttp import web
from multidict import MultiMapping

Query = MultiMapping[str]


def refuse_unknown(query: Query, known: Collection[str]) -> None:
    """Refuse a *query* with a parameter that is not *known*: a typo would ask for everything.

    Raises:
        web.HTTPBadRequest: it has one.
    """
    for name in query:
        if name not in known:
            raise web.HTTPBadRequest(text=f"{name!r} is no parameter here; known are {', '.join(known)}\n")


def asked(parameter: str, query: Query, known: Sequence[str]) -> Sequence[str]:
    """Return the values of a *parameter*, all that are *known* where it is not given.

    Raises:
        web.HTTPBadRequest: one is not known.
    """
    given = query.getall(parameter, None)
    for name in given or ():
        if name not in known:
            raise web.HTTPBadRequest(text=f"{parameter}: {name!r} is not known; known are {', '.join(known)}\n")
    return known if given is None else given


def collectors(query: Query, usual: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Return the *known* collectors of `collect[]`, or the *usual* ones without those of `exclude[]`.

    Raises:
        web.HTTPBadRequest: one is not known, or both are given.
    """
    if "exclude[]" not in query:
        return asked("collect[]", query, known) if "collect[]" in query else usual
    if "collect[]" in query:
        raise web.HTTPBadRequest(text="collect[] and exclude[]: give one of them, not both\n")
    excluded = asked("exclude[]", query, known)
    return [name for name in usual if name not in excluded]
