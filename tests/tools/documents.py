"""`make docs`: write the documents and the picture that are made from the code, and the golden page."""

from __future__ import annotations

from pathlib import Path

from tools import configuration, golden, metrics, picture, readme, runbooks


def generated() -> dict[Path, str]:
    """Return what each generated document must hold."""
    return {module.FILE: module.text() for module in (readme, metrics, configuration, runbooks, picture, golden)}


if __name__ == "__main__":
    for file, text in generated().items():
        file.write_text(text)
