"""Sessions of file-level restore: GET /v1/flrs. Only how many there are; whose files, and which, is never read."""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.enums import Code, Enum
from exporter.collectors.names import Names, gently
from exporter.prometheus.table import NONE, Labels, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/flrs"

# As Zerto's own interface knows them, in no order of codes: servers answer the names.
STATUSES: Final = ("NotMounted", "MountInProgress", "MountReady", "UnmountInProgress")
STATUS: Final = Enum({})

_OTHER_STATUSES: Final = 10


class Session(Struct, frozen=True, gc=False):
    status: Code = field(name="FlrSessionStatus", default=None)


class Sessions(Struct, frozen=True, gc=False):
    """How many sessions are in one state."""

    status: str
    count: int


LABELS: Labels[Sessions] = {"status": lambda sessions: sessions.status}

TABLE: Table[Sessions] = Table(
    LABELS,
    Metric(
        "zerto_file_restores",
        "Sessions of file-level restore. The states that Zerto's interface knows have a sample at all times.",
        f"GET {PATH} FlrSessionStatus",
        NONE,
        lambda sessions: sessions.count,
    ),
)

DECODER: Decoder[Session] = Decoder(Session, quoted=False)


def begin(source: Source) -> Fetch[Sessions]:
    """Return what asks *source* for its sessions."""
    names = Names(len(STATUSES) + _OTHER_STATUSES)
    known = {names(status): 0 for status in STATUSES}

    async def fetch() -> Decoded[Sessions]:
        decoded = await source.get(PATH, DECODER)
        counts = Counter(known)
        async for session in gently(decoded.rows):
            counts[names(STATUS.name(session.status))] += 1
        return Decoded([Sessions(status, count) for status, count in counts.items()], decoded.lost)

    return fetch


COLLECTOR: Collector[Sessions] = Collector(
    "file_restores",
    "File-level restores",
    PATH,
    (TABLE,),
    begin,
    chosen_by=LABELS,
    interval=120.0,
    standard=False,
)
