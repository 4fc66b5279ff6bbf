"""Any case of any key in any record is read, or counted; and what server speaks which way costs about the same."""

from __future__ import annotations

import gc
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from exporter.collectors import vms, vpgs
from exporter.collectors.vms import Vm
from exporter.collectors.vpgs import Vpg
from exporter.simulator import Estate
from exporter.simulator.faults.mutations import camel_case, lower_first
from exporter.zvm.decode import kept
from exporter.zvm.decode import rows as module
from exporter.zvm.decode.dialect import MOST_KEYS
from exporter.zvm.decode.json_array import LONGEST
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.decode.terms import Terms
from exporter.zvm.errors import TooLargeError

CASES: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.lower,
    str.swapcase,
    lambda key: key[:1].lower() + key[1:],
)


def body(*records: Any) -> bytes:
    return json.dumps(records).encode()


def decode(*records: Any, decoder: Decoder[Vm] | None = None) -> Decoded[Vm]:
    return (decoder or vms.DECODER).decode(body(*records), "application/json", "what came")


def fresh() -> Decoder[Vm]:
    """Return a decoder that has met no server."""
    return Decoder(Vm, vms.repair)


def vm(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"VmIdentifier": f"vm-{number}", "VpgIdentifier": "vpg-1", **fields}


def spelled(value: Any, case: Callable[[str], str]) -> Any:
    """Return *value* with each key in a case of its own."""
    if isinstance(value, list):
        return [spelled(item, case) for item in value]
    return {case(key): spelled(item, case) for key, item in value.items()} if isinstance(value, dict) else value


LINKS = st.none() | st.fixed_dictionaries({}, optional={"type": st.just("LocalSiteApi"), "identifier": st.just("site")})
LIMITS = st.none() | st.fixed_dictionaries({}, optional={"LimitType": st.just(1), "LimitValue": st.integers(0, 9)})
RECORDS = st.fixed_dictionaries(
    {"VmIdentifier": st.sampled_from("abc"), "VpgIdentifier": st.just("g")},
    optional={
        "VmName": st.none() | st.just("name"),
        "ActualRPO": st.none() | st.integers(0, 9),
        "IOPs": st.sampled_from([None, 1, 2.5]),
        "ProtectedSite": LINKS,
        "RecoverySite": LINKS,
        "JournalHardLimit": LIMITS,
        "EnabledActions": st.none() | st.fixed_dictionaries({}, optional={"IsFlrEnabled": st.booleans()}),
        "Volumes": st.none() | st.lists(st.just({"VmVolumeIdentifier": "x"}), max_size=2),
        "OfNoUse": st.just(1),
        "Link": LINKS,
    },
)


@given(st.lists(RECORDS, max_size=6), st.randoms(use_true_random=False), st.booleans())
def test_any_case_of_any_key_in_any_record_is_read(records: list[Any], cases: random.Random, met: bool) -> None:
    """By a decoder that meets them for the first time, and by one that has met all of the others."""
    odd = [spelled(record, lambda key: cases.choice(CASES)(key[:])) for record in records]
    decoded = decode(*odd, decoder=vms.DECODER if met else fresh())
    assert (decoded.lost.invalid_records, decoded.lost.invalid_values) == (0, 0)
    assert decoded.rows == decode(*records, decoder=fresh()).rows
    assert decoded.rows == [row for record in records for row in decode(record, decoder=fresh()).rows]


@pytest.mark.parametrize("first", [{}, {"ProtectedSite": None, "JournalHardLimit": None}, {"ProtectedSite": {}}])
def test_a_nested_key_is_read_where_the_first_record_has_none(first: dict[str, Any]) -> None:
    second = vm(2, ProtectedSite={"Type": "LocalSiteApi", "Identifier": "s"}, JournalHardLimit={"limitValue": 5})
    for decoder in (fresh(), vms.DECODER):
        _, row = decode(vm(1, **first), second, decoder=decoder).rows
        assert row.protected_site is not None
        assert row.protected_site.identifier == "s"
        assert row.journal_hard_limit is not None
        assert row.journal_hard_limit.value == 5


def test_keys_that_are_odd_in_the_last_record_alone_are_read() -> None:
    """A long way behind what is usual, with the first record's keys and values that fit."""
    many = [vm(number, IOPs=number, Link={"rel": None}) for number in range(9000)]
    decoded = decode(*many, vm(9000, ioPs=5, actualRPO=6))
    assert (len(decoded.rows), decoded.lost.invalid_records) == (9001, 0)
    assert (decoded.rows[-1].iops, decoded.rows[-1].actual_rpo) == (5, 6)


def test_of_a_key_in_two_cases_the_last_is_read() -> None:
    """As msgspec does it with a key that comes twice."""
    for record, iops in ((vm(IOPs=1, iops=2), 2), (vm(iops=2, IOPs=1), 1)):
        assert [row.iops for row in decode(vm(0), record, vm(3)).rows] == [None, iops, None]


def test_a_vpg_is_read_in_any_case_down_to_its_checkpoint() -> None:
    document = {"VpgIdentifier": "g", "HistoryStatusApi": {"EarliestCheckpoint": {"TimeStamp": "2026-01-01"}}}
    decoder = Decoder(Vpg, vpgs.repair)
    for case in CASES:
        (row,) = decoder.decode(body(spelled(document, case)), "", "").rows
        assert row.history is not None
        assert row.history.earliest is not None
        assert row.history.earliest.time == "2026-01-01"


@pytest.mark.parametrize("spell", [lambda documents: camel_case(documents, keep_identity=True), lower_first])
def test_an_answer_in_another_case_has_a_decoder_of_its_own(
    monkeypatch: pytest.MonkeyPatch, spell: Callable[[Any], Any]
) -> None:
    """From its second slice on nothing of it is read record by record, and of the next answer nothing at all."""
    monkeypatch.setattr("exporter.zvm.decode.json_array.LONGEST", 2**14)
    usual = Estate("nyc", vms=300, seed=3).vms()
    encoded, decoder, odd = body(*spell(json.loads(json.dumps(usual)))), fresh(), []
    read = module._Answer._odd

    def counted(answer: Any, raw: bytes) -> Any:
        odd.append(raw)
        return read(answer, raw)

    monkeypatch.setattr("exporter.zvm.decode.rows._Answer._odd", counted)
    rows = decoder.decode(encoded, "", "").rows
    assert len(odd) < 20
    assert len(rows) == len(usual)
    odd.clear()
    assert decoder.decode(encoded, "", "").rows == rows == decode(*usual).rows
    decode(*usual, decoder=decoder)
    odd.clear()
    assert decoder.decode(encoded, "", "").rows == decode(*usual, decoder=decoder).rows
    assert odd == []


def test_a_record_that_does_not_fit_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.zvm.decode.json_array.LONGEST", 2**14)
    usual, decoder, odd = Estate("nyc", vms=300, seed=3).vms(), fresh(), []
    decode(*usual, decoder=decoder)
    usual[150]["ActualRPO"] = "N/A"
    read = module._Answer._odd

    def counted(answer: Any, raw: bytes) -> Any:
        odd.append(raw)
        return read(answer, raw)

    monkeypatch.setattr("exporter.zvm.decode.rows._Answer._odd", counted)
    decoded = decode(*usual, decoder=decoder)
    assert (len(decoded.rows), decoded.lost.invalid_records, decoded.lost.invalid_values) == (len(usual), 1, 1)
    assert decoded.lost.complaint.startswith("record 150.ActualRPO: ")
    assert len(odd) == 1


def test_the_fields_of_a_dialect_are_in_the_order_of_the_wire() -> None:
    """Else msgspec looks at half of all fields for each key: a tenth of a decode."""
    decoder = fresh()
    record = {
        "Whatever": 1,
        **vm(VmName="web", Else=2, IOPs=3, ProtectedSite={"href": "", "type": "", "identifier": ""}),
    }
    decode(record, decoder=decoder)
    (row,) = decode(record, decoder=decoder).rows
    assert keys_of(row)[: len(record)] == list(record)
    assert keys_of(row.protected_site)[:3] == ["href", "type", "identifier"]


def keys_of(row: Any) -> list[str]:
    return [field.encode_name for field in structs.fields(row)]


def test_a_server_that_invents_keys_is_not_learned_by_heart() -> None:
    """Each record has a thousand keys of its own; all are read, and what is kept of them is bounded."""
    decoder = fresh()
    strange = [vm(n, IOPs=n, **{f"Key{n}x{m}": m for m in range(1000)}) for n in range(60)]
    for _ in range(3):
        decoded = decode(*strange, decoder=decoder)
        assert [row.iops for row in decoded.rows] == list(range(60))
        assert decoded.lost.invalid_records == 0
    for n in range(40):
        decode(vm(n, **{f"Key{n}y{m}": m for m in range(1000)}), decoder=decoder)
    assert len(decoder._dialects) <= 8
    assert all(dialect.keys.useless <= MOST_KEYS for dialect in decoder._dialects)
    gc.collect()
    kinds = [one for one in gc.get_objects() if isinstance(one, type) and vars(one).get("variant_of") is Vm]
    assert 0 < len(kinds) < 60  # the structs of dialects that are forgotten go


@pytest.mark.parametrize("key", ['quo"te', "back\\slash", "line\nfeed", "\u017ftatus", "caf\u00e9", "", "x" * 9999])
def test_a_key_that_no_struct_can_have_costs_nothing(key: str) -> None:
    for record in (vm(**{key: 1}), vm(ProtectedSite={key: 1})):
        decoded = decode(record, vm(2), decoder=fresh())
        assert [row.id for row in decoded.rows] == ["vm-1", "vm-2"]
        assert decoded.lost.invalid_records == 0
    long_s = {**vm(), "\u017ftatus": 5}  # for Unicode a way to write "status"
    assert decode(long_s).rows[0].status == 5


def test_of_a_list_that_is_only_counted_nothing_is_kept() -> None:
    counts = [0, 1, 63, 64, 50_000]
    rows = decode(*(vm(number, Volumes=[{}] * number) for number in counts)).rows
    assert [len(row.volumes or []) for row in rows] == counts
    assert sum(map(kept.size_of, rows)) < 5 * 1000


def test_a_row_in_any_dialect_is_measured_alike() -> None:
    usual = Estate("nyc", vms=40, seed=3).vms()
    decoder = fresh()
    plain = decode(*usual, decoder=decoder).rows  # the first slice, record by record
    learned = decode(*usual, decoder=decoder).rows
    assert type(plain[0]) is Vm
    assert type(learned[0]) is not Vm
    for one, other in zip(plain, learned, strict=True):
        assert kept.size_of(one) <= kept.size_of(other) <= 1.5 * kept.size_of(one) < 5000


def test_the_rows_of_an_answer_take_no_more_memory_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they take is measured before it is refused, and the error says which limit it was."""
    monkeypatch.setattr(Terms, "max_rows", 2**20)
    many = [vm(number, VmName="x" * 900) for number in range(800)]
    assert len(decode(*many[:400]).rows) == 400
    for odd in ([], ["no record"]):
        with pytest.raises(TooLargeError, match=r"more than 1048576 bytes of memory.*: what came"):
            decode(*odd, *many)
    wide = [vm(number, VmName="\U0001f525" + "x" * 900) for number in range(400)]
    with pytest.raises(TooLargeError):
        decode(*wide)
    xml = b"".join(
        b"<VmApi><VmIdentifier>%d</VmIdentifier><VpgIdentifier>g</VpgIdentifier><VmName>%s</VmName></VmApi>"
        % (n, b"x" * 900)
        for n in range(800)
    )
    with pytest.raises(TooLargeError):
        vms.DECODER.decode(b"<ArrayOfVmApi>" + xml + b"</ArrayOfVmApi>", "", "")


def test_records_that_are_too_long_cost_themselves_wherever_they_are() -> None:
    long = vm(X=[{"a": '}]"\\'}] * (LONGEST // 8))
    decoded = decode(long, vm(2), long, long, vm(3), *(vm(n) for n in range(4, 9000)), long)
    assert [row.id for row in decoded.rows[:2]] == ["vm-2", "vm-3"]
    assert (len(decoded.rows), decoded.lost.invalid_records) == (8998, 4)
    assert decoded.lost.complaint == f"record 0: longer than {LONGEST} bytes"
