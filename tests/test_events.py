"""Events: each is counted once, over any overlap, gap, order, page, and clock that is set."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from answering import Answering
from hypothesis import example, given, settings
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import events
from exporter.collectors.fields import query_date
from exporter.collectors.names import OTHER
from exporter.collectors.once import Once
from exporter.config import Zvm
from exporter.simulator import Estate, Simulator, faults
from exporter.zvm.errors import DecodeError

Export = Callable[..., Awaitable[Running]]

NOON = 1_700_000_000.0


def event(identifier: object, second: float, **fields: Any) -> dict[str, Any]:
    return {"EventIdentifier": str(identifier), "OccurredOn": query_date(second), "EventType": 4, **fields}


def seconds(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


class Log:
    """The events of a ZVM, which has a clock of its own and answers at most *most* of those that it is asked for."""

    def __init__(self, most: int | None = None, *, newest_first: bool = True, clock: bool = True) -> None:
        self.now = NOON
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.shuffle: Callable[[list[Any]], None] = lambda _: None
        self._most = most
        self._newest_first = newest_first
        self._clock = clock

    def happen(self, late: float = 0.0, **fields: Any) -> None:
        """Write an event, which has the date of some seconds before."""
        second = self.now - late
        self.events.append((second, event(len(self.events), second, **fields)))

    def answer(self, path: str, params: Mapping[str, str]) -> Any:
        if path == events.CLOCK:
            return query_date(self.now) if self._clock else None
        start, end = seconds(params["startDate"]), seconds(params.get("endDate", "9999-01-01T00:00:00Z"))
        found = [one for one in self.events if start <= one[0] <= end]
        found.sort(key=itemgetter(0), reverse=self._newest_first)
        found = found[: self._most]
        self.shuffle(found)
        return [one for _, one in found]


class Counted:
    """What a collector counts of a *log*; time does not pass by itself."""

    def __init__(self, log: Log) -> None:
        self.source = Answering(log.answer, NOON)
        self.fetch = events.begin(self.source)
        self.rows: list[events.Events] = []

    async def poll(self) -> int:
        """Return how many events are counted by now."""
        before = sum(row.count for row in self.rows)
        self.rows = (await self.fetch()).rows
        after = sum(row.count for row in self.rows)
        assert after >= before, "a counter went down"
        return after


class Story:
    """What happens to a ZVM and to us, and how many of its events must be counted by the end."""

    def __init__(self, rng: random.Random, *, newest_first: bool) -> None:
        self.log = Log(events.FULL, newest_first=newest_first)
        self.log.shuffle = rng.shuffle
        for _ in range(5):
            self.log.happen(late=rng.randrange(90_000))
        self.counted = Counted(self.log)
        self.before = len(self.log.events)
        self.unseen = False

    async def tell(self, steps: list[tuple[str, int]]) -> None:
        assert await self.counted.poll() == 0
        for what, by in steps:
            await getattr(self, what)(by)
        total = len(self.log.events) - self.before
        assert await self.counted.poll() == total
        assert await self.counted.poll() == total, "again, and nothing has happened"

    async def poll(self, _: int = 0) -> None:
        await self.counted.poll()
        self.unseen = False

    async def happen(self, by: int) -> None:
        for _ in range(by):
            self.log.happen()

    async def happen_late(self, by: int) -> None:
        await self.poll()  # so that no clock was set in between
        self.log.happen(late=by)
        await self.poll()

    async def pass_time(self, by: int) -> None:
        source = self.counted.source
        self.log.now, source.now, source.passed = self.log.now + by, source.now + by, source.passed + by

    async def set_their_clock(self, by: int) -> None:
        if self.unseen:
            await self.poll()
        self.log.now, self.unseen = self.log.now + by, True

    async def set_our_clock(self, by: int) -> None:
        self.counted.source.now += by

    async def fail(self, by: int) -> None:
        """Let the request fail that comes after so many others: at once, or in the midst of a poll."""
        left = by

        def answer(path: str, params: Mapping[str, str]) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise DecodeError("cut off")
            return self.log.answer(path, params)

        self.counted.source.answer = answer
        with suppress(DecodeError):
            await self.counted.poll()
        self.counted.source.answer = self.log.answer


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("happen"), st.integers(1, 30)),
        st.tuples(st.just("happen_late"), st.integers(1, 800)),
        st.tuples(st.just("pass_time"), st.integers(1, 5000)),
        st.tuples(st.just("set_their_clock"), st.integers(-50_000, 400_000)),
        st.tuples(st.just("set_our_clock"), st.integers(-400_000, 400_000)),
        st.tuples(st.just("poll"), st.just(0)),
        st.tuples(st.just("fail"), st.integers(0, 1)),
    ),
    max_size=25,
)


FORTH_AND_BACK = [
    ("set_their_clock", 90_000),
    ("happen", 1),
    ("set_their_clock", -90_000),
    ("poll", 0),
    ("happen", 1),
    ("set_their_clock", 200_000),
]


UNSEEN = [("set_their_clock", -5000), ("happen", 1), ("pass_time", 5000)]  # the next poll finds the time it expects


@settings(max_examples=60)
@given(STEPS, st.booleans(), st.randoms(use_true_random=False))
@example(UNSEEN, True, random.Random(1))  # noqa: S311 - as hypothesis gives them
@example(FORTH_AND_BACK, True, random.Random(1))  # noqa: S311 - as hypothesis gives them
def test_each_event_is_counted_once(steps: list[tuple[str, int]], newest_first: bool, rng: random.Random) -> None:
    """The last poll that goes well has all that happened since the first one.

    A clock that is set must be seen so by a poll before it is set again: nobody can know what it was in between.
    """
    asyncio.run(Story(rng, newest_first=newest_first).tell(steps))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-3000, 3000), st.integers(0, 12)), min_size=1, max_size=30), st.integers(1, 20))
def test_none_is_counted_twice_when_too_many_are_to_be_remembered(steps: list[tuple[int, int]], most: int) -> None:
    once, now, written = Once(most), NOON, 0
    dates: dict[str, float] = {}
    seen: Counter[str] = Counter()
    for moved, happened in steps:
        now += moved
        for _ in range(happened):
            dates[str(written)] = now
            written += 1
        since = once.since(now, 0.0)
        seen.update(once.new(now, 0.0, since, {name: date for name, date in dates.items() if date >= since}))
        assert len(once._dates) <= most
    assert not seen or max(seen.values()) == 1


async def test_what_was_there_before_is_not_counted_and_begins_at_0() -> None:
    log = Log()
    log.happen(EventCategory="Events", EventCompletedSuccessfully=True)
    counted = Counted(log)
    assert await counted.poll() == 0
    assert counted.rows == [events.Events("FailOverTest", "Events", "true", 0)]
    log.now += 30
    log.happen(EventCategory="Events", EventCompletedSuccessfully=True)
    assert await counted.poll() == 1


@pytest.mark.parametrize("newest_first", [True, False])
async def test_an_answer_that_is_full_is_not_all(newest_first: bool) -> None:
    """A ZVM that tells the last thousand only, or the first, is asked for the others."""
    log = Log(events.FULL, newest_first=newest_first)
    counted = Counted(log)
    await counted.poll()
    for _ in range(3500):
        log.now += 0.25
        log.happen()
    assert await counted.poll() == 3500
    assert len(counted.source.asked) < 30
    log.now += 3000
    before = len(counted.source.asked)
    assert await counted.poll() == 3500
    assert len(counted.source.asked) <= before + 10


@pytest.mark.parametrize(("each", "asked"), [(events.FULL, 3), (4 * events.FULL, 1)])
async def test_where_there_is_no_end_of_events_what_is_not_asked_for_is_counted(each: int, asked: int) -> None:
    written = 0

    def answer(path: str, _: Mapping[str, str]) -> Any:
        nonlocal written
        written += each
        return query_date(NOON) if path == events.CLOCK else [event(written + n, NOON + n) for n in range(each)]

    source = Answering(answer, NOON)
    lost = (await events.Counting(source, requests=3)()).lost
    assert sum(path == events.PATH for path, _ in source.asked) == asked
    assert lost.invalid_records == 1
    assert "not all is asked for" in lost.complaint


async def test_a_zvm_that_does_not_tell_its_time_is_asked_for_what_is_newer_than_the_newest_event() -> None:
    """Its clock may be an hour ahead of ours, or behind."""
    for offset in (-3600, 3600):
        log = Log(clock=False)
        log.now += offset
        counted = Counted(log)
        await counted.poll()
        for step in range(50):
            log.now, counted.source.now = log.now + 300, counted.source.now + 300
            log.happen()
            assert await counted.poll() == step + 1
        assert sum(path == events.CLOCK for path, _ in counted.source.asked) == 1, "it is not asked for that again"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, ("FailOverTest", "", "")),
        ({"EventType": 47, "EventCategory": "Alerts"}, ("AlertTurnedOn", "Alerts", "")),
        ({"EventType": 48, "EventCompletedSuccessfully": False}, ("AlertTurnedOff", "", "false")),
        ({"EventType": "AlertTurnedOff", "EventCategory": 2}, ("AlertTurnedOff", "Alerts", "")),
        ({"EventType": 119}, ("Unknown(119)", "", "")),
        ({"EventType": None, "EventCategory": None, "EventCompletedSuccessfully": None}, ("", "", "")),
        ({"EventType": "Jane logged in", "EventCategory": "x" * 500}, (OTHER, OTHER, "")),
    ],
)
async def test_it_is_told_by_kind(fields: dict[str, Any], kind: tuple[str, str, str]) -> None:
    log = Log()
    log.happen(**fields)
    counted = Counted(log)
    await counted.poll()
    assert counted.rows == [events.Events(*kind, 0)]
    assert [metric.value(events.Events(*kind, 7)) for metric in events.TABLE.metrics] == [7]


async def test_the_zvms_own_names_go_before_ours() -> None:
    log = Log()
    log.happen(EventType=1)
    counted = Counted(log)
    counted.source.listed = ("Nothing", "NewName")
    await counted.poll()
    assert counted.rows[0].type == "NewName"


async def test_ever_new_kinds_are_one_in_the_end() -> None:
    log = Log()
    counted = Counted(log)
    await counted.poll()
    for number in range(2000):
        log.happen(EventType=f"Type{number}", EventCategory=f"Category{number}")
    assert await counted.poll() == 2000
    assert len(counted.rows) < 300


async def test_events_without_dates_cannot_be_counted_and_that_is_said() -> None:
    log = Log()
    counted = Counted(log)
    await counted.poll()
    undated = [{"EventIdentifier": "1", "OccurredOn": "yesterday"}]
    counted.source.answer = lambda path, params: undated if path == events.PATH else log.answer(path, params)
    with pytest.raises(DecodeError, match="OccurredOn"):
        await counted.poll()


@pytest.mark.parametrize(
    "record",
    [
        {"Link": {"identifier": "e-1"}, "OccurredOn": "/Date(1700000000000+0200)/"},
        {"eventidentifier": "e-1", "occurredOn": "2023-11-14T22:13:20Z"},
    ],
)
def test_identity_and_date_have_other_forms(record: dict[str, Any]) -> None:
    (row,) = events.DECODER.decode(json.dumps([record]).encode(), "application/json", "what came").rows
    assert (row.id, events._date(row)) == ("e-1", NOON)


async def test_the_counter_stays_over_failures_reloads_and_another_interval(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    clock.now = NOON
    sim: Simulator = await simulate(Estate("nyc", vms=30, seed=1, clock=clock.wall), auth="session")

    def zvm(interval: float = 900.0) -> Zvm:
        return zvm_config(sim, ca_file=ca_file, collectors=("vpgs", "events"), interval=interval)

    running = await export([zvm()], lifecycle=True)

    async def total() -> float:
        return sum((await running.page()).values("zerto_events_total"))

    async def reload(**keys: Any) -> None:
        running.zvms[:] = [zvm(**keys)]
        async with running.session.post(f"{running.url}/-/reload") as response:
            assert response.status == 200
        await clock.idle(1)

    await clock.idle(1)
    assert await total() == 0
    await clock.advance(3600)
    first = await total()
    assert first > 0
    sim.faults.set(events.PATH, faults.status(500))
    await clock.advance(1800)
    assert (await running.page()).value("zerto_collector_success", collector="events") == 0
    assert await total() == first, "what was counted is served on"
    sim.faults.set(events.PATH, faults.xml())
    await clock.advance(900)
    second = await total()
    assert second > first, "what happened in the meantime is made up for"
    sim.faults.clear()
    await reload()
    assert await total() >= second
    await reload(interval=1200.0)
    await clock.advance(1200)
    assert await total() >= second, "another interval is no other ZVM"
    sim.faults.set(events.PATH, faults.wrong_shape())
    await clock.advance(7200)
    assert not (await running.page()).values("zerto_events_total"), "stale"
    sim.faults.clear()
    await clock.advance(1200)
    last = (await running.page()).value("zerto_collector_last_success_timestamp_seconds", collector="events")
    assert await total() == len(await listed(sim, NOON + 1, last))


async def listed(sim: Simulator, since: float, until: float) -> list[dict[str, Any]]:
    query = {"startDate": query_date(since), "endDate": query_date(until)}
    payload = await sim._api.answer(events.PATH, query, "application/json", None)
    found: list[dict[str, Any]] = json.loads(payload.body)
    return found


async def test_a_zvm_without_events_is_no_failure(
    simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
) -> None:
    sim: Simulator = await simulate(auth="session")
    sim.faults.set(events.PATH, faults.status(403))
    running = await export([zvm_config(sim, ca_file=ca_file, collectors=("vpgs", "events"))])
    await clock.idle(1)
    page = await running.page()
    assert page.value("zerto_up") == 1
    assert page.value("zerto_collector_supported", collector="events") == 0
