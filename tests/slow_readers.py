"""What clients cost that take the page without gzip and read slowly: run it by hand, it asserts nothing.

    python tests/slow_readers.py --vms 10000 --clients 60 --seconds 15 -- --web.max-requests 0

It prints the peak of the exporter's memory and how long `/-/healthy` took meanwhile. What stands after `--` is given
to the exporter.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_service import configuration
from bench_tools import Client, await_samples, percentiles, process

_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n"


def slow_reader(port: int, stop: threading.Event, statuses: Counter[str]) -> None:
    """Take the page in small bites; begin anew when it is cut off."""
    while not stop.is_set():
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
            line.connect(("127.0.0.1", port))
            line.sendall(_REQUEST)
            try:
                statuses[line.recv(2**14)[9:12].decode()] += 1
                while not stop.wait(0.1) and line.recv(2**14):
                    pass
            except OSError:
                statuses["cut"] += 1


def memory(pid: int) -> float:
    """Return the peak of the resident memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmHWM")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("given", nargs="*", help="arguments of the exporter")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        zvm = stack.enter_context(process("simulate", "--port", "0", "--vms", str(options.vms)))
        arguments = configuration(folder, zvm.url, zvms=1, interval="5s")
        ours = stack.enter_context(process(*arguments, *options.given))
        await_samples(ours.port, options.vms)
        before = memory(ours.pid)
        stop, statuses, times = threading.Event(), Counter[str](), []
        readers = [
            threading.Thread(target=slow_reader, args=(ours.port, stop, statuses)) for _ in range(options.clients)
        ]
        client = Client(ours.port, "/-/healthy")
        for reader in readers:
            reader.start()
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            times.append(client.latency())
            time.sleep(0.005)
        after = memory(ours.pid)
        stop.set()
        for reader in readers:
            reader.join()
    p50, p99 = percentiles(times)
    sys.stdout.write(
        f"{options.clients} slow readers of a page of {options.vms} VMs, answers {dict(statuses)}\n"
        f"peak resident memory: {before:.0f} MB before, {after:.0f} MB with them\n"
        f"/-/healthy: p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {max(times):.1f} ms, {len(times)} requests\n"
    )


if __name__ == "__main__":
    main()
