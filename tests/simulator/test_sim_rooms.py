"""Who may import whom inside the stand-in ZVM."""

from pathlib import Path

import pytest
from tools.imports import PACKAGE, imported

SIMULATOR = PACKAGE / "simulator"
# Room -> the rooms and modules of the simulator that it may import.
MAY_IMPORT = {
    "estate": set[str](),
    "api": {"estate", "exchange"},
    "login": {"exchange"},
    "faults": {"api", "exchange", "login"},
}


def ours(path: Path) -> set[str]:
    names = (name.split(".") for name in imported(path))
    return {parts[2] for parts in names if parts[:2] == ["exporter", "simulator"]}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    modules = sorted((SIMULATOR / room).glob("*.py"))
    assert len(modules) > 2
    for module in modules:
        assert ours(module) <= MAY_IMPORT[room] | {room}, module


def test_every_folder_is_a_room() -> None:
    assert {path.parent.name for path in SIMULATOR.glob("*/*.py")} == MAY_IMPORT.keys()


def test_no_resource_knows_another_way_out_than_its_routes() -> None:
    """What answers a request knows no resource by name, so that a new one needs no line of it."""
    for module in ("answers.py", "registry.py", "../server.py"):
        assert not {"vms", "vpgs", "vras", "license", "checkpoints"} & {
            name.rpartition(".")[2] for name in imported(SIMULATOR / "api" / module)
        }
