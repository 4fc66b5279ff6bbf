"""The query parameters of a list: what a resource makes its filters of, and how a query is applied.

Names in any case; enumerations by number or by name in any case; other values in any case; a parameter that is not
known is ignored without a word, as real servers do. What a real server does with a value of no sense is not
documented; here it is an error.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from exporter.simulator.api.codes import ENTITY_TYPES, PRIORITIES, STATUSES, SUBSTATUSES, code_of

Document = dict[str, Any]
Test = Callable[[Document], bool]
Filter = Callable[[str], Test]
"""Takes the value of a parameter, gives what tells the documents that it leaves."""


_MILLISECONDS: Final = re.compile(r"(?:/Date\()?(-?\d{5,})(?:[+-]\d{4}\)/|\)/)?")


class BadFilterError(ValueError):
    """A parameter's value means nothing."""


def text(*path: str) -> Filter:
    """Text in any case, found at that path of keys."""

    def build(value: str) -> Test:
        wanted = value.lower()
        return lambda document: str(_at(document, path)).lower() == wanted

    return build


def exact(*path: str) -> Filter:
    """Text in its own case, found at that path of keys."""
    return lambda value: lambda document: bool(_at(document, path) == value)


def code(names: tuple[str, ...], *path: str) -> Filter:
    """A code of those names, found at that path of keys."""

    def build(value: str) -> Test:
        wanted = code_of(names, value)
        return lambda document: bool(_at(document, path) == wanted)

    return build


def flag(key: str) -> Filter:
    """True or false."""

    def build(value: str) -> Test:
        wanted = boolean(value)
        return lambda document: bool(document[key]) is wanted

    return build


def among(key: str) -> Filter:
    """An identifier in any case, of one of the links in the list of that key."""

    def build(value: str) -> Test:
        wanted = value.lower()
        return lambda document: any(link["identifier"].lower() == wanted for link in document[key])

    return build


def since(key: str) -> Filter:
    """A date, or a later one."""

    def build(value: str) -> Test:
        least = moment(value)
        return lambda document: moment(document[key]) >= least

    return build


def until(key: str) -> Filter:
    """A date, or an earlier one."""

    def build(value: str) -> Test:
        most = moment(value)
        return lambda document: moment(document[key]) <= most

    return build


def moment(text: str) -> float:
    """The unix second of a date: ISO 8601 or a beginning of it, milliseconds of the epoch, or as Microsoft writes it.

    Raises:
        ValueError: it is none of these.
    """
    milliseconds = _MILLISECONDS.fullmatch(text)
    if milliseconds:
        return int(milliseconds[1]) / 1000
    date = datetime.fromisoformat(text)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def either(first: Filter, second: Filter) -> Filter:
    """What one or the other lets pass."""

    def build(value: str) -> Test:
        one, other = first(value), second(value)
        return lambda document: one(document) or other(document)

    return build


def _at(document: Document, path: tuple[str, ...]) -> Any:
    found: Any = document
    for key in path:
        found = found[key] if found is not None else None
    return found


def boolean(value: str) -> bool:
    """Read true or false, in any case.

    Raises:
        BadFilterError: anything else.
    """
    match value.strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise BadFilterError(f"'{value}' is neither true nor false")


def filtered(documents: list[Document], asked: Mapping[str, str], known: Mapping[str, Filter]) -> list[Document]:
    """The documents that every parameter of the query lets pass. Raises BadFilterError."""
    for name, value in asked.items():
        # A parameter without a value filters nothing.
        if name not in known or not value:
            continue
        try:
            passes = known[name](value)
        except BadFilterError:
            raise
        except ValueError as problem:
            raise BadFilterError(f"'{value}' is not a value of {name}") from problem
        documents = [document for document in documents if passes(document)]
    return documents


OF_GROUPS: Final[dict[str, Filter]] = {
    "status": code(STATUSES, "Status"),
    "substatus": code(SUBSTATUSES, "SubStatus"),
    "priority": code(PRIORITIES, "Priority"),
    "organizationname": text("OrganizationName"),
    "protectedsitetype": code(ENTITY_TYPES, "Entities", "Protected"),
    "recoverysitetype": code(ENTITY_TYPES, "Entities", "Recovery"),
    "protectedsiteidentifier": text("ProtectedSite", "identifier"),
    "recoverysiteidentifier": text("RecoverySite", "identifier"),
    "sourcetype": code(ENTITY_TYPES, "Entities", "Protected"),
    "targettype": code(ENTITY_TYPES, "Entities", "Recovery"),
    # The old names took a site's name; the document sends their readers to the identifiers. Either is found.
    "sourcesite": either(text("ProtectedSite", "identifier"), text("SourceSite")),
    "targetsite": either(text("RecoverySite", "identifier"), text("TargetSite")),
}
"""The parameters that /v1/vms and /v1/vpgs have in common."""
