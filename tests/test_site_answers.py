"""The answers about sites: XML brings what JSON does, and no odd answer of one costs another collector anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support import DrivenClock, Page, Running, Simulate, zvm_config

from exporter.collectors import BY_NAME
from exporter.simulator import Simulator, faults, pair

Export = Callable[..., Awaitable[Running]]
COLLECTORS = ("site", "peers", "datastores", "unprotected", "profiles")
PATHS = (
    "/v1/localsite",
    "/v1/serverDateTime",
    "/v1/peersites",
    "/v1/datastores",
    "/v1/virtualizationsites",
    "/v1/serviceprofiles",
    "/v1/zorgs",
)


def of_zvm(page: Page) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    ours = ("zerto_exporter_", "zerto_collector_", "zerto_up", "process_", "python_")
    return {key: value for key, value in page.samples.items() if not key[0].startswith(ours)}


@pytest.mark.parametrize("generation", ["appliance", "windows"])
async def test_xml_brings_what_json_does(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path, generation: str
) -> None:
    nyc, _ = pair(("nyc", 20), ("lon", 8), clock=clock.wall, incidents=False)
    sim: Simulator = await simulate(nyc, auth="session", generation=generation)
    zvm = zvm_config(sim, ca_file=ca_file, collectors=COLLECTORS)
    running = await export([zvm])
    await clock.idle(1)
    from_json = of_zvm(await running.page())
    await running.exporter.stop()
    for fault in (faults.xml(), faults.strings_for_numbers(), faults.lower_first()):
        sim.faults.clear()
        sim.faults.set("/v1/", fault)
        running = await export([zvm])
        await clock.idle(1)
        page = await running.page()
        assert of_zvm(page) == from_json
        assert not sum(page.values("zerto_exporter_invalid_values_total"))
        await running.exporter.stop()
    known = {metric.name for name in COLLECTORS for table in BY_NAME[name].tables for metric in table.metrics}
    old = generation == "windows"
    assert {name for name, _ in from_json} == known - (
        {"zerto_unprotected_provisioned_storage_bytes"} if old else set()
    )


async def test_no_odd_answer_is_a_bug_or_costs_another_collector_anything(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    nyc, _ = pair(("nyc", 20), ("lon", 8), clock=clock.wall, incidents=False)
    sim: Simulator = await simulate(nyc, auth="session")
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vms", *COLLECTORS), interval=3600.0)])
    await clock.idle(1)
    for fault in (
        faults.wrong_shape(),
        faults.null(),
        faults.empty(),
        faults.html(),
        faults.truncated(),
        faults.nan(),
        faults.bad_record(2),
        faults.nulls(),
        faults.unknown_codes(),
        faults.enum_names(),
        faults.camel_case(),
        faults.duplicates(),
        faults.hostile_names(),
        faults.invalid_utf8(),
        faults.status(200, body='[{"Name": {"a": [1]}}, 7, "x", null, []]'),
        faults.status(200, body='{"SiteIdentifier": 5, "Stats": [], "Rpo": {}}'),
        faults.status(200, body="<ArrayOfX><X><Stats>1</Stats></X></ArrayOfX>"),
    ):
        sim.faults.clear()
        for path in PATHS:
            sim.faults.set(path, fault)
        await clock.advance(3600)
        page = await running.page()
        assert page.value("zerto_up") == 1
        assert page.value("zerto_collector_success", collector="vms") == 1
        assert not sum(page.values("zerto_exporter_polls_total", outcome="bug")), fault.name
    sim.faults.clear()
    await clock.advance(3600)
    page = await running.page()
    assert page.values("zerto_collector_success") == [1] * (1 + len(COLLECTORS))
