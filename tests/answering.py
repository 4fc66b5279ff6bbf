"""A ZVM for a collector under test, without a socket: it answers what the test says, and has the time that it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from exporter.collectors.base import Source
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import StatusError

Answer = Callable[[str, Mapping[str, str]], Any]


class Answering(Source):
    """A source for which *answer* makes the documents of an endpoint and a query, None for 404; `asked` has both."""

    filters: Mapping[str, str] = {}

    def __init__(self, answer: Answer, now: float = 1_000_000.0, **kept: Sequence[Any]) -> None:
        self.now = now
        self.passed = 0.0
        self.kept: dict[str, Sequence[Any]] = kept
        self.listed: tuple[str, ...] = ()
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.answer = answer

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.passed

    async def get(
        self, endpoint: str, decoder: Decoder[Any], params: Mapping[str, str] | None = None, **ids: str
    ) -> Decoded[Any]:
        path = endpoint.format(**ids)
        self.asked.append((path, params or {}))
        documents = self.answer(path, params or {})
        if documents is None:
            raise StatusError(f"GET {path}: HTTP 404", 404)
        return decoder.decode(msgspec.json.encode(documents), "application/json", "what came")

    async def names(self, endpoint: str) -> tuple[str, ...]:  # noqa: ARG002 - there is one list
        return self.listed

    def described(self, endpoint: str) -> dict[int | str, str]:  # noqa: ARG002 - nothing is described
        return {}

    def rows(self, collector: str) -> Sequence[Any]:
        return self.kept.get(collector, ())

    async def each(
        self, objects: Sequence[Any], key: Callable[[Any], str], ask: Callable[[Any], Awaitable[Decoded[Any]]]
    ) -> Decoded[Any]:
        raise NotImplementedError("what asks by object is tested over a socket")
