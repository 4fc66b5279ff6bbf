"""Programs that tests start: on a user's machine a missing one skips the test, in CI it fails it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final, NoReturn

import pytest

# Rules and queries are to mean the same on Prometheus 2 and 3: that of Debian 12, and the one that make builds.
SYSTEM: Final = "system"
THREE: Final = "3"
EACH_PROMETHEUS: Final = (SYSTEM, pytest.param(THREE, marks=pytest.mark.slow))

_HERE: Final = str(Path(sys.executable).parent)


def tool(name: str, package: str) -> str:
    """Return the path of the program *name*: from this environment, or as Debian's *package* has it."""
    found = shutil.which(name, path=os.pathsep.join([_HERE, *os.get_exec_path()]))
    return found or missing(f"{name} is not installed ({package})")


def amtool() -> str:
    """Return the path of Alertmanager's tool."""
    return tool("amtool", "Debian: prometheus-alertmanager")


def of_prometheus(name: str, version: str = SYSTEM) -> str:
    """Return the path of `prometheus` or `promtool`: that of the SYSTEM, or THREE."""
    if version == THREE:
        found = shutil.which(name, path=_HERE)
        return found or missing(f"there is no {name} of Prometheus 3 (with Go: make .venv/bin/promtool)")
    found = shutil.which(name, path=os.pathsep.join(folder for folder in os.get_exec_path() if folder != _HERE))
    return found or missing(f"{name} is not installed (Debian: prometheus)")


def missing(reason: str) -> NoReturn:
    """Skip the test for *reason*; fail it in CI, which has everything."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
