"""Hours of the demo's estate: its own incidents are over before an alert is due; one that goes on is told, by its name.

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
ALWAYS = {"ZertoWatchdog", "ZertoCertificateNotVerified"}  # the demo's sites have no TLS
CUT = range(MINUTES - 60, MINUTES - 40)  # the minutes in which one VPG is cut off from its peer
LATEST = CUT.stop + 15  # until when what that leads to may last: the last minutes of the RPO, keep_firing_for
OF_A_CUT = {"ZertoPeerDisconnected", "ZertoRpoAboveTarget", "ZertoVpgNotMeetingSla"}


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_nothing_fires_on_a_quiet_day_but_what_is_cut_off_for_long(simulate: Simulate, export: Export) -> None:
    story, vpg = await lived(simulate, export)
    fired: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for minute, alerts in enumerate(await asyncio.to_thread(story.alerts)):
        for alert in alerts:
            fired[named(alert)].append(minute)
    assert {name: len(fired.pop((name, "", ""))) for name in ALWAYS}.keys() == ALWAYS
    print(vpg, CUT, {k: (v[0], v[-1], len(v)) for k, v in fired.items()})
    assert not {alert: minutes for alert, minutes in fired.items() if not explained(alert, minutes, vpg)}


def explained(alert: tuple[str, str, str], minutes: list[int], vpg: str) -> bool:
    name, _organization, of = alert
    return name in OF_A_CUT and of == vpg and CUT.start <= minutes[0] <= minutes[-1] <= LATEST


def named(alert: Labels) -> tuple[str, str, str]:
    """Return the name of an alert, whose it is, and the VPG that it is about."""
    return alert["alertname"], alert.get("organization", ""), alert.get("vpg", "")


async def lived(simulate: Simulate, export: Export) -> tuple[Storyline, str]:
    """Return what the exporter renders of the demo's two sites each minute, and the VPG that is cut off for a while."""
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
    (nyc, _), cut = estates, estates[0].own.vpgs[0].name
    for minute in range(MINUTES + 1):
        for (name, labels), value in (await running.page()).samples.items():
            if name in asked:
                series[name, labels][minute] = value - start if name.endswith("timestamp_seconds") and value else value
        if minute == CUT.start:
            nyc.start_incident("peer_disconnected", cut)
        if minute == CUT.stop:
            nyc.end_incident("peer_disconnected", cut)
        await clock.advance(60)
    story = Storyline(MINUTES)
    story.add("up", [1.0] * (MINUTES + 1))
    for (name, labels), values in series.items():
        story.add(name, values, **dict(labels))
    return story, cut
