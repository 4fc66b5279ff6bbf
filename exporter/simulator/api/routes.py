"""What a file of a resource declares: the paths that it answers, and a function for each that makes the answer.

    ROUTES: Final = (Route("/v1/things/{id}", "ThingApi", _thing), names("/v1/things/statuses", STATUSES))

`registry` finds the tuple; JSON, XML, the query, faults and both kinds of login are the same for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from exporter.simulator.api.filters import Filter
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.site import LivingSite
from exporter.simulator.exchange import message

Document = dict[str, Any]

STRINGS: Final = "string"
"""The kind of an answer that is a list of bare strings."""


class ApiError(Exception):
    """The request has no answer but an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.payload = message(status, text)


@dataclass(frozen=True, slots=True)
class Asked:
    """A GET as far as its answer depends on it.

    `second` is the unix second that the answer is about, `appliance` False asks for the fields of a Windows ZVM up to
    9.7; `query` has its names in lower case, `ids` are what stands in the path for each {name} of the template.
    """

    site: LivingSite
    second: int
    appliance: bool
    query: Mapping[str, str]
    ids: Mapping[str, str]


Answer = list[Document] | Document | tuple[str, ...] | str


@dataclass(frozen=True, slots=True)
class Route:
    """One path template under /v1, such as /v1/vpgs/{id}/checkpoints/stats.

    `kind` is the type's name, which XML says; for names of an enumeration it is STRINGS. `answer` gives a list of
    documents, one document, names, or one text; documents may share parts, since they are encoded and never changed. It
    raises ApiError where a ZVM of that generation has no such thing. `filters` are those parameters of the query that
    choose among the documents of a list, in lower case; `fields` tells what JSON does not. An answer that is `passing`
    is another one within the same second.
    """

    path: str
    kind: str
    answer: Callable[[Asked], Answer]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    fields: Fields = field(default_factory=Fields)
    passing: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path between the slashes."""
        return tuple(self.path.strip("/").split("/"))

    def ids(self, segments: list[str]) -> dict[str, str] | None:
        """What a path, in segments, has at the places of the template's {names}; None if it is another path."""
        return path_ids(self.path, segments)


def path_ids(template: str, segments: list[str]) -> dict[str, str] | None:
    """What a path, in segments, has at the places of a template's {names}; None if it is another path."""
    wanted = template.strip("/").split("/")
    if len(wanted) != len(segments):
        return None
    found: dict[str, str] = {}
    for part, segment in zip(wanted, segments, strict=True):
        if part.startswith("{"):
            found[part[1:-1]] = segment
        elif part.lower() != segment.lower():
            return None
    return found


def names(path: str, values: tuple[str, ...]) -> Route:
    """The route of an enumeration's names, in the order of their codes."""
    return Route(path, STRINGS, lambda _: values)
