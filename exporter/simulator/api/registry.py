"""Every route and every act that a file of this room declares: whoever adds a file adds its own."""

import pkgutil
from importlib import import_module
from typing import Final

from exporter.simulator import api
from exporter.simulator.api.orders import Act
from exporter.simulator.api.routes import ApiError, Route
from exporter.simulator.api.unanswered import reason_of

_MODULES: Final = [import_module(f"{api.__name__}.{found.name}") for found in pkgutil.iter_modules(api.__path__)]


def _declared() -> tuple[Route, ...]:
    routes: list[Route] = [route for module in _MODULES for route in getattr(module, "ROUTES", ())]
    # /v1/vpgs/statuses goes before /v1/vpgs/{id}.
    return tuple(sorted(routes, key=lambda route: [segment.startswith("{") for segment in route.segments]))


ALL_ROUTES: Final = _declared()
ALL_ACTS: Final[tuple[Act, ...]] = tuple(act for module in _MODULES for act in getattr(module, "ACTS", ()))


def act_of(path: str) -> tuple[Act, dict[str, str]] | None:
    """What a path does, and the ids in it, found as a route is; None where it does nothing."""
    segments = [segment for segment in path.split("/") if segment]
    found = ((act, act.ids(segments)) for act in ALL_ACTS)
    return next(((act, ids) for act, ids in found if ids is not None), None)


def route_of(path: str) -> tuple[Route, dict[str, str]]:
    """The route of a path and the ids in it; words in any case, with or without a slash at the end.

    Raises:
        ApiError: there is none: 404, or it is refused on purpose: 501.
    """
    segments = [segment for segment in path.split("/") if segment]
    for route in ALL_ROUTES:
        ids = route.ids(segments)
        if ids is not None:
            return route, ids
    reason = reason_of(segments)
    if reason is not None:
        raise ApiError(501, f"Not answered by this ZVM: {reason}.")
    raise ApiError(404, f"No HTTP resource was found that matches the request URI '{path}'.")
