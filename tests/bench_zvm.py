"""The ZVM that `make bench` measures the exporter against: it answers prepared bodies, one after the other.

It runs as a process of its own, and sends files as they are: what it costs is next to nothing. Each line that it
prints after the first says that the VMs are about to be sent.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

VMS = "/v1/vms"
LISTS = {"/v1/vpgs/statuses", "/v1/vpgs/substatuses"}


def written(folder: Path, path: str, bodies: Iterable[bytes]) -> None:
    """Write into *folder* what `application` answers to `GET path`, one body after the other."""
    own = folder / path.lstrip("/")
    own.mkdir(parents=True, exist_ok=True)
    for number, body in enumerate(bodies):
        (own / f"{number:03}.json").write_bytes(body)


def application(folder: Path) -> web.Application:
    """Answer each `GET` of a path with its next file in *folder*, and after the last one with the first again."""
    files: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*.json")):
        files.setdefault(f"/{file.parent.relative_to(folder)}", []).append(file)
    bodies = {path: itertools.cycle(of_path) for path, of_path in files.items()}

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/session/add":
            return web.Response(headers={"x-zerto-session": "bench"})
        if request.path == "/v1/session":
            return web.Response()
        if request.path == VMS:
            print("asked", flush=True)
        if request.path in bodies:
            return web.FileResponse(next(bodies[request.path]), chunk_size=2**18)
        return web.json_response([]) if request.path in LISTS else web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def main() -> None:
    """Serve until the end of the process."""
    runner = web.AppRunner(application(Path(sys.argv[1])))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"simulated http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
