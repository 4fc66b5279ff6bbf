"""Logs: one record a line, in a form that a machine reads back, whatever stands in it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli import logs

HOSTILE = {
    "newlines": "a\nb\r\nc",
    "quotes": 'say "hi"',
    "equals": "level=error msg=forged",
    "backslash": "C:\\new",
    "unicode": "caf\u00e9 \u65e5\u672c",
    "separators": "a\u2028b\u2029c\x85d",
    "escape": "\x1b[31mred",
    "blank": " ",
    "empty": "",
    "plain": "https://zvm.example.com/v1/vms?x",
}
_PAIR = re.compile(r'([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')

Parse = Callable[[str], dict[str, object]]
Lines = Callable[[], list[str]]


def parse_logfmt(line: str) -> dict[str, object]:
    """Read a line as logfmt readers do: bare values, or strings quoted as in JSON."""
    fields, end = {}, 0
    while end < len(line):
        pair = _PAIR.match(line, end)
        assert pair, f"no logfmt from here: {line[end:]!r}"
        fields[pair[1]] = json.loads(pair[2]) if pair[2].startswith('"') else pair[2]
        end = pair.end()
    return fields


def parse_json(line: str) -> dict[str, object]:
    fields: dict[str, object] = json.loads(line)
    return fields


FORMS: list[tuple[str, Parse]] = [("logfmt", parse_logfmt), ("json", parse_json)]
forms = pytest.mark.parametrize(("form", "parse"), FORMS, ids=["logfmt", "json"])


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """Give the root logger back what it had."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return what was logged; nothing of it is on standard output."""

    def read() -> list[str]:
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err == "" or captured.err.endswith("\n")
        return captured.err.split("\n")[:-1]

    return read


@forms
def test_hostile_values_stay_in_their_field(form: str, parse: Parse, lines: Lines) -> None:
    logs.configure("info", form)  # type: ignore[arg-type] # one of FORMS
    structlog.get_logger().info('poll = "done"\nlevel=error', **HOSTILE)
    (line,) = lines()
    fields = parse(line)
    assert {key: fields[key] for key in HOSTILE} == HOSTILE
    assert fields["msg"] == 'poll = "done"\nlevel=error'
    assert fields["level"] == "info"


@given(st.text(), st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_logfmt_reads_back_any_text_under_any_key(value: str, key: str) -> None:
    line = logs.logfmt(None, "", {"msg": "x", "value": value, key: "y"})
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    if key != "value":
        assert parse_logfmt(line)["value"] == value


@forms
def test_values_of_other_types(form: str, parse: Parse, lines: Lines) -> None:
    logs.configure("info", form)  # type: ignore[arg-type] # one of FORMS
    structlog.get_logger().info("m", number=1.5, true=True, none=None, path=re)
    (line,) = lines()
    fields = parse(line)
    expected = {"number": "1.5", "true": "true", "none": ""} if form == "logfmt" else {"number": 1.5, "true": True}
    assert fields | expected == fields
    assert "module" in str(fields["path"])


def test_logfmt_begins_with_time_level_message_and_zvm(lines: Lines) -> None:
    logs.configure("info", "logfmt")
    structlog.get_logger().info("polled", a=1, zvm="nyc")
    (line,) = lines()
    assert list(parse_logfmt(line)) == ["ts", "level", "msg", "zvm", "a"]


@forms
def test_time_is_utc(form: str, parse: Parse, lines: Lines) -> None:
    logs.configure("info", form)  # type: ignore[arg-type] # one of FORMS
    structlog.get_logger().info("m")
    (line,) = lines()
    at = datetime.fromisoformat(str(parse(line)["ts"]))
    assert at.utcoffset() == timedelta(0)
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)


@forms
@pytest.mark.parametrize("library", [False, True], ids=["ours", "of a library"])
def test_traceback_is_one_field(form: str, parse: Parse, library: bool, lines: Lines) -> None:
    logs.configure("info", form)  # type: ignore[arg-type] # one of FORMS
    log = logging.getLogger("aiohttp.server") if library else structlog.get_logger()
    try:
        int('hostile\nlevel=error "text"')
    except ValueError:
        log.exception("went wrong")
    (line,) = lines()
    fields = parse(line)
    assert (fields["level"], fields["msg"]) == ("error", "went wrong")
    assert str(fields["exception"]).startswith("Traceback (most recent call last):\n")
    assert str(fields["exception"]).endswith("'hostile\\nlevel=error \"text\"'")


@forms
def test_libraries_log_in_the_same_form(form: str, parse: Parse, lines: Lines) -> None:
    logs.configure("info", form)  # type: ignore[arg-type] # one of FORMS
    extra = {"a key": 'a "value"', "b": "line\nbreak"}
    logging.getLogger("asyncio").warning("slow: %s", "x = 1\n2", extra=extra)
    (line,) = lines()
    fields = parse(line)
    assert (fields["level"], fields["msg"], fields["b"]) == ("warn", "slow: x = 1\n2", "line\nbreak")
    assert fields["a_key" if form == "logfmt" else "a key"] == 'a "value"'
    assert "ts" in fields
    assert not {"_record", "_from_structlog"} & fields.keys()


@forms
def test_stack_is_one_field(form: str, parse: Parse, lines: Lines) -> None:
    logs.configure("info", form)  # type: ignore[arg-type] # one of FORMS
    logging.getLogger("asyncio").info("here", stack_info=True)
    structlog.get_logger().info("here", stack_info=True)
    records = [parse(line) for line in lines()]
    assert ["test_stack_is_one_field" in str(record["stack"]) for record in records] == [True, True]


@forms
@pytest.mark.parametrize("level", logs.LEVELS)
def test_level_filters_ours_and_the_libraries_under_the_same_names(
    form: str, parse: Parse, level: str, lines: Lines
) -> None:
    """A library's debug lines are never written: they hold headers, and those hold credentials."""
    logs.configure(level, form)  # type: ignore[arg-type] # one of FORMS
    ours, library = structlog.get_logger(), logging.getLogger("aiohttp")
    for log in (ours, library):
        for method in ("debug", "info", "warning", "error", "critical"):
            getattr(log, method)(method)
    names = ("debug", "info", "warn", "error", "error")
    above = [name for name in names if logs.LEVELS.index(name) >= logs.LEVELS.index(level)]
    assert [parse(line)["level"] for line in lines()] == above + [name for name in above if name != "debug"]


def test_configuring_again_takes_the_place_of_what_was(lines: Lines) -> None:
    logs.configure("info", "logfmt")
    log = structlog.get_logger()
    logs.configure("error", "json")
    log.info("not written")
    log.error("written")
    logging.getLogger("aiohttp").error("written")
    assert [parse_json(line)["msg"] for line in lines()] == ["written", "written"]


def test_a_tls_connection_that_we_gave_up_is_no_error(lines: Lines) -> None:
    """Where an answer arrives just then uvloop complains; asyncio writes that down as a fatal error of ours."""
    logs.configure("info", "logfmt")
    asyncio_log = logging.getLogger("asyncio")
    for error in (RuntimeError("unable to perform operation; the handler is closed"), ValueError("other")):
        asyncio_log.error("Fatal error on SSL protocol\nprotocol: <...>", exc_info=error)
    asyncio_log.error("Error occurred during shutdown\nprotocol: <uvloop.loop.SSLProtocol object>")
    asyncio_log.error("Task exception was never retrieved", exc_info=RuntimeError("ours"))
    first, second = lines()
    assert "ValueError: other" in first
    assert "RuntimeError: ours" in second


@pytest.mark.parametrize("closed", [False, True], ids=["full disk", "closed"])
def test_a_line_that_cannot_be_written_is_counted(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr("sys.stderr", full)
        logs.configure("info", "logfmt")
        if closed:
            with suppress(OSError):
                full.close()
        before = logs.lost()
        structlog.get_logger().info("ours")
        logging.getLogger("aiohttp").error("of a library")
        assert logs.lost() == before + 2
        with suppress(OSError):
            full.close()


def test_a_record_of_a_library_that_has_no_text_is_counted(lines: Lines) -> None:
    logs.configure("info", "logfmt")
    before = logs.lost()
    logging.getLogger("aiohttp").error("%d", "no number")
    assert (lines(), logs.lost()) == ([], before + 1)
