"""What a collector is: a name, how its rows are fetched, and the tables that turn them into samples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

from msgspec import Struct

from exporter.prometheus.table import Labels, Table
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import StatusError

Row = TypeVar("Row", bound=Struct)
Object = TypeVar("Object")
Fetch = Callable[[], Awaitable[Decoded[Row]]]


@runtime_checkable
class Remembers(Protocol):
    """A `Fetch` whose answer depends on what it was told before: a count, what was the last of its kind."""

    async def __call__(self) -> Decoded[Any]:
        """Return the rows of a poll."""

    def inherit(self, before: Self) -> None:
        """Go on where the one *before* ended: the ZVM is the same, another part of its configuration changed."""


class UnsupportedError(Exception):
    """The ZVM answers, but what the collector asks for is switched off there; the text says what and where."""


class Source(Protocol):
    """All that a collector may do with its ZVM. Each method raises ZvmError where there is no usable answer."""

    @property
    def filters(self) -> Mapping[str, str]:
        """The API's own filters, as the configuration has them."""

    def wall(self) -> float:
        """Return the time by our clock, in seconds since the epoch."""

    def monotonic(self) -> float:
        """Return seconds that never go back, whoever sets a clock."""

    async def get(
        self, endpoint: str, decoder: Decoder[Row], params: Mapping[str, str] | None = None, **ids: str
    ) -> Decoded[Row]:
        """Return the rows of `GET endpoint`, a template in which *ids* are put; *params* are its query."""

    async def names(self, endpoint: str) -> tuple[str, ...]:
        """Return the ZVM's own list of names at *endpoint*, asked once a login; empty where it has none."""

    def described(self, endpoint: str) -> dict[int | str, str]:
        """Return in which words records describe the codes that *endpoint* lists, to be read and added to."""

    def rows(self, collector: str) -> Sequence[Any]:
        """Return what the last good poll of another *collector* of this ZVM kept for others; nothing without one.

        What it keeps is its `keeps`. It goes when the samples of that collector do.
        """

    async def each(
        self,
        objects: Sequence[Object],
        key: Callable[[Object], str],
        ask: Callable[[Object], Awaitable[Decoded[Row]]],
    ) -> Decoded[Row]:
        """Return what is known of all *objects*, told apart by *key*, after some of them were asked for anew.

        In one poll at most `requests_per_poll` of them, two at a time, those first that were not asked for longest.
        What one brought is known until it is three rounds old, or the object is no longer among them.
        """


async def if_there(asked: Awaitable[Decoded[Row]]) -> Decoded[Row] | None:
    """Return what was *asked* for; None where the ZVM does not have it, or not for this user.

    It is for one of several requests of a collector, without which the others are of use still.

    Raises:
        ZvmError: any other failure.
    """
    try:
        return await asked
    except StatusError as error:
        if not error.absent:
            raise
        return None


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


class Promise(Struct, frozen=True, gc=False):
    """What a VPG was promised, and what is: seconds, None where not known. A promise of 0 is none."""

    actual: float | None = None
    promised: float | None = None

    @property
    def share(self) -> float | None:
        """How much of the promise there is, None where that is not known."""
        return None if self.actual is None or not self.promised else self.actual / self.promised


class Trouble(Struct, frozen=True, gc=False):
    """Why a VPG needs attention. `level`: 0 it stands still, 1 a promise is broken, 2 its RPO is not known."""

    vpg: str
    organization: str
    status: str
    substatus: str
    level: int
    why: tuple[str, ...]
    rpo: Promise
    history: Promise

    @property
    def order(self) -> tuple[int, float, float, str]:
        """What troubles are sorted by, the worst first: an RPO that is not known comes before any that is."""
        rpo = inf if self.rpo.actual is None else self.rpo.share or 0.0
        history = self.history.share
        return (self.level, -rpo, inf if history is None else history, self.vpg)


@dataclass(frozen=True)
class Vpgs:
    """The VPGs of an answer by their identifiers, each with what is wrong with it, None for nothing.

    A ZVM speaks for those that it protects. Those that only recover to it are spoken for by another, if that one can.
    """

    own: dict[str, Trouble | None]
    others: dict[str, Trouble | None]


@dataclass(frozen=True)
class Collector(Generic[Row]):
    """One resource of the API, and all that is particular to it."""

    name: str
    title: str  # of its section in docs/metrics.md
    endpoint: str  # what it asks for, a template such as `/v1/vpgs/{id}/checkpoints/stats`
    tables: tuple[Table[Any], ...]  # of its rows; the labels of the first tell a row from the others
    begin: Callable[[Source], Fetch[Row]]  # called once for each ZVM; what it closes over is its memory of that ZVM
    chosen_by: Labels[Row] = field(default_factory=dict)  # what its records can be included and excluded by
    interval: float | None = None  # seconds from one poll to the next; None: the `interval` of the ZVM
    standard: bool = True  # polled where `collectors` is not set
    rank: int = 0  # where a ZVM has more series than `max_series`, the highest rank is cut off first
    essential: bool = False  # a ZVM that does not have the resource is one that fails
    by_object: bool = False  # it fetches by `Source.each`
    keeps: Callable[[Row], Any] | None = None  # what of a row of the first table others may ask for by `Source.rows`
    needs: tuple[str, ...] = ()  # the collectors whose rows it asks for
    summary: Callable[[Sequence[Row]], Summary] | None = None
    vpgs: Callable[[Sequence[Row]], Vpgs] | None = None  # what of its answer the landing page says of VPGs
