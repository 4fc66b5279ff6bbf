"""The flags of `show`, of each resource by itself."""

from __future__ import annotations

import argparse
from typing import Final

from exporter.cli.arguments.command import Command
from exporter.cli.arguments.values import checked, one_of, since, whole
from exporter.show.filters import FORMATS, RESOURCES, filters

_CODES: Final = """\
exit codes:
  0    all that was asked for is shown
  1    not all: a ZVM failed (standard error says which and why; the others are shown), a name is unknown or not
       unique, or the configuration is wrong
  2    wrong usage
  130  interrupted; it has logged out
"""


def show(parser: argparse.ArgumentParser) -> dict[str, Command]:
    """Add the resources to the *parser* of `show`; return the commands `show RESOURCE`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _CODES
    subparsers = parser.add_subparsers(dest="resource", required=True, metavar="RESOURCE")
    commands = {}
    for resource, what in RESOURCES.items():
        own = subparsers.add_parser(
            resource,
            help=what,
            description=f"Print {what}, {'the newest' if resource == 'points' else 'the worst'} first.",
            epilog=_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        commands[f"show {resource}"] = command = Command(own)
        command.config_files()
        command.flag("--format", one_of(FORMATS), "table", metavar="|".join(FORMATS), help="default: table")
        command.asked("--zvm", str, action="append", metavar="NAME", help="ask this ZVM; repeatable, default: all")
        command.asked("--limit", whole(1, 10**9), metavar="N", help="at most so many rows, those that come first")
        if resource == "points":
            text = "name of the VM, or its identifier"
            command.asked("--vm", str, required=True, metavar="NAME", help=text)
            text = "name of the VPG, or its identifier, where the VM is in several"
            command.asked("--vpg", str, metavar="NAME", help=text)
            command.asked("--since", since, metavar="DURATION", help="how far back, such as 24h or 7d; default: all")
        for one in filters(resource):
            command.asked(one.flag, checked(one.read), metavar="VALUE", help=f"the API's filter {one.name}")
        command.logs("warn")
    return commands
