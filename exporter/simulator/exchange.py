"""One request on its way through the simulator: what came, what is answered, and the record of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

JSON = "application/json"


@dataclass(slots=True)
class Request:
    """The record of a request. `status` is None as long as nothing was answered, `body` is JSON."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    form: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Payload:
    """An answer before it is sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        """The headers with the content type, which an answer without a body goes without."""
        return {**self.headers, **({"Content-Type": self.content_type} if self.body else {})}


def message(status: int, text: str) -> Payload:
    """An error as the ZVM words one: a JSON object with the key Message."""
    return Payload(status, msgspec.json.encode({"Message": text}))


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is being answered."""

    request: web.BaseRequest
    record: Request

    @property
    def path(self) -> str:
        return self.record.path

    async def send(self, payload: Payload) -> web.Response:
        """Answer in one piece."""
        self.record.status = payload.status
        response = web.Response(status=payload.status, body=payload.body, headers=payload.all_headers())
        if not payload.body:
            response.headers.pop("Content-Type", None)
        return response

    async def begin(self, payload: Payload, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
        """Send the head of an answer whose body follows piece by piece."""
        self.record.status = payload.status
        response = web.StreamResponse(status=payload.status, headers=payload.all_headers() | dict(headers or {}))
        await response.prepare(self.request)
        return response


async def until_gone() -> None:
    """Wait until the client goes or the simulator stops; both cancel the waiting."""
    await asyncio.get_running_loop().create_future()
