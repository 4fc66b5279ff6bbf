"""The landing page: what it says of each ZVM, that it is valid, harmless and legible, and that a browser agrees."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from browser import Browser, chromium
from gallery import NOW, made_up, serving
from hypothesis import given
from hypothesis import strategies as st
from landing import cells, head, parsed, words
from support import DrivenClock, Running, Simulate, zvm_config

from exporter.collectors import vms, vpgs
from exporter.collectors.base import Promise, Summary, Vpgs
from exporter.collectors.troubles import trouble
from exporter.counts import Counts
from exporter.polling.history import MINUTES, History, Hour
from exporter.polling.outcome import Failure, Outcome
from exporter.polling.target import Status, Told
from exporter.prometheus.gzip import unzipped
from exporter.readable import span
from exporter.simulator import faults
from exporter.web.landing.page import DOCUMENTATION, Landing, brief, rows, state, summed
from exporter.web.landing.plots import BARS, bars
from exporter.web.server import WebFlags

Export = Callable[..., Awaitable[Running]]

NONE = "\N{EN DASH}"
LONG = Promise(1e300, 1e-300)
HOSTILE = "<script>alert(1)</script>\"'&amp;\x00\x1b\u202e\ufffe{{ 7 * 7 }}"


def status(name: str, *, up: bool | None, error: str = "", summary: Summary | None = None, **more: Any) -> Status:
    tried = up is not None
    outcome = Outcome("vms", "connect" if error else "success", error)
    made = Status(
        name=name,
        url=f"https://{name}.example.com",
        up=up,
        since=NOW - 60.0 if tried else None,
        last_success=NOW - 4.0 if up else None,
        summary=summary,
        series=5,
        outcomes=(outcome,) if tried else (),
    )
    return replace(made, **more)


def text(*statuses: Status, refresh: bool = False, dashboards: str | None = None) -> str:
    return unzipped(Landing("/metrics", dashboards).page(statuses, NOW, refresh=refresh)).decode()


class TestState:
    def test_each_zvm_is_shown_those_that_are_down_first(self) -> None:
        page = text(
            status("up", up=True, summary=Summary(42, 75.0, "erp-db-01", "ERP")),
            status("<b>down</b>", up=False, error="no <connection>"),
            status("new", up=None),
        )
        assert cells(page) == [
            [
                "<b>down</b>https://<b>down</b>.example.com",
                "▲ downfor 1 min",
                "never",
                NONE,
                "5samples of <b>down</b>",
                NONE,
                "",
                "",
            ],
            ["vms: no <connection>"],
            ["newhttps://new.example.com", "○ not tried yet", "never", NONE, "5samples of new", NONE, "", ""],
            [
                "uphttps://up.example.com",
                "● upfor 1 min",
                "4 s ago",
                "42",
                "5samples of up",
                "1 min 15 serp-db-01 in VPG ERP",
                "",
                "",
            ],
        ]

    def test_what_answers_in_part_comes_after_what_is_down(self) -> None:
        bad = Outcome("vpgs", "http", "HTTP 403")
        good = Outcome("vms", rows=20)
        statuses = [
            status("b-cut", up=True, outcomes=(replace(good, cut=3),)),
            status("a-good", up=True),
            status("c-lost", up=True, outcomes=(replace(good, lost=Counts(1, complaint="record 7: no identifier")),)),
            status("d-odd", up=True, outcomes=(replace(good, lost=Counts(0, 2, 9)),)),
            status("e-part", up=True, outcomes=(good, bad)),
            status("f-stale", up=True, stale=True),
            status("g-down", up=False, error="x"),
            status("h-new", up=None),
        ]
        assert [(row.status.name[0], row.state) for row in rows(statuses)] == [
            ("g", "down"),
            *((name, "degraded") for name in "bcef"),
            ("h", "not tried yet"),
            ("a", "up"),
            ("d", "up"),
        ]
        page = text(*statuses)
        assert "vms: 3 of 20 records are cut off: more series than <code>max_series</code>" in page
        assert ["vms: 1 record and 0 values of the answer could not be used; the first: record 7: no identifier"] in (
            found := cells(page)
        )
        assert ["vms: 0 records and 2 values of the answer could not be used"] in found
        assert ["vpgs: HTTP 403"] in found

    def test_an_error_of_several_collectors_is_said_once(self) -> None:
        """Each asked another path, which tells nothing where none is answered; an error of one alone names its path."""
        why = "no answer within 20 s"
        asked = {
            "vms": "GET /v1/vms: ",
            "vpgs": "GET /v1/vpgs: ",
            "checkpoints": "GET /v1/vpgs/{id}/checkpoints/stats: ",
        }
        outcomes = [Outcome(name, "timeout", path + why) for name, path in asked.items()]
        alone = Outcome("vras", "http", "GET /v1/vras: HTTP 500")
        page = text(status("nyc", up=False, outcomes=(*outcomes, Outcome("alerts", "timeout", why), alone)))
        assert cells(page)[1:] == [[f"vms, vpgs, checkpoints, alerts: {why}"], ["vras: GET /v1/vras: HTTP 500"]]

    def test_what_was_dropped_is_not_shown_as_if_it_were_fresh(self) -> None:
        old = Summary(4242, 98_765.0, "erp-db-01", "ERP")
        stale = status("nyc", up=False, error="x", summary=old, stale=True, series=0, last_success=NOW - 300.0)
        page = text(stale, status("lon", up=True, summary=Summary(10, 7.0, "web-01", "")))
        assert cells(page)[0][2:6] == ["5 min agosamples dropped", NONE, "0samples of nyc", NONE]
        assert "4,242" not in page
        assert head(page) == {
            "ZVMs": "1 down, 1 up",
            "VPGs that need attention": f"{NONE} nothing is known from 2 ZVMs",
            "Worst RPO": "7 s web-01, at lon",
            "Oldest data": "5 min of nyc",
            "VMs listed": "10 by 1 ZVM, 5 series",
        }

    def test_a_failure_that_is_over_is_told_for_an_hour(self) -> None:
        over = status("nyc", up=True, failure=Failure(NOW - 3599.0, "vpgs", "HTTP 500"))
        assert cells(text(over))[1] == ["failed 59 min 59 s ago, vpgs: HTTP 500"]
        assert len(cells(text(replace(over, failure=Failure(NOW - 3600.0, "vpgs", "HTTP 500"))))) == 1

    def test_the_head_sums_up_all_of_them(self) -> None:
        page = text(
            status("nyc", up=True, summary=Summary(1000, 75.0, "erp-db-01", "ERP")),
            status("lon", up=True, summary=Summary(500, 0.0, "web-01", "Web"), last_success=NOW - 10.0),
            status("par", up=True, summary=Summary(7, None)),
        )
        assert head(page) == {
            "ZVMs": "3 up",
            "VPGs that need attention": f"{NONE} nothing is known from 3 ZVMs",
            "Worst RPO": "1 min 15 s erp-db-01 in VPG ERP, at nyc",
            "Oldest data": "10 s of lon",
            "VMs listed": "1,507 by 3 ZVMs, 15 series",
        }
        assert words(next(parsed(page).iter("title"))) == f"3 up {NONE} Zerto exporter"

    def test_vms_without_an_rpo_are_no_good_ones(self) -> None:
        """Beside the worst RPO that is known, and where none is; not once they are no longer served."""
        page = text(
            status("nyc", up=True, summary=Summary(1000, 75.0, "erp-db-01", "ERP", 1)),
            status("par", up=True, summary=Summary(7, None, without_rpo=1500)),
            status("old", up=False, stale=True, summary=Summary(7, None, without_rpo=6)),
        )
        assert head(page)["Worst RPO"] == "1 min 15 s erp-db-01 in VPG ERP, at nyc 1,501 VMs without an RPO"
        assert {row[0].partition("https")[0]: row[5] for row in cells(page) if len(row) == 8} == {
            "nyc": "1 min 15 serp-db-01 in VPG ERP1 VM without an RPO",
            "par": f"{NONE}1,500 VMs without an RPO",
            "old": NONE,
        }

    def test_no_data_at_all_is_the_oldest_data(self) -> None:
        page = text(status("nyc", up=True), status("lon", up=False, error="x"), status("new", up=None))
        assert head(page)["Oldest data"] == "none no good poll of lon yet"
        assert head(page)["ZVMs"] == "1 down, 1 not tried yet, 1 up"

    def test_without_a_zvm_the_page_says_so(self) -> None:
        page = text()
        assert "No ZVM is polled here" in page
        assert not list(parsed(page).iter("table"))
        assert head(page) == {
            "ZVMs": "none",
            "VPGs that need attention": NONE,
            "Worst RPO": NONE,
            "Oldest data": NONE,
            "VMs listed": f"{NONE} 0 series",
        }
        assert summed([]).verdict == "none is polled here"

    def test_it_links_to_all_that_there_is(self) -> None:
        page = text(status("a b&c", up=True), dashboards="https://g.example.com/d/zerto?a=1&b=2")
        links = {words(link): link.get("href") for link in parsed(page).iter("a")}
        assert links == {
            "Metrics": "metrics",
            "Configuration": "config",
            "Healthy": "-/healthy",
            "Ready": "-/ready",
            "Dashboards": "https://g.example.com/d/zerto?a=1&b=2",
            "Documentation": DOCUMENTATION,
            "Refresh every 30 s": "?refresh",
            "samples of a b&c": "metrics?zvm=a%20b%26c",
        }
        assert "Dashboards" not in text()

    def test_it_refreshes_itself_only_where_that_is_asked_for(self) -> None:
        assert "http-equiv" not in text()
        page = text(refresh=True)
        (meta,) = (one for one in parsed(page).iter("meta") if one.get("http-equiv"))
        assert (meta.get("http-equiv"), meta.get("content")) == ("refresh", "30")
        assert {words(link): link.get("href") for link in parsed(page).iter("a")}["Stop refreshing"] == "./"


class TestPlots:
    def test_an_hour_is_summed_up_by_the_minute(self) -> None:
        history = History()
        history.add(0.0, 9.0, 99.0, good=True)
        for now, seconds, worst_rpo, good in (
            (60.0, 0.5, 7.0, True),
            (119.9, 0.25, 9.0, True),
            (120.0, 20.0, None, False),
            (121.0, 20.0, 8.0, False),
            (200.0, 1.0, None, True),
        ):
            history.add(now, seconds, worst_rpo, good=good)
        hour = history.hour(3659.0)
        assert hour.last == 60
        assert [(one.number, one.polls, one.failed, one.seconds, one.worst_rpo) for one in hour.minutes] == [
            (1, 2, 0, 0.5, 9.0),
            (2, 2, 2, None, 8.0),
            (3, 1, 0, 1.0, None),
        ]
        assert (hour.polls, hour.failed, hour.seconds, hour.worst_rpo) == (5, 2, 1.0, 9.0)
        assert history.hour(8000.0).minutes == ()
        assert (Hour().polls, Hour().seconds, Hour().worst_rpo) == (0, None, None)

    def test_it_is_bounded_however_often_a_zvm_is_polled(self) -> None:
        history = History()
        for tenth in range(2 * 36_000):
            history.add(tenth / 10, 0.01, good=True)
        hour = history.hour(7199.9)
        assert len(hour.minutes) == MINUTES == BARS
        assert hour.polls == 36_000

    def test_bars_stand_from_right_to_left_and_none_is_out_of_the_picture(self) -> None:
        assert bars([(59, 0.0), (1, 5.0), (0, 10.0), (2, None)], 10.0) == "M1 22V21M117 22V12M119 22V1"
        assert bars([(0, 0.0)], 0.0) == "M119 22V21"
        assert bars([], None) == ""

    @given(st.lists(st.floats(0, 1.7e308) | st.integers(0, 2**63 - 1), min_size=1, max_size=BARS))
    def test_no_value_leaves_the_picture(self, values: list[float]) -> None:
        tops = [int(top) for top in re.findall(r"V(\d+)", bars(enumerate(values), max(values)))]
        assert len(tops) == len(values)
        assert all(1 <= top <= 21 for top in tops)

    def test_a_plot_has_its_text_and_its_marks(self) -> None:
        history = History()
        history.add(NOW - 600.0, 0.25, 75.0, good=True)
        history.add(NOW - 120.0, 20.0, good=False)
        page = text(status("nyc", up=True, hour=history.hour(NOW)), status("new", up=None))
        plots = [words(svg) for svg in parsed(page).iter() if svg.tag.endswith("svg")]
        assert plots == [
            "Worst RPO by the minute, last hour: none known",
            "Duration of polls by the minute, last hour: 0 polls, 0 failed",
            "Worst RPO by the minute, last hour: at most 1 min 15 s",
            "Duration of polls by the minute, last hour: 2 polls, 1 failed, the longest good one took 0.25 s",
        ]
        assert re.findall(r'class="(polls|failures|rpo)" d="([^"]*)"', page) == [
            ("rpo", "M99 22V1"),
            ("polls", "M99 22V1"),
            ("failures", "M115 24V28"),
        ]
        assert cells(page)[1][7] == "1 of 2 failed"


class TestHarmless:
    def test_hostile_names_and_errors_stay_text(self) -> None:
        outcome = Outcome("vms", "http", HOSTILE, lost=Counts(1, 1, 1, HOSTILE), cut=1, rows=2)
        of_vpg = trouble(HOSTILE, HOSTILE, HOSTILE, HOSTILE, Promise(), Promise())
        told = Told(Vpgs({HOSTILE: of_vpg}, {}), NOW, current=True)
        summary = Summary(1, 1.0, HOSTILE, HOSTILE)
        hostile = status(HOSTILE, up=True, outcomes=(outcome,), summary=summary, told=told)
        page = text(hostile, replace(hostile, outcomes=(), failure=Failure(NOW, "vms", HOSTILE)))
        document = parsed(page)
        assert not list(document.iter("script"))
        shown = HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd").replace("\ufffe", "\ufffd")
        assert words(next(document.iter("b"))) == shown
        assert cells(page, "vpgs")[0][:3] == [shown * 2, "RPO not known", shown * 2]
        assert page.count("{{ 7 * 7 }}") >= 13
        assert "zvm=%3Cscript%3E" in page

    def test_long_names_of_a_zvm_are_cut_short(self) -> None:
        vpg = trouble("g" * 100_000, "o" * 100_000, "s" * 100_000, "t" * 100_000, Promise(), Promise())
        told = Told(Vpgs({"1": vpg}, {}), NOW, current=True)
        page = text(status("n", up=True, summary=Summary(1, 1.0, "v" * 100_000, "g" * 100_000), told=told))
        assert len(page) < 20_000

    def test_nothing_runs_and_nothing_comes_from_elsewhere(self) -> None:
        page = text(*made_up(30), refresh=True)
        for element in parsed(page).iter():
            assert element.tag not in {"script", "iframe", "object", "embed", "img", "form", "base"}
            assert not {name for name in element.attrib if name == "style" or name.startswith("on") or name == "src"}
            if element.tag == "link":
                assert (element.get("href") or "").startswith("data:image/svg+xml,")
        assert "url(" not in page
        assert "@import" not in page

    async def test_the_policy_allows_the_one_style_that_the_page_has(self) -> None:
        async with serving(made_up(1)) as url, aiohttp.ClientSession() as client, client.get(url) as answer:
            policy, page = answer.headers["Content-Security-Policy"], await answer.text()
        (style,) = parsed(page).iter("style")
        digest = base64.b64encode(hashlib.sha256((style.text or "").encode()).digest()).decode()
        assert policy.split("; ") == [
            "default-src 'none'",
            f"style-src 'sha256-{digest}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]

    @pytest.mark.parametrize("count", [0, 1, 15, 200])
    def test_it_is_valid_html(self, count: int) -> None:
        found = [row for row in cells(text(*made_up(count))) if len(row) == 8] if count else []
        assert len(found) == count


class TestLegible:
    @staticmethod
    def colours() -> Iterator[tuple[str, dict[str, str]]]:
        style = (
            Path(__file__).parent.parent / "exporter" / "web" / "landing" / "templates" / "landing.css"
        ).read_text()
        light, dark = re.findall(r":root \{([^}]*)\}", style)
        for theme, found in (("light", light), ("dark", dark)):
            yield theme, dict(re.findall(r"--(\w+): #([0-9a-f]{6})", found))

    @staticmethod
    def contrast(one: str, other: str) -> float:
        """Return the contrast of two colours as WCAG 2.2 defines it."""

        def luminance(colour: str) -> float:
            parts = (int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4))
            linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        darker, lighter = sorted((luminance(one), luminance(other)))
        return (lighter + 0.05) / (darker + 0.05)

    def test_contrast_is_enough_in_both_themes(self) -> None:
        assert self.contrast("000000", "ffffff") == pytest.approx(21)
        for theme, colour in self.colours():
            for ground in ("ground", "card"):
                for ink, least in dict.fromkeys(("text", "dim", "good", "bad", "warn", "link"), 4.5).items():
                    assert self.contrast(colour[ink], colour[ground]) >= least, (theme, ink, ground)
                for ink in ("bar", "rpo"):
                    assert self.contrast(colour[ink], colour[ground]) >= 3, (theme, ink, ground)

    @pytest.mark.parametrize(
        ("seconds", "quote"),
        [
            (None, "never"),
            (0, "0 s"),
            (-3, "0 s"),
            (59.4, "59 s"),
            (60, "1 min"),
            (185, "3 min 5 s"),
            (7800, "2 h 10 min"),
            (273600, "3 d 4 h"),
        ],
    )
    def test_spans_are_said_as_people_do(self, seconds: float | None, quote: str) -> None:
        assert span(seconds) == quote

    @pytest.mark.parametrize(
        ("seconds", "quote"), [(0.0, "0.00 s"), (9.99, "9.99 s"), (9.996, "10 s"), (75, "1 min 15 s")]
    )
    def test_short_spans_have_two_places(self, seconds: float, quote: str) -> None:
        assert brief(seconds) == quote


class TestExporter:
    async def test_it_follows_what_becomes_of_a_zvm(
        self, simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
    ) -> None:
        sim = await simulate(auth="session")
        sim.estate.clock = lambda: 1_795_470_225.0
        running = await export([zvm_config(sim, ca_file=ca_file)])
        await clock.idle(1)
        await clock.advance(600)
        (seen,) = running.exporter.poller.statuses()
        assert (state(seen), seen.stale, seen.failure, seen.hour.polls, seen.hour.failed) == ("up", False, None, 42, 0)
        assert seen.hour.worst_rpo == seen.worst_rpo is not None
        assert seen.summary is not None
        assert (
            f"<bdi>{seen.summary.worst_vm}</bdi> in VPG <bdi>{seen.summary.worst_vpg}</bdi>"
            in (await running.get("/"))[1]
        )
        sim.faults.set(vms.PATH, faults.status(500))
        await clock.advance(60)
        (seen,) = running.exporter.poller.statuses()
        assert (state(seen), seen.stale, seen.hour.polls, seen.hour.failed) == ("down", False, 46, 2)
        assert seen.failure is not None
        assert (seen.failure.at, seen.failure.collector) == (clock.now, "vms")
        assert seen.hour.minutes[-1].worst_rpo is None
        await clock.advance(60)
        page = (await running.get("/"))[1]
        assert cells(page)[0][2:4] == ["2 min agosamples dropped", NONE]
        sim.faults.clear()
        sim.faults.set(vpgs.PATH, faults.status(500))
        await clock.advance(30)
        (seen,) = running.exporter.poller.statuses()
        assert (state(seen), seen.hour.failed) == ("degraded", 5)
        assert seen.hour.minutes[-1].worst_rpo == seen.worst_rpo
        sim.faults.clear()
        await clock.advance(30)
        page = (await running.get("/"))[1]
        assert cells(page)[0][1:4] == ["● upfor 30 s", "0 s ago", "5"]
        assert cells(page)[1][0].startswith("failed 30 s ago, vpgs: ")

    async def test_a_reload_keeps_the_hour_where_it_keeps_the_samples(
        self, simulate: Simulate, export: Export, clock: DrivenClock, ca_file: Path
    ) -> None:
        sim = await simulate(auth="session")
        running = await export([zvm_config(sim, ca_file=ca_file)])
        await clock.idle(1)
        await clock.advance(300)
        sim.faults.set("/v1/v", faults.hang())
        running.zvms[0] = zvm_config(sim, ca_file=ca_file, timeout=10.0)
        await running.exporter.reload()
        assert running.exporter.poller.statuses()[0].hour.polls == 22
        running.zvms[0] = zvm_config(sim, ca_file=ca_file, labels={"region": "us-east"})
        await running.exporter.reload()
        assert running.exporter.poller.statuses()[0].hour.polls == 0

    def test_the_worst_rpo_is_told_with_its_vm(self) -> None:
        def vm(name: str | None, rpo: float | None) -> vms.Vm:
            return vms.Vm(id=f"id-{name}", vpg_id="1", name=name, vpg="ERP", actual_rpo=rpo)

        assert vms.summary([vm("a", 3), vm("b", 8), vm("b", 8), vm("c", None)]) == Summary(3, 8, "b", "ERP", 1)
        assert vms.summary([vm("a", -1), vm("b", -7), vm("c", None), vm("d", 0)]) == Summary(4, None, without_rpo=4)
        assert vms.summary([vm("a", 3_955_710), vm("b", 3), vm("c", 4_955_710)]) == Summary(3, 3, "b", "ERP", 2)
        assert vms.summary([vm(None, 1)]) == Summary(1, 1, "", "ERP")
        assert vms.summary([]) == Summary(0, None)

    async def test_it_is_made_beside_the_event_loop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[str] = []
        whole = Landing.page

        def page(self: Landing, *arguments: Any, **options: Any) -> tuple[bytes, ...]:
            made.append(threading.current_thread().name)
            return whole(self, *arguments, **options)

        monkeypatch.setattr(Landing, "page", page)
        async with serving(made_up(500)) as url, aiohttp.ClientSession(auto_decompress=False) as client:
            async with client.get(url + "?refresh", headers={"Accept-Encoding": "gzip"}) as answer:
                packed = await answer.read()
            async with client.get(url, headers={"Accept-Encoding": "identity"}) as answer:
                assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                assert "http-equiv" not in await answer.text()
        assert len(packed) < 200_000
        assert b"http-equiv" in unzipped([packed])
        assert len(made) == 2
        assert all(name.startswith("scrape") for name in made)


@pytest.fixture
def _needs_chromium() -> None:
    if chromium() is None:
        assert "CI" not in os.environ, "CI must have chromium"
        pytest.skip("chromium is not installed (Debian: chromium)")


@pytest.mark.usefixtures("_needs_chromium")
async def test_a_browser_finds_nothing_wrong_in_any_width() -> None:
    """No sideways scrolling, not a word in its console, and plots and tables have their names."""
    of_long = Told(Vpgs({"1": trouble("g" * 300, "o" * 300, "s" * 300, "t" * 300, LONG, LONG)}, {}), NOW, current=False)
    summary = Summary(1, 1e300, "v" * 300, "g" * 300)
    long = status("n" * 300, up=False, error="e" * 300, summary=summary, told=of_long)
    statuses = [long, *made_up(15)]
    worst = cells(text(*statuses), "vpgs")
    assert worst
    flags = WebFlags(grafana_url="https://grafana.example.com/")
    async with serving(statuses, flags) as url, Browser.started() as browser:
        for width, dark in ((320, False), (390, True), (820, False), (1400, True)):
            await browser.open(url + "?refresh", width=width, dark=dark)
            assert await browser.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
            ground = await browser.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ground == ("rgb(18, 23, 29)" if dark else "rgb(244, 246, 248)")
            told = await browser.accessible()
            plots = [name for role, name in told if role == "image"]
            assert len(plots) == 2 * len(statuses)
            assert all(name.startswith(("Worst RPO by", "Duration of polls by")) for name in plots)
            assert ("table", "ZVMs, those with trouble first") in told
            roles = [role for role, _ in told]
            assert (roles.count("rowheader"), roles.count("columnheader")) == (len(statuses) + len(worst), 8 + 6)
            assert ("table", "VPGs that need attention, the worst first") in told
            assert ("link", "samples of site-000") in told
        assert browser.told == []


@pytest.mark.usefixtures("_needs_chromium")
async def test_the_browser_does_tell_of_what_is_wrong() -> None:
    async with serving(made_up(1)) as url, Browser.started() as browser:
        await browser.open(url, width=390)
        await browser.evaluate("document.body.setAttribute('style', 'width: 5000px')")
        assert await browser.evaluate("document.documentElement.scrollWidth") == 390
        await browser.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=/x.png>')")
        await browser.evaluate("document.querySelector('main').style.minWidth = '5000px'")
        assert await browser.evaluate("document.documentElement.scrollWidth") >= 5000
    assert any("Content Security Policy" in line for line in browser.told)
