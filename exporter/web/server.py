"""The HTTP side: metrics, landing page, health, reload."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from exporter.polling.target import Status
from exporter.prometheus.gzip import batches, plain_pieces, plain_size
from exporter.prometheus.table import CONTENT_TYPE
from exporter.threads import in_scrape_thread
from exporter.web import queries
from exporter.web.access import Access, probes
from exporter.web.clients import Connections, Limits, Seldom
from exporter.web.landing.page import Landing
from exporter.web.listen import Listener
from exporter.web.pages import OWN, Body, Pages

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_BETWEEN_TURNS: Final = 2**17  # bytes


class Polls(Protocol):
    """What the server asks the poller."""

    def names(self) -> tuple[str, ...]: ...

    def untried(self) -> tuple[str, ...]: ...

    def statuses(self) -> list[Status]: ...


Reload = Callable[[], Awaitable[str]]  # returns what is wrong with the new configuration, "" if nothing


@dataclass(frozen=True)
class WebFlags:
    """How the HTTP side is set up: the flags `--web.*`, but for the addresses."""

    telemetry_path: str = "/metrics"
    lifecycle: bool = False
    access: Access | None = None
    grafana_url: str | None = None
    external_url: str | None = None  # where a proxy serves the pages
    prefix: str = ""  # before the path of each page: `/zerto`
    max_requests: int = 40  # answered at the same time, but for probes; 0: as many as come
    limits: Limits = field(default_factory=Limits.of_process)


class Server:
    """The aiohttp application of section `HTTP endpoints` in the README."""

    def __init__(
        self,
        pages: Pages,
        polls: Polls,
        flags: WebFlags,
        *,
        collectors: Sequence[str],
        reload: Reload,
        configuration: Callable[[], str],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Serve *pages* as the *flags* say.

        *collectors* are the known ones; *configuration* is asked for what is in force, without secrets.
        """
        self._pages = pages
        self._polls = polls
        self._collectors = collectors
        self._path = flags.prefix + flags.telemetry_path
        self._prefix = flags.prefix
        self._external = urlsplit(flags.external_url) if flags.external_url else None
        self._outside = flags.prefix if self._external is None else self._external.path.rstrip("/")
        self._probes = probes(flags.prefix)
        self._configuration = configuration
        self._reload = reload if flags.lifecycle else None
        self._access = flags.access
        self._wall = wall
        self._landing = Landing(flags.telemetry_path, flags.grafana_url)
        self._one_landing = asyncio.Lock()
        self._max_requests = flags.max_requests
        self._under_way = 0
        self._too_many = Seldom("too many requests at once: those above --web.max-requests are answered 503")
        self._limits = flags.limits
        self._connections: Connections | None = None

    def app(self) -> web.Application:
        """Return the application."""
        access = [self._access.middleware] if self._access is not None else []
        app = web.Application(middlewares=[*access, self._bounded])  # who may not come in takes nobody's place
        app.on_response_prepare.append(self._add_headers)
        app.router.add_get(self._path, self.metrics)
        for path, handler in (
            ("/probe", self.probe),
            ("/api/v1/sd", self.discovery),
            ("/", self.landing),
            ("/config", self.configuration),
            ("/-/healthy", self.healthy),
            ("/-/ready", self.ready),
        ):
            app.router.add_get(self._prefix + path, handler)
        app.router.add_post(f"{self._prefix}/-/reload", self.reload)
        if self._prefix:
            app.router.add_get("/", self.home)
            app.router.add_get(self._prefix, self.home)
        return app

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Serve on *listeners*."""
        runner = web.AppRunner(self.app(), shutdown_timeout=1.0)
        await runner.setup()
        self._connections = Connections(runner, self._limits, self._headers)
        context = self._access.ssl_context if self._access is not None else None
        for listener in listeners:
            for bound in listener.sockets:
                await self._connections.listen(bound, context)

    async def stop(self) -> None:
        """Close the listeners and the connections; answers under way have a second."""
        if self._connections is not None:
            await self._connections.close()

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Answer a scrape: `zvm`, `collect[]` and `exclude[]` narrow it; `exporter` stands for its own metrics."""
        query = request.query
        queries.refuse_unknown(query, ("zvm", "collect[]", "exclude[]"))
        if not query:
            return await self._page(request, await self._pages.whole())
        known = (*self._collectors, OWN)
        collectors = queries.collectors(query, self._collectors if "zvm" in query else known, known)
        zvms = queries.asked("zvm", query, self._polls.names())
        return await self._page(request, await self._pages.narrowed(zvms, collectors))

    async def probe(self, request: web.Request) -> web.StreamResponse:
        """Answer a scrape of the one ZVM that `target` names: a name of the configuration, never a host."""
        query = request.query
        queries.refuse_unknown(query, ("target", "collect[]", "exclude[]"))
        targets = query.getall("target", [])
        if len(targets) != 1:
            return web.Response(status=400, text="target: expected the name of one ZVM\n")
        if targets[0] not in self._polls.names():
            return web.Response(status=404, text=f"target: {targets[0]!r} is not the name of a ZVM\n")
        collectors = queries.collectors(query, self._collectors, self._collectors)
        return await self._page(request, await self._pages.narrowed(targets, collectors))

    async def discovery(self, request: web.Request) -> web.Response:
        """Answer Prometheus's HTTP service discovery: each ZVM as a target, to be scraped at the address asked.

        Whether a proxy in front has ended TLS cannot be seen here: without an external URL, the scheme is that of the
        scrape configuration.
        """
        external = self._external
        target = request.host if external is None else external.netloc
        common = {"__metrics_path__": f"{self._outside}/probe"}
        if external is not None:
            common["__scheme__"] = external.scheme
        # Targets that differ in nothing but a parameter would have one `instance`, and one `up` between them.
        targets = [
            {"targets": [target], "labels": {**common, "__param_target": name, "instance": name}}
            for name in sorted(self._polls.names())
        ]
        return web.json_response(targets)

    async def home(self, _request: web.Request) -> web.Response:
        """Answer who asks for the path above all pages: the landing page is below the prefix."""
        raise web.HTTPFound(f"{self._outside}/")

    async def landing(self, request: web.Request) -> web.StreamResponse:
        """Answer a person: what each ZVM's state is; with `refresh`, again and again."""
        refresh = "refresh" in request.query
        async with self._one_landing:  # of hundreds of ZVMs it takes a thread for a while, and scrapes need the other
            statuses = self._polls.statuses()
            body = await in_scrape_thread(partial(self._landing.page, statuses, self._wall(), refresh=refresh))
        return await self._page(request, body, "text/html; charset=utf-8")

    async def configuration(self, _request: web.Request) -> web.Response:
        """Answer what is configured."""
        return web.Response(text=self._configuration())

    async def healthy(self, _request: web.Request) -> web.Response:
        """Answer that the event loop turns."""
        return web.Response(text="healthy\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 once each ZVM was tried."""
        untried = self._polls.untried()
        if untried:
            return web.Response(status=503, text=f"not tried yet: {', '.join(untried)}\n")
        return web.Response(text="ready\n")

    async def reload(self, _request: web.Request) -> web.Response:
        """Read the configuration again."""
        if self._reload is None:
            return web.Response(status=403, text="reloading over HTTP is off; start with --web.enable-lifecycle\n")
        problems = await self._reload()
        if problems:
            return web.Response(status=500, text=f"{problems}\nthe configuration in force is unchanged\n")
        return web.Response(text="reloaded\n")

    async def _page(self, request: web.Request, body: Body, content_type: str = CONTENT_TYPE) -> web.StreamResponse:
        """Answer with the page whose gzip file is *body*, as such where the client takes it.

        Who does not gets it unpacked as it is read: a client that reads slowly holds a piece, and no copy of the page.
        """
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: content_type, hdrs.VARY: hdrs.ACCEPT_ENCODING})
        packed = accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, [])))
        size = sum(map(len, body))
        if packed:
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        response.content_length = size if packed else plain_size(body)
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        try:
            async with asyncio.timeout(self._limits.answer):
                if packed:
                    # One large piece is cut without a copy; many small ones are joined to what is this client's own.
                    shared = len(body) == 1 and not request.secure
                    for batch in batches(body, self._limits.shared_piece if shared else self._limits.piece):
                        await response.write(batch)
                else:
                    pieces = plain_pieces(body, self._limits.piece)
                    unpack = in_scrape_thread if size > _BETWEEN_TURNS else _at_once
                    while piece := await unpack(next, pieces, b""):
                        await response.write(piece)
        except TimeoutError:
            if self._connections is not None:
                self._connections.unread(client=request.remote or "")
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("its client did not take the answer in time") from None
        return response

    @web.middleware
    async def _bounded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Send away who comes while too many requests are answered; a probe always gets its answer."""
        if self._max_requests == 0 or request.path in self._probes:
            return await handler(request)
        if self._under_way >= self._max_requests:
            self._too_many(limit=self._max_requests)
            raise web.HTTPServiceUnavailable(text="too many requests at once\n", headers={hdrs.RETRY_AFTER: "5"})
        self._under_way += 1
        try:
            return await handler(request)
        finally:
            self._under_way -= 1

    def _headers(self) -> dict[str, str]:
        """Return the headers of every answer."""
        headers = {**_HEADERS, "Content-Security-Policy": self._landing.policy}
        return headers if self._access is None else {**headers, **self._access.headers}

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._headers())
        response.headers.pop(hdrs.SERVER, None)  # versions of Python and aiohttp are nobody's business


async def _at_once(function: Callable[..., bytes], *arguments: object) -> bytes:
    return function(*arguments)


def accepts_gzip(header: str) -> bool:
    """Tell whether an Accept-Encoding *header* (RFC 9110, 12.5.3) allows gzip."""
    accepted: dict[str, bool] = {}
    for part in header.split(","):
        coding, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [parameter.partition("=")[2] for parameter in parameters if parameter.startswith("q=")]
        accepted[coding] = not any(weight.rstrip("0") in {"0.", ""} for weight in weights)
    return accepted.get("gzip", accepted.get("*", False))
