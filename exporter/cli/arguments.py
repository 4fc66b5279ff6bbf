"""The command line. Every flag also reads `ZERTO_EXPORTER_<FLAG>`; none of them is a secret."""

from __future__ import annotations

import argparse
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from exporter import __version__
from exporter.cli.logs import FORMATS, LEVELS
from exporter.config.scalars import duration
from exporter.config.shards import shard_of
from exporter.show.filters import FORMATS as SHOWN_AS
from exporter.show.filters import RESOURCES, filters
from exporter.simulator.estate.incidents import KINDS as INCIDENT_KINDS

DEFAULT_CONFIG: Final = Path("config.yaml")
DEFAULT_ADDRESS: Final = ":9403"

COMMANDS: Final = ("serve", "check", "once", "show", "healthcheck", "simulate", "demo")

_SHOW_CODES: Final = """\
exit codes:
  0    all that was asked for is shown
  1    not all: a ZVM failed (standard error says which and why; the others are shown), a name is unknown or not
       unique, or the configuration is wrong
  2    wrong usage
  130  interrupted; it has logged out
"""

_INCIDENTS: Final = frozenset(kind.replace("_", "-") for kind in INCIDENT_KINDS)
_TRUE: Final = {"true": True, "1": True, "false": False, "0": False}
_OWN_PATHS: Final = frozenset({"/", "/config", "/probe", "/api/v1/sd"})
_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]*")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_KUBERNETES: Final = re.compile(r"(tcp|udp|sctp)://")


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
    if parsed.command == "simulate" and (parsed.tls_cert is None) != (parsed.tls_key is None):
        command.parser.error("--tls-cert and --tls-key go together")
    if parsed.command == "serve":
        try:
            parsed.part = shard_of(parsed.shard, parsed.total_shards, socket.gethostname())
        except ValueError as error:
            command.parser.error(f"--shard: {error}")
    if "web_route_prefix" in parsed and parsed.web_route_prefix is None:
        parsed.web_route_prefix = urlsplit(parsed.web_external_url or "").path.rstrip("/")
    return parsed


def flags() -> dict[str, list[str]]:
    """Return the flags of each command."""
    return {name: [flag for flag, _, _ in command.flags] for name, command in _parser()[1].items()}


def variable(flag: str) -> str:
    """Return the environment variable that sets *flag*."""
    return "ZERTO_EXPORTER_" + _attribute(flag).upper()


class _Command:
    """One command's parser, whose flags fall back on the environment.

    Only the environment of the command that is run is read: where a Kubernetes service has the name of the exporter,
    each of its pods is given a ZERTO_EXPORTER_PORT that is none of ours.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser
        self.flags: list[tuple[str, Callable[[str], Any], Any]] = []

    def flag(self, name: str, convert: Callable[[str], Any], default: Any, **options: Any) -> None:
        """Add a flag with a value, which *convert* reads."""
        self.parser.add_argument(name, dest=_attribute(name), type=convert, **options)
        self.flags.append((name, convert, default))

    def switch(self, name: str, **options: Any) -> None:
        """Add a flag without a value."""
        action = argparse.BooleanOptionalAction
        self.parser.add_argument(name, dest=_attribute(name), action=action, default=None, **options)
        self.flags.append((name, _boolean, False))

    def asked(self, name: str, convert: Callable[[str], Any], **options: Any) -> None:
        """Add a flag that says what is asked for. It is never taken from the environment, where one is forgotten."""
        self.parser.add_argument(name, dest=_attribute(name), type=convert, **options)

    def addresses(self) -> None:
        """Add the repeatable flag of the addresses to listen on."""
        name = "--web.listen-address"
        text = f"host:port, or :port for all addresses; repeatable, default: {DEFAULT_ADDRESS}"
        self.parser.add_argument(name, dest=_attribute(name), action="append", metavar="ADDRESS", help=text)
        self.flags.append((name, _list, [DEFAULT_ADDRESS]))

    def config_files(self) -> None:
        """Add the repeatable flag of the files of the configuration."""
        name = "--config.file"
        text = f"also a pattern such as zvms.d/*.yaml; repeatable, default: {DEFAULT_CONFIG}"
        self.parser.add_argument(name, dest=_attribute(name), type=Path, action="append", metavar="FILE", help=text)
        self.flags.append((name, _files, []))

    def incidents(self) -> None:
        """Add the repeatable flag of what goes wrong from the start."""
        name = "--incident"
        text = f"KIND, or KIND=VPG for one VPG only; repeatable. Kinds: {', '.join(sorted(_INCIDENTS))}"
        self.parser.add_argument(
            name, dest="incident", type=_incident, action="append", metavar="KIND[=VPG]", help=text
        )
        self.flags.append((name, lambda text: [_incident(one) for one in _list(text)], []))

    def complete(self, parsed: argparse.Namespace, environment: Mapping[str, str]) -> None:
        """Set what the arguments left open."""
        for name, convert, default in self.flags:
            if getattr(parsed, _attribute(name)) is not None:
                continue
            text = environment.get(variable(name), "")
            if not text or (name == "--port" and _KUBERNETES.match(text)):
                setattr(parsed, _attribute(name), default)
                continue
            try:
                setattr(parsed, _attribute(name), convert(text))
            except argparse.ArgumentTypeError as error:
                self.parser.error(f"{variable(name)}: {error}")


def _parser() -> tuple[argparse.ArgumentParser, dict[str, _Command]]:
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
    commands: dict[str, _Command] = {}
    for name, does in (
        ("serve", "poll the ZVMs and serve /metrics"),
        ("check", "validate the configuration"),
        ("once", "poll once and print the page"),
        ("show", "print what the ZVMs answer now, worst first"),
        ("healthcheck", "ask the exporter on this machine whether it is healthy"),
        ("simulate", "serve a stand-in ZVM"),
        ("demo", "two simulated sites and the exporter on them"),
    ):
        own = subparsers.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.", allow_abbrev=False)
        own.add_argument("--version", action="version", version=version)
        if name == "show":
            shows = _shows(own)
            continue
        commands[name] = command = _Command(own)
        _logs(command, "info")
    serve, check, once, healthcheck, simulate, demo = commands.values()
    for command in (serve, check, once):
        command.config_files()
    for command in (serve, demo, healthcheck):
        command.addresses()
        text = "where a proxy serves the pages; its path is the default of --web.route-prefix"
        command.flag("--web.external-url", _external, None, metavar="URL", help=text)
        text = "path before that of every page; default: the path of --web.external-url"
        command.flag("--web.route-prefix", _prefix, None, metavar="PATH", help=text)
        command.flag(
            "--web.config.file", Path, None, metavar="FILE", help="TLS and users, in the format of the exporter-toolkit"
        )
    for command in (serve, demo):
        text = "answer /-/healthy and /-/ready without a login and a client certificate"
        command.switch("--web.open-probes", help=text)
        command.flag("--web.telemetry-path", _path, "/metrics", metavar="PATH", help="default: /metrics")
        text = "requests answered at the same time, but for probes; 0: no bound, default: 40"
        command.flag("--web.max-requests", _whole(0, 100_000), 40, metavar="N", help=text)
        command.flag("--web.grafana-url", _url, None, metavar="URL", help="where the landing page links to dashboards")
    serve.switch("--web.enable-lifecycle", help="allow POST /-/reload")
    serve.flag(
        "--shard",
        _whole(0, 9999),
        None,
        metavar="N",
        help="which shard this is, from 0; default: the number at the end of the host's name",
    )
    serve.flag("--total-shards", _whole(1, 10_000), 1, metavar="M", help="exporters that divide the ZVMs; default: 1")
    once.switch("--exporter-metrics", help="print the exporter's own metrics too")
    check.switch("--connect", help="log in to each ZVM and poll it once")
    simulate.flag("--port", _whole(0, 65535), 9669, metavar="PORT", help="default: 9669, on 127.0.0.1")
    methods = ("session", "keycloak", "both")
    text = "default: both, or session with --generation windows"
    simulate.flag("--auth", _one_of(methods), None, metavar="|".join(methods), help=text)
    generations = ("appliance", "windows")
    simulate.flag(
        "--generation",
        _one_of(generations),
        "appliance",
        metavar="|".join(generations),
        help="a ZVM of 10.0, or one of 9.7, which has less; default: appliance",
    )
    simulate.flag("--tls-cert", Path, None, metavar="FILE", help="certificate; without it plain HTTP")
    simulate.flag("--tls-key", Path, None, metavar="FILE", help="its key")
    simulate.flag(
        "--changing",
        _whole(0, 100),
        100,
        metavar="PERCENT",
        help="how many of the VPGs change with time, default: 100; with 0 each answer is the same, byte for byte",
    )
    simulate.incidents()
    for command in (simulate, demo):
        command.flag("--vms", _whole(1, 1_000_000), 50, metavar="N", help="VMs of a site, default: 50")
        command.flag("--seed", _whole(0, 2**63), 1, metavar="S", help="what the estate is made from, default: 1")
    return parser, {**commands, **shows}


def _logs(command: _Command, level: str) -> None:
    command.flag("--log.level", _one_of(LEVELS), level, metavar="|".join(LEVELS), help=f"default: {level}")
    command.flag("--log.format", _one_of(FORMATS), "logfmt", metavar="|".join(FORMATS), help="default: logfmt")


def _shows(parser: argparse.ArgumentParser) -> dict[str, _Command]:
    """Return the commands `show RESOURCE`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _SHOW_CODES
    subparsers = parser.add_subparsers(dest="resource", required=True, metavar="RESOURCE")
    commands = {}
    for resource, what in RESOURCES.items():
        own = subparsers.add_parser(
            resource,
            help=what,
            description=f"Print {what}, {'the newest' if resource == 'points' else 'the worst'} first.",
            epilog=_SHOW_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        commands[f"show {resource}"] = command = _Command(own)
        command.config_files()
        command.flag("--format", _one_of(SHOWN_AS), "table", metavar="|".join(SHOWN_AS), help="default: table")
        command.asked("--zvm", str, action="append", metavar="NAME", help="ask this ZVM; repeatable, default: all")
        command.asked("--limit", _whole(1, 10**9), metavar="N", help="at most so many rows, those that come first")
        if resource == "points":
            text = "name of the VM, or its identifier"
            command.asked("--vm", str, required=True, metavar="NAME", help=text)
            text = "name of the VPG, or its identifier, where the VM is in several"
            command.asked("--vpg", str, metavar="NAME", help=text)
            command.asked("--since", _since, metavar="DURATION", help="how far back, such as 24h or 7d; default: all")
        for one in filters(resource):
            text = f"the API's filter {one.name}"
            command.asked(one.flag, _checked(one.read), metavar="VALUE", help=text)
        _logs(command, "warn")
    return commands


def _attribute(flag: str) -> str:
    return flag.removeprefix("--").replace(".", "_").replace("-", "_")


def _one_of(options: Sequence[str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in options:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(options)}, got {text!r}")
        return text

    return convert


def _whole(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,20}", text) else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, got {text!r}")
        return number

    return convert


def _since(text: str) -> float:
    seconds = duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"expected a duration such as 90m, 24h or 7d, got {text!r}")
    return seconds


def _checked(read: Callable[[str], str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUE:
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return _TRUE[text.lower()]


def _incident(text: str) -> tuple[str, str | None]:
    kind, _, vpg = text.partition("=")
    if kind.replace("_", "-") not in _INCIDENTS:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(sorted(_INCIDENTS))}, got {kind!r}")
    return kind, vpg or None


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _files(text: str) -> list[Path]:
    return [Path(part) for part in _list(text)]


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:  # such as a bracket without its other one
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise argparse.ArgumentTypeError("expected https://host/path, without a user")
    return text


def _external(text: str) -> str:
    parts = urlsplit(_url(text))
    if "?" in text or "#" in text:
        raise argparse.ArgumentTypeError("expected https://host/path, without ? and #")
    _prefix(parts.path)
    return text


def _prefix(text: str) -> str:
    """Return a path as it stands before others: `/zerto`, or nothing."""
    prefix = f"/{text.strip('/')}".rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        raise argparse.ArgumentTypeError(f"expected a path such as /zerto, got {text!r}")
    return prefix


def _path(text: str) -> str:
    if not _PATH.fullmatch(text) or text == "/":
        raise argparse.ArgumentTypeError(f"expected a path such as /metrics, got {text!r}")
    if text in _OWN_PATHS or text.startswith("/-/"):
        raise argparse.ArgumentTypeError(f"{text} is the path of another page")
    return text
