"""Draw the dashboards, all or some: python -m pictures --out build --estates troubled --boards overview,vpg."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import Final

import structlog
from rule_files import RULES

from pictures.checks import faults
from pictures.days import recorded, view
from pictures.drawing import DASHBOARDS, HERE, MODES, Easel, lacking
from pictures.estates import DAYS, PARTS
from pictures.history import History

ROOT: Final = HERE.parents[1]


def history(folder: Path, estate: str) -> History:
    """Return the history of an *estate*; it is made once in *folder*, and again when what it is made of changes."""
    sources = [*(ROOT / "exporter").rglob("*.py"), HERE / "estates.py", HERE / "history.py", *RULES.glob("*.yml")]
    mark = hashlib.sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()
    made = folder / "made"
    if made.exists() and made.read_text() == mark:
        return History(folder, PARTS)
    shutil.rmtree(folder, ignore_errors=True)
    kept = recorded(folder, estate)
    made.write_text(mark)
    return kept


async def draw(histories: dict[str, History], boards: list[Path], modes: list[str], out: Path, *, whole: bool) -> None:
    """Write a picture of each of the *boards* on each estate in each of *modes*, and what is on it as JSON."""
    async with Easel.ready(out / "made") as easel:
        for estate, kept in histories.items():
            folder = out / estate
            folder.mkdir(exist_ok=True)
            with kept.server() as server:
                for board in boards:
                    for mode in modes:
                        begun = time.monotonic()
                        told = await easel.draw(view(board, estate, server.url), mode)
                        (folder / f"{board.stem}-{mode}.png").write_bytes(await easel.picture(whole=whole))
                        (folder / f"{board.stem}.json").write_text(json.dumps(told, indent=1))
                        print(f"{folder / board.stem}-{mode}.png, {time.monotonic() - begun:.1f} s", flush=True)
                        for fault in faults(told):
                            print(f"  {fault}", flush=True)


def main() -> None:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--estates", default=",".join(DAYS))
    parser.add_argument("--boards", default="", help="a part of each name; all without it")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--window", action="store_true", help="only the top of each, as it fits a window")
    options = parser.parse_args()
    lacks = lacking()
    if lacks is not None:
        sys.exit(f"no pictures: {lacks}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    wanted = options.boards.split(",")
    boards = [board for board in sorted(DASHBOARDS.glob("*.json")) if any(part in board.stem for part in wanted)]
    out = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    histories = {estate: history(out / "days" / estate, estate) for estate in options.estates.split(",")}
    print(f"the days of {', '.join(histories)}: {time.monotonic() - begun:.0f} s", flush=True)
    asyncio.run(draw(histories, boards, options.modes.split(","), out, whole=not options.window))


if __name__ == "__main__":
    main()
