"""What `make bench-rules` asks Prometheus about: our own page, and a history in which it lives.

The page is that of `zerto-exporter demo`, so names, labels and values are the exporter's own. Whatever changes from
poll to poll in a real estate changes here each minute; the rest stays.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from bench_tools import Client
from prometheus_server import free_port
from tsdb_block import SAMPLES_OF_A_CHUNK, Block, Labels

Series = tuple[Labels, float]

STEP: Final = 60_000  # ms, as all times here
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR

_TARGET: Final = {"job": "zerto", "instance": "127.0.0.1:9403"}
_CLOCK: Final = re.compile(r"zerto_collector_last_success_timestamp_seconds")
_COUNTER: Final = re.compile(r".*_(total|bucket|sum|count)")
_LIVING: Final = re.compile(
    r"(zerto_v(m|pg)_|v(m|pg):zerto_v(m|pg)_)"
    r"(actual_rpo|iops|throughput|outgoing|journal_used|used_storage|history|failsafe_history).*"
    r"|(process|python)_.*|.*_duration_seconds|.*:burn_rate.*|.*_rpo_missed:sum"
)
_FOR_DAYS: Final = re.compile(r"(zerto_(vpg_|up|collector_)|vpg:|zvm:|zvm_organization:|fleet:).*")
_SAMPLE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")


def page(vms: int) -> str:
    """Return the page of an exporter whose two ZVMs protect half of *vms* each, and list all of them."""
    port = free_port()
    command = [sys.executable, "-m", "exporter", "demo", "--vms", str(vms // 2)]
    with subprocess.Popen(
        [*command, "--web.listen-address", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as demo:
        try:
            for _ in range(120):
                time.sleep(1)
                try:
                    text = Client(port, "/metrics").text()
                except OSError:
                    continue
                if text.count("\nzerto_vm_info{") >= vms // 2 * 4 and text.count("\nzerto_collector_success{") >= 4:
                    return text
            raise RuntimeError("the demo has no samples after two minutes")
        finally:
            demo.terminate()


def scraped(text: str) -> Iterator[Series]:
    """Yield what Prometheus makes of the page *text*, and what it adds about the scrape."""
    for name, labels, value in _SAMPLE.findall(text):
        yield tuple(sorted((("__name__", name), *_read(labels)))), float(value)
    for name, number in (("up", 1.0), ("scrape_duration_seconds", 0.05), ("scrape_samples_scraped", 4e5)):
        yield labelled({"__name__": name, **_TARGET}), number


def labelled(labels: dict[str, str]) -> Labels:
    """Return *labels* in the order of a block."""
    return tuple(sorted(labels.items()))


@cache
def _read(text: str) -> tuple[tuple[str, str], ...]:
    own = [(name, _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], value)) for name, value in _LABEL.findall(text)]
    return (*own, *_TARGET.items())


def write(folder: Path, series: Sequence[Series], end: int) -> None:
    """Write a day of *series* into *folder* up to before *end*, and the week before it of those of VPGs and ZVMs."""
    _write(Block(folder, end - DAY, end, STEP), series)
    _write(Block(folder, end - 8 * DAY, end - DAY, STEP), [one for one in series if _FOR_DAYS.fullmatch(name_of(one))])


def write_last(folder: Path, series: Iterable[Series], end: int) -> None:
    """Write two hours of *series* into *folder* up to before *end*: enough to ask what they are at the end."""
    _write(Block(folder, end - 2 * HOUR, end, STEP), series)


def name_of(series: Series) -> str:
    """Return the metric's name."""
    return next(value for name, value in series[0] if name == "__name__")


def _write(block: Block, series: Iterable[Series]) -> None:
    ways = _Ways(block)
    for number, one in enumerate(series):
        block.add(one[0], ways.way(name_of(one), one[1], number % 4))
    block.close()


class _Ways:
    """How values go, in one *block*; many series go the same way."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._known: dict[tuple[float, int], bytes] = {}

    def way(self, name: str, value: float, phase: int) -> bytes:
        """Return the way of the metric *name* that has the *value* at some time."""
        if _CLOCK.fullmatch(name):
            return self._block.each(lambda at: at / 1000 - 0.5)
        if _COUNTER.fullmatch(name):
            start, step = self._block.start, STEP
            return self._block.each(lambda at: value * (1 + (at - start) // step))
        key = (_rounded(value), phase) if value and _LIVING.fullmatch(name) else (value, -1)
        if key not in self._known:
            numbers = range(SAMPLES_OF_A_CHUNK)
            values = [value] * len(numbers) if key[1] < 0 else [_at(*key, number) for number in numbers]
            self._known[key] = self._block.repeated(values)
        return self._known[key]


def _rounded(value: float) -> float:
    """Return *value* with two digits, so that there are not too many ways."""
    digits = 1 - math.floor(math.log10(abs(value)))
    unit: float = 10.0**-digits
    return math.ceil(value / unit) * unit


def _at(value: float, phase: int, number: int) -> float:
    """Return a value between *value* and a tenth more."""
    more = value * (1.05 + 0.05 * math.sin((number / SAMPLES_OF_A_CHUNK + phase / 4) * 2 * math.pi))
    return float(round(more)) if value >= 10 else more


def last_end() -> int:
    """Return an end of the history that is not later than now."""
    return int(time.time() * 1000) // STEP * STEP
