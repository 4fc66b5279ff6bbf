"""A real browser: Chromium without a window, driven over its DevTools protocol by the few commands that tests need."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

FLAGS = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
START_SECONDS = 30.0


def chromium() -> str | None:
    """Return the program, None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page of a Chromium. `told` collects what its console and its log say, violations of policies among them."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.told: list[str] = []

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncIterator[Browser]:
        """Start one with a profile of its own; it ends with the block."""
        program = chromium()
        if program is None:
            raise FileNotFoundError("chromium")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(
                program, *FLAGS, f"--user-data-dir={profile}", "about:blank", stdout=nothing, stderr=pipe
            )
            try:
                address = await asyncio.wait_for(_address(process), START_SECONDS)
                async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
                    browser = cls(socket)
                    await browser._attach()
                    yield browser
                    await browser._ask("Browser.close", session=False)
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def open(self, url: str, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Open *url* in a window of that size in CSS pixels and wait until it is loaded."""
        size: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self._ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self._ask("Emulation.setEmulatedMedia", features=[scheme])
        await self._ask("Page.navigate", url=url)
        await self._until("Page.loadEventFired")

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an *expression* of JavaScript in the page; of a promise, what it comes to."""
        result = await self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise ValueError(result["exceptionDetails"])
        return result["result"].get("value")

    async def accessible(self) -> list[tuple[str, str]]:
        """Return role and name of all that assistive technology is told of."""
        tree = await self._ask("Accessibility.getFullAXTree")
        return [
            (node.get("role", {}).get("value", ""), node.get("name", {}).get("value", ""))
            for node in tree["nodes"]
            if not node["ignored"]
        ]

    async def picture(self, *, whole: bool = False) -> bytes:
        """Return what the window shows as a PNG; with *whole*, the page to its end."""
        taken = await self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(taken["data"])

    async def _attach(self) -> None:
        targets = await self._ask("Target.getTargets", session=False)
        page = next(target for target in targets["targetInfos"] if target["type"] == "page")
        attached = await self._ask("Target.attachToTarget", session=False, targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility", "Network"):
            await self._ask(f"{domain}.enable")

    async def _ask(self, method: str, *, session: bool = True, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        while True:
            told = await self._next()
            if told.get("id") == number:
                if "error" in told:
                    raise ValueError(told["error"])
                result: dict[str, Any] = told["result"]
                return result

    async def _until(self, event: str) -> None:
        while (await self._next()).get("method") != event:
            pass

    async def _next(self) -> dict[str, Any]:
        told: dict[str, Any] = await self._socket.receive_json()
        params = told.get("params", {})
        if told.get("method") == "Log.entryAdded":
            self.told.append(params["entry"]["text"])
        elif told.get("method") in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            self.told.append(str(params))
        return told


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    lines = []
    while line := (await process.stderr.readline()).decode():
        lines.append(line)
        if line.startswith("DevTools listening on "):
            return line.split()[-1]
    raise RuntimeError("chromium ended: " + "".join(lines))
