"""The command line. Every flag also reads `ZERTO_EXPORTER_<FLAG>`; none of them is a secret."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from exporter import __version__
from exporter.logs import FORMATS, LEVELS

DEFAULT_CONFIG: Final = Path("config.yaml")
DEFAULT_ADDRESS: Final = ":9403"

_COMMANDS: Final = ("serve", "check", "once", "simulate", "demo")
_TRUE: Final = {"true": True, "1": True, "false": False, "0": False}


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Return the parsed *arguments*; what they leave open is taken from *environment*, then from the defaults.

    Exits with 2 on wrong usage and with 0 after `--help` and `--version`, as argparse does.
    """
    parser = argparse.ArgumentParser(
        prog="zerto-exporter",
        description="Prometheus exporter for Zerto. Without a command: serve.",
        epilog="Each flag can be set by the environment too: --log.level is ZERTO_EXPORTER_LOG_LEVEL.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"zerto-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = _command(commands, environment, "serve", "poll the ZVMs and serve /metrics")
    check = _command(commands, environment, "check", "validate the configuration")
    once = _command(commands, environment, "once", "poll once and print the page")
    simulate = _command(commands, environment, "simulate", "serve a stand-in ZVM")
    demo = _command(commands, environment, "demo", "two simulated sites and the exporter on them")
    for command in (serve, check, once):
        command.flag("--config.file", type=Path, metavar="FILE", help=f"default: {DEFAULT_CONFIG}")
    for command in (serve, demo):
        command.addresses()
        command.flag("--web.telemetry-path", type=_path, default="/metrics", metavar="PATH", help="default: /metrics")
    serve.switch("--web.enable-lifecycle", help="allow POST /-/reload")
    check.switch("--connect", help="log in to each ZVM and poll it once")
    simulate.flag("--port", type=_port, default=9669, metavar="PORT", help="default: 9669, on 127.0.0.1")
    simulate.flag("--auth", choices=("session", "keycloak", "both"), default="both", help="default: both")
    simulate.flag("--tls-cert", type=Path, metavar="FILE", help="certificate; without it plain HTTP")
    simulate.flag("--tls-key", type=Path, metavar="FILE", help="its key")
    for command in (simulate, demo):
        command.flag("--vms", type=_count, default=50, metavar="N", help="VMs of a site, default: 50")
        command.flag("--seed", type=int, default=1, metavar="S", help="what the estate is made from, default: 1")
    known = {"-h", "--help", "--version", *_COMMANDS}
    given = list(arguments)
    if not given or given[0] not in known:
        given.insert(0, "serve")
    parsed = parser.parse_args(given)
    if parsed.command == "simulate" and (parsed.tls_cert is None) != (parsed.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    return parsed


class _Command:
    """One command's parser, whose flags fall back on the environment."""

    def __init__(self, parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self._parser = parser
        self._environment = environment

    def flag(self, name: str, **options: Any) -> None:
        """Add a flag with a value."""
        value = self._environment.get(_variable(name))
        if value:
            options["default"] = self._converted(name, value, options)
        self._parser.add_argument(name, dest=_attribute(name), **options)

    def switch(self, name: str, **options: Any) -> None:
        """Add a flag without a value."""
        value = self._environment.get(_variable(name), "false").lower()
        if value not in _TRUE:
            self._parser.error(f"{_variable(name)}: expected true or false, got {value!r}")
        self._parser.add_argument(
            name, dest=_attribute(name), action=argparse.BooleanOptionalAction, default=_TRUE[value], **options
        )

    def addresses(self) -> None:
        """Add the repeatable flag of the addresses to listen on."""
        name = "--web.listen-address"
        fallback = self._environment.get(_variable(name)) or DEFAULT_ADDRESS
        self._parser.add_argument(
            name,
            dest=_attribute(name),
            action="append",
            metavar="ADDRESS",
            help=f"host:port or :port for all addresses; repeatable, default: {DEFAULT_ADDRESS}",
        )
        self._parser.set_defaults(default_addresses=[part.strip() for part in fallback.split(",")])

    def _converted(self, name: str, value: str, options: Mapping[str, Any]) -> Any:
        try:
            converted = options.get("type", str)(value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            self._parser.error(f"{_variable(name)}: {error}")
        if "choices" in options and converted not in options["choices"]:
            self._parser.error(f"{_variable(name)}: expected one of {', '.join(options['choices'])}, got {value!r}")
        return converted


def _command(commands: Any, environment: Mapping[str, str], name: str, does: str) -> _Command:
    parser = commands.add_parser(name, help=does, description=does.capitalize() + ".", allow_abbrev=False)
    command = _Command(parser, environment)
    command.flag("--log.level", choices=LEVELS, default="info", help="default: info")
    command.flag("--log.format", choices=FORMATS, default="logfmt", help="default: logfmt")
    return command


def _variable(flag: str) -> str:
    return "ZERTO_EXPORTER_" + _attribute(flag).upper()


def _attribute(flag: str) -> str:
    return flag.removeprefix("--").replace(".", "_").replace("-", "_")


def _path(text: str) -> str:
    if not text.startswith("/") or text == "/":
        raise argparse.ArgumentTypeError(f"expected a path such as /metrics, got {text!r}")
    return text


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {port}")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {count}")
    return count
