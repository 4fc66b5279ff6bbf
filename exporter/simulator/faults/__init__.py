"""Everything that can be wrong with a server's answer, each a small constructor to hand to `Simulator.faults.set`.

A fault acts at one of four places: instead of an answer, on the documents, on the choice of format, or on the bytes.
The first and the last make an answer of their own, so of those only the first that is set for a path acts; changes of
documents add up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from exporter.simulator.api.answers import XML
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.exchange import Call, Payload, until_gone
from exporter.simulator.faults import deliveries, mutations
from exporter.simulator.login.authority import Authority

Mutation = Callable[[list[Any]], Any]
Replacement = Callable[[Call, Authority], Awaitable[Payload | web.StreamResponse | None]]
Delivery = Callable[[Call, Payload], Awaitable[web.StreamResponse]]

_LOGIN_PAGE = b"""<!DOCTYPE html>
<html><head><title>Zerto Virtual Manager</title></head>
<body><form action="/login" method="post"><input name="username"><input name="password" type="password"></form></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and where it acts; `name` and `args` are for people.

    `mutate_fields` is a `mutate` that has to know more of the fields than the documents say.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    replace: Replacement | None = None
    mutate: Mutation | None = None
    mutate_fields: Callable[[list[Any], Fields], Any] | None = None
    media_type: str | None = None
    deliver: Delivery | None = None


def status(code: int, headers: Mapping[str, str] | None = None, body: str | None = None) -> Fault:
    """An error of that HTTP status; without a body an object with the key Message."""
    text = msgspec.json.encode({"Message": f"Simulated {code}"}) if body is None else body.encode()
    payload = Payload(code, text, headers=dict(headers or {}))
    return Fault("status", {"code": code, "headers": headers, "body": body}, replace=_always(payload))


def hang() -> Fault:
    """The request is accepted and never answered."""

    async def replace(_call: Call, _authority: Authority) -> None:
        await until_gone()

    return Fault("hang", replace=replace)


def slow(seconds_per_chunk: float = 0.1, chunk: int = 65536, gate: asyncio.Event | None = None) -> Fault:
    """The body in chunks with pauses between; with a gate all but the first chunk wait until it opens."""

    async def deliver(call: Call, payload: Payload) -> web.StreamResponse:
        return await deliveries.slow(call, payload, chunk, seconds_per_chunk, gate)

    return Fault("slow", {"seconds_per_chunk": seconds_per_chunk, "chunk": chunk}, deliver=deliver)


def reset() -> Fault:
    """The connection is reset (RST) in the middle of the body."""
    return Fault("reset", deliver=deliveries.reset)


def truncated() -> Fault:
    """A valid message with the JSON cut in its middle."""
    return Fault("truncated", deliver=deliveries.truncated)


def short() -> Fault:
    """The connection closes before Content-Length is reached."""
    return Fault("short", deliver=deliveries.short)


def html(code: int = 200) -> Fault:
    """A login page, as a proxy or a web console answers."""
    return Fault("html", {"code": code}, replace=_always(Payload(code, _LOGIN_PAGE, "text/html; charset=utf-8")))


def redirect(location: str, code: int = 302) -> Fault:
    """A redirect elsewhere."""
    return Fault(
        "redirect",
        {"location": location, "code": code},
        replace=_always(Payload(code, headers={"Location": location})),
    )


def empty(code: int = 200) -> Fault:
    """Success, without a body."""
    return Fault("empty", {"code": code}, replace=_always(Payload(code)))


def null() -> Fault:
    """The body is `null`."""
    return Fault("null", replace=_always(Payload(200, b"null")))


def wrong_shape() -> Fault:
    """An object where a list belongs."""
    return Fault("wrong_shape", mutate=mutations.wrong_shape)


def nan() -> Fault:
    """A bare NaN among the JSON."""
    return Fault("nan", deliver=deliveries.nan)


def bad_record(n: int = 1) -> Fault:
    """So many records replaced by a string, a number, a record without identity, in turn."""
    return Fault("bad_record", {"n": n}, mutate_fields=partial(mutations.bad_records, count=n))


def bad_values(every: int = 3) -> Fault:
    """Fields of the wrong type in every nth record."""
    return Fault("bad_values", {"every": every}, mutate=partial(mutations.bad_values, every=every))


def nulls() -> Fault:
    """Every field null but VmIdentifier and VpgIdentifier."""
    return Fault("nulls", mutate_fields=mutations.nulls)


def strings_for_numbers() -> Fault:
    """Every number as a string."""
    return Fault("strings_for_numbers", mutate=mutations.strings_for_numbers)


def unknown_codes() -> Fault:
    """Codes of a version to come."""
    return Fault("unknown_codes", mutate=mutations.unknown_codes)


def enum_names() -> Fault:
    """Enumerations by name in JSON."""
    return Fault("enum_names", mutate_fields=mutations.enum_names)


def camel_case(*, keep_identity: bool = False) -> Fault:
    """Keys as in the vendor's OpenAPI document (ioPs, actualRPO), which has no vmIdentifier and vpgIdentifier."""
    return Fault(
        "camel_case",
        {"keep_identity": keep_identity},
        mutate_fields=partial(mutations.camel_case, keep_identity=keep_identity),
    )


def lower_first() -> Fault:
    """Keys with a small first letter (iOPs)."""
    return Fault("lower_first", mutate=mutations.lower_first)


def duplicates() -> Fault:
    """Each record twice."""
    return Fault("duplicates", mutate=mutations.duplicates)


def hostile_names() -> Fault:
    """Names that break what does not escape."""
    return Fault("hostile_names", mutate=mutations.hostile_names)


def endless_body() -> Fault:
    """A body that never ends."""

    async def replace(call: Call, _authority: Authority) -> web.StreamResponse:
        return await deliveries.endless(call)

    return Fault("endless_body", replace=replace)


def bomb(size: int = 1100 * (1 << 20)) -> Fault:
    """About a MiB that unpacks to `size` bytes, rounded up to whole MiB."""

    async def replace(call: Call, _authority: Authority) -> web.StreamResponse:
        return await deliveries.bomb(call, size)

    return Fault("bomb", {"size": size}, replace=replace)


def flood(records: int = 80_000_000) -> Fault:
    """About a MiB that unpacks to so many records of nothing, rounded up to whole tens of thousands, and one."""

    async def replace(call: Call, _authority: Authority) -> web.StreamResponse:
        return await deliveries.flood(call, records)

    return Fault("flood", {"records": records}, replace=replace)


def xml() -> Fault:
    """XML, whatever was asked for."""
    return Fault("xml", media_type=XML)


def gzip() -> Fault:
    """The normal answer, compressed."""
    return Fault("gzip", deliver=deliveries.gzip)


def expired_token(older_than: float | None = None) -> Fault:
    """401 to a token or session older than so many seconds, or to any; the token is dead from then on."""

    async def replace(call: Call, authority: Authority) -> Payload | None:
        age = authority.age(call.request.headers)
        if older_than is not None and (age is None or age <= older_than):
            return None
        authority.revoke(call.request.headers)
        return Payload(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})

    return Fault("expired_token", {"older_than": older_than}, replace=replace)


def wrong_content_type(content_type: str = "text/plain") -> Fault:
    """The normal answer under another content type."""

    async def deliver(call: Call, payload: Payload) -> web.StreamResponse:
        return await call.send(Payload(payload.status, payload.body, content_type, payload.headers))

    return Fault("wrong_content_type", {"content_type": content_type}, deliver=deliver)


def echo_secrets(code: int = 500) -> Fault:
    """An error that says the request's credentials back, as a server's debug page does."""

    async def replace(call: Call, _authority: Authority) -> Payload:
        heard = {name: call.request.headers.get(name, "") for name in ("Authorization", "x-zerto-session")}
        return Payload(code, msgspec.json.encode({"Message": f"{heard} {call.record.form}"}))

    return Fault("echo_secrets", {"code": code}, replace=replace)


def invalid_utf8(junk: bytes = b"\xff\xfe\xc0\x80") -> Fault:
    """Bytes in a name that are no UTF-8."""
    return Fault("invalid_utf8", {"junk": junk.hex()}, deliver=partial(deliveries.invalid_utf8, junk=junk))


def latin1() -> Fault:
    """A name in ISO 8859-1: caf\u00e9."""
    return Fault("latin1", deliver=partial(deliveries.invalid_utf8, junk="caf\u00e9".encode("latin-1")))


def _always(payload: Payload) -> Replacement:
    async def replace(_call: Call, _authority: Authority) -> Payload:
        return payload

    return replace
