"""`python -m exporter` is `zerto-exporter`."""

from exporter import signals


def main() -> None:
    """Run the command line of the process and end the process with its code."""
    signals.hold()
    from exporter.main import run  # noqa: PLC0415 - takes a second, in which signals arrive

    run()


if __name__ == "__main__":
    main()
