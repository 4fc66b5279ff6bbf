"""The HTTP side over a real socket: what each path answers, and in what encoding."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDictProxy
from support import Page

from exporter.polling.target import Status
from exporter.prometheus.gzip import unzipped
from exporter.prometheus.store import Store
from exporter.prometheus.table import NONE, Metric, Table
from exporter.prometheus.telemetry import Telemetry
from exporter.web.listen import ListenError, listen
from exporter.web.pages import Bounds, Pages
from exporter.web.server import Server, WebFlags, accepts_gzip

VMS: Table[int] = Table({"name": str}, Metric("zerto_vm_iops", "I/O.", "the test", NONE, lambda row: row))
VPGS: Table[int] = Table({"name": str}, Metric("zerto_vpg_iops", "I/O.", "the test", NONE, lambda row: row))


@dataclass
class Polls:
    """A poller as the server sees it."""

    waiting: tuple[str, ...] = ()
    seen: list[Status] = field(default_factory=list)

    def names(self) -> tuple[str, ...]:
        return ("nyc", "lon")

    def untried(self) -> tuple[str, ...]:
        return self.waiting

    def statuses(self) -> list[Status]:
        return self.seen


class Site:
    """A server with samples of two ZVMs, and a client of it."""

    def __init__(self, **bounds: Any) -> None:
        self.now = 0.0
        self.store = Store({"vms": (VMS,), "vpgs": (VPGS,)}, monotonic=lambda: self.now)
        for zvm in ("nyc", "lon"):
            self.store.put(zvm, "vms", VMS.render({"zvm": zvm}, [1, 2]), 60)
            self.store.put(zvm, "vpgs", VPGS.render({"zvm": zvm}, [3]), 60)
        self.telemetry = Telemetry("1.2.3", poll_outcomes=["success"], login_outcomes=[], series=self.store.series)
        self.polls = Polls()
        self.pages = Pages(self.store, self.telemetry, bounds=Bounds(**bounds), monotonic=lambda: self.now)
        self.url = ""
        self.client: aiohttp.ClientSession

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, CIMultiDictProxy[str], bytes]:
        asked = {"Accept-Encoding": "identity", **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.client.request(method, self.url + path, headers=asked) as response:
            return response.status, response.headers, await response.read()


Reload = Callable[[], Awaitable[str]]


async def never() -> str:
    raise AssertionError


@asynccontextmanager
async def serving(reload: Reload | None = None, flags: WebFlags | None = None) -> AsyncIterator[Site]:
    site = Site()
    server = Server(
        site.pages,
        site.polls,
        flags or WebFlags(lifecycle=reload is not None),
        collectors=("vms", "vpgs"),
        reload=reload or never,
        configuration=lambda: "zvms: []\n",
        wall=lambda: 1000.0,
    )
    listener = listen("127.0.0.1:0")
    await server.start([listener])
    site.url = f"http://127.0.0.1:{listener.port}"
    async with aiohttp.ClientSession(auto_decompress=False) as site.client:
        try:
            yield site
        finally:
            await server.stop()


async def test_a_scrape_gets_the_text_format_with_the_exporters_own_metrics() -> None:
    async with serving() as site:
        status, headers, body = await site.get("/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "Content-Encoding" not in headers
    page = Page(body.decode())
    assert sorted(page.values("zerto_vm_iops")) == [1, 1, 2, 2]
    assert page.value("zerto_exporter_build_info", version="1.2.3") == 1
    assert page.values("process_start_time_seconds")


async def test_a_scrape_that_asks_for_gzip_gets_the_same_page_compressed() -> None:
    async with serving() as site:
        _, headers, packed = await site.get("/metrics", Accept_Encoding="gzip;q=1.0, deflate;q=0.5")
        _, _, body = await site.get("/metrics")
    assert (headers["Content-Encoding"], headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed) == body


@pytest.mark.parametrize(
    ("query", "zvms", "metrics"),
    [
        ("zvm=nyc", {"nyc"}, {"zerto_vm_iops", "zerto_vpg_iops"}),
        ("collect[]=vms", {"nyc", "lon"}, {"zerto_vm_iops"}),
        ("zvm=lon&collect[]=vpgs", {"lon"}, {"zerto_vpg_iops"}),
        ("zvm=nyc&zvm=lon&collect[]=vms&collect[]=vpgs", {"nyc", "lon"}, {"zerto_vm_iops", "zerto_vpg_iops"}),
    ],
)
async def test_a_scrape_can_be_narrowed(query: str, zvms: set[str], metrics: set[str]) -> None:
    async with serving() as site:
        _, _, body = await site.get(f"/metrics?{query}")
        _, _, packed = await site.get(f"/metrics?{query}", Accept_Encoding="gzip")
    page = Page(body.decode())
    assert {name for name, _ in page.samples} == metrics
    assert {dict(labels)["zvm"] for _, labels in page.samples} == zvms
    assert gzip.decompress(packed) == body


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/metrics?exclude[]=vpgs", {"zerto_vm_iops", "zerto_exporter_build_info"}),
        ("/metrics?exclude[]=vpgs&exclude[]=exporter", {"zerto_vm_iops"}),
        ("/metrics?exclude[]=exporter", {"zerto_vm_iops", "zerto_vpg_iops"}),
        ("/metrics?exclude[]=vms&zvm=nyc", {"zerto_vpg_iops"}),
        ("/metrics?exclude[]=vms&exclude[]=vpgs&exclude[]=exporter", set()),
        ("/probe?target=nyc&exclude[]=vms", {"zerto_vpg_iops"}),
    ],
)
async def test_what_is_excluded_is_left_out_and_nothing_else(path: str, rest: set[str]) -> None:
    async with serving() as site:
        status, _, body = await site.get(path)
        _, _, packed = await site.get(path, Accept_Encoding="gzip")
    some = {"zerto_vm_iops", "zerto_vpg_iops", "zerto_exporter_build_info"}
    assert status == 200
    assert {name for name, _ in Page(body.decode()).samples} & some == rest
    assert gzip.decompress(packed) == body


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/metrics?colect[]=vms", "'colect[]' is no parameter here; known are zvm, collect[], exclude[]\n"),
        ("/metrics?collect=vms", "'collect' is no parameter here; known are zvm, collect[], exclude[]\n"),
        ("/metrics?target=nyc", "'target' is no parameter here; known are zvm, collect[], exclude[]\n"),
        ("/probe?target=nyc&zvm=nyc", "'zvm' is no parameter here; known are target, collect[], exclude[]\n"),
        ("/metrics?collect[]=vms&exclude[]=vpgs", "collect[] and exclude[]: give one of them, not both\n"),
        ("/metrics?exclude[]=vras", "exclude[]: 'vras' is not known; known are vms, vpgs, exporter\n"),
        ("/probe?target=nyc&exclude[]=exporter", "exclude[]: 'exporter' is not known; known are vms, vpgs\n"),
    ],
)
async def test_a_parameter_that_is_not_known_is_named_and_those_that_are(path: str, says: str) -> None:
    async with serving() as site:
        status, headers, body = await site.get(path)
    assert (status, body.decode()) == (400, says)
    assert headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("zvm=nix", "zvm: 'nix' is not known; known are nyc, lon\n"),
        ("collect[]=vras", "collect[]: 'vras' is not known; known are vms, vpgs, exporter\n"),
    ],
)
async def test_narrowing_to_the_unknown_is_an_error_not_an_empty_page(query: str, answer: str) -> None:
    async with serving() as site:
        status, headers, body = await site.get(f"/metrics?{query}")
    assert (status, body.decode()) == (400, answer)
    assert headers["Content-Type"].startswith("text/plain")


async def test_the_own_metrics_can_be_asked_for_alone_and_with_others() -> None:
    """A Prometheus that scrapes each ZVM as a target must not fetch all of them once more for our own metrics."""
    async with serving() as site:
        _, _, alone = await site.get("/metrics?collect[]=exporter")
        _, _, both = await site.get("/metrics?collect[]=exporter&collect[]=vms&zvm=nyc")
        status, _, _ = await site.get("/probe?target=nyc&collect[]=exporter")
    own = Page(alone.decode())
    assert own.value("zerto_exporter_build_info", version="1.2.3") == 1
    assert not own.values("zerto_vm_iops")
    page = Page(both.decode())
    assert page.values("zerto_exporter_build_info") == [1]
    assert sorted(page.values("zerto_vm_iops")) == [1, 2]
    assert status == 400


async def test_a_head_request_tells_the_length_and_brings_no_body() -> None:
    async with serving() as site:
        for encoding in ("gzip", "identity"):
            site.telemetry.reloaded(successful=True)
            status, headers, body = await site.get("/metrics", "HEAD", Accept_Encoding=encoding)
            assert (status, body) == (200, b"")
            assert int(headers["Content-Length"]) > 100


async def test_a_probe_is_the_page_of_one_zvm() -> None:
    async with serving() as site:
        _, headers, body = await site.get("/probe?target=nyc")
        assert body == (await site.get("/metrics?zvm=nyc"))[2]
        _, _, narrowed = await site.get("/probe?target=nyc&collect[]=vpgs")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    page = Page(body.decode())
    assert {(name, dict(labels)["zvm"]) for name, labels in page.samples} == {
        ("zerto_vm_iops", "nyc"),
        ("zerto_vpg_iops", "nyc"),
    }
    assert {name for name, _ in Page(narrowed.decode()).samples} == {"zerto_vpg_iops"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?target=", 404),
        ("?target=nix", 404),
        ("?target=nyc&target=lon", 400),
        ("?target=nyc&collect[]=x", 400),
    ],
)
async def test_a_probe_of_what_is_not_configured_is_refused(query: str, status: int) -> None:
    async with serving() as site:
        answered, headers, body = await site.get(f"/probe{query}")
    assert answered == status
    assert headers["Content-Type"].startswith("text/plain")
    assert body


@pytest.mark.parametrize(
    ("flags", "target", "labels"),
    [
        (WebFlags(), "exporter.example.com:9403", {"__metrics_path__": "/probe"}),
        (WebFlags(prefix="/zerto"), "exporter.example.com:9403", {"__metrics_path__": "/zerto/probe"}),
        (
            WebFlags(external_url="https://p.example.com/zerto/", prefix="/zerto"),
            "p.example.com",
            {"__metrics_path__": "/zerto/probe", "__scheme__": "https"},
        ),
        (
            WebFlags(external_url="http://p.example.com:8080/a/b"),
            "p.example.com:8080",
            {"__metrics_path__": "/a/b/probe", "__scheme__": "http"},
        ),
    ],
)
async def test_discovery_names_each_zvm_as_a_target_of_its_own(
    flags: WebFlags, target: str, labels: dict[str, str]
) -> None:
    """And no scheme, unless it was told: that of this connection may be that of a proxy that has ended TLS."""
    async with serving(flags=flags) as site:
        status, headers, body = await site.get(f"{flags.prefix}/api/v1/sd", Host="exporter.example.com:9403")
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert json.loads(body) == [
        {"targets": [target], "labels": {**labels, "__param_target": name, "instance": name}} for name in ("lon", "nyc")
    ]


async def test_with_a_prefix_every_page_is_below_it_and_nowhere_else() -> None:
    async def reload() -> str:
        return ""

    async with serving(flags=WebFlags(prefix="/a/b", lifecycle=True), reload=reload) as site:
        for path in ("/metrics", "/probe?target=nyc", "/api/v1/sd", "/", "/config", "/-/healthy", "/-/ready"):
            assert (await site.get(f"/a/b{path}"))[0] == 200
            if path != "/":
                assert (await site.get(path))[0] == 404
        assert (await site.get("/a/b/-/reload", "POST"))[0] == 200
        landing = (await site.get("/a/b/"))[2].decode()
        for link in re.findall(r'href="([^":]+)"', landing):
            if not link.startswith("?"):
                assert (await site.get("/a/b/" + link.removeprefix("./")))[0] == 200, link


@pytest.mark.parametrize(
    ("flags", "home"),
    [
        (WebFlags(prefix="/zerto"), "/zerto/"),
        (WebFlags(prefix="/zerto", external_url="https://p.example.com/zerto/"), "/zerto/"),
        (WebFlags(prefix="/inner", external_url="https://p.example.com/outer"), "/outer/"),
    ],
)
async def test_above_the_prefix_is_the_way_to_the_landing_page(flags: WebFlags, home: str) -> None:
    async with serving(flags=flags) as site:
        for path in ("/", flags.prefix):
            asked = site.client.get(site.url + path, allow_redirects=False)
            async with asked as answer:
                assert (answer.status, answer.headers["Location"]) == (302, home)


async def test_a_probe_below_a_prefix_answers_however_many_requests_there_are() -> None:
    async with serving(flags=WebFlags(prefix="/zerto", max_requests=1)) as site:
        await site.client.get(site.url + "/zerto/config")
        assert (await site.get("/zerto/-/healthy"))[0] == 200


async def test_the_whole_page_is_made_once_for_each_change_and_goes_for_no_other() -> None:
    site = Site(narrowed_bytes=1)
    whole = await site.pages.whole()
    await site.pages.narrowed(["nyc"], ["vms"])
    assert await site.pages.whole() is whole
    site.store.put("nyc", "vms", VMS.render({"zvm": "nyc"}, [9]), 60)
    assert await site.pages.whole() is not whole


async def test_a_narrowed_page_is_made_once_for_each_change_of_its_zvms() -> None:
    site = Site()
    first = await site.pages.narrowed(["nyc"], ["vms"])
    site.store.put("lon", "vms", VMS.render({"zvm": "lon"}, [9]), 60)
    assert await site.pages.narrowed(["nyc"], ["vms"]) is first
    site.store.put("nyc", "vms", VMS.render({"zvm": "nyc"}, [9]), 60)
    assert await site.pages.narrowed(["nyc"], ["vms"]) is not first


async def test_nothing_is_kept_of_a_page_that_is_outdated() -> None:
    """Also where nobody asks for it again: hundreds of old blocks would lie all over the heap."""
    site = Site(joined_bytes=0)
    rendered = VMS.render({"zvm": "nyc"}, [9])
    block = rendered.blocks[0].fragment.data
    here = sys.getrefcount(block)
    site.store.put("nyc", "vms", rendered, 60)
    await site.pages.whole()
    await site.pages.narrowed(["nyc", "lon"], ["vms"])
    assert sys.getrefcount(block) == here + 2
    site.store.put("nyc", "vms", VMS.render({"zvm": "nyc"}, [8]), 60)
    assert sys.getrefcount(block) == here


async def test_the_narrowed_pages_that_are_kept_are_bounded_in_number() -> None:
    site = Site(narrowed=2)
    one = await site.pages.narrowed(["nyc"], ["vms"])
    two = await site.pages.narrowed(["lon"], ["vms"])
    assert await site.pages.narrowed(["nyc"], ["vms"]) is one
    await site.pages.narrowed(["nyc"], ["vpgs"])  # the one that was not asked for the longest goes: lon's
    assert await site.pages.narrowed(["nyc"], ["vms"]) is one
    assert await site.pages.narrowed(["lon"], ["vms"]) is not two


async def test_the_narrowed_pages_that_are_kept_are_bounded_in_bytes() -> None:
    site = Site(narrowed_bytes=1)
    assert await site.pages.narrowed(["lon"], ["vpgs"]) is not await site.pages.narrowed(["lon"], ["vpgs"])


async def test_the_telemetry_path_can_be_another() -> None:
    async with serving(flags=WebFlags("/zerto")) as site:
        assert (await site.get("/zerto"))[0] == 200
        assert (await site.get("/metrics"))[0] == 404
        assert b'href="zerto"' in (await site.get("/"))[2]


async def test_a_large_page_is_decompressed_for_who_cannot() -> None:
    async with serving() as site:
        site.store.put("nyc", "vms", VMS.render({"zvm": "nyc"}, range(40_000)), 60)
        _, _, body = await site.get("/metrics")
    assert len(body) > 2**20
    assert len(Page(body.decode()).values("zerto_vm_iops", zvm="nyc")) == 40_000


@pytest.mark.parametrize("path", ["/nowhere", "/metrics/", "/-/", "/config/", "/api/v1"])
async def test_elsewhere_is_nothing(path: str) -> None:
    async with serving() as site:
        assert (await site.get(path))[0] == 404


@pytest.mark.parametrize(("path", "method"), [("/metrics", "POST"), ("/-/reload", "GET"), ("/", "DELETE")])
async def test_other_methods_are_refused(path: str, method: str) -> None:
    async with serving() as site:
        assert (await site.get(path, method))[0] == 405


async def test_health_and_readiness() -> None:
    async with serving() as site:
        site.polls.waiting = ("lon",)
        assert (await site.get("/-/healthy"))[::2] == (200, b"healthy\n")
        assert (await site.get("/-/ready"))[::2] == (503, b"not tried yet: lon\n")
        site.polls.waiting = ()
        assert (await site.get("/-/ready"))[::2] == (200, b"ready\n")


async def test_reload_is_closed_unless_it_was_opened() -> None:
    async with serving() as site:
        status, _, body = await site.get("/-/reload", "POST")
    assert status == 403
    assert b"--web.enable-lifecycle" in body


async def test_reload_says_what_is_wrong() -> None:
    problems = ["", "zvms[0].url: missing"]

    async def reload() -> str:
        return problems.pop(0)

    async with serving(reload) as site:
        assert (await site.get("/-/reload", "POST"))[::2] == (200, b"reloaded\n")
        status, _, body = await site.get("/-/reload", "POST")
    assert (status, body) == (500, b"zvms[0].url: missing\nthe configuration in force is unchanged\n")


@pytest.mark.parametrize("path", ["/", "/metrics", "/nowhere", "/metrics?zvm=nix"])
async def test_every_answer_has_the_security_headers(path: str) -> None:
    async with serving() as site:
        _, headers, _ = await site.get(path)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in headers


async def test_own_metrics_are_taken_anew_after_a_moment_and_after_a_poll() -> None:
    async with serving() as site:
        site.telemetry.reloaded(successful=False)
        before = (await site.get("/metrics"))[2]
        site.telemetry.reloaded(successful=True)
        assert (await site.get("/metrics"))[2] == before
        site.now += 30
        assert b"config_last_reload_successful 1.0" in (await site.get("/metrics"))[2]
        site.telemetry.reloaded(successful=False)
        await site.pages.prepare()
        assert b"config_last_reload_successful 0.0" in (await site.get("/metrics"))[2]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    counted = Made()
    monkeypatch.setattr(Telemetry, "exposition", counted.exposition)
    return counted


class Made:
    """Counts how often the own metrics are made, and what of them is in the page."""

    def __init__(self) -> None:
        self.times = 0
        self.begun = threading.Event()
        self.hold = threading.Event()
        self.hold.set()

    def exposition(self) -> bytes:
        self.begun.set()
        self.hold.wait(10)
        self.times += 1
        return f"made {self.times}\n".encode()


async def shown(site: Site) -> bytes:
    return unzipped(await site.pages.whole()).splitlines()[-1]


async def test_the_page_is_prepared_at_the_end_of_a_poll(made: Made) -> None:
    site = Site()
    await site.pages.prepare()
    assert await shown(site) == b"made 1"
    await site.pages.prepare()
    assert await shown(site) == b"made 2"
    site.now += 29.9
    assert await shown(site) == b"made 2"
    site.now += 0.1
    assert await shown(site) == b"made 3"


async def test_own_metrics_that_take_long_are_made_in_a_thread_now_and_then(made: Made) -> None:
    """A scrape waits for them only where there are none, or too old ones; two wait for the same."""
    site = Site(cheap_seconds=0.0)
    made.hold.clear()
    scrapes = [asyncio.create_task(shown(site)) for _ in range(2)]
    await asyncio.to_thread(made.begun.wait, 10)
    made.hold.set()
    assert await asyncio.gather(*scrapes) == [b"made 1", b"made 1"]
    await site.pages.prepare()
    assert await shown(site) == b"made 1"
    site.now += 10
    made.hold.clear()
    await site.pages.prepare()
    await site.pages.prepare()
    assert await shown(site) == b"made 1"
    made.hold.set()
    site.now += 30
    assert await shown(site) == b"made 2"
    assert made.times == 2


async def test_what_is_forgotten_while_it_is_made_is_made_again(made: Made) -> None:
    """As by a reload: whoever asks after it must see that it was."""
    site = Site(cheap_seconds=0.0)
    made.hold.clear()
    scrape = asyncio.create_task(shown(site))
    await asyncio.to_thread(made.begun.wait, 10)
    site.pages.forget()
    made.hold.set()
    assert await scrape == b"made 2"


async def test_a_page_of_many_blocks_is_sent_whole() -> None:
    async with serving() as site:
        for number in range(300):
            rows = [hash((number, row)) % 10**9 for row in range(200)]
            site.store.put(f"zvm-{number}", "vms", VMS.render({"zvm": f"zvm-{number}"}, rows), 60)
        _, headers, packed = await site.get("/metrics", Accept_Encoding="gzip")
        _, _, body = await site.get("/metrics")
    assert int(headers["Content-Length"]) == len(packed) > 2**19
    assert gzip.decompress(packed) == body
    assert body.count(b"\nzerto_vm_iops{") > 59_000


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("*;q=0, gzip", True),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("x-gzip-not", False),
        (",;,", False),
    ],
)
def test_whether_gzip_is_accepted(header: str, *, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@given(st.text())
def test_no_header_breaks_the_negotiation(header: str) -> None:
    assert accepts_gzip(header) in {True, False}


@pytest.mark.parametrize(
    "address", ["", "9403", "host", "host:", ":x", ":65536", "::1:9403", "[::1]", "[::1:9", "[]:9", "::9", ":-1", ":٣"]
)
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(ListenError, match=r"--web.listen-address: expected host:port or :port"):
        listen(address)


def test_a_host_that_cannot_be_one_is_named() -> None:
    with pytest.raises(ListenError, match=r"'a\.\.b' is no host name"):
        listen("a..b:9")


def test_a_port_left_to_the_system_is_told() -> None:
    listener = listen("[::1]:0" if socket.has_ipv6 else "127.0.0.1:0")
    for bound in listener.sockets:
        bound.close()
    assert re.fullmatch(r"(\[::1\]|127\.0\.0\.1):[1-9]\d*", listener.text)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenError, match=f"cannot listen on {address}: Address already in use"):
            listen(address)


async def test_an_address_without_a_host_is_all_addresses_of_both_families() -> None:
    listener = listen(":0")
    families = {bound.family for bound in listener.sockets}
    ports = {bound.getsockname()[1] for bound in listener.sockets}
    for bound in listener.sockets:
        bound.close()
    assert len(ports) == 1
    assert socket.AF_INET in families
    if socket.has_ipv6:
        assert families == {socket.AF_INET, socket.AF_INET6}


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_the_ipv6_address_of_all_serves_both_families() -> None:
    """As it does for the programs of Prometheus, whatever `net.ipv6.bindv6only` says."""
    listener = listen("[::]:0")
    assert listener.text == f"[::]:{listener.port}"
    for bound in listener.sockets:
        bound.listen()
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, listener.port), timeout=5).close()
    for bound in listener.sockets:
        bound.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_both_addresses_of_all_may_be_given() -> None:
    first = listen("0.0.0.0:0")
    both = (f"0.0.0.0:{first.port}", f"[::]:{first.port}")
    second = listen(both[1], both)
    assert [bound.family for bound in second.sockets] == [socket.AF_INET6]
    for bound in (*first.sockets, *second.sockets):
        bound.close()


async def test_an_answer_under_way_does_not_hold_up_the_end() -> None:
    release = asyncio.Event()
    entered = asyncio.Event()

    async def hang() -> str:
        entered.set()
        await release.wait()
        return ""

    async with serving(hang) as site:
        asking = asyncio.create_task(site.get("/-/reload", "POST"))
        await entered.wait()
    release.set()
    with pytest.raises(aiohttp.ClientError):
        await asking


async def test_who_speaks_no_http_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as site:
        host, _, port = site.url.removeprefix("http://").partition(":")
        for request in (b"nonsense\r\n\r\n", b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            assert b" 400 " in (await reader.read()).splitlines()[0]
            writer.close()
            await writer.wait_closed()
    assert [record for record in caplog.records if record.name == "aiohttp.server"] == []
