"""The ZVM that `make bench` measures the exporter against: it answers prepared bodies, one after the other.

It runs as a process of its own, and sends files as they are: what it costs is next to nothing. Each line that it
prints after the first says that a body is about to be sent.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from aiohttp import web

LISTS = {"/v1/vpgs/statuses", "/v1/vpgs/substatuses"}


def application(folder: Path) -> web.Application:
    """Answer each `GET /v1/vms` with the next file of *folder*, and after the last one with the first again."""
    bodies = itertools.cycle(sorted(folder.iterdir()))

    async def vms(_request: web.Request) -> web.StreamResponse:
        print("asked", flush=True)
        return web.FileResponse(next(bodies), chunk_size=2**18)

    async def others(request: web.Request) -> web.Response:
        if request.path == "/v1/session/add":
            return web.Response(headers={"x-zerto-session": "bench"})
        if request.path == "/v1/session":
            return web.Response()
        return web.json_response([]) if request.path in LISTS else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/v1/vms", vms)
    app.router.add_route("*", "/{path:.*}", others)
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
