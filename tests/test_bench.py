"""`make bench` runs: its figures are read by people, and must not rot. What they are is not tested here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_server import needs_prometheus
from tsdb_block import Block


@pytest.mark.slow
@pytest.mark.timeout(240)  # for a machine that is short of processors; else it takes 40 s
def test_the_bench_prints_a_figure_for_each_target() -> None:
    bench = Path(__file__).parent / "bench.py"
    arguments = ["--vms", "50", "--rounds", "1", "--scrapes", "5", "--seconds", "0.5", "--polls", "8", "--cycles", "2"]
    arguments += ["--intervals", "2"]
    run = subprocess.run([sys.executable, str(bench), *arguments], capture_output=True, text=True, check=False)
    targets = [line for line in run.stdout.splitlines() if line.endswith(("pass", "FAIL"))]
    assert len(targets) >= 20, run.stdout + run.stderr
    assert run.returncode == int(any(line.endswith("FAIL") for line in targets)), run.stderr


def test_a_block_holds_what_was_put_into_it(tmp_path: Path) -> None:
    """Prometheus's own tool reads it; were a checksum or an order wrong, it would say so."""
    needs_prometheus()
    promtool = shutil.which("promtool") or "promtool"
    start, step = 1_800_000_000_000, 60_000
    times = range(start, start + 240 * step, step)
    block = Block(tmp_path, start, times.stop, step)
    values = [0.1 * (number % 7) + number for number in range(120)]
    ways = {"b": (block.repeated(values), values * 2), "a": (block.repeated([3.0] * 120), [3.0] * 240)}
    ways["c"] = (block.each(float), [float(time) for time in times])
    for name, (way, _) in ways.items():
        block.add((("__name__", "zerto"), ("vm", f"{name} ü")), way)
    block.close()
    (tmp_path / "wal").mkdir()
    read = subprocess.run([promtool, "tsdb", "dump", tmp_path], capture_output=True, text=True, check=True)
    found = [line.rsplit(" ", 2) for line in read.stdout.splitlines()]
    expected = [
        (f'{{__name__="zerto", vm="{name} ü"}}', value, time)
        for name, (_, all_values) in sorted(ways.items())
        for value, time in zip(all_values, times, strict=True)
    ]
    assert [(labels, float(value), int(time)) for labels, value, time in found] == expected


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_bench_of_the_rules_prints_groups_and_panels() -> None:
    needs_prometheus()
    bench = Path(__file__).parent / "bench_rules.py"
    arguments = ["--vms", "40", "--panels", "overview/VPGs"]
    run = subprocess.run([sys.executable, str(bench), *arguments], capture_output=True, text=True, check=False)
    assert "group zerto-vpg, " in run.stdout, run.stdout + run.stderr
    assert "overview/VPGs by status, 6 h" in run.stdout, run.stdout + run.stderr
