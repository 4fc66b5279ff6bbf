"""A fleet by hand: many simulated ZVMs in another process, the exporter as a service, a real Prometheus.

    .venv/bin/python tests/fleet.py --zvms 100 --vms 1000 --interval 60 --seconds 180

Prints what it costs, and whether all ZVMs are fresh two intervals after the start. Prometheus finds the ZVMs by
`http_sd_configs`, a target each; its own opinion of those targets is asked for at the end.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import quote

from bench_service import configuration
from bench_tools import Client, Process, percentiles, process
from prometheus_client.parser import text_string_to_metric_families

SETTLING_SECONDS = 20.0


def main() -> None:
    """Run and print; exit with 1 if a ZVM is not fresh or Prometheus had an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zvms", type=int, default=100)
    parser.add_argument("--vms", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=60, help="seconds")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long it runs after the start")
    parser.add_argument("--without-prometheus", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        zvm = stack.enter_context(process("simulate", "--port", "0", "--vms", str(options.vms)))
        config = configuration(folder, zvm.url, zvms=options.zvms, interval=f"{options.interval}s")
        ours = stack.enter_context(process(*config))
        prometheus = None if options.without_prometheus else stack.enter_context(_prometheus(folder, ours.port))
        good = _run(ours, options, prometheus)
    sys.exit(0 if good else 1)


def _run(ours: Process, options: argparse.Namespace, prometheus: str | None) -> bool:
    started = time.monotonic()
    paths = ("/metrics", "/probe?target=zvm-000", "/-/healthy", "/metrics?collect[]=exporter")
    whole, probe, health, own = (Client(ours.port, path) for path in paths)
    all_up = _all_up(whole, options.zvms, started)
    print(f"all {options.zvms} ZVMs polled: {all_up:.1f} s after the start", flush=True)
    time.sleep(max(started + options.interval + SETTLING_SECONDS - time.monotonic(), 0))
    before, begun = _own(own), time.monotonic()
    times: dict[str, list[float]] = {"/metrics": [], "/probe": [], "/-/healthy": []}
    while time.monotonic() < started + options.seconds:
        times["/metrics"].append(whole.latency())
        for _ in range(20):
            times["/probe"].append(probe.latency())
            times["/-/healthy"].append(health.latency())
            time.sleep(0.05)
    after, ended = _own(own), time.monotonic()
    page = whole.text()
    ages = _ages(page)
    fresh = [age for age in ages if age <= options.interval + SETTLING_SECONDS]
    status = _status(ours)
    polls = after["polls"] - before["polls"]
    cpu = after["cpu"] - before["cpu"]
    vms = options.zvms * options.vms
    gzip = len(whole.get()) / 1e6
    print(f"{vms} VMs, {page.count(chr(10))} lines, page {len(page) / 1e6:.0f} MB, with gzip {gzip:.1f} MB")
    print(f"fresh: {len(fresh)} of {options.zvms}, the oldest samples are of {max(ages, default=0):.1f} s ago")
    share, per_vm = cpu / (ended - begun), cpu / polls / options.vms * 1e6
    print(f"CPU: {share:.3f} of a processor with all these scrapes, {per_vm:.1f} us a VM and poll")
    rss, most = status["VmRSS"], status["VmHWM"]
    print(f"memory: {rss / 1e6:.0f} MB, at most {most / 1e6:.0f} MB, {rss / vms:.0f} bytes a VM")
    for path, taken in times.items():
        p50, p99 = percentiles(taken)
        print(f"{path}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {max(taken):.1f} ms, {len(taken)} requests")
    good = len(fresh) == options.zvms
    return _targets(prometheus, options.zvms) and good if prometheus else good


def _all_up(whole: Client, zvms: int, started: float) -> float:
    while True:
        if whole.text().count("zerto_collector_success{") == 2 * zvms:
            return time.monotonic() - started
        if time.monotonic() > started + 300:
            raise RuntimeError("not all ZVMs were polled in 5 minutes")
        time.sleep(0.5)


def _own(own: Client) -> dict[str, float]:
    samples = [sample for family in text_string_to_metric_families(own.text()) for sample in family.samples]
    return {
        "cpu": next(s.value for s in samples if s.name == "process_cpu_seconds_total"),
        "polls": sum(
            s.value
            for s in samples
            if s.name == "zerto_exporter_polls_total"
            and (s.labels["collector"], s.labels["outcome"]) == ("vms", "success")
        ),
    }


def _ages(page: str) -> list[float]:
    now = time.time()
    lines = (line for line in page.splitlines() if line.startswith("zerto_collector_last_success_timestamp_seconds{"))
    return [now - float(line.rpartition(" ")[2]) for line in lines if 'collector="vms"' in line]


def _status(ours: Process) -> dict[str, float]:
    lines = Path(f"/proc/{ours.pid}/status").read_text().splitlines()
    return {line.split(":")[0]: float(line.split()[1]) * 1024 for line in lines if line.startswith("Vm")}


@contextmanager
def _prometheus(folder: Path, port: int) -> Iterator[str]:
    """Run a Prometheus that discovers the ZVMs of the exporter at *port*; yield its URL."""
    program = shutil.which("prometheus")
    if program is None:
        raise SystemExit("prometheus is not installed; see --without-prometheus")
    with create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    file = folder / "prometheus.yml"
    file.write_text(
        "global: {scrape_interval: 30s, scrape_timeout: 10s}\n"
        "scrape_configs:\n"
        "  - job_name: zerto-zvm\n"
        f"    http_sd_configs: [{{url: 'http://127.0.0.1:{port}/api/v1/sd', refresh_interval: 5s}}]\n"
    )
    flags = [f"--config.file={file}", f"--web.listen-address={address}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    log = (folder / "prometheus.log").open("w")
    running = subprocess.Popen([program, *flags], stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        running.terminate()
        running.wait(timeout=60)
        log.close()


def _targets(prometheus: str, zvms: int) -> bool:
    """Print and judge what Prometheus says of its targets, over all that it has scraped."""
    targets = _get(f"{prometheus}/api/v1/targets?state=active")["activeTargets"]
    healthy = [target for target in targets if target["health"] == "up" and not target["lastError"]]
    durations = [target["lastScrapeDuration"] * 1e3 for target in healthy]
    failures = _value(prometheus, "sum(count_over_time(up[10m])) - sum(sum_over_time(up[10m]))")
    scrapes = _value(prometheus, "sum(count_over_time(up[10m]))")
    samples = _value(prometheus, "sum(scrape_samples_scraped)")
    print(f"Prometheus: {len(targets)} targets, {len(healthy)} up without an error")
    print(f"Prometheus: {scrapes:.0f} scrapes, {failures:.0f} failed, {samples:.0f} samples a round")
    print(f"Prometheus: last scrapes: median {statistics.median(durations):.0f} ms, max {max(durations):.0f} ms")
    return len(healthy) == zvms and failures == 0


def _value(prometheus: str, query: str) -> float:
    (sample,) = _get(f"{prometheus}/api/v1/query?query={quote(query)}")["result"]
    return float(sample["value"][1])


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - a Prometheus of our own
        return json.load(answer)["data"]


if __name__ == "__main__":
    main()
