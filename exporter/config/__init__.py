"""The configuration: YAML files, or the environment of a container, as frozen structs.

Every mistake in it is found at once and named by its path, with what was expected and what came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import structs

from exporter.config.checks import check
from exporter.config.document import read_file
from exporter.config.parts import Part, further_files, matched, read_part
from exporter.config.problems import ConfigError as ConfigError
from exporter.config.proxies import with_proxies
from exporter.config.read import Reader
from exporter.config.schema import Config as Config
from exporter.config.schema import Metrics as Metrics
from exporter.config.schema import Options as Options
from exporter.config.schema import Zvm as Zvm
from exporter.config.schema import chosen
from exporter.config.show import show as show
from exporter.config.source import Place
from exporter.config.web import WebConfig as WebConfig
from exporter.config.web import load_web as load_web
from exporter.config.web import parse_web as parse_web
from exporter.zvm.login.secrets import trimmed

VARIABLES: Final = {
    "ZVM_URL": "url",
    "ZVM_NAME": "name",
    "ZVM_USERNAME": "auth.username",
    "ZVM_USERNAME_FILE": "auth.username_file",
    "ZVM_PASSWORD": "auth.password",
    "ZVM_PASSWORD_FILE": "auth.password_file",
    "ZVM_CA_FILE": "tls.ca_file",
    "ZVM_INSECURE_SKIP_VERIFY": "tls.insecure_skip_verify",
}
_VARIABLE_OF: Final = {f"zvms[0].{key}": variable for variable, key in VARIABLES.items()}


def load(file: Path, environment: Mapping[str, str], *more: Path) -> Config:
    """Read the configuration *file*; `${VAR}` in its strings stands for a variable of *environment*.

    Any file may be a pattern of several. The first of all may name more (`zvms_files`). Each but the first has a list
    of ZVMs and nothing else. Relative paths in a file start from its folder.

    Raises:
        ConfigError: with every mistake that was found.
    """
    problems: list[str] = []
    first, *given = matched([file, *more])
    document = read_file(first, environment, problems)
    further = further_files(first, document, given, problems)
    parts = [read_part(one, first, environment, problems) for one in further]
    return _build(str(first), document, first.parent, problems, environment, parts=parts)


def from_environment(environment: Mapping[str, str]) -> Config | None:
    """Return the configuration of one ZVM from `ZVM_URL` and its kin, None where that is not set.

    Raises:
        ConfigError: as load; mistakes are named by their variable.
    """
    url = trimmed(environment.get("ZVM_URL", ""))
    if not url:
        return None
    zvm: dict[str, Any] = {"name": _host(url), "auth": {}, "tls": {}}
    for variable, key in VARIABLES.items():
        value = trimmed(environment.get(variable, ""))
        if value:  # an empty one is as good as none: Compose and Helm cannot leave it out
            section, _, inner = key.rpartition(".")
            (zvm[section] if section else zvm)[inner] = _boolean(value) if inner == "insecure_skip_verify" else value
    return _build("environment", {"zvms": [zvm]}, Path(), [], environment, _variable_of)


def _build(
    source: str,
    document: Any,
    folder: Path,
    problems: list[str],
    environment: Mapping[str, str],
    place: Place = str,
    parts: Sequence[Part] = (),
) -> Config:
    reader = Reader(problems, folder, place)
    read = reader.zvms(document, source, parts)
    of_all = reader.of_all(document)
    problems.extend(check(read, of_all))
    if problems:
        raise ConfigError(source, problems, [source, *(part.file for part in parts)] if parts else ())
    polled = [structs.replace(zvm, collectors=chosen(zvm.collectors)) for _, zvm in read]
    zvms = with_proxies(polled, environment, problems)
    if problems:
        raise ConfigError(source, list(dict.fromkeys(problems)))
    return Config(zvms, **of_all)


def _variable_of(path: str) -> str:
    return _VARIABLE_OF.get(path, path)


def _boolean(value: str) -> str:
    return {"1": "true", "0": "false"}.get(value, value)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "zvm"
    except ValueError:
        return "zvm"  # the URL itself is named as the mistake
