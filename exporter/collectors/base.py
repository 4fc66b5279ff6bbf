"""What a collector is: a name, how its rows are fetched, and the table that turns them into samples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from msgspec import Struct

from exporter.prometheus.table import Labels, Table
from exporter.zvm.client import Zvm
from exporter.zvm.decode.rows import Decoded

Row = TypeVar("Row", bound=Struct)
Filters = Mapping[str, str]


@dataclass(frozen=True)
class Summary:
    """What the landing page says of an answer.

    How many VMs there are, the worst RPO among them in seconds, whose it is, and how many have none.
    """

    vms: int
    worst_rpo: float | None
    worst_vm: str = ""
    worst_vpg: str = ""
    without_rpo: int = 0


@dataclass(frozen=True)
class Collector(Generic[Row]):
    """One resource of the API. `fetch` gets the ZVM and the `filters` of its configuration.

    `chosen_by` is what its records can be included and excluded by. Where a ZVM has more series than `max_series`,
    the records of a collector that `yields` are cut off first.
    """

    name: str
    path: str
    fetch: Callable[[Zvm, Filters], Awaitable[Decoded[Row]]]
    table: Table[Row]
    chosen_by: Labels[Row]
    summary: Callable[[Sequence[Row]], Summary] | None = None
    yields: bool = False
