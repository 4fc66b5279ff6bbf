"""What `make bench` measures: the cost of a poll and of a scrape at 10,000 VMs, as ratios within one run.

Machines differ and are noisy: each figure is the median of rounds in which ours and the public thing that it is
measured against take turns. The whole cycle is measured as a process; `--only cycle` and other parts go by themselves.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain, cycle
from pathlib import Path
from unittest.mock import patch

from bench_cycle import cycle_cost, law_cost, living
from bench_estate import estate_cost
from bench_service import service_cost
from bench_tools import Client, Line, await_samples, percentiles, process
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors.vms import DECODER, TABLE, Vm
from exporter.prometheus import table as exposition
from exporter.prometheus.gzip import Fragment, Stream, gzipped, unzipped
from exporter.prometheus.table import Rendered, Renderer

CONSTANT = {"zvm": "nyc"}
PAUSE_SECONDS = 0.3
PARTS = ("cycle", "law", "estate", "poll", "scrape", "service")


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the CPU time of one call in milliseconds, after the garbage of the last one is gone."""
    gc.collect()
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e3


def poll_cost(vms: int, rounds: int) -> Iterator[Line]:
    """Decode, render and compress a living estate against json.loads, render against generate_latest; CPU, in turns.

    What is measured against generate_latest is a first rendering, without anything to compare with.
    """
    bodies = cycle(living(vms))
    body = next(bodies)
    rows = _rows(body)
    rendered = TABLE.render(CONSTANT, rows)
    registry = CollectorRegistry()
    registry.register(_Ready(list(text_string_to_metric_families(_page(rendered)))))
    renderer: Renderer[Vm] = Renderer(TABLE, CONSTANT)
    renderer.render(rows)

    def whole() -> None:
        renderer.render(_rows(next(bodies)))

    def render() -> None:
        with patch.object(exposition, "Stream", _Nothing):
            TABLE.render(CONSTANT, rows)

    works: dict[str, Callable[[], object]] = {
        "json": lambda: json.loads(body),
        "decode": lambda: _rows(body),
        "render": render,
        "render and compress": lambda: TABLE.render(CONSTANT, rows),
        "whole": whole,
        "latest": lambda: generate_latest(registry),
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(cpu_ms(work))
    ms = {name: statistics.median(values) for name, values in taken.items()}
    against_json = statistics.median(ours / theirs for ours, theirs in zip(taken["whole"], taken["json"], strict=True))
    against_latest = statistics.median(
        theirs / ours for ours, theirs in zip(taken["render"], taken["latest"], strict=True)
    )
    parts = [part for block in rendered.blocks for part in block.parts]
    yield Line("body of GET /v1/vms", f"{len(body) / 1e6:.1f} MB", f"{len(rows)} VMs")
    yield Line("samples", f"{sum(part.size for part in parts) / 1e6:.1f} MB", f"{rendered.series} series")
    yield Line("samples, compressed", f"{sum(len(part.data) for part in parts) / 1e6:.2f} MB")
    yield Line("json.loads of the body, CPU", f"{ms['json']:.1f} ms")
    yield Line("our decode, CPU", f"{ms['decode']:.1f} ms")
    yield Line("our first render, CPU", f"{ms['render']:.1f} ms")
    yield Line("our first render and compression, CPU", f"{ms['render and compress']:.1f} ms")
    yield Line(
        "decode + render + compress, living estate / json.loads", f"{against_json:.2f}", "<= 1", against_json <= 1
    )
    yield Line("generate_latest of the same series, CPU", f"{ms['latest']:.0f} ms")
    yield Line("generate_latest / our first render", f"{against_latest:.1f}", ">= 20", against_latest >= 20)


def _rows(body: bytes) -> list[Vm]:
    return DECODER.decode(body, "application/json", "").rows


class _Nothing(Stream):
    """Leaves each text as it is."""

    def fragment(self, text: bytes) -> Fragment:
        """Return *text*."""
        return Fragment(text, len(text), 0)


class _Ready:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            gauge = GaugeMetricFamily(family.name, family.documentation)
            gauge.samples = family.samples
            yield gauge


def _page(rendered: Rendered) -> str:
    parts = [
        part
        for metric, block in zip(TABLE.metrics, rendered.blocks, strict=True)
        for part in (metric.header, *block.parts)
    ]
    return unzipped(gzipped(*parts)).decode()


def scrape_cost(vms: int, scrapes: int) -> Iterator[Line]:
    """Scrape latency with gzip over loopback, and that of nginx with the same bytes as a file, in turns.

    With a pause between, as Prometheus makes one, and back to back. Polls go on at the default interval.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        zvm = stack.enter_context(process("simulate", "--port", "0", "--vms", str(vms)))
        config = folder / "config.yaml"
        auth = "{username: prometheus@vsphere.local, password: simulated}"
        config.write_text(f"zvms: [{{name: nyc, url: {zvm.url}, auth: {auth}}}]\n")
        ours = stack.enter_context(
            process("serve", "--config.file", str(config), "--web.listen-address", "127.0.0.1:0")
        )
        await_samples(ours.port, vms)
        body = Client(ours.port, "/metrics").get()
        clients = {"ours": Client(ours.port, "/metrics")}
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if nginx:
            clients["nginx"] = Client(stack.enter_context(_nginx(nginx, folder, body)), "/metrics")
        yield Line("scrape body, gzip", f"{len(body) / 1e6:.2f} MB", f"{len(gzip.decompress(body)) / 1e6:.1f} MB plain")
        paused = _in_turns(clients, scrapes, PAUSE_SECONDS)
        p50, p99 = percentiles(paused["ours"])
        yield Line("scrape, gzip, loopback, with pauses, p50", f"{p50:.2f} ms", "<= 2 ms", p50 <= 2)
        yield Line("scrape, gzip, loopback, with pauses, p99", f"{p99:.2f} ms", "<= 10 ms", p99 <= 10)
        if nginx:
            nginx_p50, nginx_p99 = percentiles(paused["nginx"])
            yield Line("nginx, the same bytes, with pauses, p50 / p99", f"{nginx_p50:.2f} / {nginx_p99:.2f} ms")
            ratio = p50 / nginx_p50
            yield Line("scrape p50 / nginx p50, with pauses", f"{ratio:.2f}", "<= 1.5", ratio <= 1.5)
        else:
            yield Line("nginx, the same bytes", "not installed")
        for name, times in _in_turns(clients, scrapes, 0).items():
            p50, p99 = percentiles(times)
            yield Line(f"back to back, {name}, p50 / p99", f"{p50:.2f} / {p99:.2f} ms")


def _in_turns(clients: Mapping[str, Client], scrapes: int, pause: float) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in clients}
    for turn in range(scrapes):
        time.sleep(pause)
        # The second finds the processor awake: each is that in every other turn.
        for name in sorted(clients, reverse=turn % 2 == 0):
            times[name].append(clients[name].latency())
    return times


@contextmanager
def _nginx(program: str, folder: Path, body: bytes) -> Iterator[int]:
    """Serve *body* as a static file, as nginx does it best: sendfile, keep-alive, no log."""
    (folder / "metrics").write_bytes(body)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(
        f"user root; daemon off; worker_processes 1; error_log stderr; pid {folder}/nginx.pid;\n"
        "events {}\n"
        "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type text/plain;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {folder}; add_header Content-Encoding gzip; }} }}\n"
    )
    process = subprocess.Popen(
        [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def main() -> None:
    """Measure and print; exit with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--scrapes", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--polls", type=int, default=200)
    parser.add_argument("--cycles", type=int, default=8)
    parser.add_argument("--intervals", type=int, default=30)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()

    parts: dict[str, Callable[[], Iterator[Line]]] = {
        "cycle": lambda: cycle_cost(options.vms, options.cycles, options.seconds),
        "law": lambda: law_cost(options.vms, options.cycles, options.seconds),
        "estate": lambda: estate_cost(options.vms, options.intervals),
        "poll": lambda: poll_cost(options.vms, options.rounds),
        "scrape": lambda: scrape_cost(options.vms, options.scrapes),
        "service": lambda: service_cost(options.vms, options.seconds, options.polls),
    }
    missed = False
    for line in chain.from_iterable(parts[part]() for part in PARTS if part in options.only):
        print(line, flush=True)
        missed = missed or line.met is False
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
