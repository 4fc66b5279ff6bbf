"""Faults that change what an answer says: as a client reads it, over a socket."""

from typing import Any

import pytest
from simulator_serving import serving

from exporter.simulator import Fault, faults
from exporter.simulator.faults.hostile import HOSTILE_NAMES

VMS = "/v1/vms"


async def mutated(fault: Fault, path: str = VMS) -> tuple[list[dict[str, Any]], Any]:
    """The documents of a list without and with a fault."""
    async with serving() as zvm:
        usual = await zvm.rows(path)
        zvm.simulator.faults.set(path, fault)
        return usual, (await zvm.get(path)).json()


async def test_wrong_shape() -> None:
    usual, found = await mutated(faults.wrong_shape())
    assert found == {"Value": usual, "Count": 50}


async def test_bad_records_stand_among_the_good_ones() -> None:
    usual, found = await mutated(faults.bad_record(3))
    bad = [record for record in found if record not in usual]
    assert bad[:2] == ["not a record", 42]
    assert "VmName" not in bad[2]
    assert "Link" not in bad[2]
    assert bad[2]["IOPs"] >= 0
    assert len(found) == 50
    _, all_bad = await mutated(faults.bad_record(1000), "/v1/vpgs")
    assert all(not isinstance(record, dict) or "VpgIdentifier" not in record for record in all_bad)


async def test_bad_values_in_some_records() -> None:
    usual, found = await mutated(faults.bad_values())
    bad = [record for record in found if record["ActualRPO"] == "N/A"]
    assert len(bad) == 17
    assert {str(record["JournalHardLimit"]) for record in bad} == {"none"}
    assert sum(record in usual for record in found) == 33


async def test_nulls_leave_the_identity() -> None:
    usual, found = await mutated(faults.nulls())
    for before, record in zip(usual, found, strict=True):
        assert {key: value for key, value in record.items() if value is not None} == {
            key: before[key] for key in ("VmIdentifier", "VpgIdentifier")
        }
        assert record.keys() == before.keys()


async def test_strings_for_numbers() -> None:
    usual, found = await mutated(faults.strings_for_numbers())
    assert found[0]["ActualRPO"] == str(usual[0]["ActualRPO"])
    assert found[0]["JournalHardLimit"]["LimitType"] == str(usual[0]["JournalHardLimit"]["LimitType"])
    assert found[0]["IsVmExists"] is True


async def test_unknown_codes() -> None:
    _, found = await mutated(faults.unknown_codes())
    assert {(row["Status"], row["SubStatus"], row["Priority"], row["Entities"]["Recovery"]) for row in found} == {
        (77, 41, 9, 99)
    }
    assert {row["JournalHardLimit"]["LimitType"] for row in found} == {7}


async def test_enum_names() -> None:
    _, found = await mutated(faults.enum_names())
    assert {(row["Status"], row["SubStatus"], row["Entities"]["Protected"]) for row in found} == {
        ("MeetingSLA", "None", "VCVpg")
    }


async def test_camel_case_is_the_spelling_of_the_vendors_document() -> None:
    usual, found = await mutated(faults.camel_case())
    assert found[0]["ioPs"] == usual[0]["IOPs"]
    assert found[0]["actualRPO"] == usual[0]["ActualRPO"]
    assert not found[0].keys() & {"vmIdentifier", "vpgIdentifier"}
    assert found[0]["link"]["identifier"] == usual[0]["VmIdentifier"]
    assert found[0]["link"]["vpg_identifier"] == usual[0]["VpgIdentifier"]
    assert found[0]["journalHardLimit"].keys() == {"limitType", "limitValue"}
    _, with_identity = await mutated(faults.camel_case(keep_identity=True))
    assert with_identity[0]["vmIdentifier"] == usual[0]["VmIdentifier"]


async def test_lower_first() -> None:
    usual, found = await mutated(faults.lower_first(), "/v1/vpgs")
    assert found[0]["iOPs"] == usual[0]["IOPs"]
    assert found[0]["vpgIdentifier"] == usual[0]["VpgIdentifier"]
    assert "actualHistoryInMinutes" in found[0]["historyStatusApi"]


async def test_duplicates() -> None:
    usual, found = await mutated(faults.duplicates())
    assert found[0::2] == found[1::2] == usual


async def test_hostile_names() -> None:
    _, found = await mutated(faults.hostile_names())
    assert {row["VmName"] for row in found} == set(HOSTILE_NAMES)
    assert HOSTILE_NAMES[0] in {row["VpgName"] for row in found}
    by_vpg = {(row["VpgIdentifier"], row["VpgName"]) for row in found}
    assert len(by_vpg) == len({identifier for identifier, _ in by_vpg})
    _, vpgs = await mutated(faults.hostile_names(), "/v1/vpgs")
    assert HOSTILE_NAMES[1] in {vpg["VpgName"] for vpg in vpgs}


@pytest.mark.parametrize(
    "fault",
    [
        faults.bad_values(),
        faults.nulls(),
        faults.unknown_codes(),
        faults.camel_case(),
        faults.hostile_names(),
        faults.strings_for_numbers(),
        faults.enum_names(),
        faults.duplicates(),
        faults.xml(),
    ],
    ids=lambda fault: fault.name,
)
async def test_changes_of_documents_add_up(fault: Fault) -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set(VMS, faults.bad_record(50))
        zvm.simulator.faults.add(VMS, fault)
        answer = await zvm.get(VMS)
        assert answer.status == 200
        assert b"not a record" in answer.body
        zvm.simulator.faults.add(VMS, faults.wrong_shape())
        zvm.simulator.faults.add(VMS, faults.nulls())
        zvm.simulator.faults.add(VMS, faults.gzip())
        packed = await zvm.get(VMS)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert b"Value" in packed.body


async def test_faults_change_single_documents() -> None:
    async with serving() as zvm:
        row = (await zvm.rows())[20]
        path = f"/v1/vms/{row['VmIdentifier']}"
        zvm.simulator.faults.set(path, faults.unknown_codes())
        assert (await zvm.get(path)).json() == row | {
            "Status": 77,
            "SubStatus": 41,
            "Priority": 9,
            "Entities": {"Protected": 99, "Recovery": 99},
            "JournalHardLimit": row["JournalHardLimit"] | {"LimitType": 7},
            "JournalWarningThreshold": row["JournalWarningThreshold"] | {"LimitType": 7},
        }
        zvm.simulator.faults.set(path, faults.duplicates())
        assert (await zvm.get(path)).json() == [row, row]


async def test_a_fault_leaves_the_next_answer_as_it_was() -> None:
    async with serving() as zvm:
        before = await zvm.get(VMS)
        for fault in (faults.hostile_names(), faults.bad_values(), faults.camel_case()):
            zvm.simulator.faults.set(VMS, fault, times=1)
            assert (await zvm.get(VMS)).body != before.body
        assert (await zvm.get(VMS)).body == before.body
