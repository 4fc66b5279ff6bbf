"""Alerts: how many of a kind, which VPGs they name, and nothing of what they say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from support import DrivenClock, Page, Running, Simulate, zvm_config

from exporter.collectors import alerts
from exporter.simulator import Estate, Fault, Simulator, faults

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("vms", "vpgs", "alerts")
SECRET = "pl4nted-t3xt"


@pytest.fixture
def estate(clock: DrivenClock) -> Estate:
    return Estate("nyc", vms=40, seed=1, clock=clock.wall, incidents=False)


@pytest.fixture
async def sim(simulate: Simulate, estate: Estate) -> Simulator:
    started: Simulator = await simulate(estate, auth="session")
    return started


def sending(*records: Any) -> Fault:
    return Fault("sending", mutate=lambda _: list(records))


def kinds(page: Page, name: str = "zerto_alerts") -> dict[tuple[str, ...], float]:
    """Return the samples of a metric by level, entity, help identifier and whether it was dismissed."""
    found = page.all(name)
    assert all(labels.keys() == {"zvm", "level", "entity", "help_identifier", "dismissed"} for labels, _ in found)
    return {tuple(labels[key] for key in alerts.LABELS): value for labels, value in found}


async def test_what_is_wrong_with_a_vpg_a_vra_and_the_license_is_an_alert_as_long_as_it_is(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    assert not (await running.page()).all("zerto_alerts")
    first, second = (vpg["VpgName"] for vpg in sim.estate.vpgs()[:2])
    began = int(clock.wall())
    sim.estate.start_incident("peer_disconnected", first)
    sim.estate.start_incident("vra_down", second)
    sim.estate.start_incident("license_expiring")
    await clock.advance(600)
    page = await running.page()
    told = {(level, entity, code): count for (level, entity, code, _), count in kinds(page).items()}
    assert told == {
        ("Error", "Zvm", "ZVM0003"): 1,
        ("Error", "Vpg", "VPG0010"): 2,
        ("Error", "Vpg", "VPG0005"): 1,
        ("Error", "Vra", "VRA0028"): 1,
        ("Warning", "License", "LIC0003"): 1,
    }
    assert set(kinds(page, "zerto_alerts_oldest_timestamp_seconds").values()) == {began}
    of_vpgs = {
        (labels["vpg"], labels["role"], labels["level"]): count for labels, count in page.all("zerto_vpg_alerts")
    }
    assert of_vpgs == {(first, "protected", "Error"): 2, (second, "protected", "Error"): 3}
    sim.estate.end_incident()
    await clock.advance(120)
    page = await running.page()
    assert not page.all("zerto_alerts")
    assert not page.all("zerto_vpg_alerts")
    assert page.value("zerto_collector_success", collector="alerts") == 1


async def test_alerts_of_a_kind_are_counted_with_the_oldest_and_dismissed_ones_apart(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    """Both forms of dates; names or codes; nulls at every level. What is no help identifier is no label."""
    vpg = sim.estate.vpgs()[0]
    named = [{"identifier": vpg["VpgIdentifier"]}, {"identifier": vpg["VpgIdentifier"]}]
    sim.faults.set(
        alerts.PATH,
        sending(
            KIND | {"TurnedOn": "2026-01-02T00:00:00.000Z", "AffectedVpgs": named},
            KIND
            | {
                "TurnedOn": "/Date(1767225600000+0100)/",
                "AffectedVpgs": [{"identifier": "gone"}, {}, {"identifier": None}],
            },
            KIND | {"TurnedOn": "soon", "AffectedVpgs": None},
            KIND | {"IsDismissed": True, "AffectedVpgs": named},
            KIND
            | {"IsDismissed": None, "Level": 0, "Entity": 5, "HelpIdentifier": "0e1f-b477ee12", "AffectedVpgs": named},
            KIND | {"Level": "Fatal", "Entity": "Tape", "HelpIdentifier": "A" * 2000},
            dict.fromkeys(KIND),
            {},
            "no record",
        ),
    )
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    assert kinds(page) == {
        ("Error", "Vpg", "VPG0003", "false"): 3,
        ("Error", "Vpg", "VPG0003", "true"): 1,
        ("Warning", "License", "", ""): 1,
        ("Fatal", "Tape", "", "false"): 1,
        ("", "", "", ""): 2,
    }
    oldest = kinds(page, "zerto_alerts_oldest_timestamp_seconds")
    assert oldest == {("Error", "Vpg", "VPG0003", "false"): 1_767_225_600}
    of_vpgs = {
        (labels["vpg"], labels["vpg_id"], labels["level"]): count for labels, count in page.all("zerto_vpg_alerts")
    }
    assert of_vpgs == {
        (vpg["VpgName"], vpg["VpgIdentifier"], "Error"): 1,
        (vpg["VpgName"], vpg["VpgIdentifier"], "Warning"): 1,
        ("", "gone", "Error"): 1,
    }
    assert page.value("zerto_exporter_invalid_records_total", collector="alerts") == 3
    assert page.value("zerto_collector_success", collector="alerts") == 1


KIND: dict[str, Any] = {
    "Level": "Error",
    "Entity": "Vpg",
    "HelpIdentifier": "VPG0003",
    "IsDismissed": False,
    "TurnedOn": None,
    "AffectedVpgs": None,
}


async def test_nothing_that_an_alert_says_or_is_called_gets_out(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim.estate.start_incident("ransomware")
    clock.now += 100

    def planted(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        link = {"identifier": SECRET, "href": SECRET, "rel": SECRET, "type": SECRET}
        says = {"Link": link, "Description": SECRET, "Site": link, "AffectedZorgs": [link], "HelpIdentifier": SECRET}
        return [one | says for one in records]

    sim.faults.set(alerts.PATH, Fault("planted", mutate=planted))
    with capture_logs() as lines:
        running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
        await clock.idle(1)
        said = [text for path in ("/metrics", "/", "/config") for _, text in [await running.get(path)]]
    assert (await running.page()).all("zerto_alerts", help_identifier="", level="Error")
    assert SECRET not in repr(lines) + "".join(said)


@pytest.mark.parametrize("generation", ["appliance", "windows"])
async def test_xml_is_read_too_and_another_shape_fails_it_alone(
    simulate: Simulate, estate: Estate, export: Export, clock: DrivenClock, ca_file: Path, generation: str
) -> None:
    estate.start_incident("vra_down")
    clock.now += 600
    sim = await simulate(estate, auth="session", generation=generation)
    sim.faults.set(alerts.PATH, faults.xml())
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    vpgs = [vpg for vpg in estate.vpgs() if vpg["VmsCount"]]
    assert page.value("zerto_alerts", help_identifier="VRA0028", dismissed="false") == len(vpgs)
    assert {labels["vpg"] for labels, _ in page.all("zerto_vpg_alerts")} == {vpg["VpgName"] for vpg in vpgs}
    sim.faults.set(alerts.PATH, faults.wrong_shape())
    await clock.advance(120)
    page = await running.page()
    assert (page.value("zerto_up"), page.value("zerto_collector_success", collector="alerts")) == (1, 0)
    assert page.all("zerto_alerts")
    sim.faults.set(alerts.PATH, faults.status(403))
    await clock.advance(60)
    page = await running.page()
    assert page.value("zerto_collector_supported", collector="alerts") == 0
    assert not page.all("zerto_alerts")
