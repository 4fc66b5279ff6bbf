"""Hours of the demo's estate: its own incidents are over before an alert is due; one that goes on is told, by its name.

QUIET_DAY_MINUTES=1440 makes it a whole day, which takes a quarter of an hour of a processor.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

import pytest
from rule_files import RULES
from storyline import Storyline
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.cli import demo
from exporter.config.schema import STANDARD
from exporter.simulator.estate.inventory import Vpg
from exporter.simulator.estate.retention import LAST_FAILED

Export = Callable[..., Awaitable[Running]]
MINUTES = int(os.environ.get("QUIET_DAY_MINUTES", "120"))
ALWAYS = {"ZertoWatchdog", "ZertoCertificateNotVerified"}  # the demo's sites have no TLS
CUT = range(MINUTES - 80, MINUTES - 60)  # the minutes in which one VPG is cut off from its peer
# What that leads to, and for how many minutes after its end: keep_firing_for, and windows of the past.
OF_A_CUT = {
    "ZertoPeerDisconnected": 15,
    "ZertoRpoAboveTarget": 15,
    "ZertoVpgNotMeetingSla": 15,
    "ZertoVpgInterrupted": 45,
}
OF_ITS_ORGANIZATION = {"ZertoRpoBudgetBurningFast": 20}
RETENTION_FAILED = "ZertoRetentionFailed"  # of the estate's daily copies some fail; that is told after hours
WAITED = 6 * 60  # minutes


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_nothing_fires_on_a_quiet_day_but_for_what_goes_on(simulate: Simulate, export: Export) -> None:
    """The VPG that is cut off for 20 minutes has its alerts; the incidents of the estate itself have none.

    But for one that somebody must look at: the copies of a VPG failed, and no others were made for hours.
    """
    story, vpg, failed = await lived(simulate, export)
    fired: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for minute, alerts in enumerate(await asyncio.to_thread(story.alerts)):
        for alert in alerts:
            fired[alert["alertname"], alert.get("vpg") or alert.get("organization", "")].append(minute)
    lasts = {(name, vpg.name): after for name, after in OF_A_CUT.items()}
    lasts |= {(name, vpg.organization): after for name, after in OF_ITS_ORGANIZATION.items()}
    copies = {(RETENTION_FAILED, name) for name, minutes in failed.items() if minutes > WAITED}
    assert fired.keys() == {*lasts, *copies, *((name, "") for name in ALWAYS)}
    for of_cut, after in lasts.items():
        assert CUT.start < min(fired[of_cut]) < CUT.stop + 5, of_cut
        assert max(fired[of_cut]) < CUT.stop + after, of_cut


async def lived(simulate: Simulate, export: Export) -> tuple[Storyline, Vpg, Counter[str]]:
    """Return what the exporter renders of the demo's two sites each minute, and the VPG that is cut off for a while.

    Also how many minutes the last copies of each VPG were failed ones.
    """
    clock = DrivenClock()
    start = clock.now
    estates = demo.estates(50, 1, clock.wall)
    zvms = []
    for estate in estates:
        simulator = await simulate(estate, tls=False, record=False)
        zvms.append(zvm_config(simulator, estate.here.name, interval=60, timeout=30, collectors=STANDARD))
    running = await export(zvms, clock=clock)
    await clock.idle(len(zvms))
    asked = set(re.findall(r"\bzerto_\w+", "".join(path.read_text() for path in RULES.glob("*.yml"))))
    series: defaultdict[tuple[str, frozenset[tuple[str, str]]], list[float | None]] = defaultdict(
        lambda: [None] * (MINUTES + 1)
    )
    (nyc, _), cut = estates, estates[0].own.vpgs[0]
    failed: Counter[str] = Counter()
    for minute in range(MINUTES + 1):
        page = await running.page()
        last_failed = [labels for labels, value in page.all("zerto_retention_status_code") if value == LAST_FAILED]
        failed.update(labels["vpg"] for labels in last_failed)
        for (name, labels), value in page.samples.items():
            if name in asked:
                series[name, labels][minute] = value - start if name.endswith("timestamp_seconds") and value else value
        if minute == CUT.start:
            nyc.start_incident("peer_disconnected", cut.name)
        if minute == CUT.stop:
            nyc.end_incident("peer_disconnected", cut.name)
        await clock.advance(60)
    story = Storyline(MINUTES)
    story.add("up", [1.0] * (MINUTES + 1))
    for (name, labels), values in series.items():
        story.add(name, values, **dict(labels))
    return story, cut, failed
