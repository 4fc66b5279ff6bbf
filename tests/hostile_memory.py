"""Memory by hand: four simulated ZVMs at once, every fault that the stand-in has, and answers made to take memory.

    .venv/bin/python tests/hostile_memory.py [--only bomb lists] [--vms 500] [--most 256]

The exporter is a process of its own. Prints for each fault the most that it took while all ZVMs were polled twice, how
those polls ended, and whether it still answers. Exits with 1 if it ever took more than `--most` MiB: the chart's limit.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench_tools import Client, Process, process
from prometheus_client.parser import text_string_to_metric_families

from exporter.simulator import Estate, Simulator
from exporter.simulator.control import CONSTRUCTORS
from exporter.simulator.exchange import Payload
from exporter.simulator.faults import Fault

ZVMS = 4
TIMEOUT_SECONDS = 10
PATIENCE_SECONDS = 90.0
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "status": {"code": 500},
    "redirect": {"location": "https://zvm.example.com/"},
}
BYTES = 60 * 2**20  # just under `max_body`
IDENTITY = b'"VmIdentifier":"%d","VpgIdentifier":"%d"'


def records(record: bytes) -> Callable[[], bytes]:
    """Return what makes an answer of as many copies of *record* as there is room for, each with its own identity."""

    def made() -> bytes:
        identified = b"{" + IDENTITY + b"," + record.replace(b"%", b"%%") + b"}"
        count = min(BYTES // (len(identified) + 6), 95_000)
        return b"[" + b",".join(identified % (number, number) for number in range(count)) + b"]"

    return made


HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "lists": records(b'"Volumes":[' + b",".join([b"{}"] * 80_000) + b"]"),
    "short lists": records(b'"Volumes":[' + b",".join([b"{}"] * 200) + b"]"),
    "names": records(b'"VmName":"' + b"x" * 1000 + b'","OrganizationName":"' + b"y" * 1000 + b'"'),
    "wide names": records(
        b'"VmName":"\\ud83d\\udd25' + b"x" * 1000 + b'","VpgName":"\\ud83d\\udd25' + b"y" * 1000 + b'"'
    ),
    "identities": records(b'"IOPs":1'),
    "keys": records(b",".join(b'"Key%d":%d' % (number, number) for number in range(1000))),
    "keys of each": lambda: json.dumps([{f"k{n}x{m}": m for m in range(1000)} for n in range(4000)]).encode(),
    "links": records(b'"ProtectedSite":{"type":"a","identifier":"b"},"RecoverySite":{"type":"a","identifier":"b"}'),
    "long records": records(b'"X":"' + b"x" * 2**19 + b'"'),
    "one record": lambda: b'[{"X":[' + b",".join([b"{}"] * (BYTES // 3)) + b"]}]",
    "numbers": lambda: b"[" + b"1," * 99_000 + b"1" * (2**17) + b"]",
    "depth": lambda: b'[{"X":' + b"[" * (BYTES // 2) + b"]" * (BYTES // 2) + b"}]",
    "blanks": lambda: b"[" + b" " * BYTES + b"]",
    "XML": lambda: (
        b"<ArrayOfVmApi>" + b"<VmApi><Volumes>" + b"<a/>" * 20_000 + b"</Volumes></VmApi>" * 1 + b"</ArrayOfVmApi>"
    ),
    "XML text": lambda: b"<ArrayOfVmApi><VmApi><VmName>" + b"x" * BYTES + b"</VmName></VmApi></ArrayOfVmApi>",
    "XML records": lambda: b"<ArrayOfVmApi>" + b"<VmApi/>" * (BYTES // 8) + b"</ArrayOfVmApi>",
}


def packed(name: str, body: bytes) -> Fault:
    """Return the fault that answers *body*, compressed."""
    payload = Payload(200, gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})

    async def replace(_call: Any, _authority: Any) -> Payload:
        return payload

    return Fault(name, replace=replace)


def faults(only: list[str]) -> Mapping[str, Callable[[], Fault]]:
    """Return what makes each fault, of those that were asked for."""
    named: dict[str, Callable[[], Fault]] = {
        name: lambda name=name: CONSTRUCTORS[name](**ARGUMENTS.get(name, {}))  # type: ignore[misc] # its own name
        for name in CONSTRUCTORS
    }
    named |= {name: lambda name=name: packed(name, HOSTILE[name]()) for name in HOSTILE}  # type: ignore[misc] # as above
    return {name: make for name, make in named.items() if not only or name in only}


async def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--vms", type=int, default=500)
    parser.add_argument("--most", type=int, default=256, help="MiB")
    options = parser.parse_args()
    zvms = [Simulator(Estate(f"zvm-{n}", vms=options.vms, seed=n), record=False, auth="session") for n in range(ZVMS)]
    for zvm in zvms:
        await zvm.start()
    worst = 0.0
    with ExitStack() as stack:
        config = Path(stack.enter_context(TemporaryDirectory())) / "config.yaml"
        config.write_text(
            f"defaults: {{interval: {TIMEOUT_SECONDS}s, timeout: {TIMEOUT_SECONDS}s, stale_after: 1h, "
            "collectors: [vms, vpgs]}\nzvms:\n"
            + "".join(
                f"  - {{name: zvm-{n}, url: '{zvm.url}', "
                f"auth: {{method: session, username: {zvm.username}, password: {zvm.password}}}}}\n"
                for n, zvm in enumerate(zvms)
            )
        )
        flags = ("--config.file", str(config), "--web.listen-address", "127.0.0.1:0")
        ours = await asyncio.to_thread(stack.enter_context, process("serve", *flags))
        await _polled(ours)
        print(f"{'no fault':<22}{_most(ours):6.0f} MiB")
        for name, make in faults(options.only).items():
            fault = await asyncio.to_thread(make)
            _forget(ours)
            for zvm in zvms:
                zvm.faults.set("/v1/v", fault)
            outcomes, seconds = await _polled(ours)
            most = _most(ours)
            worst = max(worst, most)
            ended = ", ".join(f"{count:.0f} {outcome}" for outcome, count in sorted(outcomes.items()))
            print(f"{name:<22}{most:6.0f} MiB   {seconds:5.1f} s   {ended}", flush=True)
            for zvm in zvms:
                zvm.faults.clear()
    for zvm in zvms:
        await zvm.stop()
    sys.exit(1 if worst > options.most else 0)


async def _polled(ours: Process) -> tuple[dict[str, float], float]:
    """Wait until two polls of each collector of each ZVM have ended; return how, and after how many seconds."""
    started, before = time.monotonic(), await asyncio.to_thread(_polls, ours)
    while True:
        await asyncio.sleep(0.5)
        now = await asyncio.to_thread(_polls, ours)
        ended = {key: count - before.get(key, 0) for key, count in now.items()}
        outcomes: dict[str, float] = {}
        per_zvm: dict[str, float] = {}
        for (zvm, outcome), count in ended.items():
            per_zvm[zvm] = per_zvm.get(zvm, 0) + count
            if count:
                outcomes[outcome] = outcomes.get(outcome, 0) + count
        seconds = time.monotonic() - started
        if (len(per_zvm) == ZVMS and min(per_zvm.values()) >= 4) or seconds > PATIENCE_SECONDS:
            return outcomes, seconds


def _polls(ours: Process) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(Client(ours.port, "/metrics?collect[]=exporter").text())
    found: dict[tuple[str, str], float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == "zerto_exporter_polls_total":
                key = (sample.labels["zvm"], sample.labels["outcome"])
                found[key] = found.get(key, 0) + sample.value
    return found


def _forget(ours: Process) -> None:
    """Forget what was the most memory that the process had."""
    Path(f"/proc/{ours.pid}/clear_refs").write_text("5")


def _most(ours: Process) -> float:
    """Return the most memory that the process had since it was last forgotten, in MiB."""
    lines = Path(f"/proc/{ours.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    asyncio.run(main())
