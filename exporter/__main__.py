"""`python -m exporter` is `zerto-exporter`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from exporter.cli import signals


def main() -> None:
    """Run the command line of the process and end the process with its code."""
    signals.hold()
    with _without("rich"):
        from exporter.cli import main as program  # noqa: PLC0415 - takes a second, in which signals arrive

    program.main()


@contextmanager
def _without(library: str) -> Iterator[None]:
    """Let *library* look as if it was not installed while the block runs.

    structlog loads rich where it is there, for a form of its logs that is not ours: a fifth more of the time to start.
    """
    sys.modules[library] = None  # type: ignore[assignment] # so does Python say that there is none
    try:
        yield
    finally:
        del sys.modules[library]


if __name__ == "__main__":
    main()
