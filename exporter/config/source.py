"""Where the keys of a configuration were written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exporter.config.document import step

Place = Callable[[str], str]


@dataclass(frozen=True)
class Source:
    """Where the keys of one ZVM were written, so that a mistake is named where it can be mended.

    *own* and *default* are the keys that were read (`auth.password_file`), *broken* those that could not be; *folders*
    those of its file and of the one with the defaults.
    """

    path: str
    folders: tuple[Path, ...]
    own: frozenset[str]
    default: frozenset[str]
    broken: frozenset[str]
    place: Place

    def at(self, *keys: str) -> str:
        """Return the path of the first of *keys*: at the defaults where all of them that are set were set there."""
        given = [key for key in keys if key in self.own | self.default]
        inherited = bool(given) and not self.own.intersection(given)
        return self.place(f"{'defaults' if inherited else self.path}.{keys[0]}")

    def within(self, section: str, name: str) -> str:
        """Return the path of *name* in the mapping *section*."""
        return step(f"{self.path if f'{section}.{name}' in self.own else 'defaults'}.{section}", name)

    def other(self, key: str) -> str:
        """Return how a message about another key calls *key*."""
        path = f"{self.path}.{key}"
        placed = self.place(path)
        return key.rpartition(".")[2] if placed == path else placed

    def sound(self, *keys: str) -> bool:
        """Tell whether none of *keys* has a mistake already, of which another would only be the echo."""
        return not any(key in self.broken or key.partition(".")[0] in self.broken for key in keys)
