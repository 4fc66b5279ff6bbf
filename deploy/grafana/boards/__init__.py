"""The Grafana dashboards, as code. `python -m boards` writes their JSON beside this package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from boards import (
    coverage,
    datastores,
    evidence,
    exporter_health,
    journal,
    overview,
    peers,
    ransomware,
    sites,
    slo,
    vm,
    vpg,
    vras,
)
from boards.parts import Board, build

BOARDS: Final[tuple[Board, ...]] = (
    overview.BOARD,
    vpg.BOARD,
    vm.BOARD,
    sites.BOARD,
    journal.BOARD,
    slo.BOARD,
    vras.BOARD,
    peers.BOARD,
    datastores.BOARD,
    ransomware.BOARD,
    evidence.BOARD,
    coverage.BOARD,
    exporter_health.BOARD,
)
FOLDER: Final = Path(__file__).parent.parent / "dashboards"


def render(board: Board) -> str:
    """Return the JSON of a dashboard, with links to all others."""
    return json.dumps(build(board, BOARDS), cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def path(board: Board) -> Path:
    """Return the file of a dashboard."""
    return FOLDER / f"{board.uid}.json"
