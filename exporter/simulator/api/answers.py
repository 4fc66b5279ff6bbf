"""A request under /v1 and the bytes of its answer.

Knows no fault and no login. The bytes of an answer are kept for the second that they are about, since several clients
may ask for the same 18 MB at once.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from exporter.simulator.api import xmlwire
from exporter.simulator.api.filters import BadFilterError, filtered
from exporter.simulator.api.orders import order_of
from exporter.simulator.api.registry import act_of, route_of
from exporter.simulator.api.routes import STRINGS, Answer, ApiError, Asked, Route
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.estate.site import LivingSite
from exporter.simulator.exchange import JSON, Payload

Generation = Literal["appliance", "windows"]
Change = Callable[[list[Any], Fields], Any]
"""What a fault makes of the documents of an answer, told what there is to know of their fields."""

XML = "application/xml"


@dataclass(frozen=True, slots=True)
class _Question:
    """A request as far as its answer depends on it; `second` is the unix second that it is about."""

    second: int
    path: str
    query: Mapping[str, str]
    media_type: str
    change: Change | None


class Api:
    """Answers for one site."""

    def __init__(self, site: LivingSite, generation: Generation) -> None:
        self._site = site
        self._appliance = generation == "appliance"
        self._kept: tuple[object, dict[object, Payload]] = (None, {})
        self._building = asyncio.Lock()

    async def answer(self, path: str, query: Mapping[str, str], media_type: str, change: Change | None) -> Payload:
        """The answer to a GET, built in a thread: an event loop shared with a client is not held up by it."""
        if change is not None or _passing(path):
            return await asyncio.to_thread(self._build, _Question(self._site.second, path, query, media_type, change))
        # One at a time: who comes while the same answer is being built finds it ready afterwards.
        async with self._building:
            second = self._site.second
            if self._kept[0] != (second, self._site.revision):
                self._kept = ((second, self._site.revision), {})
            kept = self._kept[1]
            key = (path.lower(), tuple(sorted(query.items())), media_type)
            if key not in kept:
                kept[key] = await asyncio.to_thread(self._build, _Question(second, path, query, media_type, None))
            return kept[key]

    def act(
        self, method: str, path: str, query: Mapping[str, str], ordered: tuple[str, bytes | None]
    ) -> Payload | None:
        """The answer to a request that does something, ordered by a user and with a body; None where it does nothing.

        A path that does something by another method only is 405, a body (None) that is no JSON 415.
        """
        found = act_of(path)
        if found is None:
            return None
        act, ids = found
        methods = act.methods(appliance=self._appliance)
        if method not in methods:
            return Payload(405, headers={"Allow": ", ".join(methods)})
        user, body = ordered
        if body is None:
            return ApiError(415, "Exception occurred in API: the body is to be application/json.").payload
        try:
            task = act.do(order_of(self._site, user, ids, query, body if method == "POST" else b""))
        except ApiError as error:
            return error.payload
        return Payload(200, msgspec.json.encode(task))

    def _build(self, asked: _Question) -> Payload:
        try:
            route, ids = route_of(asked.path)
            query = {name.lower(): value for name, value in asked.query.items()}
            answer = route.answer(Asked(self._site, asked.second, self._appliance, query, ids))
            if isinstance(answer, list):
                answer = filtered(answer, query, route.filters)
        except ApiError as error:
            return error.payload
        except BadFilterError as problem:
            return ApiError(400, f"Exception occurred in API: {problem}").payload
        return _encoded(route, answer, asked.media_type, asked.change)


def _passing(path: str) -> bool:
    try:
        return route_of(path)[0].passing
    except ApiError:
        return False


def media_type_for(accept: str) -> str:
    """JSON, unless an XML type comes first among those of the header that a ZVM knows."""
    for entry in accept.lower().split(","):
        kind = entry.partition(";")[0].strip()
        if kind in {XML, "text/xml"}:
            return kind
        if kind == JSON:
            return JSON
    return JSON


def _encoded(route: Route, made: Answer, media_type: str, change: Change | None) -> Payload:
    answer: Any = made
    if change is not None and route.kind != STRINGS:
        answer = change(_own(made if isinstance(made, list) else [made]), route.fields)
        # A fault that leaves a list of one was about the record, any other about the shape.
        if not isinstance(made, list) and isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
    if media_type == JSON:
        return Payload(200, msgspec.json.encode(answer))
    return Payload(200, _xml(route, answer, listed=isinstance(made, list)), media_type)


def _xml(route: Route, answer: Any, *, listed: bool) -> bytes:
    if route.kind == STRINGS:
        return xmlwire.strings(answer)
    if listed and isinstance(answer, list):
        return xmlwire.array_of(route.kind, answer, route.fields)
    return xmlwire.single(route.kind, answer, route.fields)


def _own(documents: list[Any]) -> list[Any]:
    """Documents that share nothing, for a fault to change."""
    copies: list[Any] = msgspec.json.decode(msgspec.json.encode(documents))
    return copies
