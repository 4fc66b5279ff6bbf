"""Enums and dates of the API: codes and names in either direction, and what our tables lack."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.enums import ENTITY, LIMIT, PRIORITY, STATUS, SUBSTATUS, Code, Enum, Named
from exporter.collectors.fields import Link, identity_from_link, timestamp
from exporter.collectors.protection import role


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


def resolved(
    enum: Enum, wire: Code, listed: Sequence[str] = (), description: str | None = None
) -> tuple[str, int | None]:
    state = enum.resolve(wire, enum.listed(tuple(listed)), description)
    return enum.name(state), enum.code(state)


OTHER = ("Initializing", "MeetingSLA", "NotMeetingSLA", "HistoryNotMeetingSLA", "RpoNotMeetingSLA", "FailingOver")


@pytest.mark.parametrize(
    ("wire", "listed", "description", "name", "code"),
    [
        (3, OTHER, None, "HistoryNotMeetingSLA", 3),
        (3, OTHER, "RpoNotMeetingSLA", "HistoryNotMeetingSLA", 3),
        ("4", OTHER, None, "RpoNotMeetingSLA", 4),
        ("HistoryNotMeetingSLA", OTHER, None, "HistoryNotMeetingSLA", 3),
        ("rponotmeetingsla", OTHER, None, "RpoNotMeetingSLA", 4),
        (None, OTHER, "Meeting SLA", "", None),
        # No list: the description, in whatever words it says one of our names.
        (3, (), "History Not Meeting SLA", "HistoryNotMeetingSLA", 3),
        (1, (), "meeting-sla", "MeetingSLA", 1),
        (9, (), "Rolling Back", "Rolling Back", 9),
        (9, (), "RollingBack", "RollingBack", 9),
        (5, (), "BeingFailedOver", "BeingFailedOver", 5),
        # Words for people are not what rules go by, where we have a name.
        (3, (), "The VPG is late by 7 minutes", "RpoNotMeetingSLA", 3),
        (9, (), " \t", "Unknown(9)", 9),
        (9, (), "9", "Unknown(9)", 9),
        (9, (), "x" * 1025, "Unknown(9)", 9),
        # No description either: our table.
        (3, (), None, "RpoNotMeetingSLA", 3),
        (9, (), None, "Unknown(9)", 9),
        # A list that ends before the code, has nothing for it, or cannot be believed.
        (8, OTHER, None, "Recovered", 8),
        (9, OTHER, "Rolling Back", "Rolling Back", 9),
        (3, ("",) * 9, None, "RpoNotMeetingSLA", 3),
        (3, ("",) * 9, "History not meeting SLA", "HistoryNotMeetingSLA", 3),
        (3, ("Same",) * 9, None, "RpoNotMeetingSLA", 3),
        (0, ("MeetingSLA", "Meeting SLA", "NotMeetingSLA"), None, "Initializing", 0),
        (2, tuple(map(str, range(9))), None, "NotMeetingSLA", 2),
        (2, ("a", "b", "x" * 1025), None, "NotMeetingSLA", 2),
        (999, tuple(f"State{n}" for n in range(1000)), None, "State999", 999),
        (-1, OTHER, None, "Unknown(-1)", -1),
        # Our names in other words, and new ones.
        (1, ("Initializing", "Meeting SLA"), None, "MeetingSLA", 1),
        (6, (*OTHER, "Relocating"), None, "Relocating", 6),
        ("Relocating", (*OTHER, "Relocating"), None, "Relocating", 6),
        ("SomethingNew", OTHER, None, "SomethingNew", None),
    ],
)
def test_the_names_of_a_status(
    wire: Code, listed: Sequence[str], description: str | None, name: str, code: int | None
) -> None:
    assert resolved(STATUS, wire, listed, description) == (name, code)


@pytest.mark.parametrize("profile", ["RecoveryStorageProfileError", "recovery storage profile error"])
def test_one_name_for_one_meaning(profile: str) -> None:
    one = ("RecoveryStoragePolicyError", 27)
    assert resolved(SUBSTATUS, profile) == one
    assert resolved(SUBSTATUS, 27, description=profile) == one
    listed = [SUBSTATUS.name(code) for code in range(27)]
    assert resolved(SUBSTATUS, 27, [*listed, profile]) == one
    assert resolved(SUBSTATUS, "RecoveryStorageProfileError", [*listed[:-1], profile]) == (one[0], 26)
    assert ENTITY.name("AWS") == "PublicCloud"


def test_what_the_zvm_says_as_we_do_costs_no_row_a_change() -> None:
    ours = STATUS.listed(tuple(STATUS.name(code) for code in STATUS.codes))
    assert all(STATUS.resolve(code, ours, STATUS.name(code)) == code for code in STATUS.codes)
    assert isinstance(STATUS.resolve(3, STATUS.listed(OTHER)), Named)


@given(st.lists(st.text() | st.sampled_from(OTHER)), st.integers(-2, 50) | st.text(), st.none() | st.text())
def test_no_list_and_no_description_breaks_a_name(listed: list[str], wire: Code, description: str | None) -> None:
    state = STATUS.resolve(wire, STATUS.listed(tuple(listed)), description)
    assert isinstance(STATUS.name(state), str)
    if isinstance(wire, int):
        assert STATUS.code(state) == wire
        assert STATUS.name(state)


def test_a_server_that_invents_names_does_not_fill_the_memory() -> None:
    enum = Enum({0: "None"}, cached=3)
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
        ("5/11/2023 4:51:07 PM", 1683823867),
        ("05/11/2023 04:51:07 pm", 1683823867),
        ("5/11/2023 4:51:07\u202fPM", 1683823867),
        ("5/11/2023 4:51 PM", 1683823860),
        ("10/09/2019 12:55 PM", 1570625700),
        ("10/09/2019 12:55 AM", 1570582500),
        ("5/31/2023 16:51:07", 1685551867),
        ("5/31/2023 16:51", 1685551860),
        ("5/5/2023 0:00:00", 1683244800),
        ("1/1/0001 12:00:00 AM", None),
        ("0001-01-01T00:00:00", None),
        ("/Date(-62135596800000)/", None),
        ("", None),
        (None, None),
    ],
)
def test_the_forms_of_dates(date: str | None, seconds: float | None) -> None:
    assert timestamp(date) == seconds


@pytest.mark.parametrize(
    "date",
    [
        "5/11/2023 16:51:07",
        "31/5/2023 16:51:07",
        "13/5/2023 4:51 PM",
        "5/11/2023 13:51 PM",
        "5/11/2023 0:51 AM",
        "5/11/2023",
        "2/30/2023 4:51 PM",
        "yesterday",
        "2019-13-01",
        "/Date()/",
        "/Date(" + "9" * 400 + ")/",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_what_is_no_date_is_no_number_rather_than_never(date: str) -> None:
    value = timestamp(date)
    assert value is not None
    assert math.isnan(value) or date.startswith("9999")
    assert repr(value) == repr(date) or date.startswith("9999")


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
