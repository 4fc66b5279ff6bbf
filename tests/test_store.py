"""The store: what is served, for how long, and in which order."""

from __future__ import annotations

from typing import Any

from support import Page, plain

from exporter.prometheus.store import Health, Store
from exporter.prometheus.table import NONE, Metric, Table

A: Table[Any] = Table(
    {"name": str},
    Metric("a_first", "First.", "the test", NONE, lambda row: row),
    Metric("a_second", "Second.", "the test", NONE, lambda row: row if row > 1 else None),
)
B: Table[Any] = Table({"name": str}, Metric("b_first", "First.", "the test", NONE, lambda row: row))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def make(stale: list[tuple[str, str]] | None = None) -> tuple[Store, Clock]:
    clock = Clock()
    told = [] if stale is None else stale
    store = Store({"a": (A,), "b": (B,)}, monotonic=clock, on_stale=lambda *what: told.append(what))
    return store, clock


def put(store: Store, zvm: str, collector: str, *rows: int, stale_after: float = 60.0) -> None:
    table = {"a": A, "b": B}[collector]
    store.put(zvm, collector, table.render({"zvm": zvm}, rows), stale_after)


def text(store: Store) -> str:
    store.drop_stale()
    return plain(store.page()).decode()


def test_a_header_comes_once_before_the_blocks_of_all_zvms_in_the_order_of_their_names() -> None:
    store, _ = make()
    put(store, "nyc", "a", 1)
    put(store, "lon", "a", 2)
    assert [line for line in text(store).splitlines() if "a_first" in line] == [
        "# HELP a_first First. (the test)",
        "# TYPE a_first gauge",
        'a_first{zvm="lon",name="2"} 2',
        'a_first{zvm="nyc",name="1"} 1',
    ]


def test_a_header_is_there_although_the_first_zvm_has_no_sample() -> None:
    store, _ = make()
    put(store, "first", "a", 1)
    put(store, "second", "a", 2)
    assert "# TYPE a_second gauge\n" + 'a_second{zvm="second",name="2"} 2\n' in text(store)


def test_a_metric_of_two_collectors_is_on_the_page_once_where_the_first_of_them_has_it() -> None:
    """A page with two lines TYPE of one name, or with its samples apart, is one that Prometheus refuses."""
    other: Table[Any] = Table(
        {"other": str},
        Metric("c_first", "First.", "the test", NONE, lambda row: row),
        Metric("a_first", "First.", "another way", NONE, lambda row: row),
    )
    store = Store({"a": (A,), "c": (other,)})
    for zvm in ("nyc", "lon"):
        store.put(zvm, "c", other.render({"zvm": zvm}, [3]), 60.0)
    assert plain(store.page()).decode().splitlines()[:4] == [
        "# HELP a_first First. (another way)",
        "# TYPE a_first gauge",
        'a_first{zvm="lon",other="3"} 3',
        'a_first{zvm="nyc",other="3"} 3',
    ]
    store.put("nyc", "a", A.render({"zvm": "nyc"}, [1]), 60.0)
    text = plain(store.page()).decode()
    assert text.splitlines()[:5] == [
        "# HELP a_first First. (the test)",
        "# TYPE a_first gauge",
        'a_first{zvm="nyc",name="1"} 1',
        'a_first{zvm="lon",other="3"} 3',
        'a_first{zvm="nyc",other="3"} 3',
    ]
    assert len(Page(text).samples) == 5
    assert plain(store.page(collectors={"c"})).decode().count("a_first{") == 2


def test_a_metric_without_samples_has_no_header() -> None:
    store, _ = make()
    put(store, "nyc", "a", 1)
    assert "a_second" not in text(store)


def test_a_row_that_is_gone_from_the_answer_is_gone_from_the_page() -> None:
    store, _ = make()
    put(store, "nyc", "a", 1, 2)
    put(store, "nyc", "a", 2)
    assert Page(text(store)).values("a_first") == [2]


def test_samples_are_served_until_they_are_stale_and_the_others_go_on() -> None:
    told: list[tuple[str, str]] = []
    store, clock = make(told)
    put(store, "nyc", "a", 1, stale_after=60)
    put(store, "lon", "a", 2, stale_after=90)
    clock.now += 59.9
    assert store.series("nyc", "a") == 1
    clock.now += 0.1
    assert Page(text(store)).values("a_first") == [2]
    assert (store.series("nyc", "a"), store.series("lon", "a")) == (0, 2)
    assert told == [("nyc", "a")]


def test_stale_samples_are_on_no_narrowed_page_either() -> None:
    store, clock = make()
    put(store, "nyc", "a", 1)
    clock.now += 60
    store.drop_stale()
    assert plain(store.page(["nyc"], ["a"])) == b""


def test_what_is_kept_is_served_as_long_as_it_is_said_later() -> None:
    stale: list[tuple[str, str]] = []
    store, clock = make(stale)
    put(store, "nyc", "a", 1, stale_after=60)
    put(store, "lon", "a", 1, stale_after=60)
    clock.now += 50
    put(store, "nyc", "b", 1, stale_after=60)
    store.stale_after("nyc", "a", 45)
    store.stale_after("nyc", "b", 45)
    store.stale_after("lon", "a", 90)
    store.stale_after("par", "a", 1)
    assert (store.serves("nyc", "a"), store.series("nyc", "a"), store.serves("nyc", "b")) == (False, 0, True)
    assert {dict(labels)["zvm"] for _, labels in Page(text(store)).samples} == {"nyc", "lon"}
    assert stale == [("nyc", "a")]
    clock.now += 39
    assert store.serves("lon", "a")
    clock.now += 1
    assert not store.serves("lon", "a")


def test_a_narrowed_page_has_what_was_asked_for() -> None:
    store, _ = make()
    for zvm in ("nyc", "lon"):
        put(store, zvm, "a", 1)
        put(store, zvm, "b", 1)
        store.put_health(zvm, {}, [Health("a", success=True, duration=1.0, last_success=None, interval=30.0)], up=True)
    page = Page(plain(store.page(["nyc"], ["b"])).decode())
    assert {(name, dict(labels)["zvm"]) for name, labels in page.samples} == {
        ("zerto_up", "nyc"),
        ("zerto_collector_success", "nyc"),
        ("zerto_collector_duration_seconds", "nyc"),
        ("zerto_collector_interval_seconds", "nyc"),
        ("zerto_collector_supported", "nyc"),
        ("b_first", "nyc"),
    }
    assert plain(store.page()) == plain(store.page(["lon", "nyc", "par"], ["b", "a"]))
    assert plain(store.page([], [])) == b""


def test_a_dropped_zvm_is_gone_whole() -> None:
    store, _ = make()
    put(store, "nyc", "a", 1)
    store.put_health("nyc", {}, [], up=True)
    store.drop("nyc")
    assert text(store) == ""
    store.drop("never seen")


def test_health_has_the_labels_of_the_zvm() -> None:
    store, _ = make()
    health = Health("a", success=False, duration=0.5, last_success=12.25, interval=30.0)
    store.put_health("nyc", {"region": "us"}, [health], up=False)
    page = Page(text(store))
    assert page.value("zerto_up", zvm="nyc", region="us") == 0
    assert page.value("zerto_collector_success", zvm="nyc", region="us", collector="a") == 0
    assert page.value("zerto_collector_last_success_timestamp_seconds", collector="a") == 12.25
