"""Who may import whom: one direction, from the engines on the left to the entry point on the right."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container
from pathlib import Path

import defusedxml.ElementTree
import pytest
from tools import picture
from tools.imports import PACKAGE, imported, modules, names, rooms

# The whole law: room -> the rooms that it may import. A module beside the rooms is one by itself.
MAY_IMPORT: dict[str, set[str]] = {
    "counts": set(),
    "threads": set(),
    "malloc": set(),
    "rewrites": set(),
    "readable": set(),
    "simulator": set(),
    "prometheus": set(),
    "zvm": {"counts", "malloc", "rewrites", "threads"},
    "collectors": {"counts", "prometheus", "zvm"},
    "config": {"collectors", "rewrites", "zvm"},
    "polling": {"collectors", "config", "counts", "prometheus", "threads", "zvm"},
    "web": {"config", "polling", "prometheus", "readable", "rewrites", "threads"},
    "show": {"collectors", "config", "counts", "polling", "prometheus", "readable", "zvm"},
    "app": {"collectors", "config", "polling", "prometheus", "threads", "web", "zvm"},
    "cli": {"app", "config", "malloc", "show", "simulator", "web", "zvm"},
    "__main__": {"cli"},
}
# Libraries that only these rooms may know.
LIBRARIES = {
    "prometheus_client": {"prometheus"},
    "aiohttp": {"zvm", "web", "simulator"},
    "bcrypt": {"web"},
    "yaml": {"config"},
    "jinja2": {"web"},
    "defusedxml": {"zvm"},
    "rich": {"show"},
}


def test_every_module_is_in_a_room() -> None:
    assert set(names()) == MAY_IMPORT.keys()


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


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Inside a room too: whoever reads a module has read what it stands on before."""
    paths = {_dotted(path): path for path in PACKAGE.rglob("*.py")}
    left = {name: {one for one in map(_module_of(paths), imported(path)) if one} for name, path in paths.items()}
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys() - {name}]
        assert free, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in free}


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module_of(paths: Container[str]) -> Callable[[str], str]:
    """Return what tells the module that an imported name is in: itself, or the one it is a name of; "" if not ours."""

    def module(name: str) -> str:
        return name if name in paths else name.rpartition(".")[0] if name.rpartition(".")[0] in paths else ""

    return module


def test_each_room_says_what_it_is_for() -> None:
    for folder in {path.parent for path in PACKAGE.rglob("*.py")}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder


def test_metric_names_stand_whole_in_the_code() -> None:
    """A search from a dashboard must land on the line that makes the metric."""
    golden = Path(__file__).parent / "golden" / "page.txt"
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    for line in golden.read_text().splitlines():
        if line.startswith("# TYPE "):
            assert f'"{line.split()[2]}"' in code


def test_the_picture_has_each_room_and_the_way_to_each() -> None:
    """That it is the one in docs/ is tested with the other generated documents."""
    drawn = defusedxml.ElementTree.fromstring(picture.text())
    svg = "{http://www.w3.org/2000/svg}"
    assert {text.text for text in drawn.iter(f"{svg}text") if text.get("class") == "name"} == set(names())
    assert len([path for path in drawn.iter(f"{svg}path") if path.get("class") == "arrow"]) >= len(names()) - 1
