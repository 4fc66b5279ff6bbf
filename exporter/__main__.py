"""`python -m exporter` is `zerto-exporter`."""

from exporter.cli import signals


def main() -> None:
    """Run the command line of the process and end the process with its code."""
    signals.hold()
    from exporter.cli import main as program  # noqa: PLC0415 - takes a second, in which signals arrive

    program.main()


if __name__ == "__main__":
    main()
