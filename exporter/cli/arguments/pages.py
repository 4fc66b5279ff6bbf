"""The flags of those commands that serve pages, and of the one that asks whether they are served."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from exporter.cli.arguments.command import Command
from exporter.cli.arguments.values import external, path, prefix, url, whole

DEFAULT_ADDRESS: Final = ":9403"


def where(command: Command) -> None:
    """Add the flags that say where the pages are."""
    text = f"host:port, or :port for all addresses; repeatable, default: {DEFAULT_ADDRESS}"
    command.repeated("--web.listen-address", str, [DEFAULT_ADDRESS], metavar="ADDRESS", help=text)
    text = "where a proxy serves the pages; its path is the default of --web.route-prefix"
    command.flag("--web.external-url", external, None, metavar="URL", help=text)
    text = "path before that of every page; default: the path of --web.external-url"
    command.flag("--web.route-prefix", prefix, None, metavar="PATH", help=text)
    text = "TLS and users, in the format of the exporter-toolkit"
    command.flag("--web.config.file", Path, None, metavar="FILE", help=text)


def which(command: Command) -> None:
    """Add the flags that say what is served, and to whom."""
    text = "answer /-/healthy and /-/ready without a login and a client certificate"
    command.switch("--web.open-probes", help=text)
    command.flag("--web.telemetry-path", path, "/metrics", metavar="PATH", help="default: /metrics")
    text = "requests answered at the same time, but for probes; 0: no bound, default: 40"
    command.flag("--web.max-requests", whole(0, 100_000), 40, metavar="N", help=text)
    command.flag("--web.grafana-url", url, None, metavar="URL", help="where the landing page links to dashboards")


def healthcheck(command: Command) -> None:
    """Add the flags of `healthcheck`."""
    command.logs("info")
    where(command)
