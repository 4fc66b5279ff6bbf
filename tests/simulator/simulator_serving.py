"""A simulator on a free port with a client of its own, and a clock that moves only when a test says so."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Unpack

import aiohttp
import msgspec

from exporter.simulator import Estate, Simulator
from exporter.simulator.estate.site import Traits

NOON = 1_700_000_000.0 + 46_800
"""A Wednesday, 11:13 UTC: daytime."""

PASSWORD = "s3cret \u00e9\u00fc:pass"
SERVICE = {"monitor": "monitor-secret"}


@dataclass
class Clock:
    """Seconds, by hand."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Zvm:
    """A simulator that runs, and a client that may have logged in to it."""

    simulator: Simulator
    http: aiohttp.ClientSession
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        """One request with the client's login, unless the test gives headers."""
        options.setdefault("headers", self.headers)
        async with self.http.request(method, self.simulator.url + path, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def get(self, path: str, **query: str) -> Answer:
        return await self.ask("GET", path, params=query)

    async def rows(self, path: str = "/v1/vms", **query: str) -> list[dict[str, Any]]:
        """The documents of a list that has to be answered."""
        answer = await self.get(path, **query)
        assert answer.status == 200, answer.body
        documents: list[dict[str, Any]] = answer.json()
        return documents

    async def token(self, **form: str) -> Answer:
        """A request to the token endpoint; the fields given go over those of a good password grant."""
        fields = {
            "grant_type": "password",
            "client_id": "zerto-client",
            "username": self.simulator.username,
            "password": self.simulator.password,
        }
        path = "/auth/realms/zerto/protocol/openid-connect/token"
        return await self.ask("POST", path, data={**fields, **form}, headers={})

    async def basic(self, username: str, password: str, path: str = "/v1/session/add") -> Answer:
        """POST /v1/session/add with HTTP Basic."""
        return await self.ask(
            "POST", path, headers={"Authorization": aiohttp.encode_basic_auth(username, password, encoding="utf-8")}
        )

    async def login(self) -> None:
        """Log in as the simulator's kind of login wants."""
        if self.simulator.auth == "session":
            answer = await self.basic(self.simulator.username, self.simulator.password)
            self.headers = {"x-zerto-session": answer.headers["x-zerto-session"]}
        else:
            self.headers = {"Authorization": f"Bearer {(await self.token()).json()['access_token']}"}


def quiet(vms: int = 50, seed: int = 1, clock: Clock | None = None, **traits: Unpack[Traits]) -> Estate:
    """An estate without incidents of its own."""
    chosen: Traits = {"incidents": False, **traits}
    return Estate("nyc", vms, seed, clock or Clock(), **chosen)


@asynccontextmanager
async def serving(estate: Estate | None = None, *, login: bool = True, **options: Any) -> AsyncIterator[Zvm]:
    """A simulator of a quiet estate, or of the one given, as long as the block runs."""
    clock = options.pop("clock", None) or Clock()
    options = {"password": PASSWORD, "service_clients": SERVICE, **options}
    simulator = Simulator(estate or quiet(clock=clock), clock=clock, **options)
    await simulator.start()
    async with aiohttp.ClientSession() as http:
        zvm = Zvm(simulator, http, clock)
        try:
            if login:
                await zvm.login()
            yield zvm
        finally:
            await simulator.stop()
