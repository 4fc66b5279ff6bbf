"""What happened in a soak and what was wrong, counted; the bounds on what the exporter's process may hold."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench_tools import percentiles
from soak_children import Figures
from soak_page import COLLECTORS, Facts, OfZvm
from soak_plan import CALM_START

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_TOLD = 40  # violations
_WINDOW = 4.0  # seconds over which figures are taken together
# What may be added to the resident memory in the second half, in bytes. In the first minutes the allocator still finds
# its size (some 15 MB in the second half of one); the longer the run, the less of that. In 10 minutes some 350 bytes a
# poll are too many.
_GROWTH = 8 * 2**20
_GROWTH_OF_A_MINUTE = 24 * 2**20


@dataclass
class Tally:
    """Adds up. Times in seconds since the start, latencies in milliseconds."""

    zvms: int
    wrong: list[str] = field(default_factory=list)
    more_wrong: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    faults_now: int = 0
    reloads: Counter[str] = field(default_factory=Counter)
    scrapes: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    read_twice: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    calm: list[int] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    series: int = 0
    down: int = 0
    recovered: float | None = None
    not_recovered: Sequence[str] = ()  # as the last whole page since then had it
    _figures: list[tuple[float, Figures]] = field(default_factory=list)
    _polls: dict[str, float] = field(default_factory=dict)
    _polls_before: float = 0.0

    def violation(self, now: float, text: str) -> None:
        """Note what must not be."""
        if len(self.wrong) < _TOLD:
            self.wrong.append(f"{now:.1f} s: {text}")
        else:
            self.more_wrong += 1

    def excuse(self, problems: Iterable[str]) -> None:
        """Count what of a page was let pass, by what it was."""
        self.excused.update({_NUMBERS.sub("n", problem.rpartition(": ")[2]) for problem in problems})

    def page(self, facts: Facts) -> None:
        """Take in a whole page."""
        self.series = facts.series
        self.down = sum(of_zvm.up == 0 for of_zvm in facts.zvms.values())
        for name, of_zvm in facts.zvms.items():
            before, polls = self._polls.get(name, 0.0), of_zvm.polls or 0.0
            if polls < before:  # it was removed and came back
                self._polls_before += before
            self._polls[name] = polls

    def back(self, zvms: Mapping[str, OfZvm], names: Collection[str], since: float, sent: float) -> None:
        """See whether all of *names* have been polled well *since* the last reload (since the epoch, as *sent*)."""
        if self.recovered is None:
            self.not_recovered = [name for name in names if not is_back(zvms.get(name), since)]
            if not self.not_recovered:
                self.recovered = sent - since

    def missing(self, seconds: float, *, reloaded: bool) -> str:
        """Return what is missing at the end, where not all ZVMs are back so many *seconds* after the last reload."""
        if not reloaded:
            return f"the last reload is not over {seconds:.0f} s after the end of the storm"
        if not self.not_recovered:
            return f"no whole page was read within {seconds:.0f} s after the last reload"
        return f"not back {seconds:.0f} s after the last reload: {', '.join(self.not_recovered)}"

    def figures(self, now: float, figures: Figures) -> None:
        """Take in what the exporter's process holds."""
        self._figures.append((now, figures))
        # For each ZVM two connections, as many of the client that a reload replaced, and one that is being closed.
        if figures.fds > 5 * self.zvms + 64:
            self.violation(now, f"{figures.fds} open files with {self.zvms} ZVMs")
        # For each ZVM two jobs, each with a poll, a login, and a farewell with a logout of a client that was replaced.
        if figures.tasks.total() > 7 * self.zvms + 32:
            self.violation(now, f"{figures.tasks.total()} tasks with {self.zvms} ZVMs: {_counted(figures.tasks)}")

    def bounds(self, end: float) -> Iterator[str]:
        """Return what is wrong at the end with what is held."""
        calm, middle, last = self._held(CALM_START), self._held(end / 2), self._held(end)
        if last.rss - middle.rss > _GROWTH + _GROWTH_OF_A_MINUTE * min(60 / end, 1.0):
            yield f"resident memory grew from {middle.rss / 1e6:.1f} to {last.rss / 1e6:.1f} MB in the second half"
        # When all is well again: two connections for each ZVM, and some of our own.
        if last.fds > 2.1 * self.zvms + 40:
            yield f"{last.fds} open files at the end with {self.zvms} ZVMs"
        # As many as before the storm: how many jobs a ZVM has is the exporter's own business.
        if last.tasks.total() > calm.tasks.total() + 0.2 * self.zvms + 24:
            yield (
                f"{last.tasks.total()} tasks at the end, {calm.tasks.total()} before the storm, "
                f"with {self.zvms} ZVMs: {_counted(last.tasks)}"
            )
        if not sum(self.calm):
            yield "no ZVM was ever undisturbed, so nothing was told of freshness"

    def line(self, now: float) -> str:
        """Return how things stand."""
        figures = self._figures[-1][1] if self._figures else Figures(0, 0, Counter())
        return (
            f"{now:5.0f} s: polls {self._all_polls}, scrapes {self.scrapes.total()}, series {self.series}, "
            f"faults {self.faults.total()} ({self.faults_now} now), down {self.down}, "
            f"calm {self.calm[-1] if self.calm else 0}, reloads {self.reloads.total()}, "
            f"rss {figures.rss / 1e6:.1f} MB, fds {figures.fds}, tasks {figures.tasks.total()}, "
            f"health p99 {self._percentiles()[1]:.1f} ms, wrong {len(self.wrong) + self.more_wrong}"
        )

    def summary(self, end: float) -> Iterator[str]:
        """Return what happened, in lines."""
        calm, middle, last = self._held(CALM_START), self._held(end / 2), self._held(end)
        p50, p99 = self._percentiles()
        yield f"polls          {self._all_polls}"
        yield f"scrapes        {self.scrapes.total()}: {_counted(self.scrapes)}"
        yield f"pages checked  {self.judged}, of which prometheus_client read {self.read_twice} too"
        yield f"let pass       for want of a processor, on so many pages: {_counted(self.excused)}"
        yield f"undisturbed    {min(self.calm, default=0)} to {max(self.calm, default=0)} ZVMs on a page"
        yield f"faults         {self.faults.total()}: {_counted(self.faults)}"
        yield f"reloads        {self.reloads.total()}: {_counted(self.reloads)}"
        held = [f"{one.rss / 1e6:.1f}" for one in (calm, middle, last)]
        yield f"rss            {held[0]} MB before the storm, {held[1]} MB half way, {held[2]} MB at the end"
        yield f"open files     {calm.fds} before the storm, {last.fds} at the end"
        yield f"tasks          {calm.tasks.total()} before the storm, {last.tasks.total()} at the end"
        yield f"health         p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {max(self.health, default=0.0):.1f} ms"
        yield "recovered      " + ("no" if self.recovered is None else f"{self.recovered:.1f} s after the last reload")

    def _held(self, until: float) -> Figures:
        """Return what was held in the seconds before: memory as a rule, files and tasks at the quietest moment."""
        found = [figures for at, figures in self._figures if until - _WINDOW < at <= until]
        if not found:
            return Figures(0, 0, Counter())
        quietest = min((one.tasks for one in found), key=Counter.total)
        return Figures(int(statistics.median(one.rss for one in found)), min(one.fds for one in found), quietest)

    def _percentiles(self) -> tuple[float, float]:
        return percentiles(self.health) if len(self.health) > 1 else (0.0, 0.0)

    @property
    def _all_polls(self) -> int:
        return int(self._polls_before + sum(self._polls.values()))


def is_back(found: OfZvm | None, since: float) -> bool:
    """Tell whether a ZVM is up, with samples of each collector that it told after *since*."""
    if found is None or found.up != 1 or found.stamps.keys() != COLLECTORS.keys():
        return False
    return all(min(stamps) > since for stamps in found.stamps.values())


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counts.most_common()) or "none"
