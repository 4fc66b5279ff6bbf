"""The demo's estate and how it is polled: each metric of a ZVM is there, or it is said why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from support import DrivenClock, Running, Simulate

from exporter import collectors
from exporter.cli import demo
from exporter.simulator import Estate
from exporter.simulator.estate.alarms import alerts_at
from exporter.simulator.estate.tasks import IN_PROGRESS

Export = Callable[..., Awaitable[Running]]

METRICS: Final = {metric.name for one in collectors.ALL for table in one.tables for metric in table.metrics}
NOT_BY_THEMSELVES: Final = {
    # Nobody's data are encrypted until a hand starts that incident.
    "zerto_vm_suspicion_level",
    "zerto_vpg_suspicion_level",
}
DAY: Final = range(1_800_000_000, 1_800_086_400, 60)


async def test_each_metric_is_on_the_page_of_the_demo(simulate: Simulate, export: Export, clock: DrivenClock) -> None:
    """An alert and a running task are there where an incident that began by itself brings them."""
    estates = demo.estates(50, 1, clock.wall)
    clock.now = next(
        second for second in DAY if any(_alarmed(one, second) and _at_work(one, second) for one in estates)
    )
    zvms = [
        demo.watched(await simulate(estate, tls=False, record=False, auth=demo.SITES[estate.site]))
        for estate in estates
    ]
    running = await export(zvms)
    await clock.idle(len(zvms))
    page = await running.page()
    assert page.values("zerto_collector_supported") == page.values("zerto_collector_success")
    assert page.values("zerto_collector_success") == [1.0] * (len(zvms) * len(collectors.ALL))
    assert max(page.values("zerto_collector_interval_seconds")) == demo.AT_MOST_SECONDS
    assert METRICS - {name for name, _ in page.samples} == NOT_BY_THEMSELVES
    estates[0].start_incident("ransomware")
    await clock.advance(2 * demo.AT_MOST_SECONDS)
    page = await running.page()
    assert min(map(max, map(page.values, sorted(NOT_BY_THEMSELVES)))) > 0


def _alarmed(estate: Estate, second: int) -> bool:
    return any(alert.vpgs and not alert.dismissed for alert in alerts_at(estate, second))


def _at_work(estate: Estate, second: int) -> bool:
    tasks = (task for one in estate.protections for task in one.tasks(second - 3600, second))
    return any(task.state(second) == IN_PROGRESS for task in tasks)
