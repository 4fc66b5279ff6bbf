"""An estate lives: load over the day, RPO with the load, journals that fill and age out, incidents that come and go."""

from itertools import pairwise
from statistics import correlation, fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_serving import NOON, Clock, quiet

from exporter.simulator import INCIDENT_KINDS, Estate
from exporter.simulator.estate.incidents import BY_HAND

DAY = 86400
MIDNIGHT = 1_700_006_400


def limit_mb(row: dict[str, Any]) -> float | None:
    """The journal's hard limit in MiB, None where there is none."""
    match row["JournalHardLimit"]:
        case {"LimitType": 1, "LimitValue": value}:
            return float(value)
        case {"LimitType": 2, "LimitValue": value}:
            return float(row["ProvisionedStorageInMB"] * value / 100)
    return None


def vpg_named(estate: Estate, name: str) -> dict[str, Any]:
    return next(vpg for vpg in estate.vpgs() if vpg["VpgName"] == name)


def members(estate: Estate, name: str) -> list[dict[str, Any]]:
    return [row for row in estate.vms() if row["VpgName"] == name]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def estate(clock: Clock) -> Estate:
    return quiet(clock=clock)


@pytest.fixture
def name(estate: Estate) -> str:
    """The name of a VPG whose members all have a journal limit of the estate's usual mix."""
    return str(estate.vpgs()[0]["VpgName"])


def test_afternoon_is_busier_than_night_and_rpo_follows(estate: Estate, clock: Clock) -> None:
    load, rpo = [], []
    for clock.now in range(MIDNIGHT, MIDNIGHT + DAY, 1800):
        rows = estate.vms()
        load.append(fmean(row["IOPs"] for row in rows))
        rpo.append(fmean(row["ActualRPO"] for row in rows))
    assert load[28] > 2 * load[4]
    assert correlation(load, rpo) > 0.8
    assert min(load) > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 4_000_000_000))
def test_usual_values_stay_in_their_usual_bounds(second: int) -> None:
    for row in quiet(clock=Clock(second)).vms():
        assert 4 <= row["ActualRPO"] <= 12
        assert row["Status"] == 1
        assert row["SubStatus"] == 0
        limit = limit_mb(row)
        assert 0 < row["JournalUsedStorageMb"] < (limit or row["ProvisionedStorageInMB"])
        assert row["IOPs"] >= 0
        assert row["ThroughputInMB"] * 2048 == int(row["ThroughputInMB"] * 2048)


def test_load_is_smooth_and_never_stands_still(estate: Estate, clock: Clock) -> None:
    before = estate.vms()
    clock.now += 1
    after = estate.vms()
    steps = [abs(a["IOPs"] - b["IOPs"]) / max(20, a["IOPs"]) for a, b in zip(before, after, strict=True)]
    assert max(steps) < 0.1
    clock.now += 30
    assert estate.vms() != after


def _rows(estate: Estate) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["VmIdentifier"], row["VpgIdentifier"]): row for row in estate.vms()}


def test_only_rates_rpo_and_journals_change_from_poll_to_poll(estate: Estate, clock: Clock) -> None:
    before = _rows(estate)
    clock.now += 30
    after = _rows(estate)
    assert {field for key, row in before.items() for field in row if row[field] != after[key][field]} == {
        "ActualRPO",
        "IOPs",
        "JournalUsedStorageMb",
        "OutgoingBandWidthInMbps",
        "ThroughputInMB",
    }


@pytest.mark.parametrize(("percent", "least", "most"), [(0, 0, 0), (10, 8, 12), (100, 100, 100)])
def test_so_much_of_an_estate_changes_as_was_asked_for(percent: int, least: int, most: int) -> None:
    clock = Clock()
    estate = Estate("nyc", 300, 1, clock, changing=percent)
    before, groups = _rows(estate), {vpg["VpgIdentifier"]: vpg for vpg in estate.vpgs()}
    clock.now += 90
    after = _rows(estate)
    changed = {key for key in before if before[key] != after[key]}
    assert least <= len(changed) / 3 <= most
    moved = {vpg["VpgIdentifier"] for vpg in estate.vpgs() if vpg != groups[vpg["VpgIdentifier"]]}
    assert moved == {vpg for _, vpg in changed}
    assert estate.incidents == [] or percent == 100


def test_an_estate_that_stands_still_obeys_a_hand(clock: Clock) -> None:
    estate = quiet(clock=clock, changing=0)
    name = estate.vpgs()[0]["VpgName"]
    clock.now += 100
    estate.start_incident("delta_sync", name)
    assert [vpg["VpgName"] for vpg in estate.vpgs() if vpg["SubStatus"] == 6] == [name]


def test_journals_fill_and_age_out(estate: Estate, clock: Clock) -> None:
    used = []
    for clock.now in range(int(NOON), int(NOON) + 7200, 60):
        used.append(estate.vms()[0]["JournalUsedStorageMb"])
    steps = [b - a for a, b in pairwise(used)]
    assert sum(step > 0 for step in steps) > sum(step < 0 for step in steps) > 5


def test_incidents_come_and_go_by_themselves_within_minutes() -> None:
    clock = Clock()
    estate = Estate("nyc", 50, 1, clock)
    counts, kinds, quiet_for, longest_quiet = [], set(), 0, 0
    for clock.now in range(int(NOON), int(NOON) + DAY, 30):
        incidents = estate.incidents
        counts.append(len(incidents))
        kinds |= {incident.kind for incident in incidents}
        quiet_for = 0 if incidents else quiet_for + 30
        longest_quiet = max(longest_quiet, quiet_for)
    assert max(counts) == 1
    assert 0.4 < fmean(counts) < 0.9
    assert kinds == set(INCIDENT_KINDS) - set(BY_HAND)
    assert longest_quiet <= 360


def test_big_estates_have_several_incidents_at_a_time() -> None:
    counts = [len(Estate("nyc", 1000, 1, Clock(NOON + n * 120)).incidents) for n in range(8)]
    assert 2 <= max(counts) <= 5
    assert Estate("nyc", 0, 1, Clock()).incidents == []


def test_peer_disconnected_lets_the_rpo_grow_past_its_target_and_ends(estate: Estate, clock: Clock, name: str) -> None:
    estate.start_incident("peer_disconnected", name)
    target = vpg_named(estate, name)["ConfiguredRpoSeconds"]
    clock.now += target // 2
    early = vpg_named(estate, name)
    assert (early["Status"], early["SubStatus"], early["AlertStatus"]) == (1, 24, 2)
    clock.now += target
    late = vpg_named(estate, name)
    assert (late["Status"], late["SubStatus"]) == (3, 24)
    assert late["ActualRPO"] > early["ActualRPO"] + target * 0.9
    assert {row["OutgoingBandWidthInMbps"] for row in members(estate, name)} == {0}
    others = {vpg["SubStatus"] for vpg in estate.vpgs() if vpg["VpgName"] != name}
    assert others == {0}
    assert [incident.kind for incident in estate.incidents] == ["peer_disconnected"]
    assert estate.end_incident("peer_disconnected", name) == 1
    over = vpg_named(estate, name)
    assert (over["Status"], over["SubStatus"]) == (1, 0)
    assert over["ActualRPO"] <= 12
    assert estate.end_incident() == 0


def test_recovery_possible_is_said_by_the_substatus_alone(estate: Estate, clock: Clock, name: str) -> None:
    estate.start_incident("recovery_possible", name)
    clock.now += 2 * vpg_named(estate, name)["ConfiguredRpoSeconds"]
    vpg = vpg_named(estate, name)
    assert (vpg["Status"], vpg["SubStatus"], vpg["SubStatusDescription"]) == (1, 5, "RecoveryPossible")
    assert vpg["ActualRPO"] > vpg["ConfiguredRpoSeconds"]
    assert {(row["Status"], row["SubStatus"], row["OutgoingBandWidthInMbps"]) for row in members(estate, name)} == {
        (1, 5, 0)
    }
    assert estate.end_incident("recovery_possible", name) == 1


@pytest.mark.parametrize(("kind", "substatus"), [("bitmap_sync", 23), ("delta_sync", 6), ("initial_sync", 1)])
def test_synchronisations_show_progress(estate: Estate, clock: Clock, name: str, kind: str, substatus: int) -> None:
    estate.start_incident(kind, name)
    progress = []
    for _ in range(5):
        clock.now += 60
        vpg = vpg_named(estate, name)
        assert vpg["SubStatus"] == substatus
        assert vpg["SubStatusDescription"].endswith("Sync")
        progress.append(vpg["ProgressPercentage"])
    assert progress == sorted(progress)
    assert 0 < progress[0] < progress[-1] < 100


def test_initial_sync_has_no_rpo_no_journal_and_no_history(estate: Estate, name: str) -> None:
    estate.start_incident("initial_sync", name)
    vpg = vpg_named(estate, name)
    assert (vpg["Status"], vpg["ActualRPO"], vpg["HistoryStatusApi"]["ActualHistoryInMinutes"]) == (0, 0, 0)
    assert {(row["ActualRPO"], row["JournalUsedStorageMb"]) for row in members(estate, name)} == {(0, 0)}


def test_a_full_journal_costs_history_and_stays_below_the_limit(clock: Clock) -> None:
    estate = quiet(300, clock=clock)
    estate.start_incident("journal_near_limit")
    clock.now += 600
    limited = [(row, limit) for row in estate.vms() if (limit := limit_mb(row))]
    assert limited
    assert all(0.9 < row["JournalUsedStorageMb"] / limit <= 1 for row, limit in limited)
    assert {vpg["Status"] for vpg in estate.vpgs()} == {4}
    for vpg in estate.vpgs():
        history = vpg["HistoryStatusApi"]
        assert history["ActualHistoryInMinutes"] < history["ConfiguredHistoryInMinutes"]


def test_failover_test_is_told_as_an_active_process(estate: Estate, clock: Clock, name: str) -> None:
    def stage() -> Any:
        return vpg_named(estate, name)["ActiveProcessesApi"]["RunningFailOverTestApi"]

    assert stage() is None
    estate.start_incident("failover_test", name)
    assert stage() == {"Stage": "Starting"}
    clock.now += 60
    assert stage() == {"Stage": "InTest"}
    assert vpg_named(estate, name)["LastTest"] == "2023-11-15T11:13:20.000Z"


def test_a_long_outage_misses_both_targets(estate: Estate, clock: Clock) -> None:
    estate.start_incident("peer_disconnected")
    clock.now += 5 * DAY
    assert {(vpg["Status"], vpg["HistoryStatusApi"]["ActualHistoryInMinutes"]) for vpg in estate.vpgs()} == {(2, 0)}


def test_a_missing_vm_stays_listed(estate: Estate, name: str) -> None:
    estate.start_incident("vm_missing", name)
    assert [row["IsVmExists"] for row in members(estate, name)].count(False) == 1
    assert members(estate, name)[0]["IOPs"] == 0


def test_no_incident_ever_pushes_a_journal_over_its_limit() -> None:
    clock = Clock()
    estate = Estate("nyc", 200, 5, clock)
    for clock.now in range(int(NOON), int(NOON) + DAY, 1777):
        for row in estate.vms():
            assert row["JournalUsedStorageMb"] >= 0
            assert row["JournalUsedStorageMb"] <= (limit_mb(row) or row["ProvisionedStorageInMB"])
        for vpg in estate.vpgs():
            history = vpg["HistoryStatusApi"]
            late = vpg["ActualRPO"] > vpg["ConfiguredRpoSeconds"]
            lost = history["ActualHistoryInMinutes"] < history["ConfiguredHistoryInMinutes"]
            expected = {(False, False): 1, (True, True): 2, (True, False): 3, (False, True): 4}[late, lost]
            assert vpg["Status"] == {1: 0, 5: 1}.get(vpg["SubStatus"], expected)


def test_after_a_disconnection_of_the_clocks_comes_a_bitmap_sync() -> None:
    clock = Clock()
    estate = Estate("nyc", 50, 1, clock)
    seen: list[int] = []
    lags: list[int] = []
    for clock.now in range(int(NOON), int(NOON) + 4 * DAY, 20):
        found = [incident for incident in estate.incidents if incident.kind == "peer_disconnected"]
        if not found and seen:
            break
        if found:
            vpg = vpg_named(estate, found[0].vpg_name)
            seen.append(vpg["SubStatus"])
            lags.append(vpg["ActualRPO"])
    assert sorted(set(seen), reverse=True) == [24, 23]
    assert seen == sorted(seen, reverse=True)
    assert lags[-1] < max(lags)


def test_an_incident_of_the_clock_can_be_ended() -> None:
    clock = Clock()
    estate = Estate("nyc", 50, 1, clock)
    while not estate.incidents:
        clock.now += 30
    assert estate.end_incident("no such kind") == 0
    assert estate.end_incident() == 1
    assert estate.incidents == []


def test_an_incident_of_no_known_kind_or_vpg_is_refused(estate: Estate) -> None:
    with pytest.raises(ValueError, match="peer_disconnected"):
        estate.start_incident("earthquake")
    with pytest.raises(KeyError):
        estate.start_incident("delta_sync", "No-Such-VPG")
