"""What measures: processes of the exporter and of simulated ZVMs, a client with a watch, a line of the result."""

from __future__ import annotations

import gzip
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO, Final
from urllib.parse import urlsplit

STARTED: Final = 1_800_000_000.0  # seconds since the epoch: when estates begin to live


@dataclass(frozen=True)
class Line:
    """A figure and, where there is one, its target."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        verdict = "" if self.met is None else "pass" if self.met else "FAIL"
        return f"{self.what:<66}{self.figure:>12}   {self.target:<18}{verdict}".rstrip()


class Client:
    """A scraper: keeps its connection, asks for gzip, reads the whole body."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode()
        self._buffer = bytearray(2**20)

    def get(self) -> bytes:
        """Return the body as it was sent."""
        return b"".join(self._read(keep=True))

    def text(self) -> str:
        """Return the text of a compressed body."""
        return gzip.decompress(self.get()).decode()

    def latency(self) -> float:
        started = time.perf_counter()
        for _ in self._read(keep=False):
            pass
        return (time.perf_counter() - started) * 1e3

    def _read(self, *, keep: bool) -> Iterator[bytes]:
        self._socket.sendall(self._request)
        head = b""
        while b"\r\n\r\n" not in head:
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("closed in mid-answer")
            head += received
        head, _, body = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(head.decode(errors="replace"))
        (length,) = (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        yield body
        left = length - len(body)
        while left:
            count = self._socket.recv_into(self._buffer)
            if count == 0:
                raise ConnectionError("closed in mid-answer")
            left -= count
            yield bytes(self._buffer[:count]) if keep else b""


def percentiles(values: list[float]) -> tuple[float, float]:
    """Return p50 and p99 of at least two *values*; of a few, p99 is the largest."""
    hundredths = statistics.quantiles(values, n=100)
    return hundredths[49], min(hundredths[98], max(values))


@dataclass(frozen=True)
class Process:
    pid: int
    url: str
    output: IO[str]
    input: IO[str]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def tell(self, text: str) -> None:
        """Give it a line to read."""
        print(text, file=self.input, flush=True)

    def line(self) -> str:
        """Return the next line that it prints, once it does."""
        line = self.output.readline()
        if not line:
            raise RuntimeError(f"process {self.pid} has ended")
        return line


def process(*arguments: str) -> AbstractContextManager[Process]:
    """Run the exporter."""
    return python("-m", "exporter", *arguments)


@contextmanager
def python(*arguments: str) -> Iterator[Process]:
    """Run Python until the end of the block; what it runs listens, and says where."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield _announced(process)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _announced(process: subprocess.Popen[str]) -> Process:
    """Return *process* with the address that it says it listens on."""
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("nothing to read or to write")
    for line in process.stdout:
        if "http://" in line and "simulated" in line:
            return Process(process.pid, "http://" + line.partition("http://")[2].strip(), process.stdout, process.stdin)
        if " addresses=" in line:
            url = "http://" + line.partition(" addresses=")[2].split()[0]
            return Process(process.pid, url, process.stdout, process.stdin)
    raise RuntimeError(f"{process.args!r} ended without listening")


def await_samples(port: int, vms: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        page = gzip.decompress(Client(port, "/metrics").get())
        if page.count(b"\nzerto_vm_info{") >= vms:
            return
        time.sleep(0.2)
    raise RuntimeError("no samples within two minutes")


def health(ours: Process, seconds: float, what: str) -> Iterator[Line]:
    """Ask `/-/healthy` all the while: what the loop cannot answer, it is busy with something else."""
    client = Client(ours.port, "/-/healthy")
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 2:
        times.append(client.latency())
        time.sleep(0.001)  # a load that leaves the processors to the polls
    _, p99 = percentiles(times)
    yield Line(f"/-/healthy p99, {what}", f"{p99:.1f} ms", "<= 20 ms", p99 <= 20)
    yield Line(f"/-/healthy max, {what}", f"{max(times):.1f} ms", "<= 50 ms", max(times) <= 50)
