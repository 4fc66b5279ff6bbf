"""What happened at a ZVM, counted: GET /v1/events, since the exporter was started. No event is told by itself."""

from __future__ import annotations

from collections import Counter, deque
from math import isnan
from typing import Any, Final, NamedTuple, Self

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source, if_there
from exporter.collectors.enums import Code, Enum, Listed
from exporter.collectors.fields import Identifier, Text, identity_from_link, query_date, timestamp
from exporter.collectors.names import Names, gently, listed_name
from exporter.collectors.once import Once
from exporter.counts import Counts
from exporter.prometheus.table import NONE, Labels, Metric, Table
from exporter.zvm.decode.layout import value
from exporter.zvm.decode.rows import Decoded, Decoder
from exporter.zvm.errors import DecodeError

PATH: Final = "/v1/events"
CLOCK: Final = "/v1/serverDateTime/serverDateTimeUtc"

FULL: Final = 1000  # events; a ZVM that is asked for all of a time may answer no more, and says nothing of the others
_REQUESTS: Final = 50  # for what happened in one time
_MILLISECOND: Final = 0.001  # what a date of a query is cut off to

# Source: the names that public clients have; of the later codes nobody has any.
TYPE: Final = Enum(
    {
        0: "Unknown",
        1: "CreateProtectionGroup",
        2: "RemoveProtectionGroup",
        3: "FailOver",
        4: "FailOverTest",
        5: "StopFailOverTest",
        6: "Move",
        7: "ProtectVM",
        8: "UnprotectVM",
        9: "InstallVra",
        10: "UninstallVra",
        11: "UpdateProtectionGroup",
        12: "InsertTaggedCP",
        13: "HandleMirrorPromotion",
        14: "ActivateAllMirrors",
        15: "LogCollection",
        16: "ForceReconfigurationOfNewVM",
        17: "ClearSite",
        18: "ForceRemoveProtectionGroup",
        19: "ForceUpdateProtectionGroup",
        20: "ForceKillProtectionGroup",
        21: "PrePostScript",
        22: "InitFullSync",
        23: "Pair",
        24: "Unpair",
        25: "InstallCloudConnector",
        26: "UninstallCloudConnector",
        27: "RedeployCloudConnector",
        28: "ScriptExecutionFailure",
        29: "SetAdvancedSiteSettings",
        30: "Clone",
        31: "KeepDisk",
        32: "FailoverBeforeCommit",
        33: "FailoverCommit",
        34: "FailoverRollback",
        35: "MoveBeforeCommit",
        36: "MoveRollback",
        37: "MoveCommit",
        38: "MaintainHost",
        39: "UpgradeVra",
        40: "MoveProtectionGroupToManualOperationNeeded",
        41: "ChangeVraIpSettings",
        42: "PauseProtectionGroup",
        43: "ResumeProtectionGroup",
        44: "UpgradeZVM",
        45: "BulkUpgradeVras",
        46: "BulkUninstallVras",
        47: "AlertTurnedOn",
        48: "AlertTurnedOff",
        49: "ChangeVraPassword",
        50: "ChangeRecoveryHost",
        51: "BackupProtectionGroup",
        52: "CleanupProtectionGroupVipDiskbox",
        53: "RestoreProtectionGroup",
        54: "PreScript",
        55: "PostScript",
        56: "RemoveVmFromVc",
        57: "ChangeVraPasswordIpSettings",
        58: "FlrJournalMount",
        59: "FlrJournalUnmount",
        60: "Login",
        61: "HostEnteringMaintenanceMode",
        62: "HostExitingMaintenanceMode",
        63: "VmRestoredToSnapshot",
        64: "ProtectedVmRemovedFromHypervisor",
        65: "ProtectedVmAddedToHypervisor",
        66: "PauseProtectionGroupForMissingVm",
        67: "ResumeProtectionGroupAfterUserRemovedMissingVm",
        68: "ResumeProtectionGroupAfterVmReadded",
    },
    f"{PATH}/types",
)

CATEGORY: Final = Enum({0: "All", 1: "Events", 2: "Alerts"})
_CATEGORIES: Final = 16


class Event(Struct, frozen=True, gc=False):
    id: Identifier = field(name="EventIdentifier")
    occurred: Text = field(name="OccurredOn", default=None)
    type: Code = field(name="EventType", default=None)
    category: Code = field(name="EventCategory", default=None)
    successful: bool | None = field(name="EventCompletedSuccessfully", default=None)


class Time(Struct, frozen=True, gc=False):
    utc: Text = field(name="Utc", default=None)


class Kind(NamedTuple):
    """What events are told apart by."""

    type: str
    category: str
    successful: str


class Events(Struct, frozen=True, gc=False):
    """The events of one kind."""

    type: str
    category: str
    successful: str
    count: int


LABELS: Labels[Events] = {
    "type": lambda events: events.type,
    "category": lambda events: events.category,
    "successful": lambda events: events.successful,
}

TABLE: Table[Events] = Table(
    LABELS,
    Metric(
        "zerto_events_total",
        "Events since the exporter was started, each counted once. Kinds that there were the day before begin at 0.",
        f"GET {PATH} EventType, EventCategory, EventCompletedSuccessfully",
        NONE,
        lambda events: events.count,
    ),
)


def repair(record: dict[str, Any]) -> None:
    """Complete the identity of *record* from its link."""
    identity_from_link(record, "eventidentifier")


DECODER: Decoder[Event] = Decoder(Event, repair, quoted=False)  # it names users
TIME_DECODER: Decoder[Time] = Decoder(Time, layout=value("Utc"))


class Counting:
    """Counts the events of one ZVM, for as long as the exporter runs, with at most so many *requests* in a poll."""

    def __init__(self, source: Source, requests: int = _REQUESTS) -> None:
        self._source = source
        self._requests = requests
        self._once = Once()
        self._counts: Counter[Kind] = Counter()
        self._types, self._categories = Names(), Names(_CATEGORIES)
        self._has_clock = True

    def inherit(self, before: Self) -> None:
        """Go on with the counts of the one *before*."""
        self._once, self._counts = before._once, before._counts
        self._types, self._categories = before._types, before._categories

    async def __call__(self) -> Decoded[Events]:
        """Return the counts as they are after what happened in the meantime; what fails changes none of them."""
        now, at = await self._now(), self._source.monotonic()
        since = self._once.since(now, at)
        answered = await self._answered(since)
        listed = TYPE.listed(await self._source.names(TYPE.path))
        kinds: dict[str, Kind] = {}
        dates: dict[str, float] = {}
        async for event in gently(answered.rows):
            date = _date(event)
            if date is not None:
                dates[event.id], kinds[event.id] = date, self._kind(event, listed)
        if answered.rows and not dates:
            raise DecodeError(f"GET {PATH}: expected dates in OccurredOn, got none that can be read")
        self._counts.update(dict.fromkeys(kinds.values(), 0))
        self._counts.update(kinds[identifier] for identifier in self._once.new(now, at, since, dates))
        return Decoded([Events(*kind, count) for kind, count in self._counts.items()], answered.lost)

    async def _now(self) -> float:
        """Return what the clock of the ZVM says, by which events have their dates; what ours says where it has none."""
        if self._has_clock:
            told = await if_there(self._source.get(CLOCK, TIME_DECODER))
            self._has_clock = told is not None
            for time in () if told is None else told.rows:
                utc = timestamp(time.utc)
                if utc is not None and not isnan(utc):
                    return utc
        return self._source.wall()

    async def _answered(self, since: float) -> Decoded[Event]:
        """Return all events *since* then, be it in several requests: a full answer may lack what is before and behind.

        What is too much to be asked for is counted as lost.

        Raises:
            ZvmError: as Source.get.
        """
        found: dict[str, Event] = {}
        answered: Decoded[Event] = Decoded()
        spans: deque[tuple[float, float | None]] = deque([(since, None)])
        for _ in range(self._requests):
            start, end = spans.popleft()
            params = {"startDate": query_date(start)} | ({} if end is None else {"endDate": query_date(end)})
            decoded = await self._source.get(PATH, DECODER, params)
            answered.lost += decoded.lost
            known = len(found)
            found |= {event.id: event for event in decoded.rows}
            dates = [date for date in map(_date, decoded.rows) if date is not None]
            if dates and len(decoded.rows) >= FULL and len(found) > known:
                spans += [(start, min(dates) + _MILLISECOND), (max(dates), end)]
            if not spans or len(found) >= self._requests * FULL:
                break
        if spans:
            answered.lost += Counts(1, complaint=f"GET {PATH}: not all is asked for, after {len(found)} events")
        answered.rows = list(found.values())
        return answered

    def _kind(self, event: Event, listed: Listed) -> Kind:
        successful = "" if event.successful is None else str(event.successful).lower()
        kind = self._types(listed_name(TYPE, event.type, listed))
        return Kind(kind, self._categories(CATEGORY.name(event.category)), successful)


def _date(event: Event) -> float | None:
    """Return when *event* occurred, None where that cannot be read."""
    date = timestamp(event.occurred)
    return None if date is None or isnan(date) else date


def begin(source: Source) -> Fetch[Events]:
    """Return what counts the events of *source*."""
    return Counting(source)


COLLECTOR: Collector[Events] = Collector("events", "Events", PATH, (TABLE,), begin, chosen_by=LABELS, standard=False)
