"""Hours of the demo's estate: what fires is one of its incidents, and nobody is woken for anything else.

QUIET_DAY_MINUTES=1440 makes it a whole day, which takes ten minutes of a processor.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable

import pytest
from rule_files import RULES
from storyline import Labels, Storyline
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.simulator import pair

Export = Callable[..., Awaitable[Running]]
MINUTES = int(os.environ.get("QUIET_DAY_MINUTES", "120"))
REMEMBERED_MINUTES = 90  # how long an alert may outlast its incident: windows, keep_firing_for
NO_INCIDENTS = {"ZertoWatchdog", "ZertoCertificateNotVerified"}  # the demo's sites have no TLS
PAGES_OF = {"peer_disconnected", "recovery_possible", "bitmap_sync", "delta_sync"}  # nothing reaches the other site

Incidents = dict[str, list[tuple[int, str]]]


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_what_fires_on_a_quiet_day_is_an_incident_of_the_estate(simulate: Simulate, export: Export) -> None:
    story, incidents = await lived(simulate, export)
    firing = await asyncio.to_thread(story.alerts)
    wrong = {
        (alert["alertname"], alert["severity"], alert.get("vpg", ""))
        for minute, alerts in enumerate(firing)
        for alert in alerts
        if not explained(alert, minute, incidents)
    }
    assert not wrong


def explained(alert: Labels, minute: int, incidents: Incidents) -> bool:
    """Tell whether *alert* need be no person's, or is about a VPG that has or had an incident worth of it."""
    if alert["alertname"] in NO_INCIDENTS:
        return True
    kinds = {kind for at, kind in incidents[alert.get("vpg", "")] if minute - REMEMBERED_MINUTES <= at <= minute}
    return bool(kinds & PAGES_OF if alert["severity"] == "critical" else kinds)


async def lived(simulate: Simulate, export: Export) -> tuple[Storyline, Incidents]:
    """Return what the exporter renders of the demo's two sites each minute, and when each VPG had which incident."""
    clock = DrivenClock()
    start = clock.now
    estates = pair(("nyc", 50), ("lon", 50), seed=1, clock=clock.wall)
    zvms = []
    for estate in estates:
        simulator = await simulate(estate, tls=False, record=False)
        zvms.append(zvm_config(simulator, estate.here.name, interval=60, timeout=30))
    running = await export(zvms, clock=clock)
    await clock.idle(len(zvms))
    asked = set(re.findall(r"\bzerto_\w+", "".join(path.read_text() for path in RULES.glob("*.yml"))))
    series: defaultdict[tuple[str, frozenset[tuple[str, str]]], list[float | None]] = defaultdict(
        lambda: [None] * (MINUTES + 1)
    )
    incidents: Incidents = defaultdict(list)
    for minute in range(MINUTES + 1):
        for (name, labels), value in (await running.page()).samples.items():
            if name in asked:
                series[name, labels][minute] = value - start if name.endswith("timestamp_seconds") and value else value
        for estate in estates:
            for incident in estate.incidents:
                incidents[incident.vpg_name].append((minute, incident.kind))
        await clock.advance(60)
    story = Storyline(MINUTES)
    story.add("up", [1.0] * (MINUTES + 1))
    for (name, labels), values in series.items():
        story.add(name, values, **dict(labels))
    return story, incidents
