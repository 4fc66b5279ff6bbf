"""Logs to standard error, as logfmt or JSON: ours by structlog, and those of the libraries in the same form.

A line that cannot be written is lost and counted: no poll, request or reload ends by its log.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Final, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from exporter.cli.streams import Losing

LEVELS: Final = ("debug", "info", "warn", "error")
FORMATS: Final = ("logfmt", "json")

_FIRST: Final = ("ts", "level", "msg", "zvm")
_OTHER_NAMES: Final = {"warning": "warn", "critical": "error", "exception": "error"}
_NO_KEY: Final = re.compile(r'[\s="\x00-\x1f\x7f]')
_BARE: Final = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff]+")
_ESCAPED: Final = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # json.dumps escapes the other controls itself
_LINES: Final = Losing(sys.stderr)


def lost() -> int:
    """Return how many lines could not be written since the process began."""
    return _LINES.lost


def configure(level: str, form: Literal["logfmt", "json"]) -> None:
    """Send every log line of *level* (one of LEVELS) and above to standard error in the given *form*."""
    _LINES.stream = sys.stderr
    shared: list[Processor] = [
        _add_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("msg"),
    ]
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else logfmt
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _LINES)),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(_LINES)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.getLogger("asyncio").addFilter(_is_news)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(threshold, logging.INFO))  # at debug the libraries would write what we must not: headers


class _Handler(logging.StreamHandler[Losing]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own names
        """Count a record that has no text, such as one whose arguments do not fit; logging would print a traceback."""
        self.stream.lost += 1


def logfmt(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Render *event* as one line of logfmt that every reader splits alike.

    structlog's own renderer refuses keys with blanks, and leaves carriage returns and bare backslashes as they are.
    """
    keys = [*(key for key in _FIRST if key in event), *(key for key in event if key not in _FIRST)]
    return " ".join(f"{_NO_KEY.sub('_', key) or '_'}={_value(event[key])}" for key in keys)


def _value(value: object) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _BARE.fullmatch(text):
        return text
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a record is not uvloop's complaint that a TLS connection was given up.

    A poll that runs out of time does that, and has told of it already: while an answer arrives, or at the end of a
    command that does not wait for the other side's farewell.
    """
    error, text = record.exc_info[1] if record.exc_info else None, record.getMessage()
    fatal = isinstance(error, RuntimeError) and text.startswith("Fatal error on SSL protocol")
    return not (fatal or text.startswith("Error occurred during shutdown\nprotocol: <uvloop.loop.SSLProtocol"))


def _add_level(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the level under the name that `--log.level` has for it."""
    event["level"] = _OTHER_NAMES.get(method, method)
    return event
