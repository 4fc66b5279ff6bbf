"""What is wrong with a file that a user wrote."""

from __future__ import annotations


class ConfigError(Exception):
    """A configuration that cannot be used. Its text has a line for each mistake."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.problems = problems
