"""Sites, peers, datastores and what is at each site: numbers that agree with the estate's, and what can go wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from defusedxml import ElementTree
from simulator_serving import NOON, Clock, Zvm, quiet, serving

from exporter.simulator import Estate, pair

NS = "{http://schemas.zerto.com/zvm/api}"
MIB = 2**20


def sites(clock: Clock | None = None) -> tuple[Estate, Estate]:
    return pair(("nyc", 90), ("lon", 40), seed=3, clock=clock or Clock(), cloud=True, local=True, incidents=False)


def ours(vms: Iterable[dict[str, Any]], side: str) -> list[dict[str, Any]]:
    return [vm for vm in vms if vm[side]["type"] == "LocalSiteApi"]


@pytest.mark.parametrize("generation", ["appliance", "windows"])
async def test_a_datastore_has_what_its_vms_their_journals_and_its_vras_use(generation: str) -> None:
    clock = Clock()
    nyc, _ = sites(clock)
    nyc.start_incident("failover_test", next(vpg["VpgName"] for vpg in nyc.vpgs() if vpg["VpgType"] == "Local"))
    clock.now += 300
    protected = {vm["VmIdentifier"]: vm for vm in ours(nyc.vms(), "ProtectedSite")}
    received = ours(nyc.vms(), "RecoverySite")
    async with serving(nyc, generation=generation) as zvm:
        datastores = {one["DatastoreName"]: one for one in await zvm.rows("/v1/datastores")}
        vras = Counter(vra["DatastoreName"] for vra in await zvm.rows("/v1/vras"))
        volumes: Counter[tuple[str, str]] = Counter()
        for volume in await zvm.rows("/v1/volumes"):
            purpose = volume["VolumeType"].replace("Appliance", "Appliances")
            volumes[volume["Datastore"]["Name"], purpose] += volume["Size"]["UsedInBytes"]
        one = next(iter(datastores.values()))
        assert (await zvm.get(f"/v1/datastores/{one['DatastoreIdentifier'].upper()}")).json() == one
        assert (await zvm.get("/v1/datastores/none")).status == 404

    def zerto(purpose: str, kind: str = "UsedInBytes") -> int:
        return sum(one["Stats"]["Usage"]["Zerto"][purpose][kind] for one in datastores.values())

    assert zerto("Journal") == sum(vm["JournalUsedStorageMb"] for vm in received) * MIB > 0
    assert zerto("Protected") == sum(vm["UsedStorageInMB"] for vm in protected.values()) * MIB
    assert (
        zerto("Protected", "ProvisionedInBytes") == sum(vm["ProvisionedStorageInMB"] for vm in protected.values()) * MIB
    )
    assert zerto("Recovery") == sum(vm["UsedStorageInMB"] for vm in received) * MIB
    assert zerto("Scratch") > 0
    uses = {
        (name, purpose): use["UsedInBytes"]
        for name, one in datastores.items()
        for purpose, use in one["Stats"]["Usage"]["Zerto"].items()
    }
    assert +Counter(uses) == +volumes
    assert {name: one["Stats"]["NumVRAs"] for name, one in datastores.items()} == {
        name: vras[name] for name in datastores
    }
    assert vras.keys() <= datastores.keys()
    outgoing = Counter(vm["OwningDatastoreName"] for vm in protected.values())
    assert {name: one["Stats"]["NumOutgoingVMs"] for name, one in datastores.items()} == {
        name: outgoing[name] for name in datastores
    }
    incoming = len({vm["VmIdentifier"] for vm in received})
    assert sum(one["Stats"]["NumIncomingVMs"] for one in datastores.values()) >= incoming
    for one in datastores.values():
        space = one["Stats"]["Usage"]["Datastore"]
        assert space["UsedInBytes"] + space["FreeInBytes"] == space["CapacityInBytes"]
        for kind in ("UsedInBytes", "ProvisionedInBytes"):
            assert space[kind] >= sum(use[kind] for use in one["Stats"]["Usage"]["Zerto"].values())
        assert space["UsedInBytes"] < 0.85 * space["CapacityInBytes"]
        assert one["Health"] == {"Status": "Normal", "Alerts": []}


async def test_a_datastore_that_fills_up_says_so_and_only_it() -> None:
    clock = Clock()
    nyc, lon = sites(clock)
    nyc.start_incident("datastore-full")
    levels: list[str] = []
    async with serving(nyc) as zvm:
        for _ in range(8):
            clock.now += 100
            unwell = [one for one in await zvm.rows("/v1/datastores") if one["Health"]["Status"] != "Normal"]
            assert len(unwell) <= 1
            levels += [alert["Level"] for one in unwell for alert in one["Health"]["Alerts"]]
        used = unwell[0]["Stats"]["Usage"]["Datastore"]
        assert 0 < used["FreeInBytes"] < 0.01 * used["CapacityInBytes"]
    assert levels == sorted(levels, reverse=True)
    assert set(levels) == {"Warning", "Error"}
    async with serving(lon) as zvm:
        assert {one["Health"]["Status"] for one in await zvm.rows("/v1/datastores")} == {"Normal"}
    assert lon.end_incident("datastore-full") == 0
    assert nyc.end_incident("datastore-full") == 1


@pytest.mark.parametrize("generation", ["appliance", "windows"])
async def test_a_peer_has_the_sums_of_what_recovers_to_it(generation: str) -> None:
    nyc, _ = sites()
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for vm in ours(nyc.vms(), "ProtectedSite"):
        sums[vm["RecoverySite"]["identifier"]].update(
            {
                "ProvisionedStorage": vm["ProvisionedStorageInMB"],
                "UsedStorage": vm["UsedStorageInMB"],
                "IncomingThroughputInMb": vm["ThroughputInMB"],
                "OutgoingBandWidth": vm["OutgoingBandWidthInMbps"],
            }
        )
    async with serving(nyc, generation=generation) as zvm:
        peers = await zvm.rows("/v1/peersites")
        assert {peer["PeerSiteName"] for peer in peers} == {"lon", "Azure-West"}
        for peer in peers:
            for key, total in sums[peer["SiteIdentifier"]].items():
                assert peer[key] == pytest.approx(total)
            assert (await zvm.get(f"/v1/peersites/{peer['SiteIdentifier']}")).json() == peer
            assert ("RegionName" in peer, "Link_{0}" in peer) == (generation == "appliance", generation == "windows")
        assert await zvm.rows("/v1/peersites", peerName="lon", pairingStatus="paired") == peers[:1]
        assert await zvm.rows("/v1/peersites", peerName="LON") == []
        assert await zvm.rows("/v1/peersites", port="1", pairingStatus="2") == []
        assert (await zvm.get("/v1/peersites/none")).status == 404
        for path in ("/v1/peersites/pairingstatuses", "/v1/localsite/pairingstatuses"):
            assert (await zvm.get(path)).json() == ["Paired", "Pairing", "Unpaired"]
        assert (await zvm.get("/v1/localsite/settings/loginbanner")).status == (
            200 if generation == "appliance" else 404
        )


def substatuses(estate: Estate) -> dict[str, set[int]]:
    """The substatuses of an estate's VPGs, by what its site is to them."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for vpg in estate.vpgs():
        sides = tuple(vpg[side]["type"] == "LocalSiteApi" for side in ("ProtectedSite", "RecoverySite"))
        role = {(True, True): "local", (True, False): "own", (False, True): "others"}[sides]
        cloud = vpg["Entities"]["Recovery"] == 5
        found["cloud" if cloud else role].add(vpg["SubStatus"])
    return dict(found)


async def pairings(estate: Estate) -> dict[str, int]:
    async with serving(estate) as zvm:
        return {peer["PeerSiteName"]: peer["PairingStatus"] for peer in await zvm.rows("/v1/peersites")}


async def test_a_wan_that_is_down_parts_both_sites_and_leaves_what_is_local() -> None:
    clock = Clock()
    nyc, lon = sites(clock)
    nyc.start_incident("wan-down")
    clock.now += 600
    assert substatuses(nyc) == {"own": {24}, "others": {24}, "cloud": {24}, "local": {0}}
    assert substatuses(lon)["others"] == {24}
    assert await pairings(nyc) == {"lon": 2, "Azure-West": 2}
    assert (await pairings(lon))["nyc"] == 2
    assert {vpg["ActualRPO"] > 600 for vpg in nyc.vpgs() if vpg["VpgType"] != "Local"} == {True}
    assert [incident.kind for incident in nyc.incidents] == ["wan_down"]
    nyc.end_incident("wan-down")
    assert substatuses(nyc) == {"own": {0}, "others": {0}, "cloud": {0}, "local": {0}}
    assert await pairings(lon) == {"nyc": 0, "Azure-West": 0}


async def test_of_a_site_that_is_down_what_it_protects_can_be_recovered() -> None:
    clock = Clock()
    nyc, _ = sites(clock)
    nyc.start_incident("site_down")
    clock.now += 600
    assert substatuses(nyc) == {"own": {24}, "others": {5}, "cloud": {0}, "local": {0}}
    assert await pairings(nyc) == {"lon": 2, "Azure-West": 0}
    with pytest.raises(ValueError, match="whole site"):
        nyc.start_incident("site-down", nyc.vpgs()[0]["VpgName"])


async def own_list(zvm: Zvm, name: str) -> list[dict[str, Any]]:
    identifier = (await zvm.get("/v1/localsite")).json()["SiteIdentifier"]
    return await zvm.rows(f"/v1/virtualizationsites/{identifier}/{name}")


async def test_nobody_protects_those_that_no_vpg_has() -> None:
    clock = Clock()
    nyc, lon = sites(clock)
    async with serving(nyc) as zvm:

        async def names() -> set[str]:
            listed = [vm["VmName"] for vm in await own_list(zvm, "vms")]
            assert len(set(listed)) == len(listed)
            return set(listed)

        before = await names()
        assert len(before) == 90 // 12
        taken = nyc.vms()[0]
        assert before.isdisjoint({vm["VmName"] for vm in ours(nyc.vms(), "ProtectedSite")})
        nyc.remove_vm(taken["VmIdentifier"])
        assert await names() == before | {taken["VmName"]}
        nyc.start_incident("vms_unprotected")
        new = []
        for _ in range(3):
            new.append(len(await names() - before) - 1)
            clock.now += 60
        assert new == [1, 2, 3]
        clock.now += 86_400
        assert len(await names() - before) == 21
        peer = lon.here.identifier
        assert len(await zvm.rows(f"/v1/virtualizationsites/{peer}/vms")) == 40 // 12
        nyc.end_incident()
        assert await names() == before | {taken["VmName"]}


@pytest.mark.parametrize("generation", ["appliance", "windows"])
async def test_what_is_at_a_site_is_what_its_vms_are_on(generation: str) -> None:
    nyc, lon = sites()
    received = ours(nyc.vms(), "RecoverySite")
    protected = ours(nyc.vms(), "ProtectedSite")
    async with serving(nyc, generation=generation) as zvm:
        listed = await zvm.rows("/v1/virtualizationsites")
        assert [one["VirtualizationSiteName"] for one in listed] == ["nyc", "lon", "Azure-West"]
        paths = [f"/v1/virtualizationsites/{one['SiteIdentifier']}" for one in listed]
        assert [(await zvm.get(path)).json() for path in paths] == listed
        hosts = {one["HostIdentifier"]: one for one in await own_list(zvm, "hosts")}
        assert hosts.keys() >= {vm["OwningHostIdentifier"] for vm in protected}
        assert hosts.keys() >= {vm["RecoveryHostIdentifier"] for vm in received}
        assert hosts.keys() >= {vra["HostIdentifier"] for vra in await zvm.rows("/v1/vras")}
        name, host = next(iter(hosts.items()))
        assert (await zvm.get(f"{paths[0]}/hosts/{name}")).json() == host
        clusters = await own_list(zvm, "hostclusters")
        assert {one["HostIdentifier"] for cluster in clusters for one in cluster["AssociatedHosts"]} == hosts.keys()
        assert len(await own_list(zvm, "resourcepools")) == len(clusters)
        datastores = await own_list(zvm, "datastores")
        assert [one["DatastoreName"] for one in datastores] == [
            one["DatastoreName"] for one in await zvm.rows("/v1/datastores")
        ]
        assert host["AssociatedDatastores"] == datastores
        owners = {
            one["OwningDatastoreCluster"]["DatastoreClusterName"] for one in datastores if one["OwningDatastoreCluster"]
        }
        assert {one["DatastoreClusterName"] for one in await own_list(zvm, "datastoreclusters")} == owners
        devices = await own_list(zvm, "devices")
        assert [one["DatastoreIdentifier"] for one in devices] == [one["DatastoreIdentifier"] for one in datastores]
        assert await zvm.rows(f"{paths[0]}/devices", deviceName=devices[1]["DeviceName"]) == devices[1:2]
        assert await zvm.rows(f"{paths[0]}/devices", hostIdentifier="none") == []
        assert await own_list(zvm, "networks") == host["AssociatedNetworks"]
        assert await own_list(zvm, "folders")
        assert await own_list(zvm, "vcdvapps") == await own_list(zvm, "orgvdcs") == []
        assert {one["HostIdentifier"].partition(".")[0] for one in await zvm.rows(f"{paths[1]}/hosts")} == {
            lon.here.server
        }
        assert await zvm.rows(f"{paths[2]}/hosts") == []
        for path in ("none", "none/vms", f"{nyc.here.identifier}/hosts/none", f"{nyc.here.identifier}/none"):
            assert (await zvm.get(f"/v1/virtualizationsites/{path}")).status == 404
        vms = await own_list(zvm, "vms")
        assert ("VmPerfMetricInfo" in vms[0]) is (generation == "appliance")
        assert hosts.keys() >= {vm.get("OwningHostIdentifier", name) for vm in vms}


async def test_a_zvm_tells_the_time_and_how_it_reads_one() -> None:
    clock = Clock(NOON + 0.25)
    async with serving(quiet(clock=clock, changing=0), clock=clock) as zvm:
        path = "/v1/serverDateTime"
        asked: Callable[[str], Any] = lambda text: zvm.get(f"{path}/dateTimeArgument", dateTime=text)  # noqa: E731 - short
        utc = (await zvm.get(f"{path}/ServerDateTimeUTC")).json()
        clock.now += 0.5
        local = (await zvm.get(f"{path}/serverDateTimeLocal")).json()
        offset = (await zvm.get("/v1/localsite")).json()["UtcOffsetInMinutes"]
        zvm.simulator.estate.start_incident("clock_off")
        ahead = (await zvm.get(f"{path}/serverDateTimeUtc")).json()
        assert (await asked("2023-11-15T11:00:00.000Z")).json() == "2023-11-15T11:00:00.000Z"
        assert (await asked("1700046000000")).json() == "2023-11-15T11:00:00.000Z"
        naive = datetime.fromisoformat((await asked("2023-11-15T11:00:00")).json())
        assert [(await asked(text)).status for text in ("", "soon", "9" * 30)] == [400, 400, 400]
        xml = await zvm.ask("GET", f"{path}/serverDateTimeUtc", headers={**zvm.headers, "Accept": "text/xml"})
    assert utc == "2023-11-15T11:13:20.2500000Z"
    assert datetime.fromisoformat(local).timestamp() == NOON + 0.75
    assert datetime.fromisoformat(local).utcoffset().total_seconds() == 60 * offset  # type: ignore[union-attr] # it has one
    assert datetime.fromisoformat(ahead).timestamp() == NOON + 300.75
    assert (datetime(2023, 11, 15, 11, tzinfo=UTC) - naive).total_seconds() == 60 * offset
    root = ElementTree.fromstring(xml.body)
    assert (root.tag, root.text) == (f"{NS}dateTime", ahead)


async def test_profiles_and_organizations_are_those_of_the_vpgs() -> None:
    nyc, _ = sites()
    vpgs = [vpg for vpg in nyc.vpgs() if vpg["ServiceProfileIdentifier"]]
    async with serving(nyc) as zvm:
        profiles = {one["ServiceProfileIdentifier"]: one for one in await zvm.rows("/v1/serviceprofiles")}
        zorgs = {one["ZorgIdentifier"]: one for one in await zvm.rows("/v1/zorgs")}
        for path, listed in (("serviceprofiles", profiles), ("zorgs", zorgs)):
            for identifier, document in listed.items():
                assert (await zvm.get(f"/v1/{path}/{identifier}")).json() == document
            assert (await zvm.get(f"/v1/{path}/none")).status == 404
    assert profiles.keys() == {vpg["ServiceProfileIdentifier"] for vpg in vpgs}
    for vpg in vpgs:
        profile = profiles[vpg["ServiceProfileIdentifier"]]
        assert profile["ServiceProfileName"] == vpg["ServiceProfileName"]
        assert profile["Rpo"] >= f"00:{vpg['ConfiguredRpoSeconds'] // 60:02d}:00"
        assert zorgs[vpg["Zorg"]["identifier"]]["ZorgName"] == vpg["OrganizationName"]


async def test_lists_of_sites_as_xml() -> None:
    async with serving(sites()[0]) as zvm:
        headers = {**zvm.headers, "Accept": "application/xml"}
        own = zvm.simulator.estate.here.identifier
        answers = [
            ElementTree.fromstring((await zvm.ask("GET", path, headers=headers)).body)
            for path in ("/v1/datastores", "/v1/peersites", f"/v1/virtualizationsites/{own}/hosts", "/v1/zorgs")
        ]
    assert [root.tag for root in answers] == [
        f"{NS}ArrayOf{kind}" for kind in ("DatastoreApi", "PeerSiteApi", "HostNativeApi", "ZorgApi")
    ]
    assert answers[0][0].findtext(f"{NS}Config/{NS}Devices/{NS}string")
    assert {peer.findtext(f"{NS}PairingStatus") for peer in answers[1]} == {"Paired"}
    assert answers[2][0].find(f"{NS}AssociatedDatastores/{NS}DatastoreNativeApi") is not None
