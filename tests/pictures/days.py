"""The day of an estate made ready: its history in a Prometheus, and what a dashboard shows of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

from pictures.drawing import View
from pictures.estates import DAYS, NOW, PARTS, played
from pictures.history import History, scraped

_SECONDS: Final = {"h": 3600.0, "d": 86400.0}
_LONGEST_SECONDS: Final = NOW - PARTS[0].begin


def recorded(folder: Path, estate: str) -> History:
    """Play the day of an *estate*, and write its history into *folder*; some minutes."""
    folder.mkdir(parents=True)
    made = History(folder, PARTS)
    made.write(scraped(asyncio.run(played(DAYS[estate]))))
    made.record()
    return made


def view(board: Path, estate: str, server: str) -> View:
    """Return what is drawn of a dashboard: its own time as far as the history reaches back."""
    since = json.loads(board.read_text())["time"]["from"].removeprefix("now-")
    seconds = min(float(since[:-1]) * _SECONDS[since[-1]], _LONGEST_SECONDS)
    return View(board.stem, server, NOW - seconds, NOW, PARTS[-1].step, wanted=DAYS[estate].shown.get(board.stem, {}))
