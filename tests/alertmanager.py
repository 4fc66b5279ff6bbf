"""A real Alertmanager, and a listener where its receivers would be.

async with receiving("/", pager.called) as url:
with running(folder, config) as alertmanager:
...
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from aiohttp import web
from programs import missing

CONFIG: Final = Path(__file__).parent.parent / "deploy" / "prometheus" / "alertmanager.yml"


@contextmanager
def running(folder: Path, file: Path = CONFIG) -> Iterator[str]:
    """Run Alertmanager with the configuration *file*, and what it keeps in *folder*; yield its host and port."""
    command = [
        _program(),
        f"--config.file={file}",
        f"--storage.path={folder / 'alerts'}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.kill()


def sending_to(url: Callable[[str], str], config: dict[str, Any]) -> dict[str, Any]:
    """Return *config* with each receiver, by its name, at another *url*."""
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", []):
            webhook["url"] = url(receiver["name"])
    return config


def written(folder: Path, config: dict[str, Any]) -> Path:
    """Write *config* into *folder*; return the file."""
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    return file


@asynccontextmanager
async def receiving(path: str, called: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Have *called* take what is posted to *path*; yield the address without a path."""
    app = web.Application()
    app.router.add_post(path, called)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _program() -> str:
    found = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    return found or missing("Alertmanager is not installed (Debian: prometheus-alertmanager)")


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if (found := re.search(r"Listening on.*address=(127\.0\.0\.1:\d+)", line)) is not None:
            return found[1]
    raise AssertionError("".join(said))
