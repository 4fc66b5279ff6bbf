"""The configuration in force as YAML for a person to read: durations and sizes as one writes them, and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct, structs

from exporter.collectors import BY_NAME
from exporter.config.document import Expanded
from exporter.config.schema import Config, Options, Zvm

_SECRETS: Final = frozenset({"password", "client_secret"})
_DURATIONS: Final = frozenset({"interval", "intervals", "timeout", "stale_after"})
_MASK: Final = "<secret>"
_UNITS: Final = ((3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))
_SIZES: Final = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def show(config: Config) -> str:
    """Return *config* as YAML. What stood in a variable may be a secret, wherever it was written: it is masked too."""
    return yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True, width=120)


def _plain(value: Any, key: str = "") -> Any:
    if isinstance(value, Struct):
        shown = {name: _plain(inner, name) for name, inner in structs.asdict(value).items()}
        if isinstance(value, Zvm):
            shown["stale_after"] = _plain(value.served_for(value.interval), "stale_after")
            shown.pop("options")
            shown |= {name: _options(name, options) for name, options in value.options.items()}
        return {name: inner for name, inner in shown.items() if inner not in (None, {}, [])}
    if isinstance(value, dict):
        return {str(name): _plain(inner, key) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if value is not None and (key in _SECRETS or isinstance(value, Expanded)):
        return _MASK
    if key in _DURATIONS and value is not None:
        return duration(value)
    if key == "max_body" and value is not None:
        return _size(value)
    return str(value) if isinstance(value, Path) else value


def _options(collector: str, options: Options) -> Any:
    shown = _plain(options)
    if not BY_NAME[collector].by_object:
        shown.pop("requests_per_poll")
    return shown


def duration(seconds: float) -> str:
    """Return *seconds* as a Prometheus duration."""
    left, text = round(seconds * 1000), ""
    for unit, name in _UNITS:
        count, left = divmod(left, unit)
        text += f"{count}{name}" if count else ""
    return text or "0s"


def _size(count: int) -> str:
    for unit, name in _SIZES:
        if count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)
