"""What an estate holds: numbers that agree with one another, the same for the same seed, and both sides of a pair."""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_serving import NOON, Clock, quiet

from exporter.simulator import Estate, pair
from exporter.simulator.api.codes import STATUSES, code_of, name_of


def by_row(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["VmIdentifier"], row["VpgIdentifier"]): row for row in rows}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 60), st.integers(), st.integers(0, 4_000_000_000))
def test_the_same_seed_at_the_same_second_gives_the_same_documents(vms: int, seed: int, second: int) -> None:
    one = Estate("nyc", vms, seed, lambda: float(second))
    other_clock = Clock(0)
    other = Estate("nyc", vms, seed, other_clock)
    other.vms()
    other_clock.now = second + 0.75
    assert other.vpgs() == one.vpgs()
    assert other.vms() == one.vms()


@pytest.mark.parametrize("vms", [0, 1, 9, 19, 20, 50, 333])
def test_the_number_of_rows_is_the_number_asked_for(vms: int) -> None:
    for estate in (quiet(vms), quiet(vms, cloud=False), quiet(vms, local=True)):
        rows = estate.vms()
        assert len(rows) == vms
        assert len(by_row(rows)) == vms


def test_another_seed_is_another_estate() -> None:
    assert not by_row(quiet(seed=1).vms()).keys() & by_row(quiet(seed=2).vms()).keys()


def test_documents_are_the_callers_own() -> None:
    estate = quiet()
    estate.vms()[0]["Link"]["identifier"] = "changed"
    estate.vpgs()[0]["Entities"]["Protected"] = 9
    assert estate.vms()[0]["Link"]["identifier"] != "changed"
    assert estate.vpgs()[0]["Entities"]["Protected"] == 0


def test_identifiers_are_those_of_a_hypervisor_manager_not_of_the_site() -> None:
    rows = quiet().vms()
    servers = {row["VmIdentifier"].partition(".")[0] for row in rows}
    assert len(servers) == 1
    assert servers.isdisjoint({rows[0]["ProtectedSite"]["identifier"], rows[0]["RecoverySite"]["identifier"]})
    assert all(row["VmIdentifier"].partition(".")[2].startswith("vm-") for row in rows)


def test_vms_of_a_vpg_stand_together() -> None:
    order = [row["VpgIdentifier"] for row in quiet(500).vms()]
    changes = 1 + sum(a != b for a, b in pairwise(order))
    assert changes == len(set(order))


def test_some_vms_are_in_two_and_three_vpgs() -> None:
    counts = Counter(row["VmIdentifier"] for row in quiet().vms())
    assert sorted(counts.values())[-3:] == [1, 2, 3]


def test_a_vpg_is_the_sum_of_its_vms() -> None:
    clock = Clock()
    estate = Estate("nyc", 200, 3, clock, local=True)
    for clock.now in range(int(NOON), int(NOON) + 4000, 397):
        members = defaultdict(list)
        for row in estate.vms():
            members[row["VpgIdentifier"]].append(row)
        vpgs = estate.vpgs()
        assert members.keys() == {vpg["VpgIdentifier"] for vpg in vpgs}
        for vpg in vpgs:
            rows = members[vpg["VpgIdentifier"]]
            assert vpg["VmsCount"] == len(rows)
            for total in ("ProvisionedStorageInMB", "UsedStorageInMB", "IOPs", "ThroughputInMB"):
                assert vpg[total] == sum(row[total] for row in rows)
            assert vpg["ActualRPO"] == max(row["ActualRPO"] for row in rows)
            for same in ("VpgName", "Status", "SubStatus", "Priority", "Entities", "LastTest", "OrganizationName"):
                assert {str(row[same]) for row in rows} == {str(vpg[same])}


def test_what_differs_in_real_estates_differs() -> None:
    estate = quiet(400, local=True)
    rows, vpgs = estate.vms(), estate.vpgs()
    assert {row["JournalHardLimit"]["LimitType"] for row in rows} == {0, 1, 2}
    assert {row["Priority"] for row in rows} == {0, 1, 2}
    assert "" in {row["OrganizationName"] for row in rows}
    assert len({row["OrganizationName"] for row in rows}) > 2
    assert {row["LastTest"] is None for row in rows} == {True, False}
    assert {vpg["FailSafeHistory"] is None for vpg in vpgs} == {True, False}
    assert {vpg["ServiceProfile"] is None for vpg in vpgs} == {True, False}
    assert all(row["UsedStorageInMB"] <= row["ProvisionedStorageInMB"] for row in rows)
    cloud = [row for row in rows if row["Entities"]["Recovery"] == 5]
    assert cloud
    assert all(row["RecoveryHostIdentifier"] is row["RecoveryHostName"] is None for row in cloud)
    own = [row for row in rows if row["RecoverySite"]["type"] == "LocalSiteApi"]
    assert own
    assert all(row["ProtectedSite"] == row["RecoverySite"] for row in own)


def test_both_sites_of_a_pair_tell_the_same_of_a_vm() -> None:
    clock = Clock()
    nyc, lon = pair(("nyc", 50), ("lon", 30), seed=7, clock=clock)
    differing = {"Link", "ProtectedSite", "RecoverySite"}
    for clock.now in range(int(NOON), int(NOON) + 3000, 311):
        here, there = by_row(nyc.vms()), by_row(lon.vms())
        assert here.keys() == there.keys()
        assert len(here) == 80
        directions: Counter[str] = Counter()
        for key, row in here.items():
            twin = there[key]
            assert {k: v for k, v in row.items() if k not in differing} == {
                k: v for k, v in twin.items() if k not in differing
            }
            for site in ("ProtectedSite", "RecoverySite"):
                assert row[site]["identifier"] == twin[site]["identifier"]
                assert {row[site]["type"], twin[site]["type"]} == {"LocalSiteApi", "PeerSiteApi"}
            directions[row["ProtectedSite"]["type"]] += 1
            assert row["ProtectedSite"]["type"] != row["RecoverySite"]["type"]
        assert directions == {"LocalSiteApi": 50, "PeerSiteApi": 30}
        assert [vpg["ActualRPO"] for vpg in sorted(nyc.vpgs(), key=lambda vpg: str(vpg["VpgIdentifier"]))] == [
            vpg["ActualRPO"] for vpg in sorted(lon.vpgs(), key=lambda vpg: str(vpg["VpgIdentifier"]))
        ]


def test_what_recovers_elsewhere_is_not_the_peers() -> None:
    nyc, lon = pair(("nyc", 50), ("lon", 30), seed=7, clock=Clock(), cloud=True, local=True)
    assert len(nyc.vms()) == 50 + 24
    assert len(lon.vms()) == 30 + 44
    assert {row["TargetSite"] for row in nyc.vms()} == {"lon", "nyc", "Azure-West"}


def test_a_removed_vm_is_gone_at_both_sites() -> None:
    nyc, lon = pair(("nyc", 50), ("lon", 30), seed=7, clock=Clock(), incidents=False)
    twice = Counter(row["VmIdentifier"] for row in nyc.vms()).most_common(1)[0][0]
    lon.remove_vm(twice)
    for estate in (nyc, lon):
        assert twice not in {row["VmIdentifier"] for row in estate.vms()}
    empty = [vpg for vpg in nyc.vpgs() if vpg["VmsCount"] == 0]
    assert [(vpg["SubStatus"], vpg["ActualRPO"], vpg["IOPs"]) for vpg in empty] == [(9, -1, 0)]
    with pytest.raises(KeyError):
        nyc.remove_vm(twice)


def test_a_removed_vpg_is_gone_at_both_sites_with_its_vms_and_incidents() -> None:
    nyc, lon = pair(("nyc", 50), ("lon", 30), seed=7, clock=Clock(), incidents=False)
    vpg = nyc.vpgs()[0]
    nyc.start_incident("delta_sync", vpg["VpgName"])
    nyc.remove_vpg(vpg["VpgIdentifier"])
    for estate in (nyc, lon):
        assert vpg["VpgIdentifier"] not in {row["VpgIdentifier"] for row in estate.vms() + estate.vpgs()}
        assert vpg["VpgIdentifier"] not in {incident.vpg_identifier for incident in estate.incidents}
    with pytest.raises(KeyError):
        nyc.remove_vpg(vpg["VpgIdentifier"])


def test_a_code_is_told_by_number_and_by_name() -> None:
    assert code_of(STATUSES, " meetingsla ") == code_of(STATUSES, "1") == 1
    assert name_of(STATUSES, 3) == "RpoNotMeetingSLA"
    assert name_of(STATUSES, 77) == "77"
    assert name_of(STATUSES, -1) == "-1"
    with pytest.raises(ValueError, match="foo"):
        code_of(STATUSES, "foo")
