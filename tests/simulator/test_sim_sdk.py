"""A client that none of us wrote reads the stand-in: the SDK zvma10-api-wrapper, over TLS, with a Keycloak login."""

import asyncio
import importlib.util
import json
import os
import ssl
import sys
from pathlib import Path

import pytest
import trustme
from simulator_serving import PASSWORD, quiet, serving

from exporter.simulator.api.registry import route_of
from exporter.simulator.api.routes import ApiError

CLIENT = Path(__file__).with_name("sdk_client.py")


def answered(path: str) -> bool:
    try:
        route_of(path)
    except ApiError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("zvma10") is None, reason="needs zvma10-api-wrapper")
async def test_the_sdk_gets_every_resource_that_it_knows_and_that_is_answered(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    environment = {
        "PATH": os.environ["PATH"],
        "ZVM_PASSWORD": PASSWORD,
        "REQUESTS_CA_BUNDLE": str(bundle),
        # Should it ever ask for another host than the stand-in, it gets nowhere.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    async with serving(quiet(local=True), login=False, auth="keycloak", ssl_context=server) as zvm:
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, str(CLIENT), str(zvm.simulator.port), zvm.simulator.username),
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await client.communicate()
        requests = zvm.simulator.requests
    assert client.returncode == 0
    found = json.loads(printed.splitlines()[-1])  # the SDK greets before
    asked = [request for request in requests if request.method == "GET"]
    assert {request.path for request in asked if (request.status == 200) is not answered(request.path)} == set()
    assert len({request.path for request in asked if request.status == 200}) >= 30
    assert found["vms"] == 50
    assert all(found[name] for name in ("vm_pointintime", "tasks", "task", "events", "event", "recovery_report", "vpg"))
