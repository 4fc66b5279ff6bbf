"""The index of the runbooks, from the alerts and the first paragraph of each page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import rule_files

from tools import ROOT

RULES: Final = sorted(rule_files.RULES.glob("*.yml"))
FOLDER: Final = ROOT / "docs" / "runbooks"
FILE: Final = FOLDER / "README.md"

_HEAD: Final = """\
# Runbooks

A page for each alert: what it means, how to see it, what to do, when it lies. Generated from the rules and the pages by
`make docs`; a test holds it true. How alerts are installed and changed is in [Alerts](../alerts.md).

Before anything else: the page `/` of the exporter shows each ZVM with its state, last good poll and error.

| alert | severity | after | means |
|---|---|---|---|
"""


def rules(*groups: str) -> list[dict[str, Any]]:
    """Return the rules of all files, in their order; of *groups* alone where some are named."""
    return [rule for group in rule_files.groups() if not groups or group["name"] in groups for rule in group["rules"]]


def alerts(*groups: str) -> list[dict[str, Any]]:
    return [rule for rule in rules(*groups) if "alert" in rule]


def text() -> str:
    """Return the whole document."""
    return _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for alert in alerts():
        name = alert["alert"]
        meaning = " ".join((FOLDER / f"{name}.md").read_text().split("\n\n")[1].split())
        yield f"| [{name}]({name}.md) | {alert['labels']['severity']} | {alert['for']} | {meaning} |\n"
