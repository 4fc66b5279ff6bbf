"""One command's parser, whose flags fall back on the environment."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from exporter.cli.arguments import values
from exporter.cli.arguments.values import one_of
from exporter.cli.logs import FORMATS, LEVELS

DEFAULT_CONFIG: Final = Path("config.yaml")

_KUBERNETES: Final = re.compile(r"(tcp|udp|sctp)://")


def variable(flag: str) -> str:
    """Return the environment variable that sets *flag*."""
    return "ZERTO_EXPORTER_" + _attribute(flag).upper()


class Command:
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
        self.flags.append((name, values.boolean, False))

    def asked(self, name: str, convert: Callable[[str], Any], **options: Any) -> None:
        """Add a flag that says what is asked for. It is never taken from the environment, where one is forgotten."""
        self.parser.add_argument(name, dest=_attribute(name), type=convert, **options)

    def repeated(self, name: str, convert: Callable[[str], Any], default: list[Any], **options: Any) -> None:
        """Add a flag that may be repeated; in the environment commas divide its values."""
        self.parser.add_argument(name, dest=_attribute(name), type=convert, action="append", **options)
        self.flags.append((name, lambda text: [convert(part) for part in values.parts(text)], default))

    def logs(self, level: str) -> None:
        """Add the flags of logging, *level* by default."""
        self.flag("--log.level", one_of(LEVELS), level, metavar="|".join(LEVELS), help=f"default: {level}")
        self.flag("--log.format", one_of(FORMATS), "logfmt", metavar="|".join(FORMATS), help="default: logfmt")

    def config_files(self) -> None:
        """Add the flag of the files of the configuration."""
        text = f"also a pattern such as zvms.d/*.yaml; repeatable, default: {DEFAULT_CONFIG}"
        self.repeated("--config.file", Path, [], metavar="FILE", help=text)

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


def _attribute(flag: str) -> str:
    return flag.removeprefix("--").replace(".", "_").replace("-", "_")
