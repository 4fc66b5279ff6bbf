"""Storms the exporter: 100 simulated ZVMs with faults, restarts and reloads under two scrapers, for as long as asked.

    python tests/soak.py --seconds 600 --seed 7

What is checked: each page for its form, duplicates, freshness, frozen values, and ZVMs that are not configured; the
process for memory, open files, asyncio tasks and its log; its end for its code and for sessions left at the ZVMs.
A ZVM that is left alone must be up and fresh on every page, whatever goes on around it; unless the machine had no
processor for it, which the kernel's account of waiting tells.

Processes: this one, the exporter, the ZVMs, and one that reads the pages, as that would hold up the measurements of
this one. Prints a line of figures every 10 s, at the end a summary and `soak: clean`, or what was
wrong and exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import aiohttp
import trustme
from soak_children import Exporter, Starvation, Zvms, child
from soak_page import COLLECTORS, Asked, Expected, Facts, judge, read
from soak_plan import SETTLE, Plan, Reload, Site, Trouble, estate, plan, write
from soak_tally import Tally, is_back
from soak_zvms import Order

_TESTS = Path(__file__).parent

# Seconds from one to the next.
_WHOLE_EVERY = 1.0
_NARROW_EVERY = 0.6
_HEALTH_EVERY = 0.1
_FIGURES_EVERY = 0.25
_LINE_EVERY = 10.0

_TWICE = 15  # of so many whole pages prometheus_client reads one too
_STOP_SECONDS = 5.0

_TOLD = 3  # problems of one page
_START_SECONDS = 90.0
_RECOVERY_SECONDS = 12.0
_STARVED_RECOVERY_SECONDS = 60.0


@dataclass
class Standing:
    """What the driver knows of a ZVM. *calm_from* is since the epoch."""

    round: int = 0
    configured: bool = True
    troubled: bool = False
    calm_from: float = 0.0

    def expected(self, sent: float) -> Expected:
        """Return what its samples must be like on a page that was asked for at *sent*."""
        return Expected(str(self.round), self.configured and not self.troubled and self.calm_from <= sent)


class Storm:
    """One run."""

    def __init__(self, sites: Sequence[Site], what: Plan, seconds: float, seed: int) -> None:
        self.tally = Tally(len(sites))
        self._sites = sites
        self._plan = what
        self._seconds = seconds
        self._rng = random.Random(seed)  # noqa: S311 - which page is asked for next
        self._standing = {site.name: Standing() for site in sites}
        self._changing = False
        self._change = 0
        self._reload_good = True
        self._last_reload: float | None = None
        self._over = asyncio.Event()
        self._readers = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    async def run(self, folder: Path) -> None:
        """Start everything, storm, and end it."""
        _certificates(folder)
        async with AsyncExitStack() as stack:
            stack.callback(self._readers.shutdown)
            process = await stack.enter_async_context(
                child(str(_TESTS / "soak_zvms.py"), str(len(self._sites)), str(folder))
            )
            self._zvms = Zvms(process)
            self._urls = await self._zvms.started()
            self._config = folder / "config.yaml"
            rounds = dict.fromkeys(self._standing, 0)
            write(self._config, self._sites, self._urls, rounds, Reload(0.0, "POST"))
            self._exporter = await stack.enter_async_context(Exporter.running(self._config))
            self._http = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
            self._starved = Starvation([self._exporter.pid, process.pid, os.getpid()])
            await self._up()
            await self._all()
            await self._end()

    async def _up(self) -> None:
        """Wait until all ZVMs are up: there the storm's clock begins."""
        begun = self._started = time.monotonic()
        while True:
            status, body = await self._get("/metrics", plain=True)
            facts = read(body)
            if status == 200 and all(is_back(facts.zvms.get(name), 0.0) for name in self._standing):
                break
            if time.monotonic() > begun + _START_SECONDS:
                raise RuntimeError("not all ZVMs are up: " + "\n".join(self._exporter.log.last))
            await asyncio.sleep(0.5)
        self._started = time.monotonic()
        for standing in self._standing.values():
            standing.calm_from = time.time()
        print(f"all {len(self._sites)} ZVMs are up after {self._started - begun:.1f} s", flush=True)

    async def _all(self) -> None:
        steady = [self._whole_pages(), self._narrow_pages(), self._health(), self._figures(), self._lines()]
        events = [self._trouble(trouble) for trouble in self._plan.troubles]
        async with asyncio.TaskGroup() as group:
            for one in (*steady, *events, self._reloads()):
                group.create_task(one)
            await self._until(self._seconds)
            await self._recovered()
            self._end_at = self._now()
            self._over.set()

    async def _recovered(self) -> None:
        """See that all ZVMs are back soon after the last reload; on a machine that is short of processors, later."""
        begun = time.time()
        while self.tally.recovered is None:
            since = time.time() - (self._last_reload or begun)
            if since > (_STARVED_RECOVERY_SECONDS if self._starved.seconds else _RECOVERY_SECONDS):
                self._wrong(self.tally.missing(since, reloaded=self._last_reload is not None))
                return
            await asyncio.sleep(0.5)

    async def _trouble(self, trouble: Trouble) -> None:
        await self._until(trouble.at)
        standing, kind = self._standing[trouble.zvm], trouble.kind
        standing.troubled = not kind.harmless
        self.tally.faults[kind.name] += 1
        self.tally.faults_now += 1
        end = trouble.at + trouble.seconds
        match kind.fault:
            case "stop":
                await self._order("stop", trouble)
                await self._until(end)
                await self._order("start", trouble)
            case "bounce":
                await self._order("stop", trouble)
                await self._order("start", trouble)
                await self._until(end)
            case "expire":
                while self._now() < end:
                    await self._order("expire", trouble)
                    await asyncio.sleep(1.0)
            case _:
                await self._order("set", trouble)
                await self._until(end)
                await self._order("clear", trouble)
        self.tally.faults_now -= 1
        if not kind.harmless:
            standing.troubled = False
            standing.calm_from = max(standing.calm_from, time.time() + trouble.settle)

    async def _order(self, do: str, trouble: Trouble) -> None:
        await self._ordered(Order(do, trouble.zvm, trouble.path, trouble.kind.fault, dict(trouble.kind.args)))

    async def _ordered(self, order: Order) -> dict[str, int]:
        done = await self._zvms.order(order)
        if done.error:
            raise RuntimeError(done.error)
        return done.sessions

    async def _reloads(self) -> None:
        for reload in self._plan.reloads:
            await self._until(reload.at)
            await self._reload(reload)
        self._last_reload = time.time()

    async def _reload(self, reload: Reload) -> None:
        self._changing = True
        self._change += 1
        rounds = {name: one.round + (name in reload.relabelled) for name, one in self._standing.items()}
        write(self._config, self._sites, self._urls, rounds, reload)
        if reload.how == "SIGHUP":
            good = await self._exporter.hang_up()
        else:
            async with self._http.post(f"{self._exporter.url}/-/reload") as response:
                good = response.status == 200
                if response.status not in {200, 500}:
                    self._wrong(f"POST /-/reload answers {response.status}")
        self.tally.reloads[f"{reload.how}{' of a bad file' if reload.bad else ''}"] += 1
        if good == bool(reload.bad):
            self._wrong(f"a {'bad' if reload.bad else 'good'} file was {'' if good else 'not '}taken at {reload.how}")
        self._reload_good = good
        if good:
            for name, standing in self._standing.items():
                new = name not in reload.removed
                if (new and not standing.configured) or standing.round != rounds[name]:
                    standing.calm_from = max(standing.calm_from, time.time() + SETTLE)
                standing.configured, standing.round = new, rounds[name]
        self._changing = False
        self._change += 1  # once more: a page may have been asked for in between

    async def _whole_pages(self) -> None:
        while not self._over.is_set():
            twice = self.tally.scrapes["/metrics, gzip"] % _TWICE == 0
            sent = time.time()
            facts = await self._page("/metrics, gzip", "/metrics", zipped=True, twice=twice)
            if facts is not None:
                self.tally.page(facts)
                if self._last_reload is not None:
                    self.tally.back(facts.zvms, self._standing, self._last_reload, sent)
            await self._pause(_WHOLE_EVERY)

    async def _narrow_pages(self) -> None:
        asks: list[Callable[[], Awaitable[object]]] = [
            partial(self._page, "/metrics, plain", "/metrics"),
            self._probe,
            self._some_zvms,
            self._one_collector,
            self._discovery,
            self._landing,
            partial(self._plain, "/-/healthy", "healthy\n"),
            partial(self._plain, "/-/ready", "ready\n"),
        ]
        while not self._over.is_set():
            for ask in self._rng.sample(asks, len(asks)):
                await ask()
                await self._pause(_NARROW_EVERY)

    async def _probe(self) -> None:
        name = self._rng.choice(self._sites).name
        await self._page("/probe", f"/probe?target={name}", zvms=[name])

    async def _some_zvms(self) -> None:
        names = [site.name for site in self._rng.sample(self._sites, 3)]
        await self._page("?zvm=", "/metrics?" + "&".join(f"zvm={name}" for name in names), zvms=names)

    async def _one_collector(self) -> None:
        name = self._rng.choice(tuple(COLLECTORS))
        await self._page("?collect[]=", f"/metrics?collect[]={name}", collectors=[name])

    async def _discovery(self) -> None:
        names, change = self._names(), self._change
        status, body = await self._get("/api/v1/sd", plain=True)
        if self._unchanged(change):
            found = [target.partition('"')[0] for target in body.decode().split('"__param_target": "')[1:]]
            if status != 200 or found != names:
                self._wrong(f"/api/v1/sd answers {status} with {found}")

    async def _landing(self) -> None:
        names, change = self._names(), self._change
        status, body = await self._get("/", plain=True)
        text = body.decode()
        if status != 200 or not text.rstrip().endswith("</html>") or "<script" in text:
            self._wrong(f"/ answers {status} with {text[:200]!r}")
        elif self._unchanged(change):
            found = {name for name in self._standing if f"<bdi>{name}</bdi></b>" in text}
            if found != set(names):
                self._wrong(f"/ differs from the configuration in {sorted(found ^ set(names))}")

    async def _plain(self, path: str, expected: str) -> None:
        status, body = await self._get(path, plain=True)
        if (status, body.decode()) != (200, expected):
            self._wrong(f"{path} answers {status} with {body[:200]!r}")

    async def _page(
        self,
        what: str,
        path: str,
        *,
        zvms: Sequence[str] = (),
        collectors: Sequence[str] = tuple(COLLECTORS),
        zipped: bool = False,
        twice: bool = False,
    ) -> Facts | None:
        change, reload_good, sent = self._change, self._reload_good, time.time()
        self.tally.scrapes[what] += 1
        status, body = await self._get(path, plain=not zipped)
        # As things stand now, before anything else happens: what went on while the page was made excuses it.
        steady = self._unchanged(change)
        wanted = zvms or tuple(self._standing)
        known = [name for name in wanted if self._standing[name].configured]
        fine = 200 if not zvms or len(known) == len(zvms) else 404 if what == "/probe" else 400
        if steady and status != fine:
            self._wrong(f"{path} answers {status}: {body[:200]!r}")
        if status != 200:
            return None
        expected = {name: self._standing[name].expected(sent) for name in known} if steady else None
        whole = path == "/metrics"
        loop = asyncio.get_running_loop()
        facts = await loop.run_in_executor(self._readers, partial(read, body, zipped=zipped, twice=twice))
        problems = self._judged(facts, Asked(what, sent, expected, collectors, whole))
        self.tally.judged += 1
        self.tally.read_twice += twice
        if whole and expected is not None:
            self.tally.calm.append(sum(one.calm for one in expected.values()))
            told = facts.own.get("zerto_exporter_config_last_reload_successful")
            if told != reload_good:
                problems.append(f"{what}: zerto_exporter_config_last_reload_successful is {told}")
        for problem in problems[:_TOLD]:
            self._wrong(problem)
        if len(problems) > _TOLD:
            self._wrong(f"{what}: and {len(problems) - _TOLD} problems more")
        return facts

    def _judged(self, facts: Facts, asked: Asked) -> list[str]:
        problems = judge(facts, asked)
        if problems and asked.zvms is not None:
            self._starved.look()
            if self._starved.now:
                lenient = {name: replace(one, calm=False) for name, one in asked.zvms.items()}
                remaining = judge(facts, replace(asked, zvms=lenient))
                self.tally.excuse(problem for problem in problems if problem not in remaining)
                return remaining
        return problems

    async def _get(self, path: str, *, plain: bool) -> tuple[int, bytes]:
        headers = {"Accept-Encoding": "identity" if plain else "gzip"}
        try:
            async with self._http.get(self._exporter.url + path, headers=headers) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._wrong(f"{path}: {type(error).__name__}: {error}")
            return 0, b""
        if response.status == 200 and ("Content-Encoding" in response.headers) == plain:
            self._wrong(f"{path}: Content-Encoding is {response.headers.get('Content-Encoding')}")
        return response.status, body

    async def _health(self) -> None:
        while not self._over.is_set():
            started = time.perf_counter()
            await self._get("/-/healthy", plain=True)
            self.tally.health.append((time.perf_counter() - started) * 1e3)
            await self._pause(_HEALTH_EVERY)

    async def _figures(self) -> None:
        while not self._over.is_set():
            self.tally.figures(self._now(), await self._exporter.figures())
            self._starved.look()
            await self._pause(_FIGURES_EVERY)

    async def _lines(self) -> None:
        while not self._over.is_set():
            await self._pause(_LINE_EVERY)
            print(self.tally.line(self._now()), flush=True)

    async def _end(self) -> None:
        await self._http.close()
        code, seconds = await self._exporter.terminate()
        if code != 0 or seconds > (2 * _STOP_SECONDS if self._starved.now else _STOP_SECONDS):
            self._wrong(f"SIGTERM: exit code {code} after {seconds:.1f} s")
        sessions = await self._ordered(Order("tell"))
        for site in self._sites:
            # A client of one's own is given no refresh token, and without one there is nothing to log out with.
            if sessions[site.name] and site.login != "keycloak_client":
                self._wrong(f"{site.name}: {sessions[site.name]} sessions left at the end")
        for line in self._exporter.log.wrong:
            self._wrong(f"log: {line}")
        for problem in self.tally.bounds(self._end_at):
            self._wrong(problem)
        levels = ", ".join(f"{level} {count}" for level, count in sorted(self._exporter.log.levels.items()))
        for line in self.tally.summary(self._end_at):
            print(line)
        print(f"log lines      {levels}")
        print(f"stopped in     {seconds:.1f} s")
        print(f"starved        for {self._starved.seconds:.0f} s: other processes had the processors")

    def _wrong(self, text: str) -> None:
        self.tally.violation(self._now(), text)

    def _now(self) -> float:
        return time.monotonic() - self._started

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(at - self._now(), 0.0))

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    def _names(self) -> list[str]:
        return sorted(name for name, standing in self._standing.items() if standing.configured)

    def _unchanged(self, change: int) -> bool:
        """Tell whether the configuration is the one that it was at that *change*, and for sure."""
        return change == self._change and not self._changing


def _certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))


def main() -> None:
    """Run one soak; exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--zvms", type=int, default=100)
    options = parser.parse_args()
    sites = estate(options.zvms)
    storm = Storm(sites, plan(options.seed, options.seconds, sites), options.seconds, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(storm.run(Path(folder)))
    for line in storm.tally.wrong:
        print(f"soak: {line}")
    if storm.tally.wrong:
        print(f"soak: {len(storm.tally.wrong) + storm.tally.more_wrong} violations, seed {options.seed}")
        sys.exit(1)
    print("soak: clean")


if __name__ == "__main__":
    main()
