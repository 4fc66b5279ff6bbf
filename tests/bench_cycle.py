"""What `make bench` measures of the whole cycle: the processor time of the exporter's process for a poll and a scrape.

That is the request, HTTP, decoding, rendering, compressing, freeing, and one answer to Prometheus: all that the kernel
counts for the process. The ZVM is another process that answers prepared bodies. json.loads of the same body takes turns
with the cycles, in this process, while the exporter is idle.
"""

from __future__ import annotations

import gc
import gzip
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from bench_tools import STARTED, Client, Line, Process, health, process, python
from bench_zvm import VMS, written

from exporter.simulator import Estate

AUTH = "{method: session, username: prometheus@vsphere.local, password: simulated}"
LIVING = 6  # bodies
POLL_SECONDS = 30  # between two bodies, by the estate's clock
IDLE_SECONDS = 0.08
COPIES = 10  # of the estate, for the law to many VMs on one ZVM


@dataclass(frozen=True)
class Cycle:
    """One poll and one scrape: the exporter's processor time in seconds, and that of json.loads."""

    ours: float
    json: float


def cycle_cost(vms: int, cycles: int, seconds: float) -> Iterator[Line]:
    """Measure *cycles* of each estate, then `/-/healthy` for about *seconds*."""
    alive = living(vms)
    same, tenth = alive[:1], [alive[0], _tenth(alive[0], alive[1])]
    cost, page, lines = _measured(alive, cycles, seconds, "living estate", vms)
    series = page.count(b"\n") - page.count(b"\n#")
    yield _ratio("living estate", cost, 1.0)
    each = statistics.median(cycle.ours for cycle in cost) / series * 1e6
    yield Line(f"whole cycle, living estate, each of {series} series, CPU", f"{each:.2f} us", "<= 1.0 us", each <= 1)
    yield from lines
    for what, bodies, goal in (("nothing changed", same, 0.75), ("a tenth of the VMs changed", tenth, None)):
        cost, _, lines = _measured(bodies, cycles, seconds, what, vms)
        yield _ratio(what, cost, goal)
        yield from lines


def law_cost(vms: int, cycles: int, seconds: float) -> Iterator[Line]:
    """Compare what a VM costs on a ZVM of *vms* and on one of COPIES times as many, living estates both."""
    alive = living(vms)[:2]
    copied = [_copied(body) for body in alive]
    few, _, _ = _measured(alive, cycles, 0, "", vms)
    many, _, lines = _measured(copied, max(cycles // 3, 3), seconds, f"one ZVM of {vms * COPIES} VMs", vms * COPIES)
    again, _, _ = _measured(alive, cycles, 0, "", vms)  # before and after: a shared machine is now faster, now slower
    # The median of both: the least of many cycles is lower than the least of a few.
    each = [
        statistics.median(cycle.ours for cycle in cost) / count * 1e6
        for cost, count in (([*few, *again], vms), (many, vms * COPIES))
    ]
    yield Line(
        f"whole cycle, CPU per VM, one ZVM of {vms * COPIES} VMs / of {vms} ({each[0]:.1f} us)",
        f"{each[1] / each[0]:.2f}",
        "<= 1.25",
        each[1] / each[0] <= 1.25,
    )
    yield from lines


def _ratio(what: str, cost: Sequence[Cycle], goal: float | None) -> Line:
    ratio = statistics.median(cycle.ours / cycle.json for cycle in cost)
    ours = statistics.median(cycle.ours for cycle in cost) * 1e3
    label = f"whole cycle / json.loads, {what} ({ours:.0f} ms)"
    return Line(label, f"{ratio:.2f}") if goal is None else Line(label, f"{ratio:.2f}", f"<= {goal:g}", ratio <= goal)


def _measured(
    bodies: Sequence[bytes], cycles: int, seconds: float, what: str, vms: int
) -> tuple[list[Cycle], bytes, list[Line]]:
    """Return the costs of *cycles*, the page as it was at their end, and what `/-/healthy` took *seconds* long."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        written(folder / "bodies", VMS, bodies)
        interval = max(vms / 5_000, 0.5)
        with python("tests/bench_zvm.py", str(folder / "bodies")) as zvm, _exporter(folder, zvm.url, interval) as ours:
            client = Client(ours.port, "/metrics")
            for _ in range(2):  # the first poll renders all, and the second is the first that can compare
                _after_poll(zvm, ours)
                page = client.get()
            cost, before = [], cpu(ours)
            for number in range(cycles):
                _after_poll(zvm, ours)
                page = client.get()
                after = cpu(ours)
                cost.append(Cycle(after - before, _json(bodies[(number + 2) % len(bodies)]) if vms <= 10_000 else 0))
                before = after
            lines = list(health(ours, seconds, what)) if seconds else []
    return cost, gzip.decompress(page), lines


@contextmanager
def _exporter(folder: Path, url: str, interval: float) -> Iterator[Process]:
    config = folder / "config.yaml"
    zvm = (
        f"{{name: nyc, url: {url}, collectors: [vms], max_body: 1GiB, interval: {interval * 1e3:.0f}ms, auth: {AUTH}}}"
    )
    config.write_text(f"zvms: [{zvm}]\n")
    with process("serve", "--config.file", str(config), "--web.listen-address", "127.0.0.1:0") as ours:
        yield ours


def _after_poll(zvm: Process, ours: Process) -> None:
    """Wait until the ZVM is asked for the VMs, and then until the exporter has nothing more to do."""
    zvm.line()
    deadline = time.monotonic() + 120
    used = -1.0
    while cpu(ours) - used > IDLE_SECONDS / 20:
        used = cpu(ours)
        if time.monotonic() > deadline:
            raise RuntimeError("the exporter is never idle: is the interval too short?")
        time.sleep(IDLE_SECONDS)


def cpu(of: Process) -> float:
    """Return the processor time that a process has used in seconds, to the nanosecond: its clock as Linux has it."""
    return time.clock_gettime(~of.pid << 3 | 2)


def _json(body: bytes) -> float:
    gc.collect()
    started = time.thread_time()
    json.loads(body)
    return time.thread_time() - started


def living(vms: int) -> list[bytes]:
    """Return what a ZVM answers at polls that follow one another: rates, RPO and journals change, the rest seldom."""
    now = [STARTED]
    estate = Estate("nyc", vms=vms, seed=1, clock=lambda: now[0])
    bodies = []
    for _ in range(LIVING):
        bodies.append(msgspec.json.encode(estate.vms()))
        now[0] += POLL_SECONDS
    return bodies


def _tenth(before: bytes, after: bytes) -> bytes:
    """Return *before*, in which the VMs of each tenth VPG are as they are *after*."""
    documents: list[list[dict[str, Any]]] = [json.loads(body) for body in (before, after)]
    vpgs = list(dict.fromkeys(vm["VpgIdentifier"] for vm in documents[0]))
    changed = set(vpgs[::10])
    return msgspec.json.encode(
        [new if old["VpgIdentifier"] in changed else old for old, new in zip(*documents, strict=True)]
    )


def _copied(body: bytes) -> bytes:
    """Return COPIES of the VMs of *body*, which differ by their identifiers."""
    copies = []
    for number in range(COPIES):
        copy = body.strip()[1:-1]
        for key in (b"VmIdentifier", b"VpgIdentifier"):
            copy = copy.replace(b'"%s":"' % key, b'"%s":"%d' % (key, number))
        copies.append(copy)
    return b"[" + b",".join(copies) + b"]"
