"""Which module of exporter/ imports what, as its code says."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

from tools import ROOT

PACKAGE: Final = ROOT / "exporter"


def names() -> list[str]:
    """Return the names of all rooms: the folders of exporter/, and the modules beside them, each one by itself."""
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    return sorted(found - {"__init__"})


def modules(room: str) -> list[Path]:
    """Return the modules of a *room*."""
    return [path for path in (PACKAGE / f"{room}.py", *sorted((PACKAGE / room).rglob("*.py"))) if path.exists()]


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the dotted names that a module imports, at its head or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def rooms(path: Path) -> set[str]:
    """Return the rooms that a module imports from, its own too where it does."""
    ours = [name.split(".") for name in imported(path) if name.startswith("exporter.")]
    return {parts[1] for parts in ours} - {"__version__"}
