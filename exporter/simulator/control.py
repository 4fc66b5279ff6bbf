"""Faults, incidents and failing operations over HTTP, for a shell: only where the simulator has control=True.

No login is asked for. A fault that the simulator does not have, or arguments that do not fit it, answer 400.
"""

from typing import Annotated, Any, Final

import msgspec

from exporter.simulator import faults
from exporter.simulator.documents import Estate
from exporter.simulator.exchange import Call, Payload, message
from exporter.simulator.faults.book import FaultBook

PREFIX: Final = "/simulator/"

CONSTRUCTORS: Final = {
    constructor.__name__: constructor
    for constructor in (
        faults.status,
        faults.hang,
        faults.slow,
        faults.reset,
        faults.truncated,
        faults.short,
        faults.html,
        faults.redirect,
        faults.empty,
        faults.null,
        faults.wrong_shape,
        faults.nan,
        faults.bad_record,
        faults.bad_values,
        faults.nulls,
        faults.strings_for_numbers,
        faults.unknown_codes,
        faults.enum_names,
        faults.camel_case,
        faults.lower_first,
        faults.duplicates,
        faults.hostile_names,
        faults.endless_body,
        faults.bomb,
        faults.flood,
        faults.xml,
        faults.gzip,
        faults.expired_token,
        faults.wrong_content_type,
        faults.echo_secrets,
        faults.invalid_utf8,
        faults.latin1,
    )
}
"""Every fault by its name."""


class _FaultOrder(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    fault: str
    args: dict[str, Any] = {}
    times: int | None = None


class _IncidentOrder(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    vpg: str | None = None


class _FailureOrder(msgspec.Struct, forbid_unknown_fields=True):
    vpg: str | None = None
    reason: str = "The stand-in was told to let this fail."
    times: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class Control:
    """The three resources of the control surface."""

    def __init__(self, book: FaultBook, estate: Estate) -> None:
        self._book = book
        self._estate = estate

    def answer(self, call: Call, body: bytes) -> Payload:
        """The answer to a request under /simulator/."""
        try:
            return self._routed(call, body)
        except (msgspec.DecodeError, TypeError, ValueError, KeyError) as problem:
            return message(400, f"{type(problem).__name__}: {problem}")

    def _routed(self, call: Call, body: bytes) -> Payload:
        query = call.record.query
        match call.request.method, call.path.lower().rstrip("/").removeprefix(PREFIX):
            case "GET", "faults":
                return _json([entry.as_json() for entry in self._book.live()])
            case "PUT", "faults":
                order = msgspec.json.decode(body, type=_FaultOrder)
                self._book.set(order.path, _constructed(order), order.times)
            case "DELETE", "faults":
                self._book.clear(query.get("path"))
            case "GET", "incidents":
                return _json(self._estate.incidents)
            case "POST", "incidents":
                incident = msgspec.json.decode(body, type=_IncidentOrder)
                self._estate.start_incident(incident.kind, incident.vpg)
            case "DELETE", "incidents":
                self._estate.end_incident(query.get("kind"), query.get("vpg"))
            case method, "operations":
                return self._operations(method, body)
            case _, "faults" | "incidents":
                return Payload(405)
            case _:
                return message(404, "There are /simulator/faults, /simulator/incidents and /simulator/operations.")
        return Payload(204)

    def _operations(self, method: str, body: bytes) -> Payload:
        """Let the next ones fail, tell which will, or forget all that were begun by hand."""
        match method:
            case "GET":
                return _json(self._estate.failing)
            case "POST":
                failure = msgspec.json.decode(body or b"{}", type=_FailureOrder)
                self._estate.fail_next(failure.vpg, failure.reason, failure.times)
            case "DELETE":
                self._estate.forget_operations()
            case _:
                return Payload(405)
        return Payload(204)


def _constructed(order: _FaultOrder) -> faults.Fault:
    constructor: Any = CONSTRUCTORS[order.fault]
    fault: faults.Fault = constructor(**order.args)
    return fault


def _json(value: Any) -> Payload:
    return Payload(200, msgspec.json.encode(value))
