"""The golden page: two ZVMs' answers in, the whole page out.

The answers are `tests/fixtures/<generation>_<collector>.json`; without such a file, those of the stand-in ZVM at an
instant. So a new collector is on the page by itself.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from exporter import collectors
from exporter.collectors.base import Collector, Source, UnsupportedError
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
        except UnsupportedError:
            return ()
    assert not decoded.lost, f"{generation} {name}: {decoded.lost}"
    rows: Sequence[Any] = decoded.rows
    return rows


class StandIn(Source):
    """What a collector may ask of the stand-in ZVM *zvm*, whose time stands still."""

    filters: Mapping[str, str] = {}

    def __init__(self, zvm: str, generation: Generation = "appliance", vms: int = 20) -> None:
        now = _AT - 600
        sites = pair(("nyc", vms), ("lon", vms), seed=1, clock=lambda: now, incidents=False)
        # So that there is an alert, and something suspected.
        sites[0].start_incident("ransomware", sites[0].vpgs()[0]["VpgName"])
        now = _AT
        self._api = Api(next(site for site in sites if site.site == zvm), generation)
        self._kept: dict[str, Sequence[Any]] = {}

    async def fetched(self, collector: Collector[Any]) -> Decoded[Any]:
        """Return what *collector* gets here, after those whose rows it needs."""
        for name in collector.needs:
            needed = collectors.BY_NAME[name]
            assert needed.keeps is not None
            self._kept[name] = tuple(needed.keeps(row) for row in (await self.fetched(needed)).rows)
        return await collector.begin(self)()

    async def get(
        self, endpoint: str, decoder: Decoder[Any], params: Mapping[str, str] | None = None, **ids: str
    ) -> Decoded[Any]:
        payload = await self._api.answer(endpoint.format(**ids), params or {}, JSON, None)
        if payload.status != HTTPStatus.OK:
            raise StatusError(f"{endpoint}: {payload.body!r}", payload.status)
        return decoder.decode(payload.body, payload.content_type, repr(payload.body[:100]))

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
