"""Through a proxy, or below a gateway's path: what is sent, to whom, and who is said to be at fault."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import trustme
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support import PASSWORD, Recorder, Simulate, ask

from exporter import config
from exporter.collectors import vms, vpgs
from exporter.config import ConfigError
from exporter.simulator import Simulator, faults
from exporter.zvm.client import Zvm
from exporter.zvm.errors import ConnectError, RequestTimeoutError
from exporter.zvm.login.secrets import Scrubber
from exporter.zvm.paths import SESSION_ADD
from exporter.zvm.proxy import Proxy as ZvmProxy
from exporter.zvm.settings import Auth, ProxyAuth, Settings, Tls

Connect = Callable[[Settings], Zvm]
HOST: Final = "zvm.example.com"
GRANTED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy:
    """A forward proxy on loopback. Whatever host it is asked for, it connects to *port*, and keeps what it was asked.

    With *answer* it refuses all with that; with *password* it wants the user `exporter` and that.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.password = ""
        self.answer = b""
        self.asked: list[str] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            self.asked.append(lines[0])
            token = base64.b64encode(f"exporter:{self.password}".encode()).decode()
            if self.answer or (self.password and f"Proxy-Authorization: Basic {token}" not in lines):
                writer.write(self.answer or b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            else:
                await self._pass_on(head, reader, writer)
        writer.close()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", self.port)
        if head.startswith(b"CONNECT "):
            writer.write(GRANTED)
        else:
            method, url, rest = head.split(b" ", 2)
            onward.write(b" ".join([method, b"/" + url.split(b"/", 3)[3], rest]))
        await asyncio.gather(_pump(reader, onward), _pump(onward_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def sim(simulate: Simulate, authority: trustme.CA) -> Simulator:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    started: Simulator = await simulate(auth="session", ssl_context=context)
    return started


@pytest.fixture
async def proxy(sim: Simulator) -> AsyncIterator[Proxy]:
    started = Proxy(sim.port)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
def through(proxy: Proxy, sim: Simulator, connect: Connect, ca_file: Path) -> Callable[..., Zvm]:
    """Make a client of a ZVM whose name only the proxy can resolve."""

    def make(**keys: Any) -> Zvm:
        auth = Auth(method="session", username=sim.username, password=PASSWORD)
        given = {"url": f"https://{HOST}:9669", "auth": auth, "tls": Tls(ca_file=ca_file), "proxy_url": proxy.url}
        return connect(Settings(**{"name": "nyc", **given, **keys}))

    return make


async def failure(zvm: Zvm) -> str:
    """Return why *zvm* cannot be asked, without what was asked for."""
    with pytest.raises(ConnectError) as caught:
        await ask(zvm)
    text = str(caught.value)
    assert "pl4nted" not in text
    return text.partition(": ")[2]


class TestProxy:
    async def test_https_goes_through_a_tunnel(self, through: Callable[..., Zvm], proxy: Proxy, sim: Simulator) -> None:
        """It is the ZVM's certificate that is verified, and the proxy sees nothing but its name."""
        assert await ask(through()) == 5
        assert proxy.asked == [f"CONNECT {HOST}:9669 HTTP/1.1"]
        assert "Proxy-Authorization" not in sim.requests[-1].headers

    async def test_the_certificate_is_verified_behind_the_proxy(
        self, through: Callable[..., Zvm], ca_file: Path
    ) -> None:
        verified = "cannot be verified (tls.ca_file, tls.server_name)"
        assert verified in await failure(through(tls=Tls()))
        tls = Tls(ca_file=ca_file, server_name="other.example.com")
        assert verified in await failure(through(tls=tls))
        assert verified in await failure(through(url="https://other.example.com"))
        assert await ask(through(url="https://other.example.com", tls=Tls(ca_file=ca_file, server_name=HOST))) == 5

    @pytest.mark.parametrize("url", [f"http://{HOST}:9080", f"http://{HOST}"])
    async def test_plain_http_is_passed_on(
        self, simulate: Simulate, through: Callable[..., Zvm], proxy: Proxy, url: str
    ) -> None:
        plain = await simulate(tls=False, auth="session")
        proxy.port, proxy.password = plain.port, "pl4nted"
        assert await ask(through(url=url, proxy_auth=ProxyAuth(username="exporter", password="pl4nted"))) == 5
        assert proxy.asked[0] == f"POST {url}/v1/session/add HTTP/1.1"
        refused = (
            f"the proxy {proxy.url} refused to connect to {url} (proxy_auth): HTTP 407 Proxy Authentication Required"
        )
        assert await failure(through(url=url)) == refused

    async def test_the_proxy_may_ask_who_we_are(
        self, through: Callable[..., Zvm], proxy: Proxy, sim: Simulator, tmp_path: Path
    ) -> None:
        """The password is read again for each connection, and the ZVM never sees it."""
        proxy.password = "pl4nted-old"
        file = tmp_path / "password"
        file.write_text("pl4nted-old\n")
        zvm = through(proxy_auth=ProxyAuth(username="exporter", password_file=file))
        assert await ask(zvm) == 5
        proxy.password = "pl4nted-new"
        file.write_text("pl4nted-new\n")
        assert await ask(zvm) == 5
        assert len(proxy.asked) == 2
        assert not any("Proxy-Authorization" in request.headers for request in sim.requests)
        file.unlink()
        with pytest.raises(ConnectError, match=r"^proxy_auth\.password_file: cannot read "):
            await ask(zvm)

    async def test_who_refuses_is_said_to_be_the_proxy(self, through: Callable[..., Zvm], proxy: Proxy) -> None:
        proxy.password = "pl4nted"
        refused = f"the proxy {proxy.url} refused to connect to https://{HOST}:9669"
        wrong = ProxyAuth(username="exporter", password="pl4nted wrong")
        assert await failure(through()) == f"{refused} (proxy_auth): HTTP 407 Proxy Authentication Required"
        proxy.answer = b"HTTP/1.1 403 not pl4nted wrong\r\nContent-Length: 0\r\n\r\n"
        assert await failure(through(proxy_auth=wrong)) == f"{refused}: HTTP 403 not <secret>"
        proxy.answer = b"HTTP/1.1 502\r\n\r\n"
        assert (await failure(through())).startswith(f"{refused}: HTTP 502")
        proxy.answer = b"\r\n"
        assert f"(through the proxy {proxy.url})" in await failure(through())

    async def test_a_proxy_that_is_gone(self, through: Callable[..., Zvm], proxy: Proxy) -> None:
        await proxy.stop()
        assert await failure(through()) == f"no connection to the proxy {proxy.url} (proxy_url): Connection refused"
        text = await failure(through(proxy_url="http://proxy.invalid:3128"))
        assert text.startswith("the name of the proxy http://proxy.invalid:3128 cannot be resolved (proxy_url): ")

    async def test_a_proxy_that_says_nothing(self, through: Callable[..., Zvm], proxy: Proxy, sim: Simulator) -> None:
        """What does not come in time did not come through it."""
        sim.faults.set(SESSION_ADD, faults.hang())
        with pytest.raises(RequestTimeoutError, match=rf"no complete answer \(through the proxy {proxy.url}\) within"):
            await ask(through(timeout=0.2))

    async def test_direct_is_no_proxy(self, through: Callable[..., Zvm], proxy: Proxy, sim: Simulator) -> None:
        url = sim.url.replace("127.0.0.1", "localhost")
        text = await failure(through(url=url, proxy_url="direct", tls=Tls()))
        assert "cannot be verified" in text
        assert proxy.asked == []


def loaded(tmp_path: Path, environment: Mapping[str, str], url: str = "https://zvm.example.com", keys: str = "") -> Any:
    """Return the ZVM that a file and *environment* configure."""
    file = tmp_path / "config.yaml"
    file.write_text(f"zvms: [{{name: nyc, url: '{url}', auth: {{username: u, password: p}}{keys}}}]")
    (zvm,) = config.load(file, environment).zvms
    return zvm


class TestEnvironment:
    @pytest.mark.parametrize(
        ("environment", "url", "expected"),
        [
            ({"HTTPS_PROXY": "http://p:3128"}, "https://zvm.example.com", "http://p:3128"),
            ({"https_proxy": "http://p:1", "HTTPS_PROXY": "http://p:2"}, "https://zvm.example.com", "http://p:1"),
            ({"HTTPS_PROXY": "p:3128"}, "https://zvm.example.com", "http://p:3128"),
            ({"HTTPS_PROXY": "http://p:3128/"}, "https://zvm.example.com", "http://p:3128"),
            ({"HTTPS_PROXY": "http://p:3128\n"}, "https://zvm.example.com", "http://p:3128"),
            ({"HTTPS_PROXY": ""}, "https://zvm.example.com", None),
            ({"https_proxy": " ", "HTTPS_PROXY": "http://p:2"}, "https://zvm.example.com", "http://p:2"),
            ({"HTTP_PROXY": "http://p:3128"}, "https://zvm.example.com", None),
            ({"HTTP_PROXY": "http://p:3128"}, "http://zvm.example.com", "http://p:3128"),
            ({"HTTPS_PROXY": "http://p:3128"}, "https://localhost:9669", None),
            ({"HTTPS_PROXY": "http://p:3128"}, "https://127.0.0.2", None),
            ({"HTTPS_PROXY": "http://p:3128"}, "https://[::1]", None),
        ],
    )
    def test_a_proxy_of_the_environment(
        self, tmp_path: Path, environment: Mapping[str, str], url: str, expected: str | None
    ) -> None:
        assert loaded(tmp_path, environment, url).proxy_url == expected

    @pytest.mark.parametrize(
        ("no_proxy", "url", "direct"),
        [
            ("*", "https://zvm.example.com", True),
            ("zvm.example.com", "https://zvm.example.com", True),
            ("EXAMPLE.com", "https://zvm.Example.com", True),
            (".example.com", "https://zvm.example.com", True),
            ("*.example.com", "https://zvm.example.com", True),
            ("example.com.", "https://zvm.example.com.", True),
            ("ample.com", "https://zvm.example.com", False),
            ("", "https://zvm.example.com", False),
            (",", "https://zvm.example.com", False),
            (".", "https://zvm.example.com", False),
            ("other.com, zvm.example.com", "https://zvm.example.com", True),
            ("zvm.example.com:9669", "https://zvm.example.com:9669", True),
            ("zvm.example.com:443", "https://zvm.example.com", True),
            ("zvm.example.com:9669", "https://zvm.example.com", False),
            ("10.0.0.0/8", "https://10.1.2.3", True),
            ("10.0.0.0/8", "https://11.1.2.3", False),
            ("10.0.0.0/8", "https://zvm.example.com", False),
            ("10.1.2.3", "https://10.1.2.3:9669", True),
            ("10.1.2.3:9669", "https://10.1.2.3:9669", True),
            ("1.2.3", "https://10.1.2.3", False),
            ("fd00::/8", "https://[fd00::1]", True),
            ("[fd00::1]:9669", "https://[fd00::1]:9669", True),
        ],
    )
    def test_no_proxy(self, tmp_path: Path, no_proxy: str, url: str, *, direct: bool) -> None:
        found = loaded(tmp_path, {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": no_proxy}, url).proxy_url
        assert found == (None if direct else "http://p:3128")

    def test_the_configuration_comes_first(self, tmp_path: Path) -> None:
        environment = {"HTTPS_PROXY": "http://p:3128"}
        keys = ", proxy_url: 'http://own:8080'"
        assert loaded(tmp_path, environment, keys=keys).proxy_url == "http://own:8080"
        assert loaded(tmp_path, environment, keys=", proxy_url: direct").proxy_url == "direct"

    def test_a_password_in_the_variable_is_a_secret(self, tmp_path: Path) -> None:
        environment = {"HTTPS_PROXY": "http://me:pl4nted%40x@p:3128"}
        zvm = loaded(tmp_path, environment)
        assert (zvm.proxy_url, zvm.proxy_auth.username, zvm.proxy_auth.password) == ("http://p:3128", "me", "pl4nted@x")
        assert "pl4nted" not in repr(zvm)
        shown = config.show(config.Config((zvm,)))
        assert "pl4nted" not in shown
        assert "proxy_url: http://p:3128" in shown
        own = loaded(tmp_path, environment, keys=", proxy_auth: {username: other, password: pl4nted-own}")
        assert own.proxy_auth.password == "pl4nted-own"

    @pytest.mark.parametrize("value", ["socks5://p:1080", "https://p:3128", "http://p:0", "http://:pl4nted@:x", "a b"])
    def test_a_variable_that_names_no_proxy(self, tmp_path: Path, value: str) -> None:
        with pytest.raises(ConfigError) as refused:
            loaded(tmp_path, {"HTTPS_PROXY": value})
        expected = "the environment variable HTTPS_PROXY: expected http://host:port; "
        assert refused.value.problems == [f"{expected}proxy_url names another proxy, direct for none"]
        assert loaded(tmp_path, {"HTTPS_PROXY": value}, keys=", proxy_url: direct")

    @given(
        st.text(), st.text(), st.sampled_from(["https://zvm.example.com", "http://10.1.2.3:9669", "https://[fd00::1]"])
    )
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_text_in_the_variables_is_read_or_refused(
        self, tmp_path: Path, proxy_variable: str, no_proxy: str, url: str
    ) -> None:
        environment = {"HTTPS_PROXY": proxy_variable, "HTTP_PROXY": proxy_variable, "NO_PROXY": no_proxy}
        try:
            zvm = loaded(tmp_path, environment, url)
        except ConfigError:
            return
        assert zvm.proxy_url is None or ZvmProxy(zvm, Scrubber()).url is not None

    async def test_a_netrc_file_is_nobodys_business(
        self,
        through: Callable[..., Zvm],
        proxy: Proxy,
        sim: Simulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Its entry would take the place of the session, or be sent to the proxy."""
        netrc = tmp_path / "netrc"
        netrc.write_text(f"machine {HOST} login other password pl4nted\nmachine 127.0.0.1 login x password pl4nted\n")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        zvm = loaded(tmp_path, {"HTTPS_PROXY": proxy.url}, f"https://{HOST}")
        assert await ask(through(url=zvm.url, proxy_url=zvm.proxy_url)) == 5
        assert "Authorization" not in sim.requests[-1].headers
        assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1"]


@pytest.fixture
async def gateway(simulate: Simulate) -> AsyncIterator[Callable[..., Any]]:
    """Start a ZVM and a gateway that has it below `/dr/zvm-nyc`; return the ZVM and that URL."""
    runners: list[web.ServerRunner] = []
    session = aiohttp.ClientSession(auto_decompress=False)

    async def start(method: str) -> tuple[Simulator, str]:
        sim = await simulate(tls=False, auth=method)

        async def forward(request: web.BaseRequest) -> web.StreamResponse:
            if not request.path.startswith("/dr/zvm-nyc/"):
                return web.Response(status=404)
            url = sim.url + request.path_qs.removeprefix("/dr/zvm-nyc")
            headers = {name: value for name, value in request.headers.items() if name != "Host"}
            async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
                return web.Response(status=answer.status, body=await answer.read(), headers=answer.headers)

        runner = web.ServerRunner(web.Server(forward, access_log=None))
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return sim, f"http://127.0.0.1:{runner.addresses[0][1]}/dr/zvm-nyc"

    yield start
    for runner in runners:
        await runner.cleanup()
    await session.close()


@pytest.mark.parametrize("method", ["session", "keycloak"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_path_in_front_of_the_api(
    gateway: Callable[..., Any], recorder: Recorder, connect: Connect, tmp_path: Path, method: str, slash: str
) -> None:
    """Login, queries and logout are below it; what is counted is the API's own path."""
    sim, url = await gateway(method)
    configured = loaded(tmp_path, {}, url + slash)
    zvm = connect(replace(configured, auth=Auth(username=sim.username, password=PASSWORD)))
    assert await ask(zvm) == 5
    assert (await zvm.get(vpgs.PATH, vpgs.DECODER, {"name": "x"})).rows == []
    assert sim.live_sessions == 1
    await zvm.close()
    assert sim.live_sessions == 0
    assert (vms.PATH, "200") in recorder.requests
