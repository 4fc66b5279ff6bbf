"""Every route that a file of this room declares: whoever adds a file adds its routes."""

import pkgutil
from importlib import import_module
from typing import Final

from exporter.simulator import api
from exporter.simulator.api.routes import ApiError, Route


def _declared() -> tuple[Route, ...]:
    modules = [import_module(f"{api.__name__}.{found.name}") for found in pkgutil.iter_modules(api.__path__)]
    routes: list[Route] = [route for module in modules for route in getattr(module, "ROUTES", ())]
    # /v1/vpgs/statuses goes before /v1/vpgs/{id}.
    return tuple(sorted(routes, key=lambda route: [segment.startswith("{") for segment in route.segments]))


ALL_ROUTES: Final = _declared()


def route_of(path: str) -> tuple[Route, dict[str, str]]:
    """The route of a path and the ids in it; words in any case, with or without a slash at the end.

    Raises:
        ApiError: there is none: 404.
    """
    segments = [segment for segment in path.split("/") if segment]
    for route in ALL_ROUTES:
        ids = route.ids(segments)
        if ids is not None:
            return route, ids
    raise ApiError(404, f"No HTTP resource was found that matches the request URI '{path}'.")
