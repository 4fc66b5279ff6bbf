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
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from bench_tools import Client
from prometheus_server import free_port
from remote_write import field, sample, write_remotely
from text_format import labels_of, samples_of
from tsdb_block import SAMPLES_OF_A_CHUNK, Block, Labels

Series = tuple[Labels, float]

STEP: Final = 60_000  # ms, as all times here
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
LATER: Final = 30 * STEP

_AT_ONCE: Final = 5000  # series
_TARGET: Final = {"job": "zerto", "instance": "127.0.0.1:9403"}
_CLOCK: Final = re.compile(r"zerto_collector_last_success_timestamp_seconds")
_NOW: Final = re.compile(r"v(m|pg):zerto_v(m|pg)_listed_timestamp_seconds:last")  # all are listed
_COUNTER: Final = re.compile(r".*_(total|bucket|sum|count)")
_LIVING: Final = re.compile(
    r"(zerto_v(m|pg)_|v(m|pg):zerto_v(m|pg)_)"
    r"(actual_rpo|iops|throughput|outgoing|journal_used|used_storage|history|failsafe_history).*"
    r"|(process|python)_.*|.*_duration_seconds|.*:burn_rate.*|.*_rpo_missed:sum|zerto_datastore_(free|used).*"
)
_FOR_DAYS: Final = re.compile(
    r"(zerto_(up|(vpg|collector|vra|peer|site|datastore|license|unprotected|encryption|suspected|retention|repository)_)"
    r"|vpg:|zvm:|zvm_collector:|zvm_organization:|fleet:).*"
)


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
                if _is_whole(text, vms):
                    return text
            raise RuntimeError("the demo has no samples after two minutes")
        finally:
            demo.terminate()


def _is_whole(text: str, vms: int) -> bool:
    """Tell whether all collectors have answered, and what counts the VMs knows their names.

    Not each VM is listed by both ZVMs: those that recover to their own site are not.
    """
    collectors, answered = (
        text.count(f"\nzerto_collector_{what}{{") for what in ("interval_seconds", "last_success_timestamp_seconds")
    )
    of_vms = (("info", 1.5), ("network_traffic_bytes_total", 1.5), ("encrypted_bytes_total", 0.7))
    return answered == collectors and all(
        len(re.findall(rf'^zerto_vm_{metric}{{.*vm="[^"]', text, re.MULTILINE)) >= share * vms
        for metric, share in of_vms
    )


def scraped(text: str) -> Iterator[Series]:
    """Yield what Prometheus makes of the page *text*, and what it adds about the scrape."""
    for name, labels, value in samples_of(text):
        yield tuple(sorted((("__name__", name), *_read(labels)))), value
    for name, number in (("up", 1.0), ("scrape_duration_seconds", 0.05), ("scrape_samples_scraped", 4e5)):
        yield labelled({"__name__": name, **_TARGET}), number


def labelled(labels: dict[str, str]) -> Labels:
    """Return *labels* in the order of a block."""
    return tuple(sorted(labels.items()))


@cache
def _read(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((labels_of(text) | _TARGET).items())


def write(folder: Path, series: Sequence[Series], end: int) -> None:
    """Write a day of *series* into *folder* up to before *end*, and the week before it of those of VPGs and ZVMs."""
    _write(Block(folder, end - DAY, end, STEP), series)
    _write(Block(folder, end - 8 * DAY, end - DAY, STEP), [one for one in series if _FOR_DAYS.fullmatch(name_of(one))])


def write_last(folder: Path, series: Iterable[Series], end: int) -> None:
    """Write two hours of *series* into *folder* up to before *end*: enough to ask what they are at the end."""
    _write(Block(folder, end - 2 * HOUR, end, STEP), series)


def send(port: int, series: Sequence[Series], end: int) -> None:
    """Send what came after *end*, up to LATER, to a Prometheus: it is in memory there, as what is new always is."""
    times = range(end, end + LATER, STEP)
    encoded: dict[_Way, bytes] = {}
    for start in range(0, len(series), _AT_ONCE):
        request = bytearray()
        for labels, value in series[start : start + _AT_ONCE]:
            way = _way(labels, value)
            if way not in encoded:
                encoded[way] = b"".join(field(2, sample(way.at(time), time)) for time in times)
            request += field(1, _labels(labels) + encoded[way])
        write_remotely(port, bytes(request))


def name_of(series: Series) -> str:
    """Return the metric's name."""
    return next(value for name, value in series[0] if name == "__name__")


def _write(block: Block, series: Iterable[Series]) -> None:
    known: dict[_Way, bytes] = {}
    for labels, value in series:
        way = _way(labels, value)
        if way not in known:
            repeated = [way.at(block.start + number * STEP) for number in range(SAMPLES_OF_A_CHUNK)]
            known[way] = block.repeated(repeated) if way.repeats else block.each(way.at)
        block.add(labels, known[way])
    block.close()


@lru_cache(maxsize=100_000)
def _labels(labels: Labels) -> bytes:
    return b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels)


class _Way(NamedTuple):
    """How the values of a series go; many series go the same way."""

    kind: str
    value: float
    phase: int = 0

    def at(self, time: int) -> float:
        """Return the value at a *time*."""
        if self.kind == "clock":
            return time / 1000 + self.value
        if self.kind == "counter":
            return self.value * (time // STEP)
        return self.value if self.kind == "constant" else _near(self.value, time // STEP + self.phase * 30)

    @property
    def repeats(self) -> bool:
        return self.kind in {"constant", "living"}


def _way(labels: Labels, value: float) -> _Way:
    name = next(value for name, value in labels if name == "__name__")
    if _CLOCK.fullmatch(name):
        return _Way("clock", -0.5)
    if _NOW.fullmatch(name):
        return _Way("clock", 0)
    if _COUNTER.fullmatch(name):
        return _Way("counter", _rounded(value) if value else 0.0)
    if value and _LIVING.fullmatch(name):
        return _Way("living", _rounded(value), hash(labels) % 4)
    return _Way("constant", value)


def _rounded(value: float) -> float:
    """Return *value* with two digits, so that there are not too many ways."""
    digits = 1 - math.floor(math.log10(abs(value)))
    unit: float = 10.0**-digits
    return math.ceil(value / unit) * unit


def _near(value: float, minute: int) -> float:
    """Return a value between *value* and a tenth more."""
    more = value * (1.05 + 0.05 * math.sin(minute / SAMPLES_OF_A_CHUNK * 2 * math.pi))
    return float(round(more)) if value >= 10 else more


def last_end() -> int:
    """Return an end of the blocks, so that what comes after it is not later than now."""
    return (int(time.time() * 1000) - LATER) // STEP * STEP
