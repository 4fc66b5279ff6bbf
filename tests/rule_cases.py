"""The cases of promtool, each with the rules that it depends on and no others: a fifth of the time.

What no asked alert or series is made from, directly or through other rules, cannot change what is expected. All rules
together are evaluated where the files are given to promtool as they stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from rule_files import Rule, document

_WORD: Final = re.compile(r"[a-zA-Z_:][\w:]*")
_ALERTS: Final = re.compile(r"\bALERTS\b(?:{([^}]*)})?")
_ALERTNAME: Final = re.compile(r'\balertname *(=~?) *\\*"([^"\\]*)')


def apart(path: Path, folder: Path) -> list[Path]:
    """Write each case of the file *path* as a file of its own into *folder*, beside its rules; return these files."""
    whole = document(path)
    rule_files = [file for pattern in whole["rule_files"] for file in sorted(path.parent.glob(pattern))]
    rules = [rule for file in rule_files for group in document(file)["groups"] for rule in group["rules"]]
    files = []
    for number, case in enumerate(whole["tests"]):
        names = needed(case, rules)
        of_case = folder / f"{path.stem}-{number}-rules.yml"
        of_case.write_text(json.dumps({"groups": list(_groups(rule_files, names))}))
        files.append(folder / f"{path.stem}-{number}.yml")
        files[-1].write_text(json.dumps(whole | {"rule_files": [of_case.name], "tests": [case]}))
    return files


def needed(case: dict[str, Any], rules: Iterable[Rule]) -> set[str]:
    """Return the names of those *rules* that what a *case* asks for is made from; an alert's is that of the alert."""
    texts: dict[str, list[str]] = {}
    for rule in rules:
        texts.setdefault(name_of(rule), []).extend([rule["expr"], *rule.get("annotations", {}).values()])
    asked = [one["expr"] for one in case.get("promql_expr_test", [])]
    found = {one["alertname"] for one in case.get("alert_rule_test", [])} & texts.keys()
    left = [*asked, *(text for name in found for text in texts[name])]
    while left:
        more = set(_named(left.pop(), texts.keys())) - found
        found |= more
        left.extend(text for name in more for text in texts[name])
    return found


def name_of(rule: Rule) -> str:
    """Return what a rule records, or the name of its alert."""
    name: str = rule.get("record") or rule["alert"]
    return name


def _named(text: str, names: Iterable[str]) -> Iterator[str]:
    """Yield those rules that an expression or a template asks for: what they record, or the state of their alert."""
    yield from set(_WORD.findall(text)).intersection(name for name in names if ":" in name)
    for found in _ALERTS.finditer(text):
        asked = _ALERTNAME.search(found[1] or "")
        for name in names:
            if asked is None or re.fullmatch(asked[2], name):
                yield name


def _groups(files: Iterable[Path], names: set[str]) -> Iterator[dict[str, Any]]:
    for file in files:
        for group in document(file)["groups"]:
            rules = [rule for rule in group["rules"] if name_of(rule) in names]
            if rules:
                yield group | {"rules": rules}
