"""Programs that tests start: on a user's machine a missing one skips the test, in CI it fails it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def tool(name: str, package: str) -> str:
    """Return the path of the program *name*: from this environment, or as Debian's *package* has it."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    return found or missing(f"{name} is not installed ({package})")


def missing(reason: str) -> NoReturn:
    """Skip the test for *reason*; fail it in CI, which has everything."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
