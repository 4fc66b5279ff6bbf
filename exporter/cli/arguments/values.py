"""What the values of flags are read by. Each raises ArgumentTypeError, which says what was expected."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from exporter.config.scalars import duration
from exporter.simulator.estate.incidents import KINDS

INCIDENTS: Final = tuple(sorted(kind.replace("_", "-") for kind in KINDS))

_TRUE: Final = {"true": True, "1": True, "false": False, "0": False}
_OWN_PATHS: Final = frozenset({"/", "/config", "/probe", "/api/v1/sd"})
_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]*")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def one_of(options: Sequence[str]) -> Callable[[str], str]:
    """Return what reads one of *options*."""

    def convert(text: str) -> str:
        if text not in options:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(options)}, got {text!r}")
        return text

    return convert


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number from *least* to *most*."""

    def convert(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,20}", text) else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, got {text!r}")
        return number

    return convert


def since(text: str) -> float:
    """Return a duration in seconds."""
    seconds = duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"expected a duration such as 90m, 24h or 7d, got {text!r}")
    return seconds


def checked(read: Callable[[str], str]) -> Callable[[str], str]:
    """Return what reads by *read*, which raises ValueError."""

    def convert(text: str) -> str:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def boolean(text: str) -> bool:
    """Return what a switch is in the environment."""
    if text.lower() not in _TRUE:
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return _TRUE[text.lower()]


def incident(text: str) -> tuple[str, str | None]:
    """Return a kind of incident, and the VPG that it is of: None for each."""
    kind, _, vpg = text.partition("=")
    if kind.replace("_", "-") not in INCIDENTS:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(INCIDENTS)}, got {kind!r}")
    return kind, vpg or None


def parts(text: str) -> list[str]:
    """Return what commas divide, as the environment has what a flag is repeated for."""
    return [part.strip() for part in text.split(",")]


def url(text: str) -> str:
    """Return the address of a site or a page."""
    try:
        split = urlsplit(text)
    except ValueError:  # such as a bracket without its other one
        split = urlsplit("")
    if split.scheme not in {"http", "https"} or not split.hostname or "@" in split.netloc:
        raise argparse.ArgumentTypeError("expected https://host/path, without a user")
    return text


def external(text: str) -> str:
    """Return the address under which a proxy serves the pages."""
    path = urlsplit(url(text)).path
    if "?" in text or "#" in text:
        raise argparse.ArgumentTypeError("expected https://host/path, without ? and #")
    prefix(path)
    return text


def prefix(text: str) -> str:
    """Return a path as it stands before others: `/zerto`, or nothing."""
    prefix = f"/{text.strip('/')}".rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        raise argparse.ArgumentTypeError(f"expected a path such as /zerto, got {text!r}")
    return prefix


def path(text: str) -> str:
    """Return the path of a page of its own."""
    if not _PATH.fullmatch(text) or text == "/":
        raise argparse.ArgumentTypeError(f"expected a path such as /metrics, got {text!r}")
    if text in _OWN_PATHS or text.startswith("/-/"):
        raise argparse.ArgumentTypeError(f"{text} is the path of another page")
    return text
