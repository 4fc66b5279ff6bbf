"""`make bench` runs: its figures are read by people, and must not rot. What they are is not tested here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(240)  # for a machine that is short of processors; else it takes 40 s
def test_the_bench_prints_a_figure_for_each_target() -> None:
    bench = Path(__file__).parent / "bench.py"
    arguments = ["--vms", "50", "--rounds", "1", "--scrapes", "5", "--seconds", "0.5", "--polls", "8", "--cycles", "2"]
    run = subprocess.run([sys.executable, str(bench), *arguments], capture_output=True, text=True, check=False)
    targets = [line for line in run.stdout.splitlines() if line.endswith(("pass", "FAIL"))]
    assert len(targets) >= 18, run.stdout + run.stderr
    assert run.returncode == int(any(line.endswith("FAIL") for line in targets)), run.stderr
