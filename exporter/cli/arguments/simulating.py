"""The flags of the commands with simulated ZVMs: simulate, demo."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Final

from exporter.cli.arguments import pages
from exporter.cli.arguments.command import Command
from exporter.cli.arguments.values import INCIDENTS, incident, one_of, whole

_METHODS: Final = ("session", "keycloak", "both")
_GENERATIONS: Final = ("appliance", "windows")


def simulate(command: Command) -> None:
    """Add the flags of `simulate`."""
    command.logs("info")
    command.flag("--port", whole(0, 65535), 9669, metavar="PORT", help="default: 9669, on 127.0.0.1")
    text = "default: both, or session with --generation windows"
    command.flag("--auth", one_of(_METHODS), None, metavar="|".join(_METHODS), help=text)
    text = "a ZVM of 10.0, or one of 9.7, which has less; default: appliance"
    command.flag("--generation", one_of(_GENERATIONS), "appliance", metavar="|".join(_GENERATIONS), help=text)
    command.flag("--tls-cert", Path, None, metavar="FILE", help="certificate; without it plain HTTP")
    command.flag("--tls-key", Path, None, metavar="FILE", help="its key")
    text = "how many of the VPGs change with time, default: 100; with 0 each answer is the same, byte for byte"
    command.flag("--changing", whole(0, 100), 100, metavar="PERCENT", help=text)
    text = f"KIND, or KIND=VPG for one VPG only; repeatable. Kinds: {', '.join(INCIDENTS)}"
    command.repeated("--incident", incident, [], metavar="KIND[=VPG]", help=text)
    _estate(command)


def simulated(command: Command, parsed: Namespace) -> None:
    """Check what is *parsed* of `simulate`."""
    if (parsed.tls_cert is None) != (parsed.tls_key is None):
        command.parser.error("--tls-cert and --tls-key go together")


def demo(command: Command) -> None:
    """Add the flags of `demo`."""
    command.logs("info")
    pages.where(command)
    pages.which(command)
    _estate(command)


def _estate(command: Command) -> None:
    command.flag("--vms", whole(1, 1_000_000), 50, metavar="N", help="VMs of a site, default: 50")
    command.flag("--seed", whole(0, 2**63), 1, metavar="S", help="what the estate is made from, default: 1")
