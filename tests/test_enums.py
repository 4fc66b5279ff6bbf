"""Enums and dates of the API: codes and names in either direction, and what our tables lack."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors import enums
from exporter.collectors.enums import ENTITY, LIMIT, PRIORITY, STATUS, SUBSTATUS, Code, Enum, Named
from exporter.collectors.protection import role
from exporter.collectors.wire import Link, identity_from_link, timestamp


@pytest.mark.parametrize(
    ("enum", "wire", "name", "code"),
    [
        (STATUS, 1, "MeetingSLA", 1),
        (STATUS, "MeetingSLA", "MeetingSLA", 1),
        (STATUS, "meetingsla", "MeetingSLA", 1),
        (STATUS, "1", "MeetingSLA", 1),
        (STATUS, 3, "RpoNotMeetingSLA", 3),
        (STATUS, 4, "HistoryNotMeetingSLA", 4),
        (STATUS, 77, "Unknown(77)", 77),
        (STATUS, "77", "Unknown(77)", 77),
        (STATUS, -1, "Unknown(-1)", -1),
        (STATUS, None, "", None),
        (STATUS, "SomethingNew", "SomethingNew", None),
        (STATUS, "", "", None),
        (STATUS, 2**31, str(2**31), None),
        (STATUS, "9" * 30, "9" * 30, None),
        (SUBSTATUS, 6, "DeltaSync", 6),
        (SUBSTATUS, 0, "None", 0),
        (SUBSTATUS, 41, "Unknown(41)", 41),
        (PRIORITY, 2, "High", 2),
        (ENTITY, 5, "Azure", 5),
        (LIMIT, "Percentage", "Percentage", 2),
    ],
)
def test_codes_and_names(enum: Enum, wire: Code, name: str, code: int | None) -> None:
    assert (enum.name(wire), enum.code(wire)) == (name, code)


def test_what_the_zvm_lists_names_what_our_tables_lack() -> None:
    listed = ["Zero", "One", "Two"]
    enum = Enum({0: "None"}, path="/v1/names")
    named = enum.named(2, listed)
    assert (enum.name(named), enum.code(named)) == ("Two", 2)
    named = enum.named("Two", listed)
    assert (enum.name(named), enum.code(named)) == ("Two", 2)
    assert enum.named(3, listed) == 3
    assert enum.named(-1, listed) == -1
    assert enum.named("Three", listed) == "Three"
    assert isinstance(enum.named("1", listed), Named)


def test_our_names_need_no_question() -> None:
    assert STATUS.knows(8)
    assert STATUS.knows("Recovered")
    assert STATUS.knows(None)
    assert not STATUS.knows(9)
    assert not STATUS.knows("Nine")


def test_a_server_that_invents_names_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enums, "_CACHED", 3)
    enum = Enum({0: "None"})
    assert [enum.name(f"new{index}") for index in range(10)] == [f"new{index}" for index in range(10)]
    cache = enum.name.__self__  # type: ignore[attr-defined] # the cache behind the function
    assert len(cache) == 3


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1),
        ("2019-07-11T16:51:07.022Z", 1562863867.022),
        ("2019-07-11T16:51:07.0220000Z", 1562863867.022),
        ("2019-07-11T18:51:07+02:00", 1562863867),
        ("2019-07-11T16:51:07", 1562863867),
        ("/Date(1520423877045)/", 1520423877.045),
        ("/Date(928142400000+0300)/", 928142400),
        (r"\/Date(928142400000-0700)\/", 928142400),
        ("0001-01-01T00:00:00", None),
        ("/Date(-62135596800000)/", None),
        ("", None),
        (None, None),
    ],
)
def test_both_forms_of_dates(date: str | None, seconds: float | None) -> None:
    assert timestamp(date) == seconds


@pytest.mark.parametrize(
    "date", ["yesterday", "2019-13-01", "/Date()/", "/Date(" + "9" * 400 + ")/", "9999-12-31T23:59:59-23:59"]
)
def test_what_is_no_date_is_no_number_rather_than_never(date: str) -> None:
    value = timestamp(date)
    assert value is not None
    assert math.isnan(value) or date.startswith("9999")


@given(st.text())
def test_no_text_breaks_the_parser_of_dates(date: str) -> None:
    value = timestamp(date)
    assert value is None or math.isnan(value) or value > 0


@pytest.mark.parametrize(
    ("link", "vm", "vpg"),
    [
        ({"identifier": "guid.vm-1", "vpg_identifier": "vpg"}, "guid.vm-1", "vpg"),
        ({"Identifier": "guid.vm-1?VpgIdentifier=vpg"}, "guid.vm-1", "vpg"),
        ({"identifier": None}, "", ""),
        ("none", None, None),
    ],
)
def test_an_identity_that_is_only_in_the_link(link: object, vm: str | None, vpg: str | None) -> None:
    record = {"link": link}
    identity_from_link(record, "vmidentifier")
    assert (record.get("vmidentifier"), record.get("vpgidentifier")) == (vm, vpg)


def test_an_identity_of_its_own_is_not_replaced() -> None:
    record = {"link": {"identifier": "other", "vpg_identifier": "other"}, "vmidentifier": "vm", "vpgidentifier": "vpg"}
    identity_from_link(record, "vmidentifier")
    assert (record["vmidentifier"], record["vpgidentifier"]) == ("vm", "vpg")


@pytest.mark.parametrize(
    ("protected", "recovery", "expected"),
    [
        ("LocalSiteApi", "PeerSiteApi", "protected"),
        ("PeerSiteApi", "LocalSiteApi", "recovery"),
        ("LocalSiteApi", "LocalSiteApi", "local"),
        ("PeerSiteApi", "PeerSiteApi", ""),
        (None, "LocalSiteApi", "recovery"),
        (None, None, ""),
    ],
)
def test_the_role_of_the_answering_zvm(protected: str | None, recovery: str | None, expected: str) -> None:
    assert role(*(Link(kind) if kind else None for kind in (protected, recovery))) == expected
