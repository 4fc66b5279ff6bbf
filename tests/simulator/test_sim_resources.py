"""Resources beside VMs and VPGs: their numbers agree with the estate's, in both generations and both formats."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from defusedxml import ElementTree
from simulator_serving import Clock, quiet, serving

from exporter.simulator import Estate, faults, pair
from exporter.simulator.api.vras import STATUSES

NS = "{http://schemas.zerto.com/zvm/api}"
GENERATIONS = ["appliance", "windows"]


def sites(clock: Clock | None = None) -> tuple[Estate, Estate]:
    return pair(("nyc", 90), ("lon", 40), seed=3, clock=clock or Clock(), cloud=True, local=True, incidents=False)


def moment(text: str) -> datetime:
    """A date of either syntax."""
    if text.startswith("/Date("):
        return datetime.fromtimestamp(int(text[6:19]) / 1000, UTC)
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_vra_counts_the_vms_of_its_host(generation: str) -> None:
    nyc, _ = sites()
    protected, recovery = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    volumes: dict[tuple[str, str], int] = {}
    received: defaultdict[str, int] = defaultdict(int)
    groups = defaultdict[str, set[str]](set)
    for vm in nyc.vms():
        if vm["ProtectedSite"]["type"] == "LocalSiteApi":
            protected[vm["OwningHostName"]].add(vm["VmIdentifier"])
            groups[vm["OwningHostName"]].add(vm["VpgIdentifier"])
            volumes[vm["OwningHostName"], vm["VmIdentifier"]] = len(vm["Volumes"])
        if vm["RecoverySite"]["type"] == "LocalSiteApi":
            recovery[vm["RecoveryHostName"]].add(vm["VmIdentifier"])
            received[vm["RecoveryHostName"]] += len(vm["Volumes"])
    async with serving(nyc, generation=generation) as zvm:
        vras = {vra["HostDisplayName"]: vra for vra in await zvm.rows("/v1/vras")}
    assert vras.keys() == protected.keys() | recovery.keys()
    for host, vra in vras.items():
        assert vra["ProtectedCounters"] == {
            "Vms": len(protected[host]),
            "Volumes": sum(count for (at, _), count in volumes.items() if at == host),
            "Vpgs": len(groups[host]),
        }
        assert (vra["RecoveryCounters"]["Vms"], vra["RecoveryCounters"]["Volumes"]) == (
            len(recovery[host]),
            received[host],
        )
        assert str(vra["VraIdentifier"]) == vra["VraIdentifierStr"] == vra["Link"]["identifier"]
        assert vra["VraIdentifier"] > 2**53
    assert sum(vra["SelfProtectedVpgs"] for vra in vras.values()) >= 1
    assert len({vra["VraIdentifier"] for vra in vras.values()}) == len(vras)


async def test_a_vra_stays_when_its_last_vm_goes() -> None:
    estate = quiet(9)
    async with serving(estate) as zvm:
        before = await zvm.rows("/v1/vras")
        for vm in estate.vms():
            estate.remove_vm(vm["VmIdentifier"])
        after = await zvm.rows("/v1/vras")
    assert [vra["VraName"] for vra in after] == [vra["VraName"] for vra in before]
    assert [vra["ProtectedCounters"]["Vms"] for vra in after] == [0]


async def test_a_windows_zvm_answers_fewer_fields_of_a_vra() -> None:
    async with serving(generation="appliance") as zvm:
        new = (await zvm.rows("/v1/vras"))[0]
    async with serving(generation="windows") as zvm:
        old = (await zvm.rows("/v1/vras"))[0]
    assert new.keys() - old.keys() == {
        "UpgradeStatus",
        "VraDisplayVersion",
        "VmInstanceType",
        "IsGhost",
        "IsVaio",
        "PlatformInformation",
    }
    assert old["VraVersion"] == "9.7.20"
    assert old["Link_{0}"]["href"].startswith("https://10.")


async def test_vras_as_xml_name_the_statuses_of_vras_and_so_does_the_fault() -> None:
    async with serving() as zvm:
        xml = {**zvm.headers, "Accept": "application/xml"}
        root = ElementTree.fromstring((await zvm.ask("GET", "/v1/vras", headers=xml)).body)
        named = ElementTree.fromstring((await zvm.ask("GET", "/v1/vras/statuses", headers=xml)).body)
        names = (await zvm.get("/v1/vras/statuses")).json()
        vras = await zvm.rows("/v1/vras")
        zvm.simulator.faults.set("/v1/vras", faults.enum_names())
        by_name = await zvm.rows("/v1/vras")
        zvm.simulator.faults.set("/v1/vras", faults.hostile_names())
        hostile = await zvm.rows("/v1/vras")
        zvm.simulator.faults.set("/v1/vras", faults.nulls())
        nulls = await zvm.rows("/v1/vras")
    assert root.tag == f"{NS}ArrayOfVraApi"
    assert [vra.findtext(f"{NS}Status") for vra in root] == ["Installed"] * len(vras)
    assert root[0].findtext(f"{NS}VraAlerts/{NS}VraAlertsStatus") == "Normal"
    assert root[0].findtext(f"{NS}ProtectedCounters/{NS}Volumes") == str(vras[0]["ProtectedCounters"]["Volumes"])
    assert [name.text for name in named] == names
    assert (names[0], names[9], len(names)) == ("Installed", "HostInMaintenanceMode", 11)
    assert {vra["Status"] for vra in by_name} == {"Installed"}
    assert [vra["VraIdentifier"] for vra in nulls] == [vra["VraIdentifier"] for vra in vras]
    assert {vra["VraName"] for vra in nulls} == {None}
    assert hostile[0]["VraName"] == hostile[0]["HostDisplayName"] == 'quote"inside'


async def test_vras_are_chosen_by_the_query() -> None:
    async with serving(sites()[0]) as zvm:
        vras = await zvm.rows("/v1/vras")
        one = await zvm.rows("/v1/vras", vraName=vras[1]["VraName"].upper(), status="installed")
        group = await zvm.rows("/v1/vras", VRAGROUP="branch")
        assert (await zvm.get("/v1/vras", status="splendid")).status == 400
    assert one == [vras[1]]
    assert group == [vra for vra in vras if vra["VraGroup"] == "branch"]
    assert group


async def test_a_vra_that_is_down_says_so_and_its_vpg_is_in_error() -> None:
    clock = Clock()
    estate = quiet(clock=clock)
    vpg = estate.vpgs()[0]
    host = next(vm["OwningHostName"] for vm in estate.vms() if vm["VpgIdentifier"] == vpg["VpgIdentifier"])
    async with serving(estate) as zvm:
        for kind, condition in (
            ("vra-failed", ("InstallationError", 2, False)),
            ("vra-ghost", ("Installed", 2, True)),
            ("host-in-maintenance", ("HostInMaintenanceMode", 1, False)),
        ):
            estate.start_incident(kind, vpg["VpgName"])
            clock.now += 1
            found = {
                (STATUSES[vra["Status"]], vra["VraAlerts"]["VraAlertsStatus"], vra["IsGhost"]): vra["HostDisplayName"]
                for vra in await zvm.rows("/v1/vras")
            }
            assert found.pop(("Installed", 0, False))
            assert found == {condition: host}
        estate.start_incident("vra-down", vpg["VpgName"])
        clock.now += 600
        alerts = {vra["HostDisplayName"]: vra["VraAlerts"]["VraAlertsStatus"] for vra in await zvm.rows("/v1/vras")}
        told = (await zvm.get(f"/v1/vpgs/{vpg['VpgIdentifier']}")).json()
        assert estate.end_incident("vra-down") == 1
        over = await zvm.rows("/v1/vras")
    assert {name for name, alert in alerts.items() if alert} == {host}
    assert (told["SubStatusDescription"], told["Status"]) == ("Error", 3)
    assert {vra["VraAlerts"]["VraAlertsStatus"] for vra in over} == {0}


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_license_counts_each_vm_once_and_is_that_of_both_sites(generation: str) -> None:
    clock = Clock()
    nyc, lon = sites(clock)
    told = []
    for estate in (nyc, lon):
        async with serving(estate, generation=generation) as zvm:
            told.append((await zvm.get("/v1/license")).json())
    here, there = told
    assert here["Details"] == there["Details"]
    used = {site["SiteName"]: site["ProtectedVmsCount"] for site in here["Usage"]["SitesUsage"]}
    assert used == {
        "nyc": len({vm["VmIdentifier"] for vm in nyc.vms() if vm["SourceSite"] == "nyc"}),
        "lon": len({vm["VmIdentifier"] for vm in lon.vms() if vm["SourceSite"] == "lon"}),
    }
    assert here["Usage"]["TotalVmsCount"] == sum(used.values()) < here["Details"]["MaxVms"]
    assert here["Details"]["LicenseKey"]
    assert here["Details"]["LicenseKey"] not in repr(nyc)


async def test_a_license_ends_in_the_future_and_is_renewed_in_time() -> None:
    clock = Clock()
    async with serving(quiet(clock=clock)) as zvm:
        dates = []
        for _ in range(60):
            clock.now += timedelta(days=13).total_seconds()
            dates.append(moment((await zvm.get("/v1/license")).json()["Details"]["ExpiryTime"]))
            left = dates[-1] - datetime.fromtimestamp(clock.now, UTC)
            assert timedelta(days=89) < left < timedelta(days=456)
    assert 3 <= len(set(dates)) <= 4


async def test_a_license_that_expires_is_an_incident_of_the_site() -> None:
    clock = Clock()
    nyc, lon = sites(clock)
    vpg = nyc.vpgs()[0]["VpgName"]
    async with serving(nyc) as zvm:
        max_vms = (await zvm.get("/v1/license")).json()["Details"]["MaxVms"]
        nyc.start_incident("license_expiring")
        assert [(incident.kind, incident.vpg_name) for incident in lon.incidents] == [("license_expiring", "")]
        nyc.remove_vpg(nyc.vpgs()[0]["VpgIdentifier"])
        clock.now += 3600
        details = (await zvm.get("/v1/license")).json()["Details"]
        with pytest.raises(ValueError, match="whole site"):
            nyc.start_incident("license_expiring", vpg)
        assert nyc.end_incident("license_expiring") > 0
        assert nyc.incidents == []
    assert moment(details["ExpiryTime"]) - datetime.fromtimestamp(clock.now, UTC) < timedelta(days=7)
    assert details["MaxVms"] == max_vms


async def test_a_license_as_xml() -> None:
    async with serving(sites()[0]) as zvm:
        answer = await zvm.ask("GET", "/v1/license", headers={**zvm.headers, "Accept": "text/xml"})
    root = ElementTree.fromstring(answer.body)
    assert root.tag == f"{NS}LicenseApi"
    usage = root.findall(f"{NS}Usage/{NS}SitesUsage/{NS}LicenseSiteUsageApi")
    assert [site.findtext(f"{NS}SiteName") for site in usage] == ["nyc", "lon"]


def ends(stats: dict[str, Any]) -> tuple[datetime, datetime]:
    return moment(stats["Earliest"]["TimeStamp"]), moment(stats["Latest"]["TimeStamp"])


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_checkpoints_agree_with_the_history_and_the_rpo_of_their_vpg(generation: str) -> None:
    clock = Clock()
    nyc, _ = sites(clock)
    nyc.start_incident("peer_disconnected", nyc.vpgs()[2]["VpgName"])
    async with serving(nyc, generation=generation) as zvm:
        for later in (7, 700, 864_000):
            clock.now += later
            syntaxes = set()
            for vpg in await zvm.rows("/v1/vpgs"):
                stats = (await zvm.get(f"/v1/vpgs/{vpg['VpgIdentifier'].upper()}/Checkpoints/stats")).json()
                earliest, latest = ends(stats)
                assert clock.now - latest.timestamp() == vpg["ActualRPO"]
                history = vpg["HistoryStatusApi"]
                assert latest - earliest == timedelta(minutes=history["ActualHistoryInMinutes"])
                assert earliest == moment(history["EarliestCheckpoint"]["TimeStamp"])
                syntaxes.add(stats["Latest"]["TimeStamp"][0])
                assert ("Vss" in stats["Latest"], "Type" in stats["Latest"]) == (
                    generation == "windows",
                    generation == "appliance",
                )
            assert syntaxes == ({"2", "/"} if generation == "windows" else {"2"})


async def test_a_vpg_without_a_checkpoint_has_neither_end_and_an_unknown_one_is_404() -> None:
    estate = quiet()
    vpg = estate.vpgs()[0]
    estate.start_incident("initial_sync", vpg["VpgName"])
    async with serving(estate) as zvm:
        stats = await zvm.get(f"/v1/vpgs/{vpg['VpgIdentifier']}/checkpoints/stats")
        unknown = await zvm.get("/v1/vpgs/nobody/checkpoints/stats")
        assert await zvm.rows(f"/v1/vpgs/{vpg['VpgIdentifier']}/checkpoints") == []
    assert stats.json() == {"Earliest": None, "Latest": None}
    assert (unknown.status, "nobody" in unknown.json()["Message"]) == (404, True)


async def test_checkpoints_as_xml() -> None:
    estate = quiet()
    path = f"/v1/vpgs/{estate.vpgs()[0]['VpgIdentifier']}/checkpoints/stats"
    async with serving(estate) as zvm:
        root = ElementTree.fromstring((await zvm.ask("GET", path, headers={**zvm.headers, "Accept": "text/xml"})).body)
        stats = (await zvm.get(path)).json()
    assert root.tag == f"{NS}VpgCheckpointsStatsApi"
    assert root.findtext(f"{NS}Latest/{NS}TimeStamp") == stats["Latest"]["TimeStamp"]
