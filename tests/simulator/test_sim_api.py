"""GET endpoints over a socket: filters, single documents, lists of names, XML, both generations."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from defusedxml import ElementTree
from simulator_serving import Clock, quiet, serving

from exporter.simulator import Estate, faults, pair
from exporter.simulator.api.answers import media_type_for
from exporter.simulator.api.registry import ALL_ROUTES

NS = "{http://schemas.zerto.com/zvm/api}"
Row = dict[str, Any]


def varied() -> Estate:
    """An estate with something for every filter to find and to leave out."""
    nyc, _ = pair(("nyc", 120), ("lon", 60), seed=3, clock=Clock(), cloud=True, local=True, incidents=False)
    nyc.start_incident("initial_sync", nyc.vpgs()[0]["VpgName"])
    return nyc


FILTERS: list[tuple[str, Callable[[Row], str], Callable[[Row], Any]]] = [
    ("vpgName", lambda row: row["VpgName"].upper(), lambda row: row["VpgName"]),
    ("VMNAME", lambda row: row["VmName"].title(), lambda row: row["VmName"]),
    ("vmidentifier", lambda row: row["VmIdentifier"], lambda row: row["VmIdentifier"]),
    ("organizationName", lambda row: row["OrganizationName"], lambda row: row["OrganizationName"]),
    ("status", lambda row: str(row["Status"]), lambda row: row["Status"]),
    ("status", lambda _: "INITIALIZING", lambda row: row["Status"]),
    ("subStatus", lambda row: str(row["SubStatus"]), lambda row: row["SubStatus"]),
    ("substatus", lambda _: "initialSync", lambda row: row["SubStatus"]),
    ("priority", lambda row: ("low", "Medium", "HIGH")[row["Priority"]], lambda row: row["Priority"]),
    ("protectedSiteType", lambda _: "VCVpg", lambda row: row["Entities"]["Protected"]),
    ("recoverySiteType", lambda row: str(row["Entities"]["Recovery"]), lambda row: row["Entities"]["Recovery"]),
    ("sourceType", lambda _: "0", lambda row: row["Entities"]["Protected"]),
    ("targetType", lambda _: "vcvpg", lambda row: row["Entities"]["Recovery"]),
    (
        "protectedSiteIdentifier",
        lambda row: row["ProtectedSite"]["identifier"],
        lambda row: row["ProtectedSite"]["identifier"],
    ),
    (
        "recoverySiteIdentifier",
        lambda row: row["RecoverySite"]["identifier"].upper(),
        lambda row: row["RecoverySite"]["identifier"],
    ),
    ("sourceSite", lambda row: row["SourceSite"], lambda row: row["SourceSite"]),
    ("sourceSite", lambda row: row["ProtectedSite"]["identifier"], lambda row: row["SourceSite"]),
    ("targetSite", lambda row: row["TargetSite"].upper(), lambda row: row["TargetSite"]),
]


@pytest.mark.parametrize(("parameter", "value", "key"), FILTERS)
async def test_each_filter_of_vms_finds_what_it_names(
    parameter: str, value: Callable[[Row], str], key: Callable[[Row], Any]
) -> None:
    estate = varied()
    rows = estate.vms()
    wanted = next(row for row in rows if row["OrganizationName"]) if "org" in parameter else rows[0]
    async with serving(estate) as zvm:
        found = await zvm.rows(**{parameter: value(wanted)})
    assert found == [row for row in rows if key(row) == key(wanted)]
    assert found


VPG_FILTERS: list[tuple[str, Callable[[Row], Any]]] = [
    ("name", lambda vpg: vpg["VpgName"]),
    ("zorgIdentifier", lambda vpg: vpg["Zorg"]["identifier"]),
    ("serviceProfileIdentifier", lambda vpg: vpg["ServiceProfileIdentifier"]),
    ("backupEnabled", lambda vpg: str(vpg["BackupEnabled"])),
    ("status", lambda vpg: str(vpg["Status"])),
    ("targetSite", lambda vpg: vpg["TargetSite"]),
    ("organizationName", lambda vpg: vpg["OrganizationName"]),
]


@pytest.mark.parametrize(("parameter", "key"), VPG_FILTERS)
async def test_each_filter_of_vpgs_finds_what_it_names(parameter: str, key: Callable[[Row], Any]) -> None:
    estate = varied()
    vpgs = estate.vpgs()
    wanted = next(vpg for vpg in vpgs if vpg["ServiceProfile"])
    async with serving(estate) as zvm:
        found = await zvm.rows("/v1/vpgs", **{parameter: key(wanted)})
    assert found == [vpg for vpg in vpgs if key(vpg) == key(wanted)]


async def test_filters_narrow_together_and_unknown_or_empty_ones_are_ignored() -> None:
    estate = varied()
    async with serving(estate) as zvm:
        both = await zvm.rows(protectedSiteIdentifier=estate.here.identifier, recoverySiteType="5")
        assert {row["VpgName"] for row in both} == {"Web-to-Cloud"}
        assert await zvm.rows(recoverySiteType="azure", status="FailingOver") == []
        assert await zvm.rows(vpgstatus="7", nonsense="x", status="") == estate.vms()


@pytest.mark.parametrize(
    "query", [{"status": "splendid"}, {"includeBackupedVms": "perhaps"}, {"includeMountedVms": "1"}]
)
async def test_a_value_without_meaning_is_an_error_with_a_message(query: dict[str, str]) -> None:
    async with serving() as zvm:
        answer = await zvm.get("/v1/vms", **query)
        assert answer.status == 400
        assert next(iter(query.values())) in answer.json()["Message"]
        assert (await zvm.get("/v1/vpgs", backupEnabled="x", priority="x")).status == 400


async def test_backup_vms_come_on_request_and_mounted_ones_go() -> None:
    async with serving() as zvm:
        usual = await zvm.rows()
        with_backups = await zvm.rows(includeBackupedVms="TRUE")
        unmounted = await zvm.rows(INCLUDEMOUNTEDVMS="false")
        assert await zvm.rows(includeBackupedVms="false", includeMountedVms="true") == usual
        backup = next(row for row in with_backups if row not in usual)
        path = f"/v1/vms/{backup['VmIdentifier']}"
        assert (await zvm.get(path)).status == 404
        assert (await zvm.get(path, includeBackupedVms="true")).json() == backup
    assert len(unmounted) < len(usual) < len(with_backups)


async def test_a_vm_by_identifier_needs_the_vpg_when_it_is_in_several() -> None:
    estate = quiet()
    counts = Counter(row["VmIdentifier"] for row in estate.vms())
    once = next(row for row in estate.vms() if counts[row["VmIdentifier"]] == 1)
    thrice = [row for row in estate.vms() if counts[row["VmIdentifier"]] == 3]
    async with serving(estate) as zvm:
        assert (await zvm.get(f"/v1/vms/{once['VmIdentifier']}")).json() == once
        path = f"/v1/vms/{thrice[0]['VmIdentifier']}"
        refused = await zvm.get(path)
        assert refused.status == 400
        assert "vpgIdentifier" in refused.json()["Message"]
        for row in thrice:
            assert (await zvm.get(path, vpgIdentifier=row["VpgIdentifier"].upper())).json() == row
        assert (await zvm.get("/v1/vms/nobody.vm-1")).status == 404


async def test_a_vpg_by_identifier_and_the_lists_of_names() -> None:
    async with serving() as zvm:
        vpg = (await zvm.rows("/v1/vpgs/"))[1]
        assert (await zvm.get(f"/V1/Vpgs/{vpg['VpgIdentifier'].upper()}/")).json() == vpg
        assert (await zvm.get("/v1/vpgs/none")).status == 404
        statuses = (await zvm.get("/v1/vpgs/statuses")).json()
        substatuses = (await zvm.get("/v1/vpgs/subStatuses")).json()
        assert (statuses[3], len(statuses)) == ("RpoNotMeetingSLA", 9)
        assert (substatuses[24], substatuses[36], len(substatuses)) == (
            "DisconnectedFromPeer",
            "StoppingFotFailure",
            43,
        )
        assert (await zvm.get("/v1/vpgs/priorities")).json() == ["Low", "Medium", "High"]
        assert (await zvm.get("/v1/vpgs/entitytypes")).json()[5] == "Azure"


@pytest.mark.parametrize("generation", ["appliance", "windows"])
async def test_sites_are_those_of_the_links(generation: str) -> None:
    async with serving(generation=generation) as zvm:
        vm = (await zvm.rows())[0]
        local = (await zvm.get("/v1/localsite")).json()
        peers = await zvm.rows("/v1/peersites")
        assert local["SiteIdentifier"] == vm["ProtectedSite"]["identifier"]
        assert local["SiteName"] == "nyc"
        assert peers[0]["SiteIdentifier"] == vm["RecoverySite"]["identifier"]
        reached = {one["RecoverySite"]["identifier"] for one in await zvm.rows()} - {local["SiteIdentifier"]}
        assert {peer["SiteIdentifier"] for peer in peers} == reached
        assert ("DisplayVersion" in local) is (generation == "appliance")


async def test_what_is_not_there_is_404_and_nothing_can_be_written() -> None:
    async with serving() as zvm:
        for path in ("/v1/nothing", "/", "/v2/vms", "/v1/vms/a/b"):
            answer = await zvm.get(path)
            assert answer.status == 404
            assert "Message" in answer.json()
        for method in ("POST", "PUT", "DELETE"):
            assert (await zvm.ask(method, "/v1/vms")).status == 405


async def test_a_windows_zvm_answers_the_older_fields() -> None:
    async with serving(quiet(200), generation="windows") as zvm:
        rows = await zvm.rows()
        vpgs = await zvm.rows("/v1/vpgs")
    row = rows[0]
    assert "CpuCoresNum" not in row
    assert row["Entities"] == {"Protected": 0, "Recovery": 0, "Source": 0, "Target": 0}
    assert row["Link"]["identifier"] == f"{row['VmIdentifier']}?VpgIdentifier={row['VpgIdentifier']}"
    assert row["Link"]["href"].endswith(f":9669/v1/vms/{row['Link']['identifier']}")
    assert row["Link_{0}"]["rel"] == "self"
    assert all(isinstance(row["ThroughputInMB"], int) for row in rows)
    assert any(isinstance(vpg["ThroughputInMB"], float) for vpg in vpgs)
    tests = {row["LastTest"] for row in rows}
    assert None in tests
    assert any(re.fullmatch(r"/Date\(\d{13}\+0000\)/", test) for test in tests if test)
    assert any(re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", test) for test in tests if test)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/xml", "application/xml"),
        ("text/xml;q=0.9", "text/xml"),
        ("application/json, application/xml", "application/json"),
        ("text/plain, APPLICATION/XML", "application/xml"),
    ],
)
def test_the_first_type_of_accept_that_a_zvm_has_decides(accept: str, expected: str) -> None:
    assert media_type_for(accept) == expected


@pytest.mark.parametrize("accept", ["application/xml", "text/xml"])
async def test_vms_as_xml(accept: str) -> None:
    estate = quiet()
    async with serving(estate) as zvm:
        answer = await zvm.ask("GET", "/v1/vms", headers={**zvm.headers, "Accept": accept})
    assert answer.headers["Content-Type"] == accept
    root = ElementTree.fromstring(answer.body)
    assert root.tag == f"{NS}ArrayOfVmApi"
    rows = estate.vms()
    assert [vm.findtext(f"{NS}VmIdentifier") for vm in root.findall(f"{NS}VmApi")] == [r["VmIdentifier"] for r in rows]
    vm, row = root[0], rows[0]
    assert vm.findtext(f"{NS}IOPS") == str(row["IOPs"])
    assert vm.find(f"{NS}IOPs") is None
    assert vm.findtext(f"{NS}Status") == "MeetingSLA"
    assert vm.findtext(f"{NS}Entities/{NS}Protected") == "VCVpg"
    assert vm.findtext(f"{NS}JournalHardLimit/{NS}LimitType") in {"Unlimited", "Megabytes", "Percentage"}
    assert vm.findtext(f"{NS}IsVmExists") == "true"
    nil = vm.find(f"{NS}PlatformInformation")
    assert nil is not None
    assert nil.attrib == {"{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}
    assert len(vm.findall(f"{NS}Volumes/{NS}VmVolumeApi")) == len(row["Volumes"])
    arrays = "{http://schemas.microsoft.com/2003/10/Serialization/Arrays}"
    assert b"10.20." in answer.body
    assert root.find(f".//{NS}IpAddresses/{arrays}string") is not None


async def test_other_answers_as_xml() -> None:
    async with serving(generation="windows") as zvm:
        xml = {**zvm.headers, "Accept": "application/xml"}
        vm = (await zvm.rows())[10]
        vpg = (await zvm.rows("/v1/vpgs"))[0]
        one = (await zvm.ask("GET", f"/v1/vms/{vm['VmIdentifier']}", headers=xml)).body
        assert ElementTree.fromstring(one).tag == f"{NS}VmApi"
        assert b"<Link__x007B_0_x007D_>" in one
        group = ElementTree.fromstring((await zvm.ask("GET", f"/v1/vpgs/{vpg['VpgIdentifier']}", headers=xml)).body)
        assert group.tag == f"{NS}VpgApi"
        names = ElementTree.fromstring((await zvm.ask("GET", "/v1/vpgs/statuses", headers=xml)).body)
        assert [name.text for name in names][:2] == ["Initializing", "MeetingSLA"]


async def test_hostile_names_are_well_formed_xml() -> None:
    async with serving() as zvm:
        zvm.simulator.faults.set("/v1/vms", faults.hostile_names())
        answer = await zvm.ask("GET", "/v1/vms", headers={**zvm.headers, "Accept": "text/xml"})
    names = [vm.findtext(f"{NS}VmName") for vm in ElementTree.fromstring(answer.body)]
    assert "carriage\rreturn" in names
    assert "nul\ufffdbyte" in names
    assert "<script>alert(1)</script>" in names


async def test_an_answer_is_the_same_all_through_a_second_and_follows_the_clock() -> None:
    clock = Clock()
    estate = quiet(clock=clock)
    async with serving(estate, clock=clock) as zvm:
        first = await zvm.get("/v1/vms")
        clock.now += 0.6
        assert (await zvm.get("/v1/vms")).body == first.body
        clock.now += 60
        later = await zvm.get("/v1/vms")
        assert later.body != first.body
        estate.remove_vm(estate.vms()[5]["VmIdentifier"])
        assert len((await zvm.get("/v1/vms")).json()) == len(later.json()) - 1


async def test_of_an_estate_that_stands_still_each_answer_is_the_same_byte_for_byte() -> None:
    clock = Clock()
    estate = Estate("nyc", 60, 1, clock, changing=0)
    vpg = estate.vpgs()[0]["VpgIdentifier"]
    kept = [route.path for route in ALL_ROUTES if route.path != "/v1/vms/{id}" and not route.passing]
    paths = [path.replace("{id}", vpg) for path in kept]
    async with serving(estate) as zvm:
        first = [(await zvm.get(path)).body for path in paths]
        clock.now += 86_400
        assert [(await zvm.get(path)).body for path in paths] == first
    assert all(first)


@pytest.mark.parametrize("generation", ["appliance", "windows"])
@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
async def test_the_same_seed_at_the_same_second_gives_the_same_bytes(generation: str, accept: str) -> None:
    bodies = set()
    for _ in range(2):
        async with serving(Estate("nyc", 50, 9, Clock()), generation=generation) as zvm:
            for path in ("/v1/vms", "/v1/vpgs"):
                bodies.add((await zvm.ask("GET", path, headers={**zvm.headers, "Accept": accept})).body)
    assert len(bodies) == 2


async def test_an_identifier_may_be_percent_encoded() -> None:
    async with serving(generation="windows") as zvm:
        row = (await zvm.rows())[12]
        path = f"/v1/vms/{quote(row['VmIdentifier'], safe='')}?VpgIdentifier={row['VpgIdentifier']}"
        assert json.loads((await zvm.ask("GET", path)).body) == row
