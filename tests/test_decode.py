"""What comes off the wire becomes rows, whatever its dialect; what does not fit costs as little as possible."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import plain

from exporter.collectors import vms, vpgs
from exporter.collectors.enums import LIMIT, STATUS
from exporter.collectors.vms import Vm
from exporter.prometheus.table import Rendered
from exporter.simulator import Estate
from exporter.simulator.api.xmlwire import array_of, strings
from exporter.simulator.faults.mutations import camel_case, enum_names, lower_first, nulls, strings_for_numbers
from exporter.threads import in_poll_thread
from exporter.zvm.decode.json_array import LONGEST, MOST, JsonArray
from exporter.zvm.decode.names import decode_names
from exporter.zvm.decode.rows import Decoded
from exporter.zvm.decode.terms import StoppedError, Terms
from exporter.zvm.errors import DecodeError, TooLargeError

JSON = "application/json"
XML = "application/xml"


def estate() -> Estate:
    return Estate("nyc", vms=30, seed=3, clock=lambda: 1_750_000_000.0)


def record(**fields: Any) -> dict[str, Any]:
    return {"VmIdentifier": "vm-1", "VpgIdentifier": "vpg-1", **fields}


def decode(*records: Any, content_type: str = JSON) -> Decoded[Vm]:
    return vms.DECODER.decode(json.dumps(records).encode(), content_type, "the start of it")


def text(rendered: Rendered) -> str:
    return plain(block.fragment for block in rendered.blocks).decode()


def vm_page(decoded: Decoded[Vm]) -> str:
    return text(vms.TABLE.render({}, decoded.rows))


def upper(value: Any) -> Any:
    if isinstance(value, list):
        return [upper(item) for item in value]
    return {key.upper(): upper(item) for key, item in value.items()} if isinstance(value, dict) else value


NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CODES = st.none() | st.integers(-5, 100) | st.sampled_from(["MeetingSLA", "Sync", "77"])
LIMITS = st.none() | st.fixed_dictionaries({"LimitType": CODES, "LimitValue": NUMBERS})
GOOD = st.fixed_dictionaries(
    {
        "VmIdentifier": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10),
        "VpgIdentifier": st.text("abc-", min_size=1, max_size=10),
    },
    optional={
        "VmName": TEXTS,
        "Status": CODES,
        "ActualRPO": NUMBERS,
        "IOPs": NUMBERS,
        "IsVmExists": st.none() | st.booleans(),
        "JournalHardLimit": LIMITS,
        "Volumes": st.none() | st.lists(st.fixed_dictionaries({"VmVolumeIdentifier": TEXTS}), max_size=3),
        "LastTest": TEXTS,
        "EnabledActions": st.none() | st.fixed_dictionaries({"IsFlrEnabled": st.none() | st.booleans()}),
    },
)


@given(st.lists(GOOD, max_size=4))
def test_a_bad_neighbour_changes_nothing_for_good_records(good: list[dict[str, Any]]) -> None:
    """The fast and the tolerant path make the same rows of records that fit."""
    fast, tolerant = decode(*good), decode(*good, "not a record")
    assert fast.rows == tolerant.rows
    assert (fast.lost.invalid_records, tolerant.lost.invalid_records) == (0, 1)


@given(GOOD)
def test_a_record_fitted_value_by_value_is_what_msgspec_makes_of_it(good: dict[str, Any]) -> None:
    """Under keys in another case, where only the value-by-value way is left, a record gives the same row."""
    (by_value,) = decode(upper(good)).rows
    assert by_value == msgspec.json.decode(json.dumps(good), type=Vm)


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others


@given(st.recursive(st.none() | st.booleans() | NUMBERS | st.text(), st.lists, max_leaves=5))
def test_no_value_of_a_field_breaks_more_than_itself(value: Any) -> None:
    decoded = decode(record(ActualRPO=value))
    assert [row.id for row in decoded.rows] == ["vm-1"]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_give_rows_or_a_decode_error(body: bytes) -> None:
    for content_type in (JSON, XML, "", "text/html"):
        with suppress(DecodeError):
            assert vms.DECODER.decode(body, content_type, "quoted").rows == []


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda documents: camel_case(documents, keep_identity=True), id="as OpenAPI spells them"),
        pytest.param(lower_first, id="first letter in lower case"),
        pytest.param(upper, id="upper case"),
    ],
)
def test_keys_are_matched_whatever_their_case(spell: Callable[[Any], Any]) -> None:
    plain_rows, spelled = decode(*estate().vms()), decode(*spell(estate().vms()))
    assert vm_page(spelled) == vm_page(plain_rows)
    assert spelled.lost.invalid_records == 0


@pytest.mark.parametrize("key", ["IOPS", "ioPs", "iops"])
def test_one_key_in_another_case_is_not_passed_over(key: str) -> None:
    """Though every required key is as expected, and the fast path would be content."""
    assert [row.iops for row in decode(record(**{key: 5}), record(**{key: 6})).rows] == [5, 6]


def test_a_nested_key_in_another_case_is_not_passed_over() -> None:
    decoded = decode(record(ProtectedSite={"Type": "LocalSiteApi", "Identifier": "s"}, JournalHardLimit=None))
    assert decoded.rows[0].protected_site is not None
    assert decoded.rows[0].protected_site.identifier == "s"


@pytest.mark.parametrize("first", [record(VmName="x" * 40_000), record(Extra=[[]] * 20_000)])
def test_a_first_record_that_is_too_long_to_look_at_is_taken_as_it_is(first: dict[str, Any]) -> None:
    assert [row.id for row in decode(first, record(VmIdentifier="vm-2")).rows] == ["vm-1", "vm-2"]


def test_numbers_may_come_as_strings() -> None:
    documents = estate().vms()
    assert vm_page(decode(*strings_for_numbers(documents))) == vm_page(decode(*documents))


def test_enums_may_come_by_name() -> None:
    documents = estate().vms()
    named = decode(*enum_names(documents))
    assert vm_page(named) == vm_page(decode(*documents))
    assert all(isinstance(row.status, str) for row in named.rows)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("2019-07-11T16:51:07.022Z", 1562863867.022),
        ("2019-07-20T19:30:19Z", 1563651019),
        ("2019-07-20T19:30:19", 1563651019),
        ("2019-07-20T21:30:19+02:00", 1563651019),
        ("2019-07-20T19:30:19.1234567Z", 1563651019.123456),
        ("/Date(1520423877045)/", 1520423877.045),
        (r"\/Date(928142400000+0300)\/", 928142400),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("/Date(-62135596800000)/", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_of_both_forms(date: str | None, seconds: float | None) -> None:
    page = vm_page(decode(record(LastTest=date)))
    found = [float(line.rpartition(" ")[2]) for line in page.splitlines() if "last_test" in line]
    assert found == ([] if seconds is None else [pytest.approx(seconds, abs=1e-5)])


@pytest.mark.parametrize("date", ["yesterday", "2019-13-45", "/Date(x)/", "12:30", "0", "2019-07-20T19:30:19+99:99"])
def test_a_text_that_is_no_date_is_counted_as_impossible(date: str) -> None:
    rendered = vms.TABLE.render({}, decode(record(LastTest=date)).rows)
    assert rendered.impossible == 1
    assert "last_test" not in text(rendered)


def test_null_everywhere_gives_rows_with_nothing_but_their_identity() -> None:
    decoded = decode(*nulls(estate().vms()))
    assert decoded.lost.invalid_records == 0
    assert len(decoded.rows) == len(estate().vms())
    page = vm_page(decoded)
    assert {line.partition("{")[0] for line in page.splitlines()} == {"zerto_vm_info"}
    assert "None" not in page
    assert "null" not in page
    assert vpgs.DECODER.decode(json.dumps(nulls(estate().vpgs())).encode(), JSON, "").lost.invalid_records == 0


@pytest.mark.parametrize(
    ("link", "vm", "vpg"),
    [
        ({"identifier": "a.vm-1?VpgIdentifier=g"}, "a.vm-1", "g"),
        ({"identifier": "a.vm-1", "vpg_identifier": "g"}, "a.vm-1", "g"),
        ({"Identifier": "a.vm-1", "Vpg_Identifier": "g"}, "a.vm-1", "g"),
    ],
)
def test_a_missing_identity_is_completed_from_the_link(link: dict[str, str], vm: str, vpg: str) -> None:
    for missing in ({}, {"VmIdentifier": None, "VpgIdentifier": ""}):
        (row,) = decode({"Link": link, "VmName": "n", **missing}).rows
        assert (row.id, row.vpg_id, row.name) == (vm, vpg, "n")


@pytest.mark.parametrize("link", [None, {}, "x", {"identifier": None}, {"identifier": "vm"}])
def test_a_record_without_identity_is_left_out_and_counted(link: Any) -> None:
    decoded = decode({"Link": link}, record())
    assert [row.id for row in decoded.rows] == ["vm-1"]
    assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (1, 1)
    assert decoded.lost.complaint.startswith("record 0")


@pytest.mark.parametrize("bad", ["text", 42, 4.2, None, True, [], [record()]])
def test_what_is_no_record_is_left_out_and_counted(bad: Any) -> None:
    decoded = decode(record(), bad, record(VmIdentifier="vm-2"), bad)
    assert [row.id for row in decoded.rows] == ["vm-1", "vm-2"]
    assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (2, 2)
    assert decoded.lost.complaint.startswith("record 1: expected an object, got ")


def test_values_that_do_not_fit_are_left_out_and_counted_one_by_one() -> None:
    decoded = decode(record(ActualRPO="N/A", IOPs={}, IsVmExists="maybe", UsedStorageInMB=5, JournalHardLimit="none"))
    (row,) = decoded.rows
    assert (row.actual_rpo, row.iops, row.exists, row.used_storage, row.journal_hard_limit) == (
        None,
        None,
        None,
        5,
        None,
    )
    assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (1, 4)
    assert decoded.lost.complaint.startswith("record 0.ActualRPO: ")


def test_a_complaint_names_the_way_to_a_nested_value() -> None:
    decoded = decode(record(JournalHardLimit={"LimitType": 1, "LimitValue": "much"}))
    assert decoded.lost.complaint.startswith("record 0.JournalHardLimit.LimitValue: ")
    (row,) = decoded.rows
    assert row.journal_hard_limit is not None
    assert LIMIT.code(row.journal_hard_limit.type) == 1


@pytest.mark.parametrize("number", ["NaN", "inf", "-Infinity", "nan"])
def test_a_text_for_no_finite_number_is_no_value(number: str) -> None:
    decoded = decode(record(IOPs=number))
    assert decoded.rows[0].iops is None
    assert decoded.lost.invalid_values == 1


@pytest.mark.parametrize(
    "body",
    [
        b'[{"VmIdentifier":"a","VpgIdentifier":"b","IOPs":NaN}]',
        b'[{"VmIdentifier":"a","VpgIdentifier":"b","IOPs":Infinity}]',
        b'[{"VmIdentifier":"a","VpgIdentifier":"b","IOPs":-Infinity}]',
        b'[{"VmIdentifier":"a","VpgIdentifier":"b"},',
        b'[{"VmIdentifier":"a","VpgId',
        b"<html><body>Log in</body></html>",
        b"<!DOCTYPE html><p>Log in",
        b"",
        b"   ",
        b"null",
        b"{}",
        b'{"Value":[]}',
        b'"text"',
        b"5",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"\xff\xfe[\x00]\x00",
        b"[] []",
    ],
)
def test_what_is_no_array_of_records_is_an_error_that_quotes_it(body: bytes) -> None:
    for content_type in (JSON, "text/html", ""):
        with pytest.raises(DecodeError, match="what came") as caught:
            vms.DECODER.decode(body, content_type, "what came")
        assert "\n" not in str(caught.value)


def test_a_record_that_is_nested_too_deep_costs_itself() -> None:
    deep = b'{"VmName":' + b"[" * 900 + b"]" * 900 + b"}"
    good = json.dumps(record()).encode()
    decoded = vms.DECODER.decode(b"[" + deep + b"," + good + b"]", JSON, "")
    assert [row.id for row in decoded.rows] == ["vm-1"]
    assert decoded.lost.invalid_records == 1


def test_a_name_that_is_no_utf8_costs_its_record() -> None:
    body = json.dumps([record(VmName="NAME"), record(VmIdentifier="vm-2")]).encode().replace(b"NAME", b"caf\xe9")
    decoded = vms.DECODER.decode(body, JSON, "")
    assert [row.id for row in decoded.rows] == ["vm-2"]
    assert decoded.lost.invalid_records == 1
    assert decoded.lost.complaint.startswith("record 0: unreadable")


@pytest.mark.parametrize(
    ("escape", "name"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"a\udfff", "a\ufffd"),
        (r"\uD83D\ud800\uDC00", "\ufffd\U00010000"),
        (r"\ud83d\udd25", "\U0001f525"),
        (r"back\\ud800", r"back\ud800"),
        (r"back\\\ud800", "back\\\ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_replaced_and_costs_nothing(escape: str, name: str) -> None:
    """No UTF-8 page could hold it; the VM is published all the same."""
    good, odd = json.dumps(record()), json.dumps(record(VmIdentifier="vm-2", VmName="NAME")).replace("NAME", escape)
    decoded = vms.DECODER.decode(f"[{odd},{good}]".encode(), JSON, "")
    assert [(row.id, row.name) for row in decoded.rows] == [("vm-2", name), ("vm-1", None)]
    vm_page(decoded).encode()


def test_a_byte_order_mark_is_no_content() -> None:
    body = b"\xef\xbb\xbf" + json.dumps([record()]).encode()
    assert [row.id for row in vms.DECODER.decode(body, JSON, "").rows] == ["vm-1"]
    xml = b"\xef\xbb\xbf" + array_of("VmApi", [record()])
    assert [row.id for row in vms.DECODER.decode(bytearray(xml), XML, "").rows] == ["vm-1"]


@pytest.mark.parametrize("content_type", [XML, "text/xml; charset=utf-8", JSON, "", "text/plain"])
def test_xml_gives_the_same_samples_as_json(content_type: str) -> None:
    """Whatever its content type says, as a wrong one must not cost a poll."""
    site = estate()
    from_xml = vms.DECODER.decode(array_of("VmApi", site.vms()), content_type, "")
    assert from_xml.lost.invalid_records == 0
    assert vm_page(from_xml) == vm_page(decode(*site.vms()))
    vpgs_json = vpgs.DECODER.decode(json.dumps(site.vpgs()).encode(), JSON, "")
    vpgs_xml = vpgs.DECODER.decode(array_of("VpgApi", site.vpgs()), content_type, "")
    assert vpgs_xml.lost.invalid_records == 0
    assert text(vpgs.TABLE.render({}, vpgs_xml.rows)) == text(vpgs.TABLE.render({}, vpgs_json.rows))


def test_json_under_the_content_type_of_xml_is_json() -> None:
    assert len(decode(record(), content_type=XML).rows) == 1


def test_xml_that_is_indented_is_read_alike() -> None:
    body = b"""<?xml version="1.0" encoding="utf-8"?>
    <ArrayOfVmApi xmlns="http://schemas.zerto.com/zvm/api" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
      <!-- one -->
      <VmApi>
        <VmIdentifier>a</VmIdentifier> <VpgIdentifier>b</VpgIdentifier>
        <IOPS>3</IOPS> <IsVmExists>true</IsVmExists> <VmName i:nil="true"/> <HardwareVersion/>
        <Volumes>
        </Volumes>
      </VmApi>
      <VmApi>
        <VmIdentifier>c</VmIdentifier> <VpgIdentifier>b</VpgIdentifier>
        <Volumes> <VmVolumeApi><Id>1</Id></VmVolumeApi> <VmVolumeApi><Id>2</Id></VmVolumeApi> </Volumes>
      </VmApi>
    </ArrayOfVmApi>"""
    decoded = vms.DECODER.decode(body, XML, "")
    assert (decoded.lost.invalid_records, decoded.lost.complaint) == (0, "")
    one, other = decoded.rows
    assert (one.iops, one.exists, one.name, one.hardware_version, one.volumes) == (3, True, None, "", [])
    assert other.volumes is not None
    assert len(other.volumes) == 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><ArrayOfVmApi>&b;</ArrayOfVmApi>', "refused XML with a DTD"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><ArrayOfVmApi/>', "refused XML with a DTD"),
        (b"<ArrayOfVmApi><VmApi></ArrayOfVmApi>", "expected JSON or XML"),
        (b"<ArrayOfVmApi>", "expected JSON or XML"),
        (b"<ArrayOfVmApi>&unknown;</ArrayOfVmApi>", "expected JSON or XML"),
        (b"<VmApi/>", "ArrayOf"),
        (b'<?xml version="1.0" encoding="nonsense"?><ArrayOfVmApi/>', "UTF-8"),
        (b'<?xml version="1.0" encoding="gb2312"?><ArrayOfVmApi/>', "UTF-8"),
        (b"<ArrayOfVmApi>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</ArrayOfVmApi>", "nested too deep"),
    ],
)
def test_xml_that_is_none_or_could_do_harm_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        vms.DECODER.decode(body, XML, "quoted")
    with pytest.raises(DecodeError):
        decode_names(body, XML, "quoted")


def test_records_of_xml_that_do_not_fit_are_counted() -> None:
    decoded = vms.DECODER.decode(
        b"<ArrayOfVmApi><string>x</string><VmApi><VmIdentifier>a</VmIdentifier><VpgIdentifier>b</VpgIdentifier>"
        b"<IOPs>many</IOPs></VmApi></ArrayOfVmApi>",
        XML,
        "",
    )
    assert len(decoded.rows) == 1
    assert decoded.lost.invalid_records == 2


def test_lists_of_names_come_as_json_or_xml() -> None:
    names = ["Initializing", "MeetingSLA"]
    assert decode_names(json.dumps(names).encode(), JSON, "") == tuple(names)
    assert decode_names(strings(names), XML, "") == tuple(names)
    assert STATUS.name(1) == names[1]


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b"[null]",
        b"{}",
        b"",
        b'["a"',
        b'["\xff"]',
        b'<ArrayOfstring xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><string i:nil="true"/></ArrayOfstring>',
    ],
)
def test_a_list_of_anything_but_names_is_an_error(body: bytes) -> None:
    with pytest.raises(DecodeError, match="quoted"):
        decode_names(body, JSON, "quoted")


def test_a_first_record_longer_than_what_is_looked_at_is_looked_at_whole() -> None:
    padded = {"VmIdentifier": "vm-1", "VpgIdentifier": "vpg-1", "iOPs": 7, "Padding": "x" * 40_000}
    assert [row.iops for row in decode(padded, {**padded, "VmIdentifier": "vm-2"}).rows] == [7, 7]


def test_a_number_without_bound_costs_itself_and_not_its_record() -> None:
    body = b'[{"VmIdentifier": "vm-1", "VpgIdentifier": "vpg-1", "ActualRPO": 1e400, "IOPs": 7}]'
    decoded = vms.DECODER.decode(body, JSON, "quoted")
    assert [(row.id, row.actual_rpo, row.iops) for row in decoded.rows] == [("vm-1", None, 7)]
    assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (1, 1)


def test_an_empty_xml_element_is_an_object_that_is_not_there() -> None:
    body = (
        b"<ArrayOfVmApi><VmApi><VmIdentifier>vm-1</VmIdentifier><VpgIdentifier>vpg-1</VpgIdentifier>"
        b"<ProtectedSite/><JournalHardLimit> </JournalHardLimit></VmApi></ArrayOfVmApi>"
    )
    decoded = vms.DECODER.decode(body, XML, "quoted")
    assert [(row.id, row.protected_site, row.journal_hard_limit) for row in decoded.rows] == [("vm-1", None, None)]
    assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (0, 0)


def test_a_key_in_another_case_is_matched_in_any_record_of_an_answer_that_is_odd() -> None:
    odd = {"VmIdentifier": "vm-1", "VpgIdentifier": "vpg-1", "actualRPO": 5, "iOPs": 3}
    exact = {"VmIdentifier": "vm-2", "VpgIdentifier": "vpg-1", "IOPs": 4}
    decoded = decode(exact, odd, None)
    assert [(row.id, row.actual_rpo, row.iops) for row in decoded.rows] == [("vm-2", None, 4), ("vm-1", 5, 3)]
    assert decoded.lost.invalid_records == 1


def test_a_byte_that_is_no_utf8_costs_nothing_where_no_field_is() -> None:
    body = json.dumps([record(Unknown="NAME"), record(VmIdentifier="vm-2")]).encode().replace(b"NAME", b"caf\xe9")
    decoded = vms.DECODER.decode(body, JSON, "")
    assert [row.id for row in decoded.rows] == ["vm-1", "vm-2"]
    assert decoded.lost.invalid_records == 0


def one_by_one(body: bytes) -> list[Any]:
    records, found = JsonArray(body, "", Terms()), []
    while records.more:
        record = records.one()
        found.append(None if record is None else json.loads(record))
    return found


VALUES = st.recursive(st.none() | st.booleans() | NUMBERS | st.text(max_size=9), st.lists, max_leaves=4)


@given(
    st.lists(VALUES | st.dictionaries(st.text(max_size=5), VALUES, max_size=3), max_size=9),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
    st.integers(0, 40),
)
@example([0.5, 1e300, 1e-300, -0.0], None, True, 0)
def test_an_array_is_cut_into_its_records_wherever_a_piece_of_it_ends(
    values: list[Any], indent: int | None, ascii_only: bool, spare: int
) -> None:
    def encoded(array: list[Any]) -> bytes:
        return json.dumps(array, indent=indent, ensure_ascii=ascii_only).encode()

    longest = max((len(encoded([value])) - 2 for value in values), default=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exporter.zvm.decode.json_array.LONGEST", longest + spare)
        patch.setattr("exporter.zvm.decode.json_array._GLANCE", spare + 1)
        assert one_by_one(encoded(values)) == values


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_a_long_answer_is_decoded_in_slices_that_no_reader_sees(
    monkeypatch: pytest.MonkeyPatch, indent: int | None, kind: type[bytes | bytearray]
) -> None:
    body = json.dumps(estate().vms(), indent=indent).encode()
    whole = vms.DECODER.decode(body, JSON, "")
    monkeypatch.setattr("exporter.zvm.decode.json_array.LONGEST", len(body) // 7)
    monkeypatch.setattr("exporter.zvm.decode.rows._APART", None)  # all of it fits
    given = kind(body)
    assert vms.DECODER.decode(given, JSON, "") == whole
    assert given == body


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(lambda texts: [*texts[:20], '"no record"', *texts[20:]], id="a record that is none"),
        pytest.param(lambda texts: [*texts[:20], "{}", *texts[20:]], id="a record without identity"),
        pytest.param(lambda texts: [texts[0], " " * 9000, *texts[1:]], id="blanks"),
        pytest.param(
            lambda texts: [text.replace('"VmName"', r'"X":"\ud800","VmName"') for text in texts], id="surrogates"
        ),
        pytest.param(lambda texts: [text.replace('"IOPs"', '"iops"') for text in texts], id="a key in another case"),
        pytest.param(
            lambda texts: [
                f'{{"VmIdentifier":"{n}","VpgIdentifier":"g","X":[{{}},{texts[0]},{{}}]}}' for n in range(90)
            ],
            id="records within records",
        ),
    ],
)
def test_a_long_answer_is_salvaged_as_a_short_one_is(
    monkeypatch: pytest.MonkeyPatch, odd: Callable[[list[str]], list[str]]
) -> None:
    body = bytearray(f"[{','.join(odd([json.dumps(one) for one in estate().vms()]))}]".replace(" ,", " ").encode())
    whole, before = vms.DECODER.decode(body, JSON, ""), bytes(body)
    assert len(whole.rows) >= 30
    monkeypatch.setattr("exporter.zvm.decode.json_array.LONGEST", 4000)
    assert vms.DECODER.decode(body, JSON, "") == whole
    assert body == before


@pytest.mark.parametrize("end", ["", " ", "]]", "] x", ",]", ',{"VmIdentifier":"a"', ",{}}]", " {}]"])
def test_a_long_answer_that_does_not_end_as_it_must_is_an_error(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    good = ",".join(json.dumps(one) for one in estate().vms())
    monkeypatch.setattr("exporter.zvm.decode.json_array.LONGEST", 4000)
    with pytest.raises(DecodeError, match=r"expected a JSON array: .*: got what came"):
        vms.DECODER.decode(f"[{good}{end}".encode(), JSON, "what came")


def test_a_record_may_be_as_long_as_is_looked_at_and_no_longer() -> None:
    """A longer one costs itself, whatever is in it."""
    room = LONGEST - len(json.dumps(record(VmName="", X="")))
    assert [row.id for row in decode(None, record(VmName="n", X="x" * (room - 1)), 1).rows] == ["vm-1"]
    good = record(VmIdentifier="vm-2")
    much: Any
    for much in ("x" * (room + 1), '\\"]}[{' * room, [{}] * room, {"a": '"' * room}, [[[["}"]]]] * room):
        decoded = decode(good, record(VmName="", X=much), record(VmIdentifier="vm-3"))
        assert [row.id for row in decoded.rows] == ["vm-2", "vm-3"]
        assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (1, 1)
        assert decoded.lost.complaint == f"record 1: longer than {LONGEST} bytes"
    with pytest.raises(DecodeError, match=f"at most {LONGEST} bytes, got XML with a longer one: what came"):
        vms.DECODER.decode(array_of("VmApi", [record(VmName="x" * 2 * LONGEST)]), XML, "what came")


def test_a_list_of_names_is_no_longer_than_a_list_of_names_is() -> None:
    with pytest.raises(DecodeError, match="16384 bytes, got quoted"):
        decode_names(json.dumps(["x" * 2**14]).encode(), JSON, "quoted")


def test_a_record_of_xml_may_have_very_many_elements_of_a_name() -> None:
    volumes = b"<Volumes>" + b"<a/>" * 60_000 + b"</Volumes>"
    body = b"<ArrayOfVmApi><VmApi><VmIdentifier>a</VmIdentifier><VpgIdentifier>b</VpgIdentifier>" + volumes
    (row,) = vms.DECODER.decode(body + b"</VmApi></ArrayOfVmApi>", XML, "").rows
    assert row.volumes is None  # they are no objects; but to tell took no minutes


MINIMAL = b',{"VmIdentifier":"%d","VpgIdentifier":"g"}'
SIZE = 2**25
# What costs as much as it can for its size: seconds, if C had all of it at once.
FLOODS = {
    "records of nothing": lambda: b"[{}" + b",{}" * (SIZE // 3) + b"]",
    "numbers": lambda: b"[1" + b",1" * (SIZE // 2) + b"]",
    "minimal records": lambda: b"[" + b"".join(MINIMAL % number for number in range(SIZE // 48))[1:] + b"]",
    "one minimal record": lambda: b"[" + (MINIMAL * (SIZE // 42))[1:] + b"]",
    "XML": lambda: b"<ArrayOfVmApi>" + b"<a/>" * (SIZE // 4) + b"</ArrayOfVmApi>",
    "a record of XML": lambda: b"<ArrayOfVmApi><a>" + b"<a/>" * (SIZE // 4) + b"</a></ArrayOfVmApi>",
    "an attribute": lambda: b"<ArrayOfVmApi a='" + b"x" * SIZE + b"'/>",
    "nesting": lambda: b"[" * SIZE,
    "a nested record": lambda: b'[{"VmIdentifier":"a","VpgIdentifier":"b","X":' + b"[" * SIZE,
    "a string": lambda: b'["' + b"x" * SIZE + b'"',
    "a name": lambda: b'[{"VmIdentifier":"a","VpgIdentifier":"b","VmName":"' + b"x" * SIZE + b'"}',
    "an array in a record": lambda: b'[{"VmIdentifier":"a","VpgIdentifier":"b","X":[1' + b",1" * (SIZE // 2) + b"]}",
    "brackets in a record": lambda: b'[{"X":[[]' + b",[]" * (SIZE // 12) + b"]}",
    "escapes": lambda: b'[{"X":"' + b'\\"' * (SIZE // 2) + b'"}',
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_is_refused_while_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch, flood: str) -> None:
    """Time is that of the process, as others' work on the machine is no stall of ours."""
    monkeypatch.setattr("exporter.zvm.decode.rows.MOST", MOST // 5)
    body, gaps = FLOODS[flood](), [0.0]

    async def tick() -> None:
        last = time.process_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.process_time()
            gaps.append(now - last)
            last = now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    with pytest.raises((DecodeError, TooLargeError), match="what came"):
        await in_poll_thread(vms.DECODER.decode, body, "", "what came")
    await asyncio.sleep(0.01)
    ticking.cancel()
    assert len(gaps) > 2
    assert max(gaps) < 0.4  # under coverage; it was seconds


@pytest.mark.parametrize("flood", ["records of nothing", "one minimal record", "XML", "an array in a record"])
def test_a_flood_takes_little_memory(monkeypatch: pytest.MonkeyPatch, flood: str) -> None:
    monkeypatch.setattr("exporter.zvm.decode.rows.MOST", MOST // 20)
    body = bytearray(FLOODS[flood]())
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="got what came"):
            vms.DECODER.decode(body, "", "what came")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < SIZE


NEVER_ENDING = {
    "usual": lambda: MINIMAL % 1 * 50_000,
    "odd": lambda: b',{"VmIdentifier":1,"VpgIdentifier":"g"}' * 50_000,
    "one by one": lambda: (b',{"VmIdentifier":"a","VpgIdentifier":"g","X":"' + b"x" * LONGEST + b'"}') * 20,
    "XML": lambda: b"<ArrayOfVmApi>" + b"<VmApi/>" * 50_000,
}


@pytest.mark.parametrize("shape", NEVER_ENDING)
def test_who_gives_up_waiting_stops_the_decoding(shape: str) -> None:
    """Within some hundred records, whatever they are; these are never read to their broken end."""
    body, asked, slots = NEVER_ENDING[shape](), 0, [0]

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        return asked > 12

    body = body if body.startswith(b"<") else b"[" + body[1:]
    with pytest.raises(StoppedError):
        vms.DECODER.decode(body, "", "", Terms(stopped=stopped, spent=slots.append))
    assert (asked, slots) == (13, sorted(slots))


def test_bytes_that_are_told_to_be_spent_are_not_looked_at_again() -> None:
    usual = Estate("nyc", vms=600, seed=1).vms()
    usual[100]["ActualRPO"] = "N/A"
    usual[300]["X"] = "x" * 2 * LONGEST
    for body in (json.dumps(usual).encode(), array_of("VmApi", usual[:300])):
        given = bytearray(body)
        told: list[int] = []

        def spent(slot: int, given: bytearray = given, told: list[int] = told) -> None:
            told.append(slot)
            given[:slot] = bytes(min(slot, len(given)))

        assert vms.DECODER.decode(given, "", "", Terms(spent=spent)) == vms.DECODER.decode(body, "", "")
        assert max(told) > len(body) // 2


def test_records_of_the_usual_kind_may_be_as_many_as_max_body_lets_in() -> None:
    """10,000 VMs in three VPGs each are within the default."""
    site = Estate("nyc", vms=1000, seed=1)
    for decoder, records in ((vms.DECODER, site.vms()), (vpgs.DECODER, site.vpgs())):
        one = json.dumps(records, separators=(",", ":"))[1:-1]
        max_body = 8 * (len(one) + 1) + 1
        body = f"[{','.join([one] * 8)}]".encode()
        assert len(body) == max_body
        assert len(decoder.decode(body, JSON, "", Terms(max_body)).rows) == 8 * len(records)
    body = f"[{','.join([json.dumps(site.vms(), separators=(',', ':'))[1:-1]] * 30)}]".encode()
    assert Terms().max_body * 0.9 < len(body) < Terms().max_body
    assert len(vms.DECODER.decode(body, JSON, "").rows) == 30_000


def test_whoever_raises_max_body_raises_what_rows_may_take() -> None:
    tiny = b"[" + b",".join(b'{"VmIdentifier":"%d","VpgIdentifier":"g"}' % n for n in range(20_000)) + b"]"
    with pytest.raises(TooLargeError, match="with this max_body"):
        vms.DECODER.decode(tiny, JSON, "", Terms(2**20))
    assert len(vms.DECODER.decode(tiny, JSON, "", Terms(2**23)).rows) == 20_000


def test_as_many_records_as_there_may_be_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.zvm.decode.rows.MOST", 3)
    for odd in ([], [None]):
        good = [record()] * (3 - len(odd))
        assert len(decode(*good, *odd).rows) == len(good)
        with pytest.raises(DecodeError, match="expected at most 3 records, got the start of it"):
            decode(*good, *odd, record())


@pytest.mark.parametrize("field", ["VmName", "OrganizationName", "RecoveryHostName", "SubStatus"])
def test_a_name_that_no_hypervisor_has_costs_itself(field: str) -> None:
    """On the page it would cost Prometheus the whole scrape."""
    decoded = decode(record(**{field: "x" * 1024}), record(VmIdentifier="vm-2", **{field: "x" * 1025}, IOPs=5))
    assert (len(decoded.rows), decoded.lost.invalid_records, decoded.lost.invalid_values) == (2, 1, 1)
    assert decoded.lost.complaint == f"record 1.{field}: Expected `str` of length <= 1024"
    assert decoded.rows[1].iops == 5
    assert "x" * 1024 in vm_page(decoded)
    assert "x" * 1025 not in vm_page(decoded)


def test_an_identifier_that_is_too_long_costs_its_record() -> None:
    decoded = decode(record(VmIdentifier="x" * 1025), record())
    assert (len(decoded.rows), decoded.lost.invalid_records) == (1, 1)
