"""The configuration: a YAML file, or the environment of a container, as frozen structs.

Every mistake in it is found at once and named by its path, with what was expected and what came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from exporter.config.checks import check_all, check_zvm
from exporter.config.read import Reader
from exporter.config.schema import Config as Config
from exporter.config.schema import Zvm as Zvm

_VARIABLE: Final = re.compile(r"\$(\$\{)|\$\{([^}]*)\}")
_ENVIRONMENT: Final = {
    "ZVM_USERNAME": ("auth", "username"),
    "ZVM_PASSWORD": ("auth", "password"),
    "ZVM_PASSWORD_FILE": ("auth", "password_file"),
    "ZVM_CA_FILE": ("tls", "ca_file"),
}


class ConfigError(Exception):
    """A configuration that cannot be used. Its text has a line for each mistake."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.problems = problems


def load(file: Path, environment: Mapping[str, str]) -> Config:
    """Read the configuration *file*; `${VAR}` in its strings stands for a variable of *environment*.

    Relative paths in it start from its folder.

    Raises:
        ConfigError: with every mistake that was found.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(file), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(file), ["is not UTF-8"]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(str(file), [f"is not YAML: {_place(error)}"]) from error
    problems: list[str] = []
    document = _expanded(document, "", environment, problems)
    return _build(str(file), document, file.parent, problems)


def from_environment(environment: Mapping[str, str]) -> Config | None:
    """Return the configuration of one ZVM from `ZVM_URL` and its kin, None where that is not set.

    Raises:
        ConfigError: as load.
    """
    url = environment.get("ZVM_URL")
    if not url:
        return None
    problems: list[str] = []
    skip = environment.get("ZVM_INSECURE_SKIP_VERIFY", "false").lower()
    if skip not in {"true", "false", "1", "0"}:
        problems.append(f"ZVM_INSECURE_SKIP_VERIFY: expected true or false, got {skip!r}")
    tls: dict[str, Any] = {"insecure_skip_verify": skip in {"true", "1"}}
    zvm: dict[str, Any] = {"name": environment.get("ZVM_NAME") or _host(url), "url": url, "auth": {}, "tls": tls}
    for variable, (section, key) in _ENVIRONMENT.items():
        if environment.get(variable):
            zvm[section][key] = environment[variable]
    return _build("environment (ZVM_...)", {"zvms": [zvm]}, Path(), problems)


def _build(source: str, document: Any, folder: Path, problems: list[str]) -> Config:
    zvms = Reader(problems, folder).zvms(document)
    for path, zvm in zvms:
        check_zvm(zvm, path, problems)
    check_all(zvms, problems)
    if problems:
        raise ConfigError(source, problems)
    return Config(tuple(zvm for _, zvm in zvms))


def _expanded(value: Any, path: str, environment: Mapping[str, str], problems: list[str]) -> Any:
    if isinstance(value, dict):
        dot = "." if path else ""
        return {key: _expanded(item, f"{path}{dot}{key}", environment, problems) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, f"{path}[{index}]", environment, problems) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[1]:  # $${ stands for ${
            return match[1]
        if match[2] not in environment:
            problems.append(f"{path}: the environment variable {match[2]} is not set")
        return environment.get(match[2], match[0])

    return _VARIABLE.sub(variable, value)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "zvm"
    except ValueError:
        return "zvm"  # the URL itself is named as the mistake


def _place(error: Exception) -> str:
    # The error's own text would quote the line, and on that line may stand a password.
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "unreadable"
    return f"{problem} in line {mark.line + 1}, column {mark.column + 1}" if mark else str(problem)
