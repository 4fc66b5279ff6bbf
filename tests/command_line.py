"""What the tests of the command line share: stand-in ZVMs in a thread, a configuration of them, what a command did."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from support import PASSWORD

from exporter.simulator import Estate, Simulator

Result = TypeVar("Result")

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("ZVM_", "ZERTO_EXPORTER_"))}


@dataclass
class Sites:
    """Simulated ZVMs in a thread, so that the test's own thread is free to be the program's."""

    context: ssl.SSLContext
    loop: asyncio.AbstractEventLoop
    running: list[Simulator] = field(default_factory=list)

    def start(
        self, name: str = "nyc", *, vms: int = 3, local: bool = False, tls: bool = True, **options: Any
    ) -> Simulator:
        context = self.context if tls else None
        estate = Estate(name, vms=vms, local=local, seed=1, incidents=False)
        simulator = Simulator(estate, password=PASSWORD, ssl_context=context, **options)
        self.run(simulator.start())
        self.running.append(simulator)
        return simulator

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


def write_config(folder: Path, ca_file: Path, *zvms: tuple[str, str], **keys: str) -> Path:
    """Write a configuration of *zvms* (name and URL) that works with the simulators."""
    (folder / "secret").write_text(PASSWORD)
    defaults = {
        "auth": "{username: prometheus@vsphere.local, password_file: secret}",
        "tls": f"{{ca_file: {ca_file}}}",
        "interval": "60s",
        "collectors": "[vms, vpgs]",
        **keys,
    }
    lines = ["defaults:", *(f"  {key}: {value}" for key, value in defaults.items()), "zvms:"]
    file = folder / "config.yaml"
    file.write_text("\n".join([*lines, *(f"  - {{name: {name}, url: '{url}'}}" for name, url in zvms)]) + "\n")
    return file


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


def dead_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
