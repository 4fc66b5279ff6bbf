"""The command line. Every flag also reads `ZERTO_EXPORTER_<FLAG>`; none of them is a secret."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from exporter import __version__
from exporter.cli.arguments import pages, polling, simulating
from exporter.cli.arguments.command import DEFAULT_CONFIG, Command, variable
from exporter.cli.arguments.pages import DEFAULT_ADDRESS
from exporter.cli.arguments.showing import show

__all__ = ["COMMANDS", "DEFAULT_ADDRESS", "DEFAULT_CONFIG", "flags", "parse", "variable"]

_DOES: Final = {
    "serve": "poll the ZVMs and serve /metrics",
    "check": "validate the configuration",
    "once": "poll once and print the page",
    "show": "print what the ZVMs answer now, worst first",
    "healthcheck": "ask the exporter on this machine whether it is healthy",
    "simulate": "serve a stand-in ZVM",
    "demo": "two simulated sites and the exporter on them",
}
_FLAGS: Final[Mapping[str, Callable[[Command], None]]] = {
    "serve": polling.serve,
    "check": polling.check,
    "once": polling.once,
    "healthcheck": pages.healthcheck,
    "simulate": simulating.simulate,
    "demo": simulating.demo,
}
_COMPLETED: Final[Mapping[str, Callable[[Command, argparse.Namespace], None]]] = {
    "serve": polling.served,
    "simulate": simulating.simulated,
}

COMMANDS: Final = tuple(_DOES)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Return the parsed *arguments*; what they leave open is taken from *environment*, then from the defaults.

    Exits with 2 on wrong usage and with 0 after `--help` and `--version`, as argparse does.
    """
    parser, commands = _parser()
    given = list(arguments)
    if not given or given[0] not in {"-h", "--help", "--version", *COMMANDS}:
        given.insert(0, "serve")
    parsed = parser.parse_args(given)
    command = commands[f"show {parsed.resource}" if parsed.command == "show" else parsed.command]
    command.complete(parsed, environment)
    if parsed.command in _COMPLETED:
        _COMPLETED[parsed.command](command, parsed)
    if "web_route_prefix" in parsed and parsed.web_route_prefix is None:
        parsed.web_route_prefix = urlsplit(parsed.web_external_url or "").path.rstrip("/")
    return parsed


def flags() -> dict[str, list[str]]:
    """Return the flags of each command."""
    return {name: [flag for flag, _, _ in command.flags] for name, command in _parser()[1].items()}


def _parser() -> tuple[argparse.ArgumentParser, dict[str, Command]]:
    parser = argparse.ArgumentParser(
        prog="zerto-exporter",
        description="Prometheus exporter for Zerto. Without a command: serve.",
        epilog="`zerto-exporter COMMAND --help` shows a command's flags. Each flag can be set by the environment too: "
        "--log.level is ZERTO_EXPORTER_LOG_LEVEL.",
        allow_abbrev=False,
    )
    version = f"zerto-exporter {__version__}"
    parser.add_argument("--version", action="version", version=version)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands: dict[str, Command] = {}
    for name, does in _DOES.items():
        own = subparsers.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.", allow_abbrev=False)
        own.add_argument("--version", action="version", version=version)
        if name == "show":
            commands |= show(own)
        else:
            commands[name] = command = Command(own)
            _FLAGS[name](command)
    return parser, commands
