"""Dashboards drawn in a browser: the page of `page/` put together and served, its pictures and what it tells."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from browser import Browser, chromium

HERE: Final = Path(__file__).parent
DASHBOARDS: Final = HERE.parents[1] / "deploy" / "grafana" / "dashboards"
WIDTH: Final = 1600
HEIGHT: Final = 1020  # of the window, in pixels
MODES: Final = ("light", "dark")

_MODULES: Final = HERE / "node_modules"
_ESBUILD: Final = _MODULES / ".bin" / "esbuild"
_ICONS: Final = _MODULES / "@grafana" / "ui" / "dist" / "public"
_FONTS: Final = {  # Grafana's own are not in its packages
    "Inter-Regular": "inter/files/inter-latin-400-normal.woff2",
    "Inter-Medium": "inter/files/inter-latin-500-normal.woff2",
}
_OTHER_FONT: Final = "roboto-mono/files/roboto-mono-latin-400-normal.woff2"


def lacking() -> str | None:
    """Return what cannot be done without and is not there, None if nothing."""
    if chromium() is None:
        return "chromium is not installed (Debian: chromium)"
    if shutil.which("node") is None:
        return "node is not installed (nodejs.org, 20 or newer)"
    if not _ESBUILD.exists():
        return "Grafana's libraries are not there (make tests/pictures/node_modules)"
    return None


@dataclass(frozen=True)
class View:
    """What is drawn: a dashboard on a Prometheus, from and to in seconds, with values for some of its variables."""

    dashboard: str
    server: str
    begin: float
    end: float
    scrape: float
    label: str = ""
    wanted: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def asked(self, mode: str) -> str:
        """Return it as an argument of the page's `draw`, light or dark."""
        return json.dumps(
            {
                "dashboard": self.dashboard,
                "from": self.begin * 1000,
                "label": self.label,
                "mode": mode,
                "scrape": self.scrape,
                "server": self.server,
                "to": self.end * 1000,
                "wanted": {name: list(values) for name, values in self.wanted.items()},
            }
        )


class Easel:
    """A browser with the page that draws."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @classmethod
    @asynccontextmanager
    async def ready(cls, folder: Path, dashboards: Path = DASHBOARDS) -> AsyncIterator[Easel]:
        """Put the page together in *folder*, and open it; it is closed with the block."""
        _put_together(folder)
        async with _served(folder, dashboards) as url, Browser.started() as browser:
            await browser.open(url, width=WIDTH, height=HEIGHT)
            yield cls(browser)

    async def draw(self, view: View, mode: str = MODES[0]) -> dict[str, Any]:
        """Draw a dashboard; return what is on it, see `page/main.jsx`.

        Raises:
            ValueError: the page failed.
        """
        told: dict[str, Any] = await self._browser.evaluate(f"draw({view.asked(mode)})")
        return told

    async def picture(self, *, whole: bool = True) -> bytes:
        """Return what was drawn last as a PNG: the *whole* dashboard, or what fits the window."""
        return await self._browser.picture(whole=whole)


def _put_together(folder: Path) -> None:
    options = ["--bundle", "--format=esm", '--define:process.env.NODE_ENV="production"', "--log-level=error"]
    options += ["--loader:.ttf=empty", "--alias:react-custom-scrollbars-2=./page/scrollbars.js"]
    subprocess.run([_ESBUILD, "page/main.jsx", f"--outdir={folder}", *options], cwd=HERE, check=True)


@asynccontextmanager
async def _served(folder: Path, dashboards: Path) -> AsyncIterator[str]:
    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / "page" / "index.html")

    async def font(request: web.Request) -> web.FileResponse:
        name = request.match_info["name"].removesuffix(".woff2")
        return web.FileResponse(_MODULES / "@fontsource" / _FONTS.get(name, _OTHER_FONT))

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_static("/made", folder)
    app.router.add_static("/dashboards", dashboards)
    app.router.add_get("/public/fonts/{folder}/{name}", font)
    app.router.add_static("/public", _ICONS)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
