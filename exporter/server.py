"""The HTTP side: metrics, landing page, health, reload. Knows pages and views, no ZVM and no field."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiMapping

from exporter.exposition import CONTENT_TYPE
from exporter.fragments import unzipped
from exporter.gate import Gate
from exporter.landing import Landing
from exporter.listen import Listener
from exporter.pages import OWN, Body, Pages
from exporter.watch import ZvmView
from exporter.work import beside_polls

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_BYTES_IN_LINE: Final = 2**17  # bytes; decompressing less takes a few milliseconds at most
_BATCH: Final = 2**18  # bytes


class Polls(Protocol):
    """What the server asks the poller."""

    def names(self) -> tuple[str, ...]: ...

    def untried(self) -> tuple[str, ...]: ...

    def views(self) -> list[ZvmView]: ...


Reload = Callable[[], Awaitable[str]]  # returns what is wrong with the new configuration, "" if nothing


@dataclass(frozen=True)
class WebFlags:
    """How the HTTP side is set up: the flags `--web.*`, but for the addresses."""

    telemetry_path: str = "/metrics"
    lifecycle: bool = False
    gate: Gate | None = None
    grafana_url: str | None = None


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
        self._path = flags.telemetry_path
        self._configuration = configuration
        self._reload = reload if flags.lifecycle else None
        self._gate = flags.gate
        self._wall = wall
        self._landing = Landing(flags.telemetry_path, flags.grafana_url)
        self._one_landing = asyncio.Lock()
        self._runner: web.AppRunner | None = None

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._gate.middleware] if self._gate is not None else [])
        app.on_response_prepare.append(self._add_headers)
        app.router.add_get(self._path, self.metrics)
        app.router.add_get("/probe", self.probe)
        app.router.add_get("/api/v1/sd", self.discovery)
        app.router.add_get("/", self.landing)
        app.router.add_get("/config", self.configuration)
        app.router.add_get("/-/healthy", self.healthy)
        app.router.add_get("/-/ready", self.ready)
        app.router.add_post("/-/reload", self.reload)
        return app

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Serve on *listeners*."""
        logging.getLogger("aiohttp.server").addFilter(_is_ours)
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        for listener in listeners:
            for bound in listener.sockets:
                context = self._gate.ssl_context if self._gate is not None else None
                await web.SockSite(self._runner, bound, ssl_context=context).start()

    async def stop(self) -> None:
        """Close the listeners and the connections; answers under way have a second."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Answer a scrape: `zvm` and `collect[]` narrow it to those samples; `exporter` stands for its own metrics."""
        query = request.query
        if "zvm" in query or "collect[]" in query:
            known = (*self._collectors, OWN)
            collectors = self._collectors if "collect[]" not in query else _asked("collect[]", query, known)
            return await _page(request, await self._pages.view(_asked("zvm", query, self._polls.names()), collectors))
        return await _page(request, await self._pages.whole())

    async def probe(self, request: web.Request) -> web.StreamResponse:
        """Answer a scrape of the one ZVM that `target` names: a name of the configuration, never a host."""
        targets = request.query.getall("target", [])
        if len(targets) != 1:
            return web.Response(status=400, text="target: expected the name of one ZVM\n")
        if targets[0] not in self._polls.names():
            return web.Response(status=404, text=f"target: {targets[0]!r} is not the name of a ZVM\n")
        collectors = _asked("collect[]", request.query, self._collectors)
        return await _page(request, await self._pages.view(targets, collectors))

    async def discovery(self, request: web.Request) -> web.Response:
        """Answer Prometheus's HTTP service discovery: each ZVM as a target, to be scraped at the address asked."""
        # Targets that differ in nothing but a parameter would have one `instance`, and one `up` between them.
        targets = [
            {
                "targets": [request.host],
                "labels": {
                    "__metrics_path__": "/probe",
                    "__param_target": name,
                    "__scheme__": request.scheme,
                    "instance": name,
                },
            }
            for name in sorted(self._polls.names())
        ]
        return web.json_response(targets)

    async def landing(self, request: web.Request) -> web.StreamResponse:
        """Answer a person: what each ZVM's state is; with `refresh`, again and again."""
        refresh = "refresh" in request.query
        async with self._one_landing:  # of hundreds of ZVMs it takes a thread for a while, and scrapes need the other
            views = self._polls.views()
            body = await beside_polls(partial(self._landing.page, views, self._wall(), refresh=refresh))
        return await _page(request, body, "text/html; charset=utf-8")

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

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        response.headers.pop(hdrs.SERVER, None)  # versions of Python and aiohttp are nobody's business
        response.headers["Content-Security-Policy"] = self._landing.policy
        if self._gate is not None:
            response.headers.update(self._gate.headers)


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell whether an error is not that of a client that speaks no HTTP: anybody could fill the log with those."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


async def _page(request: web.Request, body: Body, content_type: str = CONTENT_TYPE) -> web.StreamResponse:
    """Answer with the page whose gzip file is *body*, as such where the client takes it."""
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    size = sum(map(len, body))
    if not accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, []))):
        text = unzipped(body) if size <= _BYTES_IN_LINE else await beside_polls(unzipped, body)
        return web.Response(body=text, headers=headers)
    headers[hdrs.CONTENT_ENCODING] = "gzip"
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for batch in _batches(body):
            await response.write(batch)
    await response.write_eof()
    return response


def _batches(body: Body) -> Iterator[bytes]:
    """Yield *body* in pieces that are worth a write each: of hundreds of ZVMs it has thousands of small ones."""
    pieces: list[bytes] = []
    size = 0
    for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size >= _BATCH:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)


def _asked(parameter: str, query: MultiMapping[str], known: Sequence[str]) -> Sequence[str]:
    """Return the values of a *parameter*, all that are *known* where it is not given."""
    asked = query.getall(parameter, None)
    for name in asked or ():
        if name not in known:
            raise web.HTTPBadRequest(text=f"{parameter}: {name!r} is not known; known are {', '.join(known)}\n")
    return known if asked is None else asked


def accepts_gzip(header: str) -> bool:
    """Tell whether an Accept-Encoding *header* (RFC 9110, 12.5.3) allows gzip."""
    accepted: dict[str, bool] = {}
    for part in header.split(","):
        coding, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [parameter.partition("=")[2] for parameter in parameters if parameter.startswith("q=")]
        accepted[coding] = not any(weight.rstrip("0") in {"0.", ""} for weight in weights)
    return accepted.get("gzip", accepted.get("*", False))
