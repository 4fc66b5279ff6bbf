"""A YAML text as plain mappings, lists and strings, with its variables filled in.

Scalars stay the strings that were written: the schema decides what a value is, not YAML, in which the password
`0123`, the label `no` and the filter `12:30` would become 83, false and 750.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from exporter.config.problems import ConfigError
from exporter.zvm.login.secrets import trimmed

_MOST_VALUES: Final = 200_000  # after aliases: a file of a few lines can stand for billions
_TAGS: Final = "tag:yaml.org,2002:"
_VARIABLE: Final = re.compile(r"\$(\$\{)|\$\{([^}]*)\}")
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_QUOTED: Final = re.compile(r""" ?(?:'[^']*'|"[^"]*")""")
_HARMLESS: Final = re.compile(r""" ?'(?:<[a-z ]+>|[][{},:?-]|\\t)'""")
_BETTER: Final = {  # than what PyYAML says, for the ways in which a value that needs quotes is misread
    "found undefined alias": "an alias that stands for nothing; a value that starts with * must be in quotes",
    "second occurrence": "the same anchor twice; a value that starts with & must be in quotes",
    "found undefined tag": "a tag; a value that starts with ! must be in quotes",
    "found character '\\t'": "a tab where blanks belong",
    "found character that cannot start": "no value can start with this character unless it is in quotes",
    "mapping values are not allowed": "a colon; a value with a colon and a blank must be in quotes",
    "but found another document": "a second document",
}


class Expanded(str):
    """A text in which a variable stood: it may be a secret, wherever it is, so no message quotes it."""

    __slots__ = ()


UNREADABLE: Final = object()
"""Stands for a value whose mistake is already told, so that it is not told again by what the value should have been."""


class DocumentError(Exception):
    """A text that is no usable YAML; says where, and quotes nothing of it: on that line may stand a password."""


def read_file(file: Path, environment: Mapping[str, str], problems: list[str]) -> Any:
    """Return what *file* holds as dict, list, str and None; `${VAR}` stands for a variable of *environment*.

    Mistakes that leave the rest readable are appended to *problems*; UNREADABLE takes the value's place.

    Raises:
        ConfigError: it cannot be read, or is no YAML at all.
    """
    try:
        return read_document(file.read_text(encoding="utf-8"), environment, problems)
    except OSError as error:
        raise ConfigError(str(file), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(file), ["is not UTF-8"]) from error
    except DocumentError as error:
        raise ConfigError(str(file), [*problems, str(error)]) from error


def read_document(text: str, environment: Mapping[str, str], problems: list[str]) -> Any:
    """Return the YAML *text* as `read_file` returns a file.

    Raises:
        DocumentError: it is no YAML at all.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else _Reading(environment, problems).plain(node, "")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(f"is not YAML in line {line}: a control character") from error
    except yaml.MarkedYAMLError as error:
        raise DocumentError(f"is not YAML{_said(error)}") from error
    except RecursionError as error:
        raise DocumentError("is nested too deeply") from error


def step(path: str, key: str) -> str:
    """Return the path of *key* in the mapping at *path*; quotes no key such as the `password:x` of `{password:x}`."""
    if not path:
        return key if _KEY.fullmatch(key) else "(a key)"
    if path.endswith((".labels", ".filters")):
        return f"{path}.{key}" if _KEY.fullmatch(key) else f"{path}[{key!r}]"
    return f"{path}.{key}" if _KEY.fullmatch(key) else f"{path}.(a key)"


class _Reading:
    def __init__(self, environment: Mapping[str, str], problems: list[str]) -> None:
        self._environment = environment
        self._problems = problems
        self._left = _MOST_VALUES
        self._inside: set[int] = set()

    def plain(self, node: yaml.Node, path: str) -> Any:
        self._left -= 1
        if self._left < 0:
            raise DocumentError(f"holds more than {_MOST_VALUES} values once its aliases are followed")
        if not node.tag.startswith(_TAGS):
            line = node.start_mark.line + 1
            raise DocumentError(f"is not YAML in line {line}: a tag; a value that starts with ! must be in quotes")
        if isinstance(node, yaml.ScalarNode):
            return None if node.tag == f"{_TAGS}null" else self._expanded(node.value, path)
        if id(node) in self._inside:
            raise DocumentError(f"holds an alias of itself in line {node.start_mark.line + 1}")
        self._inside.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.plain(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._inside.discard(id(node))

    def _mapping(self, node: yaml.Node, path: str) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == f"{_TAGS}merge":
                for below in self._merged(value_node, path, line):
                    merged = {**below, **merged}  # of several, the first wins
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._problems.append(f"{path or 'the file'}: a key in line {line} is no text")
                continue
            key = key_node.value
            here = step(path, key)
            if key in lines:
                self._problems.append(f"{here}: given twice, in line {lines[key]} and in line {line}")
                continue
            lines[key] = line
            mapping[key] = self.plain(value_node, here)
        return {**merged, **mapping}

    def _merged(self, node: yaml.Node, path: str, line: int) -> Iterator[dict[str, Any]]:
        for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            value = self.plain(one, path)
            if isinstance(value, dict):
                yield value
            else:
                self._problems.append(f"{path or 'the file'}: << in line {line} expects a mapping")

    def _expanded(self, text: str, path: str) -> Any:
        if "auth." in path:
            text = trimmed(text)
        names = [match[2] for match in _VARIABLE.finditer(text) if not match[1]]
        problems = [problem for name in dict.fromkeys(names) if (problem := self._no_variable(name))]
        self._problems.extend(f"{path}: {problem}" for problem in problems)
        if problems:
            return UNREADABLE
        # $${ stands for ${
        expanded = _VARIABLE.sub(lambda match: match[1] or trimmed(self._environment[match[2]]), text)
        return Expanded(expanded) if names else expanded

    def _no_variable(self, name: str) -> str:
        if not _VARIABLE_NAME.fullmatch(name):
            return "${ is not followed by the name of a variable and }; $${ is a literal ${"
        return "" if name in self._environment else f"the environment variable {name} is not set"


def _said(error: yaml.MarkedYAMLError) -> str:
    # PyYAML quotes names of aliases, tags and anchors, and a password that starts with *, ! or & is read as one.
    said = _QUOTED.sub(lambda quoted: quoted[0] if _HARMLESS.fullmatch(quoted[0]) else "", error.problem or "")
    for begins, better in _BETTER.items():
        if said.startswith(begins):
            said = better
    mark = error.problem_mark
    return f"{f' in line {mark.line + 1}, column {mark.column + 1}' if mark else ''}: {said}"
