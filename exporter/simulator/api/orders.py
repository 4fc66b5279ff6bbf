"""What a client orders by a POST, or, of an older ZVM, by a GET: the request, and the values of its body.

A file of a resource declares them in a tuple ACTS, which `registry` finds, as it does ROUTES.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from exporter.simulator.api.codes import code_of
from exporter.simulator.api.routes import ApiError, path_ids
from exporter.simulator.estate.site import LivingSite

BIGGEST_WAIT: Final = 86400


@dataclass(frozen=True, slots=True)
class Order:
    """A request to do something. `values` are those of a JSON object in the body, or of the query of a GET.

    Their names are in lower case; `text` is a body that is one JSON string. `user` is who logged in.
    """

    site: LivingSite
    user: str
    ids: Mapping[str, str]
    values: Mapping[str, Any]
    text: str = ""

    def name(self, key: str) -> str:
        """The text of that name, empty where there is none. Raises ApiError: 400."""
        return str(self._value(key, str, ""))

    def flag(self, key: str) -> bool:
        """True or false, false where it is not said. Raises ApiError: 400."""
        value = self.values.get(key)
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        return bool(self._value(key, bool, False))

    def seconds(self, key: str) -> int:
        """A time to wait, 0 where it is not said. Raises ApiError: 400."""
        value = self.values.get(key)
        number = int(value) if isinstance(value, str) and value.isdecimal() else self._value(key, int, 0)
        if not 0 <= number <= BIGGEST_WAIT:
            raise _bad(key, value)
        return int(number)

    def code(self, key: str, names: tuple[str, ...], default: int) -> int:
        """A code by number or by name. Raises ApiError: 400."""
        value = self.values.get(key)
        if value is None or value == "":
            return default
        try:
            found = code_of(names, str(value))
        except ValueError:
            found = len(names)
        if isinstance(value, bool) or not 0 <= found < len(names):
            raise _bad(key, value)
        return found

    def _value(self, key: str, kind: type, default: Any) -> Any:
        value = self.values.get(key)
        if value is None:
            return default
        # True is a number to Python, and is none to JSON.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise _bad(key, value)
        return value


def _bad(key: str, value: Any) -> ApiError:
    return ApiError(400, f"Exception occurred in API: '{value}' is not a value of {key}.")


@dataclass(frozen=True, slots=True)
class Act:
    """A path template under /v1 that does something, and gives the identifier of the task that does it.

    `once_by_get` says that a ZVM for Windows takes it by GET too, as its document has it.
    """

    path: str
    do: Callable[[Order], str]
    once_by_get: bool = False

    def methods(self, *, appliance: bool) -> tuple[str, ...]:
        """The methods that it is taken by."""
        return ("GET", "POST") if self.once_by_get and not appliance else ("POST",)

    def ids(self, segments: list[str]) -> dict[str, str] | None:
        """As of a route."""
        return path_ids(self.path, segments)


def order_of(
    site: LivingSite, user: str, ids: Mapping[str, str], query: Mapping[str, str], body: bytes | None
) -> Order:
    """The order of a request; `body` is None for a GET.

    Raises:
        ApiError: the body is no JSON object and no JSON string: 400.
    """
    asked = {name.lower(): value for name, value in query.items()}
    if not body:
        return Order(site, user, ids, asked, asked.get("vpgidentifier", ""))
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError as problem:
        raise ApiError(400, f"Exception occurred in API: the body is not JSON: {problem}") from problem
    if isinstance(decoded, str):
        return Order(site, user, ids, asked, decoded)
    if not isinstance(decoded, dict):
        raise ApiError(400, "Exception occurred in API: the body is no JSON object.")
    return Order(site, user, ids, asked | {name.lower(): value for name, value in decoded.items()})
