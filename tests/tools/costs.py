"""What each collector costs, and which ZVM has what it asks for, as measured on the stand-in: for docs/metrics.md."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from exporter import collectors
from exporter.collectors.base import Collector, UnsupportedError
from exporter.config.schema import Options, Zvm
from exporter.config.show import duration
from exporter.simulator.api.answers import Generation
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import StatusError
from tools.golden import StandIn

_ZVM: Final = Zvm(name="nyc", url="https://zvm-nyc.example.com")
_GENERATIONS: Final[tuple[Generation, ...]] = ("windows", "appliance")
_OF: Final = {  # what the first of these labels that there is tells apart
    "vm_id": "VM",
    "vpg_id": "VPG",
    "peer_id": "peer",
    "vra_id": "VRA",
    "datastore_id": "datastore",
    "repository_id": "repository",
    "profile_id": "service profile",
    "organization_id": "organization",
    "site_id": "site",
    "appliance_id": "appliance",
}
_REMARKS: Final = {
    "vms": "less of each VM than 10.0 tells",
    "statistics": "no public source tells since when; servers of 9.5 to 9.7 count encrypted blocks in it",
    "encryption": "from 10.0 on, where it is switched on",
    "recoveries": "no public source has it for 9.x",
    "retention": "no public source has it for 9.x",
    "file_restores": "no public source has it for 9.x",
    "profiles": "nothing is listed without Zerto Cloud Manager",
}
_COSTS: Final = """
## What each costs

Requests a minute are those to one ZVM at the defaults, without the login and the lists of names that are asked for once
a login. Series are those of one thing on the stand-in ZVM, about as many as a ZVM of 10.0 brings. A VM counts once for
each VPG that it is in. Where there is nothing, such as no alert, there is no series.

"""
_VERSIONS: Final = """
## Which ZVM has it

As public documents and clients say; none of it was compared with a live ZVM. What a ZVM does not have is no failure:
see [Collectors](configuration.md#collectors).

"""


class _Counting(StandIn):
    """A stand-in ZVM that notes what it is asked for."""

    def __init__(self, generation: Generation) -> None:
        super().__init__("nyc", generation)
        self.asked: Counter[str] = Counter()

    async def get(
        self, endpoint: str, decoder: Decoder[Any], params: Mapping[str, str] | None = None, **ids: str
    ) -> Decoded[Any]:
        self.asked[endpoint] += 1
        return await super().get(endpoint, decoder, params, **ids)

    def an_hour_later(self) -> None:
        """Let an hour go by; what was asked for is forgotten."""
        self._now += 3600
        self.asked.clear()


@dataclass(frozen=True)
class Cost:
    """Of a poll that is not the first: what is asked for and how often, and the series of each thing."""

    asked: Mapping[str, int]
    series: Mapping[str, float]


def requests(collector: Collector[Any]) -> Iterator[str]:
    """Yield what one poll asks for."""
    for endpoint, times in _cost(collector.name).asked.items():
        often = f", {times} times" if times > 1 else ""
        yield f"`GET {endpoint}`" + (f" for each {_each(collector)}" if collector.by_object else often)


def requests_a_minute() -> float:
    """Return how many requests a ZVM gets at the defaults, of collectors that do not ask by object."""
    return sum(_a_minute(collector) for collector in collectors.ALL if collector.standard and not collector.by_object)


def _a_minute(collector: Collector[Any]) -> float:
    return sum(_cost(collector.name).asked.values()) * 60 / _ZVM.interval_of(collector)


def text() -> str:
    """Return the section about costs and versions."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield _COSTS
    yield "| collector | by default | every | requests a minute | series |\n|---|---|---|---|---|\n"
    for collector in collectors.ALL:
        every = _ZVM.interval_of(collector)
        a_minute = f"{_a_minute(collector):.2g}"
        if collector.by_object:
            most = Options().requests_per_poll
            a_minute = f"one for each {_each(collector)} every {duration(every)}, at most {most * 60 / every:.2g}"
        series = ", ".join(f"{_few(count)} for each {thing}" for thing, count in _cost(collector.name).series.items())
        standard = "yes" if collector.standard else "no"
        yield f"| `{collector.name}` | {standard} | {duration(every)} | {a_minute} | {series} |\n"
    yield f"\nTogether, those polled by default send {requests_a_minute():.0f} requests a minute.\n"
    yield _VERSIONS
    yield "| collector | Windows ZVM, 9.x | appliance, 10.0 | |\n|---|---|---|---|\n"
    for collector in collectors.ALL:
        has = ("yes" if _has(collector.name, one) else "no" for one in _GENERATIONS)
        yield f"| `{collector.name}` | {' | '.join(has)} | {_REMARKS.get(collector.name, '')} |\n"


def _few(count: float) -> str:
    return f"{count:.0f}" if count >= 1 else "less than 1"


def _each(collector: Collector[Any]) -> str:
    return _thing(collector.tables[0].labels)


def _thing(labels: Sequence[str] | Mapping[str, Any]) -> str:
    named = next((thing for label, thing in _OF.items() if label in labels), "")
    return named or " and ".join(f"`{name}`" for name in labels) or "ZVM"


@functools.cache
def _cost(name: str) -> Cost:
    source = _Counting("appliance")
    rows = asyncio.run(_polled(source, name))
    counts: defaultdict[str, int] = defaultdict(int)
    things: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for table in collectors.BY_NAME[name].tables:
        thing = _thing(table.labels)
        counts[thing] += sum(map(table.samples, table.spread(rows)))
        told_by = [get for label, get in table.labels.items() if label in _OF] or [*table.labels.values()]
        things[thing].update(tuple(get(row) for get in told_by) for row in table.spread(rows))
    return Cost(source.asked, {thing: count / len(things[thing]) for thing, count in counts.items() if count})


@functools.cache
def _has(name: str, generation: Generation) -> bool:
    try:
        asyncio.run(_polled(_Counting(generation), name))
    except (StatusError, UnsupportedError):
        return False
    return True


async def _polled(source: _Counting, name: str) -> Sequence[Any]:
    """Return the rows of a later poll; `source.asked` is what that one asked for."""
    collector = collectors.BY_NAME[name]
    await source.fetched(collector)  # and what it needs of others
    fetch = collector.begin(source)
    await fetch()
    source.an_hour_later()
    return (await fetch()).rows
