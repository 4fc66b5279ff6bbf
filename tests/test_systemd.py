"""deploy/systemd: that systemd takes the unit, how much the unit is exposed, and that its parts fit the exporter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from programs import tool

from exporter import config
from exporter.cli import arguments

UNIT = Path(__file__).parent.parent / "deploy" / "systemd" / "zerto-exporter.service"
DEFAULTS = UNIT.with_name("zerto-exporter.default")


def systemd_analyze(*options: str) -> subprocess.CompletedProcess[str]:
    command = [tool("systemd-analyze", "Debian: systemd"), "--no-pager", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = settings()["ExecStart"][0].split()[0]
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(program, sys.executable))  # it must exist
    done = systemd_analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_is_little_exposed() -> None:
    done = systemd_analyze("security", "--offline=true", "--threshold=15", str(UNIT))  # in tenths
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("setting", ["CapabilityBoundingSet", "DynamicUser", "SystemCallFilter"])
def test_less_hardening_would_be_noticed(setting: str, tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(rf"^{setting}=.*$", "", UNIT.read_text(), flags=re.MULTILINE))
    assert systemd_analyze("security", "--offline=true", "--threshold=12", str(unit)).returncode == 1


def test_the_command_is_one_of_ours() -> None:
    program, *given = settings()["ExecStart"][0].split()
    assert Path(program).name == "zerto-exporter"
    parsed = arguments.parse(given, {})
    assert (parsed.command, parsed.config_file) == ("serve", [Path("/etc/zerto-exporter/config.yaml")])


def test_the_variables_of_the_defaults_are_those_of_flags() -> None:
    known = {arguments.variable(flag) for flag in arguments.flags()["serve"]}
    named = set(re.findall(r"^#?([A-Z_]+)=", DEFAULTS.read_text(), re.MULTILINE))
    assert named
    assert named <= known


def test_a_secret_is_found_in_the_folder_of_credentials(tmp_path: Path) -> None:
    (loaded,) = settings()["LoadCredential"]
    name, folder = loaded.split(":")
    assert folder == "/etc/zerto-exporter/secrets"
    (tmp_path / f"{name}_nyc").write_text("s3cret\n")  # as systemd names the copy of secrets/nyc
    install = (UNIT.parent.parent.parent / "docs" / "install.md").read_text()
    line = next(
        line for line in install.splitlines() if "${CREDENTIALS_DIRECTORY}" in line and "password_file:" in line
    )
    file = tmp_path / "config.yaml"
    file.write_text(f"zvms:\n  - name: nyc\n    url: https://zvm\n    auth:\n      username: a\n      {line.strip()}\n")
    (zvm,) = config.load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).zvms
    assert zvm.auth.password_file == tmp_path / "secret_nyc"
