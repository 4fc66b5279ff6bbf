"""`make chart`: write what the Helm chart holds of the rest of the repository, and its table of values."""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tools import ROOT

CHART: Final = ROOT / "deploy" / "helm" / "zerto-exporter"
README: Final = CHART / "README.md"
COPIES: Final = {
    CHART / "files" / "rules": sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")),
    CHART / "files" / "dashboards": sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")),
}  # Helm reads nothing outside of the chart's folder


@dataclass(frozen=True)
class Value:
    """A key of values.yaml, as a path with dots, its default and its comment."""

    path: str
    default: Any
    text: str


def described() -> Iterator[Value]:
    """Return the keys of values.yaml that have a comment of their own: `# -- text`, up to an empty comment."""
    texts: dict[str, str] = {}
    text: list[str] | None = None
    open_ = False
    section = ""
    for line in (CHART / "values.yaml").read_text().splitlines():
        comment = re.fullmatch(r"(?: {2})*# ?(-- )?(.*)", line)
        key = re.match(r"((?: {2})*)([A-Za-z]+):", line)
        if comment is not None:
            if comment[1]:
                text, open_ = [comment[2]], True
            elif text is not None and open_:
                open_ = bool(comment[2])
                text += [comment[2]] if open_ else []
        elif key is not None:
            depth = len(key[1]) // 2
            section = ".".join([*section.split(".")[:depth], key[2]]) if depth else key[2]
            if text is not None:
                texts[section] = " ".join(text)
            text = None
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path, told in texts.items():
        yield Value(path, functools.reduce(lambda value, key: value[key], path.split("."), values), told)


def readme() -> str:
    """Return the README of the chart, with the table of values as they are now."""
    pattern = r"(?<=<!-- values -->\n\n)(\|.*\n)*(?=\n<!-- /values -->)"
    written, found = re.subn(pattern, lambda _: _table(), README.read_text())
    assert found == 1, README
    return written


def _table() -> str:
    rows = (
        f"| `{value.path}` | `{json.dumps(value.default, ensure_ascii=False)}` | {value.text} |\n"
        for value in described()
    )
    return "| value | default | means |\n|---|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    for folder, sources in COPIES.items():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for source in sources:
            shutil.copyfile(source, folder / source.name)
    README.write_text(readme())
