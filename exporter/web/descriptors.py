"""File descriptors of this process: how many there may be, and how many there are."""

from __future__ import annotations

import os
import resource
from contextlib import suppress


def allow_most() -> None:
    """Raise the limit of open descriptors to what the system lets this process have, as Go's programs do.

    The usual limit, 1024, is for programs that know no better than select(). Where it cannot be raised it stays.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems tell more than they give
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def limit() -> int | None:
    """Return how many descriptors may be open, None where there is no limit."""
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if now == resource.RLIM_INFINITY else now


def lowest_free() -> float:
    """Return the number of the next descriptor, infinity where there is none: each below it is in use."""
    try:
        number = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return float("inf")
    os.close(number)
    return number
