"""The golden page: two ZVMs' answers in, the whole page out.

The answers are `tests/fixtures/<generation>_<collector>.json`, and for what is asked for by object
`<generation>_<path>.json`; without such a file, those of the stand-in ZVM at an instant. So a new collector is on the
page by itself.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from exporter import collectors
from exporter.collectors.base import Collector, Remembers, Source, UnsupportedError
from exporter.prometheus.gzip import gzipped, unzipped
from exporter.prometheus.store import Health, Store
from exporter.prometheus.table import Renderer, Table, together
from exporter.simulator import pair
from exporter.simulator.api.answers import Api, Generation
from exporter.simulator.exchange import JSON
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import StatusError
from tools import ROOT

FILE: Final = ROOT / "tests" / "golden" / "page.txt"
Tables = Mapping[str, tuple[Table[Any], ...]]
TABLES: Final[Tables] = {collector.name: collector.tables for collector in collectors.ALL}

_FIXTURES: Final = ROOT / "tests" / "fixtures"
_ZVMS: Final[Mapping[str, tuple[Generation, dict[str, str]]]] = {
    "nyc": ("appliance", {"region": "us-east"}),
    "lon": ("windows", {}),
}
_AT: Final = 1_800_000_000.0
_CLOCK_OFFSET: Final = 1.5  # seconds, of the ZVMs
_LATER: Final = 3600.0
_UNDER_WAY: Final = 5.0


def text(tables: Tables = TABLES) -> str:
    """Return the page, made with the *tables* of the collectors."""
    store = Store(tables, monotonic=lambda: 0.0)
    for zvm, (generation, labels) in _ZVMS.items():
        for collector, of_collector in tables.items():
            rows = _answered(zvm, generation, collector)
            rendered = (Renderer(table, {"zvm": zvm, **labels}).render(rows) for table in of_collector)
            store.put(zvm, collector, together(*rendered), stale_after=60.0)
        health = [Health("vms", success=True, duration=0.125, last_success=_AT + 0.5, interval=30.0)]
        health += [Health("vpgs", success=zvm == "nyc", duration=0.25, last_success=None, interval=30.0)]
        health += [
            Health(
                "checkpoints",
                success=True,
                duration=0.5,
                last_success=_AT,
                interval=300.0,
                supported=zvm == "nyc",
                objects=7,
                fresh=5,
            )
        ]
        store.put_health(zvm, labels, health, up=True)
    return unzipped(gzipped(*store.page())).decode()


@functools.cache
def _answered(zvm: str, generation: Generation, name: str) -> Sequence[Any]:
    fixture = _FIXTURES / f"{generation}_{name}.json"
    if fixture.exists():
        decoded = getattr(collectors, name).DECODER.decode(fixture.read_bytes(), "application/json", "")
    else:
        try:
            decoded = asyncio.run(StandIn(zvm, generation).fetched(collectors.BY_NAME[name]))
        except (StatusError, UnsupportedError):
            return ()  # a ZVM that does not have it has no samples of it
    assert not decoded.lost, f"{generation} {name}: {decoded.lost}"
    rows: Sequence[Any] = decoded.rows
    return rows


def _flat(endpoint: str) -> str:
    """Return *endpoint* as a part of a file's name: its words without its ids."""
    return "_".join(part for part in endpoint.split("/")[2:] if not part.startswith("{"))


class StandIn(Source):
    """What a collector may ask of the stand-in ZVM *zvm*, whose time stands still; a failover test has just begun."""

    filters: Mapping[str, str] = {}

    def __init__(self, zvm: str, generation: Generation = "appliance", vms: int = 20) -> None:
        self._now = _AT
        self._generation = generation
        sites = pair(("nyc", vms), ("lon", vms), seed=1, clock=self.wall, local=True, incidents=False)
        self._now = _AT - 600
        # So that there is an alert, and more than one VPG is suspected.
        for vpg in sites[0].vpgs()[1:3]:
            sites[0].start_incident("ransomware", vpg["VpgName"])
        self._now = _AT - _UNDER_WAY
        sites[0].start_incident("failover_test", sites[0].vpgs()[0]["VpgName"])
        self._now = _AT
        self._api = Api(next(site for site in sites if site.site == zvm), generation)
        self._kept: dict[str, Sequence[Any]] = {}

    async def fetched(self, collector: Collector[Any]) -> Decoded[Any]:
        """Return what *collector* gets here, after those whose rows it needs."""
        for name in collector.needs:
            needed = collectors.BY_NAME[name]
            assert needed.keeps is not None
            self._kept[name] = tuple(needed.keeps(row) for row in (await self.fetched(needed)).rows)
        fetch = collector.begin(self)
        decoded = await fetch()
        if isinstance(fetch, Remembers):  # what came after the first answer is what it is about
            self._now = _AT + _LATER
            decoded = await fetch()
            self._now = _AT
        return decoded

    def wall(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def get(
        self, endpoint: str, decoder: Decoder[Any], params: Mapping[str, str] | None = None, **ids: str
    ) -> Decoded[Any]:
        fixture = _FIXTURES / f"{self._generation}_{_flat(endpoint)}.json"
        if fixture.exists() and "{" in endpoint:
            return decoder.decode(fixture.read_bytes(), JSON, "")
        payload = await self._api.answer(endpoint.format(**ids), params or {}, JSON, None)
        if payload.status != 200:
            raise StatusError(f"{endpoint}: {payload.body!r}", payload.status)
        decoded = decoder.decode(payload.body, payload.content_type, repr(payload.body[:100]))
        decoded.at = self._now - _CLOCK_OFFSET
        return decoded

    async def names(self, endpoint: str) -> tuple[str, ...]:  # noqa: ARG002 - it has none: ours are taken
        return ()

    def described(self, endpoint: str) -> dict[int | str, str]:  # noqa: ARG002 - as names
        return {}

    def rows(self, collector: str) -> Sequence[Any]:
        return self._kept.get(collector, ())

    async def each(
        self, objects: Sequence[Any], key: Callable[[Any], str], ask: Callable[[Any], Awaitable[Decoded[Any]]]
    ) -> Decoded[Any]:
        answers = {key(one): await ask(one) for one in objects}
        return Decoded([row for decoded in answers.values() for row in decoded.rows])
