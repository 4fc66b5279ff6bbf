"""What a collector is: a name, how its rows are fetched, and the table that turns them into samples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from exporter.collectors.enums import STATUS, SUBSTATUS, Code
from exporter.exposition import Table
from exporter.zvm.client import Zvm
from exporter.zvm.decode import Decoded

Row = TypeVar("Row", bound=Struct)
Filters = Mapping[str, str]


@dataclass(frozen=True)
class Summary:
    """What the landing page says of an answer: how many VMs, and the worst RPO among them in seconds."""

    vms: int
    worst_rpo: float | None


@dataclass(frozen=True)
class Collector(Generic[Row]):
    """One resource of the API. `fetch` gets the ZVM and the `filters` of its configuration."""

    name: str
    path: str
    fetch: Callable[[Zvm, Filters], Awaitable[Decoded[Row]]]
    table: Table[Row]
    summary: Callable[[Sequence[Row]], Summary] | None = None


class HasState(Protocol):
    """A row with the two enums that VMs and VPGs share."""

    status: Code
    substatus: Code


async def name_states(zvm: Zvm, rows: Sequence[Any]) -> None:
    """Give each state that our tables lack the name that the ZVM has for it, asking it only where one is met.

    Raises:
        AuthError: as Zvm.names.
    """
    for enum, key in ((STATUS, "status"), (SUBSTATUS, "substatus")):
        strange = [row for row in rows if not enum.knows(getattr(row, key))]
        if strange and enum.path is not None:
            listed = await zvm.names(enum.path)
            for row in strange:
                setattr(row, key, enum.named(getattr(row, key), listed))
