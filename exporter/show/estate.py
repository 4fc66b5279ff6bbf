"""The ZVMs that are asked, all at the same time: one login and one logout each. One that fails costs only its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

from exporter.collectors.base import Source
from exporter.config import Zvm as ZvmConfig
from exporter.polling.clock import Clock
from exporter.polling.source import ZvmSource
from exporter.show.text import harmless
from exporter.zvm.client import Zvm
from exporter.zvm.errors import StatusError, ZvmError
from exporter.zvm.slots import Slots

Answer = TypeVar("Answer")

_GOODBYE: Final = 3.0  # seconds for a logout, whatever the ZVM does
_ABSENT: Final = "the ZVM does not have this resource, or knows nothing of what was asked for"


class _Unheard:
    """Counts nothing."""

    def request(self, zvm: str, endpoint: str, code: str, seconds: float) -> None:
        """Do nothing."""

    def login(self, zvm: str, outcome: str) -> None:
        """Do nothing."""


@dataclass
class Asked:
    """A ZVM that is asked."""

    config: ZvmConfig
    client: Zvm

    def source(self, filters: Mapping[str, str]) -> Source:
        """Return what a resource is asked by."""
        return ZvmSource(self.client, "show", filters, lambda _: (), None, Clock())


@dataclass
class Estate:
    """The *zvms*, logged in to when they are asked and logged out of at the end.

    For a person: the *complaints*, of a ZVM each, say what is missing, the *notes* what is worth knowing. The *pending*
    ZVMs are waited for.
    """

    zvms: Sequence[ZvmConfig]
    slots: Slots
    complaints: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Connect to none yet."""
        self._asked = {zvm.name: Asked(zvm, Zvm(zvm, _Unheard(), slots=self.slots)) for zvm in self.zvms}

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Log out of all ZVMs."""
        await asyncio.gather(*(self._leave(asked) for asked in self._asked.values()))

    async def each(
        self, ask: Callable[[Asked], Awaitable[Answer]], only: Sequence[str] | None = None
    ) -> dict[str, Answer]:
        """Return what each ZVM answers, or the *only* ones named; one that fails is in `complaints` instead."""
        names = list(self._asked) if only is None else list(only)
        self.pending[:] = names
        answers = await asyncio.gather(*(self._ask(self._asked[name], ask) for name in names))
        return {name: answer for name, found in zip(names, answers, strict=True) for answer in found}

    def complain(self, zvm: str, what: str) -> None:
        """Take note of *what* a ZVM did not give."""
        self.complaints.append((zvm, what))

    def words(self) -> str:
        """Return who is waited for now."""
        return f"waiting for {', '.join(map(harmless, self.pending))}" if self.pending else "logging out"

    async def _ask(self, asked: Asked, ask: Callable[[Asked], Awaitable[Answer]]) -> list[Answer]:
        name = asked.config.name
        try:
            return [await ask(asked)]
        except ZvmError as error:
            absent = isinstance(error, StatusError) and error.status in {404, 405, 501}
            self.complain(name, f"{error.reason}: {error}{f' ({_ABSENT})' if absent else ''}")
        except Exception as error:  # noqa: BLE001 - an error of ours costs the rows of one ZVM
            self.complain(name, f"an error of ours: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        finally:
            self.pending.remove(name)
        return []

    async def _leave(self, asked: Asked) -> None:
        hurry = asyncio.Event()
        hurry.set()
        try:
            async with asyncio.timeout(_GOODBYE):
                await asked.client.close(hurry, _GOODBYE / 2)
        except TimeoutError:
            self.notes.append(f"{asked.config.name}: no logout within {_GOODBYE:g} s; the session ends by itself")
