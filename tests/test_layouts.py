"""The forms that answers have, in JSON and in XML: a list, one object, a list in an object, a page, one value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct, field

from exporter.collectors.fields import Identifier, Number, Text
from exporter.simulator.api.xmlwire import array_of
from exporter.zvm.decode.json_array import LONGEST
from exporter.zvm.decode.layout import LIST, OBJECT, Layout, inside, value
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.decode.terms import Terms
from exporter.zvm.errors import DecodeError, TooLargeError

Case = Callable[[str], str]
CASES: tuple[Case, ...] = (str, str.upper, str.lower, lambda key: key[:1].lower() + key[1:])
NAMESPACE = b'xmlns="http://schemas.zerto.com/zvm/api" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'


class Details(Struct, frozen=True):
    type: Text = field(name="LicenseType", default=None)
    vms: Number = field(name="MaxVms", default=None)


class SiteUse(Struct, frozen=True):
    id: Identifier = field(name="SiteIdentifier")
    name: Text = field(name="SiteName", default=None)
    vms: Number = field(name="ProtectedVmsCount", default=None)


class Usage(Struct, frozen=True):
    vms: Number = field(name="TotalVmsCount", default=None)
    sites: list[SiteUse] | None = field(name="SitesUsage", default=None)


class License(Struct, frozen=True):
    details: Details = field(name="Details")
    usage: Usage | None = field(name="Usage", default=None)


class Health(Struct, frozen=True):
    id: Identifier = field(name="VpgId")
    sets: Number = field(name="Sets", default=None)
    sites: list[SiteUse] | None = field(name="SitesUsage", default=None)


class Clock(Struct, frozen=True):
    utc: Identifier = field(name="Utc")


def spelled(record: Any, case: Case) -> Any:
    if isinstance(record, list):
        return [spelled(item, case) for item in record]
    return {case(key): spelled(item, case) for key, item in record.items()} if isinstance(record, dict) else record


def elements(record: Any) -> bytes:
    """Return what is between the tags of an element of XML that is *record*."""
    if isinstance(record, dict):
        return b"".join(element(key, item) for key, item in record.items())
    if isinstance(record, list):
        return b"".join(element("Item", item) for item in record)
    text = str(record).lower() if isinstance(record, bool) else str(record)
    return text.replace("&", "&amp;").replace("<", "&lt;").encode()


def element(name: str, record: Any) -> bytes:
    if record is None:
        return f'<{name} i:nil="true"/>'.encode()
    return f"<{name}>".encode() + elements(record) + f"</{name}>".encode()


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


def as_xml(document: Any) -> bytes:
    """Return *document* as servers send it: an array is an `ArrayOf...`, null an empty root that says so."""
    if isinstance(document, list):
        return array_of("Item", document)
    nil = b' i:nil="true"' if document is None else b""
    return b"<Answer " + NAMESPACE + nil + b">" + (b"" if document is None else elements(document)) + b"</Answer>"


FORMATS = pytest.mark.parametrize("encoded", [as_json, as_xml])
Encoded = Callable[[Any], bytes]


def decode(row: type[Any], layout: Layout, body: bytes, terms: Terms | None = None) -> Decoded[Any]:
    return Decoder(row, layout=layout).decode(body, "", "what came", terms or Terms())


LICENSE = {
    "Details": {"LicenseKey": "x", "LicenseType": "a", "MaxVms": 50, "Other": None},
    "Usage": {"TotalVmsCount": 7, "SitesUsage": [{"SiteIdentifier": "s1", "SiteName": "n", "ProtectedVmsCount": 3}]},
}
ROW = License(Details("a", 50), Usage(7, [SiteUse("s1", "n", 3)]))


@FORMATS
@pytest.mark.parametrize("case", CASES)
def test_one_object(encoded: Encoded, case: Case) -> None:
    decoded = decode(License, OBJECT, encoded(spelled(LICENSE, case)))
    assert decoded.rows == [ROW]
    assert not decoded.lost


def test_one_object_is_decoded_at_once_in_any_dialect_that_was_met(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Decoder(License, layout=OBJECT)
    answers = [as_json(spelled(LICENSE, case)) for case in CASES]
    assert [decoder.decode(answer, "", "").rows for answer in answers] == [[ROW]] * len(CASES)
    monkeypatch.delattr("exporter.zvm.decode.rows.folded")  # no record is looked at in Python any more
    assert [decoder.decode(answer, "", "").rows for answer in answers] == [[ROW]] * len(CASES)


@FORMATS
def test_nothing_is_no_row(encoded: Encoded) -> None:
    for layout in (OBJECT, inside("Vpgs")):
        document = None if layout is OBJECT else {"Before": 1, "Vpgs": None, "After": [1]}
        decoded = decode(Health, layout, encoded(document))
        assert (decoded.rows, bool(decoded.lost)) == ([], False)


@FORMATS
@pytest.mark.parametrize(
    ("document", "row"),
    [
        ({"Details": {"Other": 1}}, License(Details())),
        ({"Details": {"LicenseType": None, "MaxVms": None}, "Usage": None}, License(Details())),
        ({"Details": {"MaxVms": "50"}, "Usage": {"SitesUsage": None}}, License(Details(None, 50), Usage())),
        ({"Details": {"MaxVms": 1}, "Usage": {"SitesUsage": [None]}}, License(Details(None, 1), Usage(None, []))),
    ],
)
def test_null_at_every_level_costs_nothing(encoded: Encoded, document: Any, row: License) -> None:
    decoded = decode(License, OBJECT, encoded(document))
    assert decoded.rows == [row]
    assert not decoded.lost


@FORMATS
def test_a_value_that_does_not_fit_costs_itself_and_is_counted(encoded: Encoded) -> None:
    sites = [
        {"SiteIdentifier": "s1", "ProtectedVmsCount": "many"},
        {"SiteIdentifier": None, "SiteName": "nobody"},
        {"siteidentifier": "s2", "PROTECTEDVMSCOUNT": 4},
        "no object",
    ]
    decoded = decode(License, OBJECT, encoded({"Details": {"MaxVms": {"a": 1}}, "Usage": {"SitesUsage": sites}}))
    assert decoded.rows == [License(Details(), Usage(None, [SiteUse("s1"), SiteUse("s2", None, 4)]))]
    assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (1, 4)
    assert decoded.lost.complaint.startswith("record 0.Details.MaxVms: ")
    decoded = decode(License, OBJECT, encoded({"Details": {"MaxVms": 1}, "Usage": {"SitesUsage": sites[1:2]}}))
    assert decoded.lost.complaint == "record 0.Usage.SitesUsage[0].SiteIdentifier: missing"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", "expected one object: Details: missing: got what came"),
        (b'{"Details":null}', "expected one object: Details: missing"),
        (b'{"Details":5}', "expected one object: Details: "),
        (b"[]", "expected one object: expected an object, got an array: got what came"),
        (b"[{}]", "got an array"),
        (b"5", "got a number"),
        (b'"text"', "got a string"),
        (b'{"Details":{"MaxVms":1}', "expected one object: unreadable"),
        (b'{"Details":{"MaxVms":1}} x', "unreadable"),
        (b'{"Details":{"MaxVms":1}}{}', "unreadable"),
        (b"nul", "unreadable"),
        (b"", "unreadable"),
        (b"<html><body>Log in</body></html>", "unreadable"),
        (b"<Answer/>", "expected one object: expected an object, got a string"),
        (b"<Answer><Details>", "expected JSON or XML"),
        (b"<ArrayOfLicenseApi/>", "expected an XML document with one object"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Answer>&b;</Answer>', "refused XML with a DTD"),
        (b'{"Details":' + b"[" * 99_000, "unreadable"),
        (b'{"Details":{"LicenseType":"' + b"x" * LONGEST + b'"}}', f"one value of at most {LONGEST} bytes"),
        (b"<A><Details>" + b"<a/>" * LONGEST + b"</Details></A>", f"at most {LONGEST} bytes"),
    ],
)
def test_what_is_no_such_object_is_an_error_that_quotes_it(body: bytes, why: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(License, OBJECT, body)
    assert why in str(caught.value)
    assert "what came" in str(caught.value)
    assert str(caught.value).isprintable()


RECORDS = [{"VpgId": f"v{number}", "Sets": number, "Other": "x" * 40} for number in range(50)]
ROWS = [Health(f"v{number}", number) for number in range(50)]
AROUND = [{}, {"Total": 50}, {"A": {"Vpgs": [1]}, "B": "]}", "C": [{"VpgId": "other"}] * 9}]


@FORMATS
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("before", AROUND)
@pytest.mark.parametrize("after", AROUND)
def test_a_list_in_an_object(
    monkeypatch: pytest.MonkeyPatch, encoded: Encoded, case: Case, before: Any, after: Any
) -> None:
    """Wherever in it, in whatever pieces it is looked at."""
    renamed = {f"{key}2": item for key, item in after.items()}
    body = encoded(spelled({**before, "Vpgs": RECORDS, **renamed}, case))
    for longest in (LONGEST, 1000):
        monkeypatch.setattr("exporter.zvm.decode.json_array.LONGEST", longest)
        decoded = decode(Health, inside("Vpgs"), body)
        assert decoded.rows == ROWS
        assert not decoded.lost


@FORMATS
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_a_page_is_the_list_by_itself_as_well(encoded: Encoded, count: int) -> None:
    for document in (RECORDS[:count], {"Vpgs": RECORDS[:count], "Total": 50}):
        assert decode(Health, inside("Vpgs"), encoded(document)).rows == ROWS[:count]


@FORMATS
def test_a_record_in_a_list_in_an_object_that_does_not_fit_is_counted(encoded: Encoded) -> None:
    records = [*RECORDS[:3], {"Sets": 1}, {"VpgId": "v3", "Sets": "many"}, *RECORDS[4:]]
    decoded = decode(Health, inside("vpgs"), encoded({"Vpgs": records}))
    assert decoded.rows == [*ROWS[:3], Health("v3"), *ROWS[4:]]
    assert (decoded.lost.invalid_records, decoded.lost.complaint) == (2, "record 3.VpgId: missing")


GOOD = as_json({"A": 1, "Vpgs": RECORDS[:3], "B": [2]})


@pytest.mark.parametrize(
    "body",
    [
        *(GOOD[:length] for length in range(1, len(GOOD), 7)),
        GOOD + b"x",
        GOOD + b"}",
        b"{}",
        b'{"Total":1}',
        b'{"Vpgs":{}}',
        b'{"Vpgs":5}',
        b'{"Vpgs":nul}',
        b'{"Vpgs":[],}',
        b'{"Vpgs":[],5}',
        b'{"Vpgs":[] "B":1}',
        b'{"Vpgs" []}',
        b"{Vpgs:[]}",
        b"null",
        b"5",
        b'"Vpgs"',
        b"{" + b'"a":1,' * 2000 + b'"Vpgs":[]}',
        b'{"' + b"x" * 2 * LONGEST + b'":1,"Vpgs":[]}',
        b"<Answer/>",
        b"<Answer><Total>1</Total></Answer>",
        b"<Answer><A><Vpgs/></A></Answer>",
        b"<Answer><Vpgs>",
    ],
)
def test_an_object_without_the_list_or_cut_off_is_an_error_that_quotes_it(body: bytes) -> None:
    with pytest.raises(DecodeError, match="what came") as caught:
        decode(Health, inside("Vpgs"), body)
    assert str(caught.value).isprintable()


def test_a_long_member_beside_the_list_is_passed_over() -> None:
    long: Any
    for long in ("x" * 3 * LONGEST, ["x" * 9] * LONGEST):
        for document in ({"A": long, "Vpgs": RECORDS}, {"Vpgs": RECORDS, "A": long}):
            assert decode(Health, inside("Vpgs"), as_json(document)).rows == ROWS


@FORMATS
def test_one_value(encoded: Encoded) -> None:
    assert decode(Clock, value("Utc"), encoded("2026-11-27T00:00:00Z")).rows == [Clock("2026-11-27T00:00:00Z")]
    for nothing in (None, {"a": 1}, ""):
        with pytest.raises(DecodeError, match=r"expected one value: Utc: .*: got what came"):
            decode(Clock, value("Utc"), encoded(nothing))


@pytest.mark.parametrize("body", [b'"a","Utc":"b"', b'"a"}', b"x", b""])
def test_what_is_not_one_value_is_an_error(body: bytes) -> None:
    with pytest.raises(DecodeError, match="what came"):
        decode(Clock, value("Utc"), body)


def test_lists_in_records_count_for_the_memory_that_rows_may_take() -> None:
    """Whatever little an item takes on the wire."""
    record = '{"VpgId":"v","SitesUsage":[' + ",".join(['{"SiteIdentifier":"s"}'] * 9000) + "]}"
    body = f"[{','.join([record] * 20)}]".encode()
    with pytest.raises(TooLargeError, match="of memory"):
        decode(Health, LIST, body, Terms(2**20))
    assert len(decode(Health, LIST, body, Terms(2**24)).rows) == 20


TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9)
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.booleans().map(int)
SITES = st.fixed_dictionaries(
    {"SiteIdentifier": st.text("abc", min_size=1, max_size=5)},
    optional={"SiteName": TEXTS, "ProtectedVmsCount": NUMBERS, "Key": TEXTS},
)
LICENSES = st.fixed_dictionaries(
    {"Details": st.fixed_dictionaries({"LicenseType": TEXTS}, optional={"MaxVms": NUMBERS, "LicenseKey": TEXTS})},
    optional={"Usage": st.none() | st.fixed_dictionaries({"TotalVmsCount": NUMBERS, "SitesUsage": st.lists(SITES)})},
)


@given(LICENSES, st.sampled_from(CASES))
def test_an_object_is_what_msgspec_makes_of_it_whatever_its_keys(document: Any, case: Case) -> None:
    (row,) = decode(License, OBJECT, as_json(spelled(document, case))).rows
    (expected,) = decode(License, LIST, as_json([document])).rows
    assert row == expected


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b'{"":0,"Vpgs":[]}')
def test_any_bytes_give_rows_or_a_decode_error(body: bytes) -> None:
    for layout in (OBJECT, inside("Vpgs"), value("Utc")):
        for row in (License, Health, Clock):
            try:
                decode(row, layout, body)
            except DecodeError as error:
                assert "what came" in str(error)  # noqa: PT017 - it may as well be none
