"""What is wrong with a file that a user wrote."""

from __future__ import annotations

from collections.abc import Sequence


class ConfigError(Exception):
    """A configuration that cannot be used. Its text has a line for each mistake."""

    def __init__(self, source: str, problems: Sequence[str], files: Sequence[str] = ()) -> None:
        """Put *source* before each of the *problems* that does not begin with the name of one of *files*."""
        named = tuple(f"{file}: " for file in files)
        super().__init__(
            "\n".join(problem if problem.startswith(named) else f"{source}: {problem}" for problem in problems)
        )
        self.problems = list(problems)
