"""The wheel, built as pip builds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return ZipFile(built)


def test_type_checkers_may_read_its_types(wheel: ZipFile) -> None:
    assert "exporter/py.typed" in wheel.namelist()


def test_it_has_the_package_and_nothing_beside_it(wheel: ZipFile) -> None:
    files = {file.relative_to(ROOT) for file in (ROOT / "exporter").rglob("*") if file.is_file()}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == {str(file) for file in files if "__pycache__" not in file.parts}


def test_its_command_holds_signals_before_it_loads_the_rest(wheel: ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "zerto-exporter = exporter.__main__:main" in wheel.read(entry_points).decode().splitlines()
