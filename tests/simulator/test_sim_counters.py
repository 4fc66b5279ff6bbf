"""Counters, alerts, encryption and volumes: they agree with the rates, the states and the sizes of the same estate."""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from defusedxml import ElementTree
from simulator_serving import Clock, quiet, serving

from exporter.simulator import Estate, pair

NS = "{http://schemas.zerto.com/zvm/api}"
DETECTION = "/v1/encryptionDetection"


def sites(clock: Clock) -> tuple[Estate, Estate]:
    return pair(("nyc", 60), ("lon", 30), seed=3, clock=clock, cloud=True, local=True, incidents=False)


def by_row(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["VmIdentifier"], row["VpgIdentifier"]): row for row in rows}


async def test_each_counter_is_the_integral_of_its_rate() -> None:
    """Also while something is wrong, and for whoever recovers here; asked twice or by two it is the same."""
    clock = Clock()
    nyc, lon = sites(clock)
    nyc.start_incident("vm_missing", nyc.vpgs()[0]["VpgName"])
    nyc.start_incident("bitmap_sync", nyc.vpgs()[1]["VpgName"])
    async with serving(nyc) as zvm, serving(lon) as other:
        told, rates = [], []
        for _ in range(5):
            told.append(by_row(await zvm.rows("/v1/statistics/vms")))
            assert by_row(await zvm.rows("/v1/Statistics/vms/")) == told[-1]
            rates.append(by_row(nyc.vms()))
            theirs = by_row(await other.rows("/v1/statistics/vms"))
            clock.now += 30
    first, last = told[0], told[-1]
    assert first.keys() == rates[0].keys()
    assert all(theirs[key] == last[key] for key in theirs.keys() & last.keys())
    assert theirs.keys() & last.keys()
    for counter, rate in (
        ("IoOperationsCounter", "IOPs"),
        ("WriteCounterInMBs", "ThroughputInMB"),
        ("NetworkTrafficCounterInMBs", "OutgoingBandWidthInMbps"),
    ):
        for key in first:
            of_vm = [of[key][rate] for of in rates]
            assert last[key][counter] - first[key][counter] == pytest.approx(
                sum(15 * (before + after) for before, after in pairwise(of_vm)), abs=1.01
            )
    for key in first:
        synced = last[key]["SyncCounterInMBs"] - first[key]["SyncCounterInMBs"]
        sent = last[key]["NetworkTrafficCounterInMBs"] - first[key]["NetworkTrafficCounterInMBs"]
        assert synced == (pytest.approx(sent, abs=1) if rates[0][key]["SubStatus"] == 23 else 0)


async def test_counters_begin_at_0_where_a_zvm_starts_or_a_vm_comes() -> None:
    clock = Clock()
    estate = quiet(clock=clock)
    async with serving(estate) as zvm:
        before = await zvm.rows("/v1/statistics/vms")
        assert min(row["WriteCounterInMBs"] for row in before) > 1000
        clock.now += 30
        assert all(
            new["IoOperationsCounter"] > old["IoOperationsCounter"]
            for new, old in zip(await zvm.rows("/v1/statistics/vms"), before, strict=True)
        )
        port = zvm.simulator.port
        await zvm.simulator.stop()
        await zvm.simulator.start(port=port)
        await zvm.login()
        after = await zvm.rows("/v1/statistics/vms")
        clock.now += 60
        later = await zvm.rows("/v1/statistics/vms")
    assert {row["IoOperationsCounter"] for row in after} == {0}
    assert all(row["IoOperationsCounter"] > 0 for row in later)


async def test_encryption_is_counted_by_vm_vpg_and_volume_alike_and_not_by_a_windows_zvm() -> None:
    clock = Clock()
    nyc, _ = sites(clock)
    async with serving(nyc) as zvm:
        written = by_row(await zvm.rows("/v1/statistics/vms"))
        vms = {row["Link"]["identifier"]: row for row in await zvm.rows(f"{DETECTION}/metrics/vms")}
        vpgs = await zvm.rows(f"{DETECTION}/metrics/vpgs")
        volumes = await zvm.rows(f"{DETECTION}/metrics/volumes")
        assert (await zvm.get(f"{DETECTION}/state")).json() == {"EncryptionDetectionEnabled": True}
        for of in ("vms", "vpgs", "volumes"):
            assert await zvm.rows(f"{DETECTION}/suspected/{of}") == []
    assert vms.keys() == {vm["VmIdentifier"] for vm in nyc.vms() if vm["ProtectedSite"]["type"] == "LocalSiteApi"}
    of_volumes: Counter[str] = Counter()
    for volume in volumes:
        of_volumes[volume["AssociatedVm"]["Identifier"]] += volume["EncryptionMetrics"]["EncryptedData"]
    for identifier, vm in vms.items():
        data = vm["EncryptionMetrics"]
        assert data["TrendChangeLevel"] == data["EncryptedData"] % 300 == 0
        total = data["EncryptedData"] + data["NonEncryptedData"]
        for vpg in vm["AssociatedVpgs"]:
            assert total / 2048 == pytest.approx(written[identifier, vpg["Identifier"]]["WriteCounterInMBs"], abs=1.3)
        assert of_volumes[identifier] == pytest.approx(data["EncryptedData"], abs=900)
    for vpg in vpgs:
        members = [
            vm for vm in vms.values() if vpg["Link"]["identifier"] in {of["Identifier"] for of in vm["AssociatedVpgs"]}
        ]
        encrypted = sum(vm["EncryptionMetrics"]["EncryptedData"] for vm in members)
        assert vpg["EncryptionMetrics"]["EncryptedData"] == pytest.approx(encrypted, abs=300 * len(members))
    async with serving(nyc, generation="windows") as zvm:
        for part in ("state", "metrics/vms", "suspected/volumes"):
            assert (await zvm.get(f"{DETECTION}/{part}")).status == 404
        for row in await zvm.rows("/v1/statistics/vms"):
            data = row["EncryptionStatistics"]
            blocks = data["EncryptedDataInLBs"] + data["UnencryptedDataInLBs"]
            assert blocks / 2048 == pytest.approx(row["WriteCounterInMBs"], abs=1.3)


async def test_ransomware_goes_from_vm_to_vm_and_is_told_everywhere() -> None:
    clock = Clock()
    nyc, _ = sites(clock)
    vpg = nyc.vpgs()[0]
    nyc.start_incident("ransomware", vpg["VpgName"])
    counts = []
    async with serving(nyc) as zvm:
        for _ in range(8):
            clock.now += 60
            suspected = await zvm.rows(f"{DETECTION}/suspected/vms")
            groups = await zvm.rows(f"{DETECTION}/suspected/vpgs")
            volumes = await zvm.rows(f"{DETECTION}/suspected/volumes")
            alerts = await zvm.rows("/v1/alerts", entity="vpg", level="ERROR")
            counts.append(len(suspected))
            levels = {row["Link"]["identifier"]: row["SuspicionLevel"] for row in suspected}
            assert {volume["AssociatedVm"]["Identifier"] for volume in volumes} == levels.keys()
            of_vpgs: defaultdict[str, int] = defaultdict(int)
            for row in suspected:
                for of in row["AssociatedVpgs"]:
                    of_vpgs[of["Identifier"]] = max(of_vpgs[of["Identifier"]], row["SuspicionLevel"])
            assert {row["Link"]["identifier"]: row["SuspicionLevel"] for row in groups} == of_vpgs
            assert {alert["AffectedVpgs"][0]["identifier"] for alert in alerts} == of_vpgs.keys()
        listed = {volume["VolumeIdentifier"] for volume in await zvm.rows("/v1/volumes", volumeType="protected")}
    assert counts == [1, 2, 3, 4, 5, 6, 7, 8]
    assert max(levels.values()) == 3
    assert {volume["VolumeIdentifier"] for volume in volumes} <= listed
    assert nyc.vpgs()[0]["AlertStatus"] == 2


@pytest.mark.parametrize("generation", ["appliance", "windows"])
async def test_alerts_are_the_same_as_long_as_they_last_and_are_chosen_by_the_query(generation: str) -> None:
    clock = Clock()
    nyc, _ = sites(clock)
    for kind, vpg in zip(
        ("peer_disconnected", "vra_down", "journal_near_limit", "vm_missing"), nyc.vpgs(), strict=False
    ):
        nyc.start_incident(kind, vpg["VpgName"])
    began = int(clock.now)
    async with serving(nyc, generation=generation) as zvm:
        clock.now += 400
        before = await zvm.rows("/v1/alerts")
        clock.now += 4000
        nyc.start_incident("license_expiring")
        alerts = await zvm.rows("/v1/alerts")
        assert [alert["Link"]["identifier"] for alert in alerts if alert in before] == [
            alert["Link"]["identifier"] for alert in before
        ]
        last = next(alert for alert in alerts if alert["Entity"] == "License")
        assert alerts[-1] == last
        assert not last["AffectedVpgs"]
        affected = {link["identifier"] for alert in alerts for link in alert["AffectedVpgs"]}
        assert affected == {vpg["VpgIdentifier"] for vpg in nyc.vpgs()[:4]}
        one = min(affected)
        zorgs = {link["identifier"] for alert in alerts for link in alert["AffectedZorgs"]}
        iso = f"{last['Generation']}000" if "Generation" in last else str((began + 4400) * 1000)
        chosen: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
            "level": ("error", lambda alert: alert["Level"] == "Error"),
            "entity": ("VRA", lambda alert: alert["Entity"] == "Vra"),
            "helpIdentifier": ("vpg0010", lambda alert: alert["HelpIdentifier"] == "VPG0010"),
            "isDismissed": ("false", lambda alert: not alert["IsDismissed"]),
            "vpgIdentifier": (one.upper(), lambda alert: one in {of["identifier"] for of in alert["AffectedVpgs"]}),
            "startDate": (iso, lambda alert: alert is last),
            "endDate": ("2023-11-15T12:00:00", lambda alert: alert is not last),
            "siteIdentifier": (nyc.here.identifier, lambda _: True),
            "zorgIdentifier": (
                min(zorgs, default="none"),
                lambda alert: min(zorgs, default="none") in {of["identifier"] for of in alert["AffectedZorgs"]},
            ),
        }
        for name, (value, passes) in chosen.items():
            assert await zvm.rows("/v1/alerts", **{name: value}) == [alert for alert in alerts if passes(alert)], name
        assert (await zvm.get("/v1/alerts", startDate="soon")).status == 400
        assert (await zvm.get(f"/v1/alerts/{last['Link']['identifier']}")).json() == last
        assert (await zvm.get("/v1/alerts/nobody")).status == 404
        for path, key in (("levels", "Level"), ("entities", "Entity"), ("helpidentifiers", "HelpIdentifier")):
            assert {alert[key] for alert in alerts} <= set((await zvm.get(f"/v1/alerts/{path}")).json())
        xml = await zvm.ask("GET", "/v1/alerts", headers={**zvm.headers, "Accept": "text/xml"})
    root = ElementTree.fromstring(xml.body)
    assert root.tag == f"{NS}ArrayOfAlertApi"
    assert [alert.findtext(f"{NS}HelpIdentifier") for alert in root] == [alert["HelpIdentifier"] for alert in alerts]
    assert root[0].findtext(f"{NS}AffectedVpgs/{NS}ResourceLink/{NS}identifier") in affected
    nyc.end_incident()


async def test_volumes_are_what_vms_journals_and_vras_take_and_are_chosen_by_the_query() -> None:
    clock = Clock()
    nyc, lon = sites(clock)
    lon.start_incident("failover_test", next(vpg["VpgName"] for vpg in lon.vpgs() if vpg["SourceSite"] == "lon"))
    clock.now += 60
    async with serving(nyc) as zvm:
        volumes = await zvm.rows("/v1/volumes")
        vras = await zvm.rows("/v1/vras")
        some = volumes[-20]
        for name, key in (
            ("volumeType", ("VolumeType",)),
            ("vpgIdentifier", ("Vpg", "Identifier")),
            ("datastoreIdentifier", ("Datastore", "Identifier")),
            ("protectedVmIdentifier", ("ProtectedVm", "Identifier")),
            ("owningVmIdentifier", ("OwningVm", "Identifier")),
        ):
            at = [volume for volume in volumes if all_of(volume, key) == all_of(some, key)]
            value = all_of(some, key)
            assert value is None or await zvm.rows("/v1/volumes", **{name: value.upper()}) == at
    assert len({volume["VolumeIdentifier"] for volume in volumes}) == len(volumes)
    used: Counter[tuple[str, str, str]] = Counter()
    for volume in volumes:
        if volume["VolumeType"] != "Appliance":
            of = (volume["VolumeType"], volume["ProtectedVm"]["Identifier"], volume["Vpg"]["Identifier"])
            used[of] += volume["Size"]["UsedInBytes"]
            assert volume["Datastore"]["Name"] in volume["Path"]["Full"]
    recovering = 0
    for vm in nyc.vms():
        if vm["RecoverySite"]["type"] == "LocalSiteApi":
            recovering += 1
            assert used["Recovery", vm["VmIdentifier"], vm["VpgIdentifier"]] == vm["UsedStorageInMB"] * 2**20
            assert used["Journal", vm["VmIdentifier"], vm["VpgIdentifier"]] == vm["JournalUsedStorageMb"] * 2**20
    assert recovering
    assert any(kind == "Scratch" for kind, *_ in used)
    assert {volume["OwningVm"]["Name"] for volume in volumes if volume["VolumeType"] == "Appliance"} == {
        vra["VraName"] for vra in vras
    }


def all_of(document: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """What is at that path of keys, None if nothing is."""
    found: Any = document
    for key in keys:
        found = None if found is None else found[key]
    return found
