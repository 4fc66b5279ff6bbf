"""What a collector gets to see of its ZVM: requests, and what other collectors know."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar

from msgspec import Struct

from exporter.polling.clock import Clock
from exporter.polling.rounds import Rounds
from exporter.zvm.client import Zvm
from exporter.zvm.decode.rows import Decoded, Decoder

Row = TypeVar("Row", bound=Struct)
Object = TypeVar("Object")


class ZvmSource:
    """The `Source` of the collector of *endpoint* at one ZVM; *kept* is asked for what another collector keeps.

    It waits in *line* before each request, with others that are as fast or as slow.
    """

    def __init__(
        self,
        client: Zvm,
        endpoint: str,
        filters: Mapping[str, str],
        kept: Callable[[str], Sequence[Any]],
        rounds: Rounds | None,
        clock: Clock,
        line: Semaphore | None = None,
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._filters = filters
        self._kept = kept
        self._rounds = rounds
        self._clock = clock
        self._line: AbstractAsyncContextManager[object] = nullcontext() if line is None else line
        self.asked = 0
        """How many requests there were; lists of names do not count, as they are asked for once a login."""

    @property
    def filters(self) -> Mapping[str, str]:
        return self._filters

    def wall(self) -> float:
        return self._clock.wall()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def get(
        self, endpoint: str, decoder: Decoder[Row], params: Mapping[str, str] | None = None, **ids: str
    ) -> Decoded[Row]:
        async with self._line:
            self.asked += 1
            return await self._client.get(endpoint, decoder, params, **ids)

    async def names(self, endpoint: str) -> tuple[str, ...]:
        async with self._line:
            return await self._client.names(endpoint, self._endpoint)

    def described(self, endpoint: str) -> dict[int | str, str]:
        return self._client.described(endpoint)

    def rows(self, collector: str) -> Sequence[Any]:
        return self._kept(collector)

    async def each(
        self,
        objects: Sequence[Object],
        key: Callable[[Object], str],
        ask: Callable[[Object], Awaitable[Decoded[Row]]],
    ) -> Decoded[Row]:
        if self._rounds is None:
            raise TypeError(f"the collector of {self._endpoint} asks by object and does not say so (by_object)")
        return await self._rounds.turn(objects, key, ask)
