"""Alerts of a storyline: what the shipped rules make of given samples, minute by minute.

    story = Storyline(minutes=120)
    story.add("zerto_up", [1.0] * 121, zvm="nyc")
    firing = story.alerts()  # the labels of those that fire at each minute

promtool evaluates the rules. It has no way to list alerts; but a test that expects something else tells what there was.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from programs import tool
from rule_files import RULES, document

TARGET: Final = {"job": "zerto", "instance": "exporter:9403"}
_TOLD: Final = re.compile(r", time: (\w+),\n +exp:.*\n +got: (.*)")
_SAMPLE: Final = re.compile(r'\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\} 1E\+00')
_LABEL: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')

Labels = dict[str, str]
Values = Sequence[float | None]


class Storyline:
    """Samples of every minute, from minute 0 to *minutes*."""

    def __init__(self, minutes: int) -> None:
        self.minutes = minutes
        self._series: list[dict[str, str]] = []

    def add(self, metric: str, values: Values, **labels: str) -> None:
        """Add a series with a value for each minute; None where it has none."""
        named = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in (TARGET | labels).items())
        self._series.append({"series": f"{metric}{{{named}}}", "values": " ".join(_notation(values))})

    def alerts(self, rules: Path = RULES) -> list[list[Labels]]:
        """Return the labels of all alerts that fire at each minute.

        Raises:
            AssertionError: promtool refused the samples or the rules.
        """
        files = sorted(rules.glob("zerto-*.yml"))
        asked = [
            {
                "expr": 'ALERTS{alertstate="firing"}',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "none", "value": 0}],
            }
            for minute in range(self.minutes + 1)
        ]
        case = {"interval": "1m", "input_series": self._series, "promql_expr_test": asked}
        test = {
            "rule_files": [str(path) for path in files],
            "evaluation_interval": "1m",
            "group_eval_order": list(_order(files)),
            "tests": [case],
        }
        firing: list[list[Labels]] = [[] for _ in asked]
        told = 0
        for time, got in _TOLD.findall(_promtool(test)):
            told += 1
            firing[_minutes(time)] = [dict(_labels(sample)) for sample in _SAMPLE.findall(got)]
        assert told == len(asked)
        return firing


def _promtool(test: Mapping[str, object]) -> str:
    """Return what promtool says of a *test* that fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "storyline.yml"
        file.write_text(json.dumps(test))
        command = [tool("promtool", "Debian: prometheus"), "test", "rules", str(file)]
        done = subprocess.run(command, env={**os.environ, "GOGC": "400"}, capture_output=True, text=True, check=False)
    assert "FAILED" in done.stderr, done.stdout + done.stderr[:3000]
    return done.stderr


def _order(files: Sequence[Path]) -> Iterator[str]:
    """Yield the groups of *files*, those first that others are made from: what is recorded, then alerts."""
    groups = [group for path in files for group in document(path)["groups"]]
    first = ("zerto-thresholds", "zerto-vms-of-minutes", "zerto-once", "zerto-once-of-minutes")
    names = [group["name"] for group in sorted(groups, key=lambda group: "alert" in group["rules"][0])]
    yield from first
    yield from (name for name in names if name not in first)


def _notation(values: Values) -> Iterator[str]:
    """Yield *values* in promtool's notation; a series that ends goes stale, as after a scrape without it."""
    before: float | None = None
    for value, run in groupby(values):
        times = len(list(run))
        if value is not None:
            yield f"{value!r}x{times - 1}"
        elif before is None:
            yield f"_x{times}"
        else:
            yield "stale"
            if times > 1:
                yield f"_x{times - 1}"
        before = value


def _labels(sample: str) -> Iterator[tuple[str, str]]:
    for name, value in _LABEL.findall(sample):
        if name not in {"__name__", "alertstate"}:
            yield name, json.loads(value)


def _minutes(duration: str) -> int:
    """Return the minutes of a *duration* such as 1d2h3m or 0s."""
    units = {"d": 1440, "h": 60, "m": 1, "s": 0}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([dhms])", duration))
