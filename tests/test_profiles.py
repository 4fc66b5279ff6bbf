"""Service profiles and organizations: spans of time in both forms, one list without the other."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Page, Running, Simulate, shown, zvm_config

from exporter.collectors import profiles as module
from exporter.simulator import Estate, Simulator, faults

Export = Callable[..., Awaitable[Running]]

WIRE: dict[str, Any] = {
    "ServiceProfileIdentifier": "profile-1",
    "ServiceProfileName": "Gold",
    "Description": "for J. Doe",
    "Rpo": "00:05:00",
    "History": "1.00:00:00",
    "TestInterval": "90.00:00:00",
    "MaxJournalSizeInPercent": 75,
    "JournalWarningThresholdInPercent": 50,
}
VALUES = {
    "zerto_service_profile_rpo_seconds": 300,
    "zerto_service_profile_history_seconds": 86400,
    "zerto_service_profile_test_interval_seconds": 90 * 86400,
    "zerto_service_profile_journal_max_ratio": 0.75,
    "zerto_service_profile_journal_warning_ratio": 0.5,
}


def page(profiles: list[Any], organizations: list[Any]) -> Page:
    decoded = module.PROFILE_DECODER.decode(json.dumps(profiles).encode(), "application/json", "what came")
    others = module.ORGANIZATION_DECODER.decode(json.dumps(organizations).encode(), "application/json", "what came")
    assert not decoded.lost + others.lost
    return shown([module.Catalogue(decoded.rows, others.rows)], *module.COLLECTOR.tables)


def test_each_value_is_a_sample() -> None:
    told = page([WIRE], [{"ZorgIdentifier": "zorg-1", "ZorgName": "Acme"}])
    assert {name: told.value(name, profile="Gold", profile_id="profile-1") for name in VALUES} == VALUES
    assert told.all("zerto_organization_info", organization="Acme", organization_id="zorg-1")
    assert "Doe" not in told.text


def test_null_is_no_sample_and_identity_and_name_may_be_elsewhere() -> None:
    link = {"Link": {"identifier": "profile-1"}}
    assert not page([{**dict.fromkeys(WIRE), **link}], []).samples
    told = page([{**WIRE, "ServiceProfileIdentifier": None, **link}], [{"Link": {"identifier": "zorg-1"}, "Name": "A"}])
    assert told.values("zerto_service_profile_rpo_seconds", profile_id="profile-1") == [300]
    assert told.all("zerto_organization_info", organization="A", organization_id="zorg-1")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("00:00:00", 0),
        ("00:00:10.5000000", 10.5),
        ("12:30:15", 45015),
        ("3.01:00:00", 3 * 86400 + 3600),
        ("PT5M", 300),
        ("P1DT2H", 93600),
        ("P30D", 30 * 86400),
        ("PT0.5S", 0.5),
    ],
)
def test_a_span_of_either_form_is_read(text: str | None, seconds: float | None) -> None:
    assert module.span(text) == seconds


@pytest.mark.parametrize("text", ["soon", "P", "PT", "-00:05:00", "5", "00:05", "1.2.00:00:00", "P1Y", "\u0661:00:00"])
def test_what_is_no_span_is_no_number(text: str) -> None:
    assert math.isnan(module.span(text) or 0)


async def test_one_list_is_enough_and_without_both_it_is_not_supported(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(Estate("nyc", 60, 1, clock.wall, incidents=False), auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vpgs", "profiles"), interval=3600.0)])
    await clock.idle(1)
    page = await running.page()
    known = {of["profile"] for of, _ in page.all("zerto_service_profile_rpo_seconds")}
    assert known == {of["service_profile"] for of, _ in page.all("zerto_vpg_info")} - {""}
    known = {of["organization"] for of, _ in page.all("zerto_organization_info")}
    assert known == {of["organization"] for of, _ in page.all("zerto_vpg_info")} - {""}
    profile, organization = "zerto_service_profile_rpo_seconds", "zerto_organization_info"
    for paths, fault, has, success, supported in (
        ((module.ORGANIZATIONS,), faults.status(404), {profile}, 1, 1),
        ((module.PROFILES,), faults.status(403), {organization}, 1, 1),
        ((module.PROFILES,), faults.wrong_shape(), {organization}, 0, 1),
        ((module.PROFILES, module.ORGANIZATIONS), faults.status(404), set(), 1, 0),
    ):
        sim.faults.clear()
        for path in paths:
            sim.faults.set(path, fault)
        await clock.advance(3600)
        page = await running.page()
        assert {name for name in (profile, organization) if page.values(name)} == has
        assert page.value("zerto_collector_success", collector="profiles") == success
        assert page.value("zerto_collector_supported", collector="profiles") == supported
        assert page.value("zerto_up") == 1
