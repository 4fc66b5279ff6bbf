"""The GET endpoints under /v1: which documents a path and a query stand for, and their bytes.

Knows no fault and no login. The bytes of an answer are kept for the second that they are about, since several clients
may ask for the same 18 MB at once.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from exporter.simulator.api import xmlwire
from exporter.simulator.api.codes import ENTITY_TYPES, PRIORITIES, STATUSES, SUBSTATUSES
from exporter.simulator.api.filters import BadFilterError, filter_vms, filter_vpgs
from exporter.simulator.api.sites import local_site, peer_sites
from exporter.simulator.estate.estate import Estate
from exporter.simulator.exchange import JSON, Payload, message

Generation = Literal["appliance", "windows"]
Mutation = Callable[[list[Any]], Any]
Change = Mutation | None
"""What a fault makes of the documents of an answer, if anything."""

XML = "application/xml"

_NAMES = {
    "statuses": STATUSES,
    "substatuses": SUBSTATUSES,
    "priorities": PRIORITIES,
    "entitytypes": ENTITY_TYPES,
}


@dataclass(frozen=True, slots=True)
class _Question:
    """A request as far as its answer depends on it; `second` is the unix second that it is about."""

    second: int
    path: str
    query: Mapping[str, str]
    media_type: str
    change: Change


class ApiError(Exception):
    """The request has no answer but an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.payload = message(status, text)


class Api:
    """Answers for one estate."""

    def __init__(self, estate: Estate, generation: Generation) -> None:
        self._estate = estate
        self._appliance = generation == "appliance"
        self._kept: tuple[object, dict[object, Payload]] = (None, {})
        self._building = asyncio.Lock()

    async def answer(self, path: str, query: Mapping[str, str], media_type: str, change: Change) -> Payload:
        """The answer to a GET, built in a thread: an event loop shared with a client is not held up by it."""
        if change is not None:
            return await asyncio.to_thread(self._build, _Question(self._estate.second, path, query, media_type, change))
        # One at a time: who comes while the same answer is being built finds it ready afterwards.
        async with self._building:
            second = self._estate.second
            if self._kept[0] != (second, self._estate.revision):
                self._kept = ((second, self._estate.revision), {})
            kept = self._kept[1]
            key = (path.lower(), tuple(sorted(query.items())), media_type)
            if key not in kept:
                kept[key] = await asyncio.to_thread(self._build, _Question(second, path, query, media_type, None))
            return kept[key]

    def _build(self, asked: _Question) -> Payload:
        try:
            return self._routed(asked)
        except ApiError as error:
            return error.payload

    def _routed(self, asked: _Question) -> Payload:
        path, query, media_type, change = asked.path, asked.query, asked.media_type, asked.change
        segments = [segment for segment in path.split("/") if segment]
        match [segment.lower() for segment in segments[:2]], segments[2:]:
            case ["v1", "vms"], []:
                payload = _list("VmApi", self._vms(asked.second, query), media_type, change)
            case ["v1", "vms"], [identifier]:
                payload = _single("VmApi", self._vm(asked.second, identifier, query), media_type, change)
            case ["v1", "vpgs"], []:
                payload = _list("VpgApi", self._vpgs(asked.second, query), media_type, change)
            case ["v1", "vpgs"], [word] if word.lower() in _NAMES:
                payload = _strings(list(_NAMES[word.lower()]), media_type)
            case ["v1", "vpgs"], [identifier]:
                payload = _single("VpgApi", self._vpg(asked.second, identifier), media_type, change)
            case ["v1", "localsite"], []:
                here = local_site(self._estate.here, appliance=self._appliance)
                payload = _single("LocalSiteApi", here, media_type, change)
            case ["v1", "peersites"], []:
                peers = peer_sites([self._estate.peer], self._estate.here)
                payload = _list("PeerSiteApi", peers, media_type, change)
            case _:
                raise ApiError(404, f"No HTTP resource was found that matches the request URI '{path}'.")
        return payload

    def _vms(self, second: int, query: Mapping[str, str]) -> list[Any]:
        rows = self._estate.vm_rows(second, appliance=self._appliance)
        try:
            return filter_vms(rows, query)
        except BadFilterError as problem:
            raise ApiError(400, f"Exception occurred in API: {problem}") from problem

    def _vpgs(self, second: int, query: Mapping[str, str]) -> list[Any]:
        documents = self._estate.vpg_documents(second, appliance=self._appliance)
        try:
            return filter_vpgs(documents, query)
        except BadFilterError as problem:
            raise ApiError(400, f"Exception occurred in API: {problem}") from problem

    def _vm(self, second: int, identifier: str, query: Mapping[str, str]) -> Any:
        asked = {name.lower(): value for name, value in query.items()}
        vpg = asked.get("vpgidentifier", "").lower()
        one = {"vmidentifier": identifier}
        one |= {name: asked[name] for name in ("includebackupedvms", "includemountedvms") if name in asked}
        found = [document for document in self._vms(second, one) if vpg in ("", document["VpgIdentifier"])]
        if not found:
            raise ApiError(404, f"Exception occurred in API: no virtual machine '{identifier}'.")
        if len(found) > 1:
            raise ApiError(
                400,
                f"Exception occurred in API: virtual machine '{identifier}' is in {len(found)} VPGs; "
                "vpgIdentifier is required.",
            )
        return found[0]

    def _vpg(self, second: int, identifier: str) -> Any:
        for document in self._vpgs(second, {}):
            if document["VpgIdentifier"] == identifier.lower():
                return document
        raise ApiError(404, f"Exception occurred in API: no VPG '{identifier}'.")


def media_type_for(accept: str) -> str:
    """JSON, unless an XML type comes first among those of the header that a ZVM knows."""
    for entry in accept.lower().split(","):
        kind = entry.partition(";")[0].strip()
        if kind in {XML, "text/xml"}:
            return kind
        if kind == JSON:
            return JSON
    return JSON


def _list(kind: str, documents: list[Any], media_type: str, change: Change) -> Payload:
    answer: Any = documents if change is None else change(_own(documents))
    if media_type == JSON:
        return Payload(200, msgspec.json.encode(answer))
    body = xmlwire.array_of(kind, answer) if isinstance(answer, list) else xmlwire.single(kind, answer)
    return Payload(200, body, media_type)


def _single(kind: str, document: Any, media_type: str, change: Change) -> Payload:
    answer: Any = document
    if change is not None:
        answer = change(_own([document]))
        # A fault that leaves a list of one was about the record, any other about the shape.
        if isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
    if media_type == JSON:
        return Payload(200, msgspec.json.encode(answer))
    return Payload(200, xmlwire.single(kind, answer), media_type)


def _strings(values: list[str], media_type: str) -> Payload:
    if media_type == JSON:
        return Payload(200, msgspec.json.encode(values))
    return Payload(200, xmlwire.strings(values), media_type)


def _own(documents: list[Any]) -> list[Any]:
    """Documents that share nothing, for a fault to change."""
    copies: list[Any] = msgspec.json.decode(msgspec.json.encode(documents))
    return copies
