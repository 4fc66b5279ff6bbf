"""Repeatable randomness: the same parts give the same stream in every process and on every machine.

Python's own hash() differs from run to run, so nothing of the estate is derived from it.
"""

import random
import uuid


def stream(*parts: object) -> random.Random:
    """A stream of numbers that depends on nothing but the text of the parts."""
    # It invents VM names and load curves. Session identifiers and tokens come from `secrets`.
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - no secret is made of it


def guid(numbers: random.Random) -> str:
    """The next version 4 UUID of the stream, in the ZVM's spelling: lower case with hyphens."""
    return str(uuid.UUID(int=numbers.getrandbits(128), version=4))
