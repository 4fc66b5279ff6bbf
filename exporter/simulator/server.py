"""The stand-in ZVM on a socket: takes a request through faults, login and API, and keeps the record of it."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from exporter.simulator.api.answers import Api, Change, Generation, media_type_for
from exporter.simulator.api.xmlwire import Fields
from exporter.simulator.control import PREFIX, Control
from exporter.simulator.documents import Estate
from exporter.simulator.exchange import JSON, Call, Payload, Request
from exporter.simulator.faults import Fault
from exporter.simulator.faults.book import Entry, FaultBook
from exporter.simulator.login.authority import Authority, Method
from exporter.simulator.login.keycloak import Realm
from exporter.simulator.login.sessions import Account

_BIGGEST_FORM = 1 << 20


@dataclass(eq=False)
class Simulator:
    """One ZVM. Lifetimes in seconds of `clock`, which is that of the logins; the estate has its own.

    `account` is the kind of account that may open a session. A token of a login that did not ask for `required_scope`
    is granted, and the API answers 401 to it.
    """

    estate: Estate
    auth: Method = "both"
    generation: Generation = "appliance"
    username: str = "prometheus@vsphere.local"
    password: str = field(default="simulated-password", repr=False)
    account: Account = "any"
    realm: str = "zerto"
    client_id: str = "zerto-client"
    required_scope: str = ""
    service_clients: Mapping[str, str] = field(default_factory=dict, repr=False)
    token_lifetime: float = 300.0
    refresh_lifetime: float = 1800.0
    session_idle: float = 1800.0
    clock: Callable[[], float] = time.monotonic
    ssl_context: ssl.SSLContext | None = None
    control: bool = False
    record: bool = True

    def __post_init__(self) -> None:
        """Make the parts; nothing is bound before `start`."""
        realm = Realm(
            self.username,
            self.password,
            self.client_id,
            self.service_clients,
            self.token_lifetime,
            self.refresh_lifetime,
            name=self.realm,
            required_scope=self.required_scope,
        )
        self.requests: list[Request] = []
        self.faults = FaultBook()
        self.port = 0
        self.url = ""
        self._authority = Authority(self.auth, realm, self.session_idle, self.clock, self.account)
        self._api = Api(self.estate, self.generation)
        self._control = Control(self.faults, self.estate) if self.control else None
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._arrival = asyncio.Event()

    @property
    def logins(self) -> int:
        """How many logins were granted; a refreshed token is none."""
        return self._authority.logins

    @property
    def refused_logins(self) -> int:
        """How many logins were refused for their credentials."""
        return self._authority.refused_logins

    @property
    def refreshes(self) -> int:
        """How many times a refresh token was traded in."""
        return self._authority.refreshes

    @property
    def live_sessions(self) -> int:
        """How many logins are good now, of either kind."""
        return self._authority.live

    def expire_tokens(self) -> None:
        """From now on every token and session that was issued is unknown."""
        self._authority.forget()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind and serve; port 0 takes a free one, told by `port` and `url`.

        Raises:
            OSError: the address cannot be bound.
            RuntimeError: it is running.
        """
        if self._runner is not None:
            raise RuntimeError("the simulator is running")
        # A handler ends with its connection: hanging and endless answers then need no watch of their own.
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self.ssl_context, reuse_address=True)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        self.port = self._runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if self.ssl_context else ''}://{shown}:{self.port}"

    async def stop(self) -> None:
        """Go down at once, as a ZVM that is switched off: connections are cut, sessions, tokens, counters forgotten."""
        if self._runner is None or self._server is None:
            return
        for site in list(self._runner.sites):
            await site.stop()
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        # The connections' end is told to their handlers in the loop's next round.
        await asyncio.sleep(0)
        await self._runner.cleanup()
        self._runner = self._server = None
        self._authority.forget()
        self.estate.restart_counters()

    async def arrived(self, count: int = 1, path_prefix: str = "/v1/vms") -> None:
        """Wait until so many requests to paths that begin so are in the record, answered or not."""
        while sum(request.path.startswith(path_prefix) for request in self.requests) < count:
            await self._arrival.wait()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        record = Request(request.method, request.path, dict(request.query), request.headers.copy())
        if self.record:
            self.requests.append(record)
        self._arrival.set()
        self._arrival = asyncio.Event()
        body = await request.read() if (request.content_length or 0) <= _BIGGEST_FORM else b""
        if request.content_type == "application/x-www-form-urlencoded":
            record.form = {name: str(value) for name, value in (await request.post()).items()}
        elif request.content_type == JSON:
            record.body = body
        call = Call(request, record)
        if self._control is not None and request.path.lower().startswith(PREFIX):
            return await call.send(self._control.answer(call, body))
        try:
            return await self._answer(call, self.faults.take(request.path))
        except ConnectionError:
            # The client went in the middle of an answer: whatever is answered now reaches nobody.
            return web.Response()

    async def _answer(self, call: Call, entries: list[Entry]) -> web.StreamResponse:
        for entry in entries:
            if entry.fault.replace is None:
                continue
            replaced = await entry.fault.replace(call, self._authority)
            if isinstance(replaced, Payload):
                return await call.send(replaced)
            if replaced is not None:
                return replaced
            entry.refund()
        payload = await self._payload(call, entries)
        for entry in entries:
            if entry.fault.deliver is not None:
                return await entry.fault.deliver(call, payload)
        return await call.send(payload)

    async def _payload(self, call: Call, entries: list[Entry]) -> Payload:
        login = self._authority.answer(call)
        if login is not None:
            return login
        if not self._authority.permits(call.request.headers):
            return Payload(401, headers={"WWW-Authenticate": 'Bearer realm="zerto"'})
        method, query = call.request.method, call.record.query
        acted = self._api.act(method, call.path, query, (self.username, _json_of(call)))
        if acted is not None:
            return acted
        if method != "GET":
            return Payload(405, headers={"Allow": "GET"})
        media_type = media_type_for(call.request.headers.get("Accept", ""))
        for entry in entries:
            media_type = entry.fault.media_type or media_type
        changed = [entry.fault for entry in entries if entry.fault.mutate or entry.fault.mutate_fields]
        return await self._api.answer(call.path, query, media_type, _in_turn(changed) if changed else None)


def _json_of(call: Call) -> bytes | None:
    """The body of a request that has one or none; None for one that does not say that it is JSON."""
    return call.record.body if call.request.content_type == JSON or not call.request.body_exists else None


def _in_turn(faults: list[Fault]) -> Change:
    def change(documents: list[Any], fields: Fields) -> Any:
        answer: Any = documents
        for fault in faults:
            # What is no list any more leaves the others nothing to change.
            if fault.mutate is not None and isinstance(answer, list):
                answer = fault.mutate(answer)
            if fault.mutate_fields is not None and isinstance(answer, list):
                answer = fault.mutate_fields(answer, fields)
        return answer

    return change
