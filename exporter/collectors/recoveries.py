"""How recovery was proved: the last failover test, failover and move of each VPG, from GET /v1/reports/recovery.

At first the reports of more than a year are read, page by page; then what is new, and what was not over yet. Who did
it and what was noted is never read.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from math import isnan
from typing import Final, Self

from msgspec import Struct, field
from msgspec.structs import replace

from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.enums import Enum
from exporter.collectors.fields import Identifier, Number, Text, query_date, timestamp
from exporter.collectors.names import Names, gently
from exporter.counts import NOTHING, Counts
from exporter.prometheus.table import NONE, SECONDS, TIMESTAMP, Labels, Metric, NoNumber, Table
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import DecodeError

PATH: Final = "/v1/reports/recovery"

_DAY: Final = 86400
_FIRST: Final = 400 * _DAY  # a year, and the weeks by which a yearly test may come late
_OVERLAP: Final = _DAY  # a report may come long after its recovery began
_PAGE: Final = 100  # reports; each has every VM, its volumes and all steps in it, and a page must stay below `max_body`
_PAGES: Final = 200
_KEPT: Final = 10_000  # recoveries that are remembered: of 3000 VPGs, one of each type
_OTHER_TYPES: Final = 10

# Servers answer the names.
TYPE: Final = Enum({0: "Failover", 1: "FailoverTest", 2: "Move"})


class General(Struct, frozen=True, gc=False):
    vpg_id: Identifier = field(name="VpgIdentifier")
    vpg: Text = field(name="VpgName", default=None)
    type: Text = field(name="RecoveryType", default=None)
    start: Text = field(name="StartTime", default=None)
    end: Text = field(name="EndTime", default=None)
    rto: Text | float = field(name="RtoInSeconds", default=None)
    status: Text = field(name="Status", default=None)


class Report(Struct, frozen=True, gc=False):
    id: Identifier = field(name="RecoveryOperationIdentifier")
    general: General = field(name="General")


class Recovery(Struct, frozen=True, gc=False):
    """A recovery of the VPG that is called *vpg* now. Times in seconds since the epoch, `rto` in seconds."""

    id: str
    vpg: str
    vpg_id: str
    type: str
    start: float
    end: Number
    rto: Number
    successful: bool | None
    role: str = ""


def duration(one: Recovery) -> Number:
    """Return how long *one* took in seconds, None where it is not over."""
    return None if one.end is None else one.end - one.start


LABELS: Labels[Recovery] = {
    "vpg": lambda one: one.vpg,
    "vpg_id": lambda one: one.vpg_id,
    "type": lambda one: one.type,
}

TABLE: Table[Recovery] = Table(
    LABELS,
    Metric(
        "zerto_vpg_recovery_start_timestamp_seconds",
        "Time at which the last recovery of this type began.",
        f"GET {PATH} General.StartTime",
        TIMESTAMP,
        lambda one: one.start,
    ),
    Metric(
        "zerto_vpg_recovery_duration_seconds",
        "How long it took, from its start to its end. No sample while it is not over.",
        f"GET {PATH} General.StartTime, EndTime",
        SECONDS,
        duration,
    ),
    Metric(
        "zerto_vpg_recovery_rto_seconds",
        "The RTO that was measured: how long it took until the VMs ran.",
        f"GET {PATH} General.RtoInSeconds",
        SECONDS,
        lambda one: one.rto,
    ),
    Metric(
        "zerto_vpg_recovery_successful",
        "1 if it succeeded, 0 if it failed. No sample while neither is known.",
        f"GET {PATH} General.Status",
        NONE,
        lambda one: one.successful,
    ),
    attributes={"role": lambda one: one.role},
)

Last = dict[tuple[str, str], Recovery]  # by the VPG and the type

DECODER: Decoder[Report] = Decoder(Report, quoted=False)


def seconds(wire: str | float | None) -> Number:
    """Return what is sent as a number, or as the text of one; None for nothing, NaN for another text."""
    if wire is None or (isinstance(wire, str) and not wire.strip()):
        return None
    try:
        return float(wire)
    except ValueError:
        return NoNumber(str(wire))


def successful(status: str | None) -> bool | None:
    """Tell from a *status* whether a recovery succeeded: Success or Fail, or what its tester said of it."""
    status = (status or "").strip().casefold()
    if status.startswith(("success", "pass")):
        return True
    return False if status.startswith("fail") else None


class _Reading:
    """The pages of one poll, of which no more is kept than the *last* recoveries, and which reports there were."""

    def __init__(self, last: Last, reports: int, most: int, types: Names) -> None:
        self.lost = NOTHING
        self._last = last
        self._reports = reports
        self._most = most
        self._types = types
        self._seen: set[int] = set()  # the hashes of their identifiers, which take less room
        self._readable = False

    async def take(self, page: Decoded[Report]) -> bool:
        """Remember what *page* has; tell whether to ask for the next: the last is empty, or was there before."""
        known, beyond = len(self._seen), 0
        self.lost += page.lost
        async for report in gently(page.rows):
            mark = hash(report.id)
            if mark in self._seen:
                continue
            if len(self._seen) == self._reports:
                beyond += 1
                continue
            self._seen.add(mark)
            self._readable |= self._remember(report)
        if beyond:
            self._leave_out(beyond, f"more than {self._reports} reports")
        too_many = len(self._last) - self._most
        if too_many > 0:
            self._last = dict(nlargest(self._most, self._last.items(), key=lambda item: item[1].start))
            self._leave_out(too_many, f"recoveries of more than {self._most} types of VPGs: the oldest are left out")
        return len(self._seen) > known and not beyond

    def endless(self) -> None:
        """Count that there may be more pages than are read."""
        self._leave_out(1, f"no end within {_PAGES} pages")

    def ended(self) -> Last:
        """Return the last recoveries.

        Raises:
            DecodeError: no report has a date that can be read.
        """
        if self._seen and not self._readable:
            raise DecodeError(f"GET {PATH}: expected dates in StartTime, got none that can be read")
        return self._last

    def _leave_out(self, count: int, why: str) -> None:
        self.lost += Counts(count, complaint=f"GET {PATH}: {why}")

    def _remember(self, report: Report) -> bool:
        """Remember *report* if it is the last of its kind; tell whether its date can be read."""
        general, start = report.general, timestamp(report.general.start)
        if start is None or isnan(start):
            return False
        key = (general.vpg_id, self._types(TYPE.name(general.type)))
        before = self._last.get(key)
        if before is None or (start, report.id) >= (before.start, before.id):
            self._last[key] = Recovery(
                report.id,
                general.vpg or "",
                *key,
                start,
                timestamp(general.end),
                seconds(general.rto),
                successful(general.status),
            )
        return True


class Remembering:
    """Knows the last recovery of each type of each VPG of one ZVM.

    It reads at most so many *reports* in a poll and remembers at most so many recoveries, whatever it is answered. What
    is left out for that is counted as lost.
    """

    def __init__(self, source: Source, *, reports: int = _PAGES * _PAGE, most: int = _KEPT) -> None:
        self._source = source
        self._reports = reports
        self._most = most
        self._types = Names(len(TYPE.codes) + _OTHER_TYPES)
        self._last: Last = {}

    def inherit(self, before: Self) -> None:
        """Go on with what the one *before* knew."""
        self._types, self._last = before._types, before._last

    async def __call__(self) -> Decoded[Recovery]:
        """Return the last recoveries of the VPGs that there are; where a page fails, nothing of it was read."""
        reading = _Reading(dict(self._last), self._reports, self._most, self._types)
        since = query_date(self._since())
        for page in range(1, _PAGES + 1):
            params = {"startTime": since, "pageNumber": str(page), "pageSize": str(_PAGE)}
            if not await reading.take(await self._source.get(PATH, DECODER, params)):
                break
        else:
            reading.endless()
        self._last = reading.ended()
        return Decoded(list(self._shown()), reading.lost)

    def _since(self) -> float:
        """Return from when on to read reports: what was not over yet is read again."""
        now = self._source.wall()
        if not self._last:
            return now - _FIRST
        newest = max(one.start for one in self._last.values())
        open_ones = (one.start for one in self._last.values() if one.end is None and one.successful is None)
        return max(min(now, newest, *open_ones) - _OVERLAP, now - _FIRST)

    def _shown(self) -> Iterable[Recovery]:
        """Yield what is published: of the VPGs that there are, by the names that they have."""
        known = {vpg.id: vpg for vpg in self._source.rows("vpgs")}
        for one in self._last.values():
            vpg = known.get(one.vpg_id)
            if vpg is not None:
                yield replace(one, vpg=vpg.name, role=vpg.role)
            elif not known:
                yield one


def begin(source: Source) -> Fetch[Recovery]:
    """Return what reads the reports of *source*."""
    return Remembering(source)


COLLECTOR: Collector[Recovery] = Collector(
    "recoveries",
    "Recovery evidence",
    PATH,
    (TABLE,),
    begin,
    chosen_by={**LABELS, "role": TABLE.attributes["role"]},
    interval=900.0,
    needs=("vpgs",),
)
