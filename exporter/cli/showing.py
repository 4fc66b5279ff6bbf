"""The command `show` between the command line and the terminal."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
from argparse import Namespace
from dataclasses import dataclass

from exporter.config import Config
from exporter.show.command import Query
from exporter.show.command import show as ask
from exporter.show.filters import filters
from exporter.show.table import Page


@dataclass(frozen=True)
class Shown:
    """The bytes for standard output, the lines for standard error, and the exit code."""

    out: bytes
    err: tuple[str, ...]
    code: int


async def show(config: Config, options: Namespace) -> Shown:
    """Return what the ZVMs of *config* answer to the *options* of a command line."""
    given = vars(options)
    chosen = {one.name: given[one.flag.removeprefix("--").replace("-", "_")] for one in filters(options.resource)}
    query = Query(
        options.resource,
        zvms=options.zvm or (),
        filters={name: value for name, value in chosen.items() if value is not None},
        form=options.format,
        limit=options.limit,
        vm=given.get("vm") or "",
        vpg=given.get("vpg"),
        since=given.get("since"),
    )
    told = await ask(config, query, _page())
    encoding = sys.stdout.encoding or "utf-8" if query.form == "table" else "utf-8"
    return Shown(told.out.encode(encoding, "backslashreplace"), told.err, told.code)


def _page() -> Page:
    """Return what standard output is: COLUMNS goes before what a terminal tells; into a pipe nothing is cut."""
    terminal = sys.stdout.isatty()
    said = os.environ.get("COLUMNS", "")
    width = None
    if said.isdigit() and int(said):
        width = int(said)
    elif terminal:
        width = shutil.get_terminal_size().columns
    return Page(width, terminal, codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf"))
