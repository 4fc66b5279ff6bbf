"""The license: one object, its use by site, and its key, which gets nowhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import license as module
from exporter.simulator import Simulator, faults

Export = Callable[..., Awaitable[Running]]


def rows(text: str) -> Any:
    decoded = module.DECODER.decode(text.encode(), "application/json", "what came")
    assert not decoded.lost
    return decoded.rows


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"Details": {"MaxVms": 9, "ExpiryTime": "2030-01-01T00:00:00Z"}}', [1, 1_893_456_000, 9, None]),
        ('{"Usage": {"TotalVmsCount": 7}, "Details": null}', [None, None, None, 7]),
        ('{"Details": {"LicenseType": null, "ExpiryTime": null, "MaxVms": null}}', [1, None, None, None]),
        ("{}", [None, None, None, None]),
    ],
)
def test_what_is_not_sent_is_no_sample(text: str, values: list[float | None]) -> None:
    (row,) = rows(text)
    assert [metric.value(row) for metric in module.TABLE.metrics] == values


def test_each_site_that_uses_it_has_its_own_count() -> None:
    text = '{"Usage": {"SitesUsage": [{"SiteName": "nyc", "ProtectedVmsCount": 3}, {"SiteName": "lon"}]}}'
    of_sites = module.SITES.spread(rows(text))
    assert [(module.SITES.identity(one), one.protected_vms) for one in of_sites] == [
        (("nyc", ""), 3),
        (("lon", ""), None),
    ]


async def test_it_is_asked_once_an_hour_and_its_key_is_nowhere(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "license"), interval=300.0)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_license_used_vms", zvm="nyc") > 0
    assert page.value("zerto_license_expiry_timestamp_seconds") > 0
    assert page.values("zerto_license_site_protected_vms", site="nyc")
    (answered,) = [one for one in sim.requests if one.path == module.PATH]
    assert answered.status == 200
    await clock.advance(2 * 3600)
    asked = sum(one.path == module.PATH for one in sim.requests)
    assert asked in {3, 4}  # the second poll comes early, so that not all ZVMs are asked together
    assert "LicenseKey" not in page.text
    for path in ("/metrics", "/", "/config"):
        _, text = await running.get(path)
        assert "licensekey" not in text.casefold()


async def test_another_shape_fails_it_alone(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(auth="session")
    sim.faults.set(module.PATH, faults.wrong_shape())
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", "license"))])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_up") == 1
    assert page.value("zerto_collector_success", collector="license") == 0
    assert page.value("zerto_exporter_polls_total", collector="license", outcome="decode") == 1
