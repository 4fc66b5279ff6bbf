"""The flags of the commands that poll the configured ZVMs: serve, check, once."""

from __future__ import annotations

import socket
from argparse import Namespace

from exporter.cli.arguments import pages
from exporter.cli.arguments.command import Command
from exporter.cli.arguments.values import whole
from exporter.config.shards import shard_of


def serve(command: Command) -> None:
    """Add the flags of `serve`."""
    command.logs("info")
    command.config_files()
    pages.where(command)
    pages.which(command)
    command.switch("--web.enable-lifecycle", help="allow POST /-/reload")
    text = "which shard this is, from 0; default: the number at the end of the host's name"
    command.flag("--shard", whole(0, 9999), None, metavar="N", help=text)
    text = "exporters that divide the ZVMs; default: 1"
    command.flag("--total-shards", whole(1, 10_000), 1, metavar="M", help=text)


def served(command: Command, parsed: Namespace) -> None:
    """Complete what is *parsed* of `serve`: which part of the ZVMs it has."""
    try:
        parsed.part = shard_of(parsed.shard, parsed.total_shards, socket.gethostname())
    except ValueError as error:
        command.parser.error(f"--shard: {error}")


def check(command: Command) -> None:
    """Add the flags of `check`."""
    command.logs("warn")  # what went well is in its own lines
    command.config_files()
    command.switch("--connect", help="log in to each ZVM and poll it once")


def once(command: Command) -> None:
    """Add the flags of `once`."""
    command.logs("info")
    command.config_files()
    command.switch("--exporter-metrics", help="print the exporter's own metrics too")
