"""What is published of an answer: records and metrics by pattern, as many series as are allowed, in a stable order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, convert
from structlog.testing import capture_logs
from support import DrivenClock, Page, Running, Simulate, plain, zvm_config

from exporter.collectors import encryption, vms, vpgs
from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.detection import Detection, OfVm, Suspicion, Volumes, Who
from exporter.collectors.vms import Vm
from exporter.config import Metrics, Options, Zvm
from exporter.polling.poller import POLL_OUTCOMES, Poller
from exporter.polling.selection import Selector, own_series
from exporter.prometheus.store import Store
from exporter.prometheus.table import NONE, Metric, Table
from exporter.prometheus.telemetry import Telemetry
from exporter.simulator import Estate, Simulator, faults
from exporter.threads import in_poll_thread
from exporter.zvm.decode.rows import Decoded

Export = Callable[..., Awaitable[Running]]

OWN = own_series([vms.COLLECTOR, vpgs.COLLECTOR])


def zvm(**keys: Any) -> Zvm:
    return Zvm(name="nyc", url="https://zvm.example.com", **keys)


def vm(name: str, vpg: str = "ERP", organization: str | None = None, rpo: int | None = 6) -> Vm:
    wire = {"VmIdentifier": name, "VpgIdentifier": vpg, "VmName": name, "VpgName": vpg, "ActualRPO": rpo}
    return convert({**wire, "OrganizationName": organization}, Vm)


def published(rows: list[Vm], config: Zvm, others: int = 0) -> Page:
    blocks = Selector(config, vms.COLLECTOR, OWN).publish(rows, others).rendered.blocks
    pairs = zip(vms.TABLE.metrics, blocks, strict=True)
    return Page(plain(part for metric, block in pairs for part in (metric.header, block.fragment)).decode())


def names(page: Page) -> set[str]:
    return {labels["vm"] for labels, _ in page.all("zerto_vm_info")}


ROWS = [vm("web-1", "Web", "Acme"), vm("web-2", "Web", "Umbrella"), vm("erp-1", "ERP", "Acme"), vm("erp-2", "ERP")]


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        ({}, {}, {"web-1", "web-2", "erp-1", "erp-2"}),
        ({"vpg": ["Web"]}, {}, {"web-1", "web-2"}),
        ({"vpg": ["We"]}, {}, set()),
        ({"vpg": ["web"]}, {}, set()),
        ({"vpg": ["(?i)web"]}, {}, {"web-1", "web-2"}),
        ({"vm": ["web-1", "erp-.*"]}, {}, {"web-1", "erp-1", "erp-2"}),
        ({"vpg": ["Web"], "organization": ["Acme"]}, {}, {"web-1"}),
        ({"vpg": []}, {}, {"web-1", "web-2", "erp-1", "erp-2"}),
        ({"organization": [""]}, {}, {"erp-2"}),
        ({}, {"vm": [".*-2"]}, {"web-1", "erp-1"}),
        ({}, {"vm": ["web-1"], "organization": ["Umbrella"]}, {"erp-1", "erp-2"}),
        ({"vpg": ["Web"]}, {"vm": ["web-1"]}, {"web-2"}),
    ],
)
def test_records_are_chosen_by_what_matches_whole(
    include: dict[str, list[str]], exclude: dict[str, list[str]], kept: set[str]
) -> None:
    chosen = Options(
        include={key: tuple(texts) for key, texts in include.items()},
        exclude={key: tuple(texts) for key, texts in exclude.items()},
    )
    assert names(published(ROWS, zvm(options={"vms": chosen}))) == kept
    assert Selector(zvm(options={"vms": chosen}), vms.COLLECTOR, OWN).publish(ROWS, 0).excluded == len(ROWS) - len(kept)


@pytest.mark.parametrize(
    ("allow", "deny", "metrics"),
    [
        (["zerto_vm_info"], [], {"zerto_vm_info"}),
        (["zerto_vm_info", "zerto_.*_rpo_.*"], [], {"zerto_vm_info", "zerto_vm_actual_rpo_seconds"}),
        ([], ["zerto_vm_info"], {"zerto_vm_actual_rpo_seconds"}),
        (["zerto_vm_.*"], [".*_info"], {"zerto_vm_actual_rpo_seconds"}),
        (["zerto_vm"], [], set()),
    ],
)
def test_metrics_are_allowed_and_denied_by_what_matches_whole(
    allow: list[str], deny: list[str], metrics: set[str]
) -> None:
    page = published([vm("a")], zvm(metrics=Metrics(allow=tuple(allow), deny=tuple(deny))))
    assert {name for name, _ in page.samples} == metrics


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        ([], ["recovery"], {"protected", "local", ""}),
        (["protected|local"], [], {"protected", "local"}),
        ([""], [], {""}),
    ],
)
@pytest.mark.parametrize(("collector", "ids"), [(vms.COLLECTOR, ("VmIdentifier",)), (vpgs.COLLECTOR, ())])
def test_records_are_chosen_by_role(
    collector: Collector[Any], ids: tuple[str, ...], include: list[str], exclude: list[str], kept: set[str]
) -> None:
    sides = {"protected": ("LocalSiteApi", "PeerSiteApi"), "recovery": ("PeerSiteApi", "LocalSiteApi")}
    sides["local"] = ("LocalSiteApi", "LocalSiteApi")
    records = [
        convert(
            {
                **dict.fromkeys(("VpgIdentifier", *ids), role or "none"),
                **{
                    side: {"type": kind}
                    for side, kind in zip(("ProtectedSite", "RecoverySite"), sides.get(role, ()), strict=False)
                },
            },
            vms.Vm if ids else vpgs.Vpg,
        )
        for role in ("protected", "recovery", "local", "")
    ]
    chosen = Options(include={"role": tuple(include)}, exclude={"role": tuple(exclude)})
    blocks = Selector(zvm(options={collector.name: chosen}), collector).publish(records, 0).rendered.blocks
    samples = Page(plain(block.fragment for block in blocks).decode()).samples
    assert {dict(labels)["role"] for _, labels in samples} == kept


rows = st.lists(
    st.builds(vm, st.sampled_from("abcdefghij"), st.sampled_from("XYZ"), rpo=st.sampled_from([None, -1, 5, -7])),
    max_size=30,
)


@given(rows, st.integers(1, 60), st.integers(0, 10), st.randoms(use_true_random=False))
def test_a_zvm_never_has_more_series_than_max_series(
    many: list[Vm], most: int, others: int, order: random.Random
) -> None:
    """And which of its VMs it has does not hang on the order in which the ZVM lists them."""
    bounds = Selector(zvm(max_series=most), vms.COLLECTOR, OWN)
    unbounded = Selector(zvm(), vms.COLLECTOR, OWN).publish(many, others)
    bounded = bounds.publish(many, others)
    left = max(most - OWN - others, 0)
    assert bounded.rendered.series <= left
    unique = {(row.vpg, row.vpg_id, row.name, row.id) for row in many}
    if unbounded.rendered.series <= left:
        assert (bounded.cut, bounded.rendered.series) == (0, unbounded.rendered.series)
    else:
        shuffled = list({(row.vpg_id, row.id): row for row in reversed(many)}.values())
        order.shuffle(shuffled)
        kept = sorted(unique)[: len(unique) - bounded.cut]
        page = published(shuffled, zvm(max_series=most), others)
        assert bounded.cut > 0
        assert {(f["vpg"], f["vpg_id"], f["vm"], f["vm_id"]) for f, _ in page.all("zerto_vm_info")} == set(kept)
    assert bounded.rendered.duplicates == unbounded.rendered.duplicates
    assert bounded.rendered.impossible == unbounded.rendered.impossible


def test_one_selector_publishes_poll_after_poll_what_a_new_one_would() -> None:
    """What it remembers of a poll is neither cut off in the next one nor left in it."""
    config = zvm(options={"vms": Options(exclude={"vm": ("gone.*",)})}, max_series=OWN + 6)
    selector = Selector(config, vms.COLLECTOR, OWN)
    polls = [
        [vm("a"), vm("b"), vm("c")],
        [vm("a"), vm("b", rpo=9), vm("c"), vm("d")],
        [vm("gone-1"), vm("a"), vm("b", rpo=9)],
        [vm("z"), vm("y"), vm("x", "Web"), vm("a"), vm("b"), vm("a")],
        [vm("a"), vm("b"), vm("c")],
    ]
    for rows in polls:
        ours, new = selector.publish(rows, 0), Selector(config, vms.COLLECTOR, OWN).publish(rows, 0)
        assert [plain([one.fragment]) for one in ours.rendered.blocks] == [
            plain([one.fragment]) for one in new.rendered.blocks
        ]
        assert replace(ours, rendered=new.rendered) == new


def test_what_is_not_published_for_its_metric_leaves_room_for_more_vms() -> None:
    many = [vm(f"vm-{number}") for number in range(10)]
    allowed = Metrics(allow=("zerto_vm_info",))
    assert len(published(many, zvm(max_series=OWN + 8)).values("zerto_vm_info")) == 4
    assert len(published(many, zvm(max_series=OWN + 8, metrics=allowed)).values("zerto_vm_info")) == 8


def test_a_sum_and_who_is_suspected_have_their_place_before_each_vm() -> None:
    """An attack makes many series: what tells of it must not be the first to go."""
    attacked = [Who(f"vm-{number}", f"vm-{number}", "protected") for number in range(50)]
    one = Detection(
        enabled=True,
        measured=[OfVm(who, 1, 2, 3) for who in attacked],
        vms=[Suspicion(attacked[0], 2)],
        vpgs=[Suspicion(Who("vpg-1", "ERP", ""), 2)],
        volumes=[Volumes(attacked[0], 4)],
    )
    for most, sums, suspected, of_each_vm in ((99, 3, 3, 31), (11, 3, 3, 1), (8, 3, 3, 0), (4, 3, 1, 0)):
        published = Selector(zvm(max_series=OWN + most), encryption.COLLECTOR, OWN).publish([one], 0)
        samples = [block.samples for block in published.rendered.blocks]
        assert (sum(samples[:3]), sum(samples[3:6]), samples[6:]) == (sums, suspected, [of_each_vm] * 3)
        assert (published.rows, published.cut) == (1, 1)  # it is not whole


@pytest.fixture
async def sim(simulate: Simulate) -> Simulator:
    started: Simulator = await simulate(Estate("nyc", vms=20, seed=1), auth="session")
    return started


def of_nyc(page: Page) -> int:
    return sum(("zvm", "nyc") in labels and not name.startswith("zerto_exporter_") for name, labels in page.samples)


async def test_the_vms_are_cut_off_loudly_and_the_vpgs_stay(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Any
) -> None:
    """In the first poll too, whichever answer comes first; and when the limit is lifted all are back."""
    gate = asyncio.Event()
    sim.faults.set(vpgs.PATH, faults.slow(gate=gate), times=1)
    with capture_logs() as lines:
        running = await export([zvm_config(sim, ca_file=ca_file, max_series=250)])
        asyncio.get_running_loop().call_later(0.3, gate.set)  # the VMs have come by then, and wait
        await clock.idle(1)
        page = await running.page()
        cut = int(page.value("zerto_exporter_cut_records", collector="vms"))
        assert 150 < of_nyc(page) <= 250
        assert 0 < cut < 20
        assert len(page.values("zerto_vm_info")) == 20 - cut
        assert page.value("zerto_exporter_max_series", zvm="nyc") == 250
        assert page.value("zerto_exporter_cut_records", collector="vpgs") == 0
        _, landing = await running.get("/")
        assert f"vms: {cut} of 20 records are cut off: more series than <code>max_series</code>" in landing
        await clock.advance(60)
        assert len((await running.page()).values("zerto_vm_info")) == 20 - cut
        running.zvms[0] = zvm_config(sim, ca_file=ca_file)
        await running.exporter.reload()
        await sim.arrived(4, vms.PATH)
        await clock.idle(1)
    page = await running.page()
    assert len(page.values("zerto_vm_info")) == 20
    assert not page.values("zerto_exporter_max_series")
    (line,) = (line for line in lines if "max_series" in line["event"])
    assert (line["log_level"], line["cut"], line["collector"], line["rows"]) == ("warning", cut, "vms", 20)


async def test_what_a_new_configuration_excludes_goes_at_once(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Any
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    everything = await running.page()
    vpg = everything.all("zerto_vm_info")[0][0]["vpg"]
    sim.faults.set("/v1/v", faults.hang())
    chosen = Options(exclude={"vpg": (vpg,)})
    running.zvms[0] = zvm_config(sim, ca_file=ca_file, options={"vms": chosen, "vpgs": chosen})
    await running.exporter.reload()
    assert not (await running.page()).values("zerto_vm_info")
    sim.faults.clear()
    await running.exporter.stop()


async def test_a_tenant_sees_its_own_and_what_is_left_out_is_counted(
    sim: Simulator, export: Export, clock: DrivenClock, ca_file: Any
) -> None:
    running = await export([zvm_config(sim, ca_file=ca_file)])
    await clock.idle(1)
    vpg = (await running.page()).all("zerto_vm_info")[0][0]["vpg"]
    chosen = Options(include={"vpg": (vpg,)})
    running.zvms[0] = zvm_config(
        sim, ca_file=ca_file, options={"vms": chosen, "vpgs": chosen}, metrics=Metrics(deny=("zerto_.*_state",))
    )
    await running.exporter.reload()
    await sim.arrived(2, vms.PATH)
    await clock.idle(1)
    page = await running.page()
    assert {labels["vpg"] for _, labels in ((name, dict(has)) for name, has in page.samples) if "vpg" in labels} == {
        vpg
    }
    assert page.value("zerto_exporter_excluded_records", collector="vms") == 20 - len(page.values("zerto_vm_info"))
    assert page.value("zerto_exporter_excluded_records", collector="vpgs") > 0
    assert page.value("zerto_up") == 1
    assert not page.values("zerto_vm_state")
    assert not page.values("zerto_vpg_state")
    (status,) = running.exporter.poller.statuses()
    assert status.summary is not None
    assert status.summary.vms == len(page.values("zerto_vm_info"))


class Wire(Struct):
    name: str
    of: str


def collector_of(name: str, counts: dict[str, int], gates: dict[str, asyncio.Event]) -> Collector[Wire]:
    """Return a collector that yields to nobody, and whose ZVM has as many records as *counts* says."""

    def begin(_source: Source) -> Fetch[Wire]:
        async def fetch() -> Decoded[Wire]:
            await gates[name].wait()
            return Decoded([Wire(f"{name}-{number:03}", name) for number in range(counts[name])])

        return fetch

    table: Table[Wire] = Table({"one": lambda row: row.name}, Metric(f"zerto_{name}", "One.", "x", NONE, lambda _: 1))
    return Collector(name, name, f"/v1/{name}", (table,), begin)


async def test_max_series_holds_whatever_collectors_there_are(sim: Simulator, ca_file: Any) -> None:
    """Three that yield to nobody, whichever ends first and however they grow: never passed, and used in their order."""
    counts, gates = {"a": 30, "b": 30, "c": 30}, {name: asyncio.Event() for name in "abc"}
    chosen = {name: collector_of(name, counts, gates) for name in counts}
    telemetry = Telemetry("1", poll_outcomes=POLL_OUTCOMES, login_outcomes=(), series=lambda *_: 0, process=False)
    store = Store({name: collector.tables for name, collector in chosen.items()})
    poller = Poller(store, telemetry, collectors=chosen)
    own = own_series(list(chosen.values()))
    poller.reconfigure([zvm_config(sim, ca_file=ca_file, max_series=own + 50, collectors=tuple(counts))])

    async def polled(order: str) -> list[int]:
        for gate in gates.values():
            gate.clear()
        poll = asyncio.create_task(poller.once())
        for name in order:
            gates[name].set()
            for _ in range(3):
                await in_poll_thread(int)
                await asyncio.sleep(0)
            assert len(Page(plain(store.page()).decode()).samples) <= own + 50
        await poll
        assert len(Page(plain(store.page()).decode()).samples) <= own + 50
        return [store.series("nyc", name) for name in "abc"]

    assert await polled("cba") == [30, 20, 0]
    counts.update(a=10)
    await polled("cba")
    assert await polled("bca") == [10, 30, 10]
    counts.update(a=45)
    await polled("acb")
    await polled("acb")
    assert await polled("cab") == [45, 5, 0]
    await poller.stop()
