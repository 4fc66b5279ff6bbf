"""What `make bench` measures of the running service: start, stalls of its event loop, memory, cost of many ZVMs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_tools import Client, Line, Process, await_samples, health, process
from prometheus_client.parser import text_string_to_metric_families

AUTH = "{username: prometheus@vsphere.local, password: simulated}"


def service_cost(vms: int, seconds: float, polls: int) -> Iterator[Line]:
    """Measure each thing for about *seconds*, with *vms* VMs in all (a tenth of them on each of many ZVMs)."""
    tenth = max(vms // 10, 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        large = stack.enter_context(process("simulate", "--port", "0", "--vms", str(vms)))
        small = stack.enter_context(process("simulate", "--port", "0", "--vms", str(tenth)))
        yield _start(folder)
        yield from _stall(folder, small, f"10 ZVMs of {tenth} VMs", zvms=10, vms=tenth, seconds=seconds)
        yield _peak(folder, large, vms, polls // 10)
        yield from _growth(folder, small, tenth, polls)
        yield _many(folder, small, tenth, seconds)


def _start(folder: Path) -> Line:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        with process(*configuration(folder, "http://127.0.0.1:1", zvms=1, interval="10s")) as ours:
            Client(ours.port, "/-/healthy").latency()
            times.append(time.perf_counter() - started)
    median = statistics.median(times)
    return Line("start to first answer on /-/healthy", f"{median:.2f} s", "<= 1 s", median <= 1)


def _stall(folder: Path, zvm: Process, what: str, *, zvms: int, vms: int, seconds: float) -> Iterator[Line]:
    with process(*configuration(folder, zvm.url, zvms=zvms, interval="2s")) as ours:
        await_samples(ours.port, zvms * vms)
        yield from health(ours, seconds, what)


def _peak(folder: Path, zvm: Process, vms: int, polls: int) -> Line:
    with process(*configuration(folder, zvm.url, zvms=1, interval="1s")) as ours:
        await_samples(ours.port, vms)
        _after_polls(ours, polls)
        peak = memory(ours, "VmHWM")
    return Line(
        f"peak resident memory, one ZVM of {vms} VMs, {polls} polls", f"{peak / 1e6:.0f} MB", "<= 200 MB", peak <= 200e6
    )


def _growth(folder: Path, zvm: Process, vms: int, polls: int) -> Iterator[Line]:
    """Compare memory after *polls* polls, when caches are full and the heap is as large as it gets, with as many later.

    Each is the lowest reading during half as many polls: of what a poll needed for a while the allocator gives back
    now more, now less, but what leaks is in every reading. 3 % are 9 bytes for each VM and poll, less than the smallest
    object: any that were kept of every VM would be seen.
    """
    with process(*configuration(folder, zvm.url, zvms=1, interval="100ms")) as ours:
        await_samples(ours.port, vms)
        _after_polls(ours, polls)
        early = _after_polls(ours, polls + polls // 2)
        _after_polls(ours, 2 * polls)
        late = _after_polls(ours, 2 * polls + polls // 2)
    growth = late / early - 1
    yield Line(f"resident memory after {polls} polls", f"{early / 1e6:.1f} MB")
    yield Line(f"growth over the next {polls} polls", f"{growth:+.1%}", "none (<= 3 %)", growth <= 0.03)


def _many(folder: Path, zvm: Process, vms: int, seconds: float) -> Line:
    """Compare what a VM costs with each poll, by the exporters' own account, where both run at the same time.

    So neither has the machine in a better state than the other; their starts, and our scrapes of all pages, are over.
    """
    with (
        process(*configuration(folder, zvm.url, zvms=1, interval=f"{int(seconds * 50)}ms")) as one,
        process(*configuration(folder, zvm.url, zvms=100, interval=f"{int(seconds * 1000)}ms")) as many,
    ):
        await_samples(one.port, vms)
        await_samples(many.port, 100 * vms)
        time.sleep(2 * seconds)  # an account may be some seconds old
        before = [_account(exporter) for exporter in (one, many)]
        time.sleep(3 * seconds)
        after = [_account(exporter) for exporter in (one, many)]
    cpu = [(late[0] - early[0]) / ((late[1] - early[1]) * vms) for early, late in zip(before, after, strict=True)]
    what = f"CPU per VM, 100 ZVMs of {vms} VMs / one ({cpu[0] * 1e6:.1f} us a VM and poll)"
    return Line(what, f"{cpu[1] / cpu[0]:.2f}", "<= 1.25", cpu[1] / cpu[0] <= 1.25)


def _account(ours: Process) -> tuple[float, float]:
    page = Client(ours.port, "/metrics?collect[]=exporter").text()
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    cpu = sum(sample.value for sample in samples if sample.name == "process_cpu_seconds_total")
    polls = sum(
        sample.value
        for sample in samples
        if sample.name == "zerto_exporter_polls_total"
        and (sample.labels["collector"], sample.labels["outcome"]) == ("vms", "success")
    )
    return cpu, polls


def _after_polls(ours: Process, polls: int) -> int:
    """Wait until there were *polls*; return the lowest resident memory in the meantime, in bytes."""
    deadline = time.monotonic() + 300
    lowest = memory(ours, "VmRSS")
    while _account(ours)[1] < polls:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not {polls} polls in 5 minutes")
        for _ in range(25):
            time.sleep(0.02)
            lowest = min(lowest, memory(ours, "VmRSS"))
    return lowest


def memory(ours: Process, what: str) -> int:
    """Return what /proc says of the memory of a process, in bytes: VmRSS now, VmHWM the most that it had."""
    status = Path(f"/proc/{ours.pid}/status").read_text()
    (kibibytes,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{what}:"))
    return kibibytes * 1024


def configuration(folder: Path, url: str, *, zvms: int, interval: str) -> list[str]:
    config = folder / "config.yaml"
    lines = [f"defaults: {{interval: {interval}, auth: {AUTH}, collectors: [vms, vpgs]}}", "zvms:"]
    lines += [f"  - {{name: zvm-{number:03}, url: {url}}}" for number in range(zvms)]
    config.write_text("\n".join(lines) + "\n")
    return ["serve", "--config.file", str(config), "--web.listen-address", "127.0.0.1:0"]
