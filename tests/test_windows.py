"""A Windows ZVM has less than an appliance: no failure, nothing red, no alert, and the landing page says what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from landing import cells, head
from storyline import Storyline
from support import DrivenClock, Page, Running, Simulate, zvm_config

from exporter import collectors
from exporter.config.schema import COLLECTORS
from exporter.simulator import Estate, faults

Export = Callable[..., Awaitable[Running]]

LACKS: Final = {"statistics", "encryption", "recoveries", "retention", "file_restores"}
MINUTES: Final = 75  # more than the longest interval, and than what an alert waits for


async def test_what_a_windows_zvm_does_not_have_is_told_and_is_no_failure(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    estate = Estate("nyc", vms=25, seed=1, clock=clock.wall, incidents=False, local=True)
    sim = await simulate(estate, generation="windows", auth="session")
    sim.faults.set("/v1/statistics", faults.status(404))  # those before 9.5 do not count either
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_up") == 1
    assert set(page.values("zerto_collector_success")) == {1.0}
    assert {labels["collector"] for labels, value in page.all("zerto_collector_supported") if not value} == LACKS
    lacking = {metric.name for name in LACKS for table in collectors.BY_NAME[name].tables for metric in table.metrics}
    assert not lacking & {name for name, _ in page.samples}
    _, landing = await running.get("/")
    assert head(landing)["ZVMs"] == "1 up"
    assert not {"down", "degraded"} & set(" ".join(landing.split('class="')[1:]).replace('"', " ").split())
    listed = ", ".join(name for name in COLLECTORS if name in LACKS)
    (_, (note,)) = cells(landing)
    assert note.startswith(f"not supported by this ZVM, or not for this user: {listed}")
    assert "statistics: GET /v1/statistics/vms: HTTP 404" in note
    assert await asyncio.to_thread(_fired, page, clock.now) == {"ZertoWatchdog"}


def _fired(page: Page, start: float) -> set[str]:
    """Return the alerts of the hours in which all stays as on *page*, and each collector is polled as it says."""
    story = Storyline(MINUTES)
    story.add("up", [1.0] * (MINUTES + 1))
    for (name, labels), value in page.samples.items():
        values = [value - start if name.endswith("timestamp_seconds") else value] * (MINUTES + 1)
        if name == "zerto_collector_last_success_timestamp_seconds":
            every = page.value("zerto_collector_interval_seconds", **dict(labels))
            values = [values[0] + minute * 60 // every * every for minute in range(MINUTES + 1)]
        story.add(name, values, **dict(labels))
    return {alert["alertname"] for alerts in story.alerts() for alert in alerts}
