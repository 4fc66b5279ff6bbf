"""The shipped files of rules, as those read them who evaluate rules by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

RULES: Final = Path(__file__).parent.parent / "deploy" / "prometheus" / "rules"

Rule = dict[str, Any]

_RECORDED: Final = re.compile(r"\b\w+:zerto_\w+:\w+")


@cache
def document(path: Path) -> dict[str, Any]:
    """Return the YAML document at *path*, which is read once: whoever changes it changes it for all."""
    found: dict[str, Any] = yaml.load(path.read_text(), yaml.CSafeLoader)
    return found


def groups(folder: Path = RULES) -> list[dict[str, Any]]:
    """Return the groups of all files in *folder*, in the order of their names."""
    return [group for path in sorted(folder.glob("*.yml")) for group in document(path)["groups"]]


def in_turn(folder: Path = RULES) -> Iterator[list[Rule]]:
    """Yield the recording rules in *folder*, first those that others need. One that remembers reads itself.

    Raises:
        RuntimeError: rules need one another.
    """
    left = [rule for group in groups(folder) for rule in group["rules"] if "record" in rule]
    while left:
        missing = {rule["record"] for rule in left}
        ready = [rule for rule in left if missing.intersection(_RECORDED.findall(rule["expr"])) <= {rule["record"]}]
        if not ready:
            raise RuntimeError(f"these rules need one another: {', '.join(sorted(missing))}")
        yield ready
        left = [rule for rule in left if rule not in ready]
