"""Who may import whom: one direction, from the engines on the left to the entry point on the right."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "exporter"

# The whole law: room -> the rooms that it may import.
MAY_IMPORT: dict[str, set[str]] = {
    "fragments": set(),
    "exposition": {"fragments"},
    "telemetry": set(),
    "work": set(),
    "zvm": {"memory", "work"},
    "simulator": set(),
    "collectors": {"exposition", "zvm"},
    "config": {"collectors", "zvm"},
    "bounds": {"collectors", "config", "exposition"},
    "store": {"exposition", "fragments"},
    "outcomes": set(),
    "clock": set(),
    "history": set(),
    "watch": {"bounds", "collectors", "config", "history", "outcomes", "store", "zvm"},
    "poller": {
        "bounds",
        "clock",
        "collectors",
        "config",
        "outcomes",
        "store",
        "telemetry",
        "watch",
        "work",
        "zvm",
    },
    "pages": {"fragments", "store", "telemetry", "work"},
    "plots": set(),
    "landing": {"fragments", "outcomes", "plots", "watch"},
    "rewrites": set(),
    "gate": {"config", "rewrites"},
    "healthcheck": set(),
    "notify": set(),
    "listen": set(),
    "descriptors": set(),
    "clients": {"descriptors"},
    "queries": set(),
    "server": {
        "clients",
        "exposition",
        "fragments",
        "gate",
        "landing",
        "listen",
        "pages",
        "queries",
        "watch",
        "work",
    },
    "service": {
        "clock",
        "collectors",
        "config",
        "fragments",
        "listen",
        "logs",
        "notify",
        "pages",
        "poller",
        "server",
        "shards",
        "signals",
        "store",
        "telemetry",
        "watch",
        "work",
        "zvm",
    },
    "demo": {"config", "listen", "server", "service", "simulator", "streams", "zvm"},
    "signals": set(),
    "streams": set(),
    "logs": {"streams"},
    "memory": set(),
    "shards": set(),
    "arguments": {"logs", "shards"},
    "main": {
        "arguments",
        "config",
        "demo",
        "descriptors",
        "gate",
        "healthcheck",
        "listen",
        "logs",
        "memory",
        "notify",
        "server",
        "service",
        "signals",
        "simulator",
        "streams",
    },
    "__main__": {"main", "signals"},
}
# Libraries that only these rooms may know.
LIBRARIES = {
    "prometheus_client": {"telemetry"},
    "aiohttp": {"zvm", "clients", "gate", "queries", "server", "simulator"},
    "bcrypt": {"gate"},
    "yaml": {"config"},
    "jinja2": {"landing"},
    "defusedxml": {"zvm"},
}


def modules(room: str) -> list[Path]:
    return [path for path in (PACKAGE / f"{room}.py", *sorted((PACKAGE / room).rglob("*.py"))) if path.exists()]


def imported(path: Path) -> set[str]:
    """Return the dotted names that a module imports, at its head or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def rooms(path: Path) -> set[str]:
    ours = [name.split(".") for name in imported(path) if name.startswith("exporter.")]
    return {parts[1] for parts in ours} - {"__version__"}


def test_every_module_is_in_a_room() -> None:
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert found - {"__init__"} == MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for path in modules(room):
        assert rooms(path) <= MAY_IMPORT[room] | {room}, path


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_known_only_where_it_belongs(library: str) -> None:
    users = {
        room for room in MAY_IMPORT for path in modules(room) if library in {n.split(".")[0] for n in imported(path)}
    }
    assert users <= LIBRARIES[library]


def test_the_law_has_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(MAY_IMPORT):
        free = [room for room, allowed in MAY_IMPORT.items() if room not in order and allowed <= set(order)]
        assert free, f"a circle among {MAY_IMPORT.keys() - set(order)}"
        order.extend(free)


def test_metric_names_stand_whole_in_the_code() -> None:
    """A search from a dashboard must land on the line that makes the metric."""
    golden = Path(__file__).parent / "golden" / "page.txt"
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    for line in golden.read_text().splitlines():
        if line.startswith("# TYPE "):
            assert f'"{line.split()[2]}"' in code
