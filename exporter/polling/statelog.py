"""The log lines about polls: one for each change of state, not one for each failed poll."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from structlog.typing import FilteringBoundLogger

from exporter.counts import NOTHING, Counts
from exporter.polling.outcome import Outcome

_OF_ZVM: Final = ("ZVM is up", "ZVM is down", "ZVM is up again")
_OF_COLLECTOR: Final = ("collector works", "collector fails", "collector works again")


class StateLog:
    """Writes what changed from one poll to the next, of all collectors of a ZVM; the one *judged_by* speaks for it."""

    def __init__(self, log: FilteringBoundLogger, monotonic: Callable[[], float], judged_by: str) -> None:
        self._log = log
        self._monotonic = monotonic
        self._judged_by = judged_by
        self._judged: Outcome | None = None
        self._pending: list[Outcome] = []
        self._reasons: dict[str, str] = {}
        self._failing_since: dict[str, float] = {}
        self._lost: dict[str, Counts] = {}
        self._cut: dict[str, int] = {}
        self._slow: set[str] = set()

    def judging(self) -> None:
        """Write about the other collectors once the poll has ended that begins now, by which the ZVM is judged."""
        self._judged = None

    def ended(self, outcome: Outcome, *, fast: bool = True) -> None:
        """Write about a poll that ended with *outcome*; a *fast* one is polled together with the one that judges.

        Whatever fails for the reason for which the ZVM is down gets no line of its own. A slow collector may be the
        first to find out: what it has to say waits for the next poll of the one that judges.
        """
        if outcome.collector == self._judged_by:
            self._judged = outcome
            self._changed(outcome, _OF_ZVM, {})
            self._details(outcome)
            pending, self._pending = self._pending, []
            for other in pending:
                self._other(other, outcome)
        elif self._judged is None or not (fast or outcome.good):
            self._pending.append(outcome)
        else:
            self._other(outcome, self._judged)

    def round(self, collector: str, objects: int, seconds: float, interval: float) -> None:
        """Write once that asking for all *objects* of a collector takes longer than its *interval*."""
        if seconds <= interval:
            self._slow.discard(collector)
        elif collector not in self._slow:
            self._slow.add(collector)
            self._log.warning(
                "a round takes longer than the interval of the collector; raise its requests_per_poll or its interval",
                collector=collector,
                objects=objects,
                round_seconds=round(seconds),
                interval_seconds=round(interval),
            )

    def _other(self, outcome: Outcome, judged: Outcome) -> None:
        if outcome.good or outcome.reason != judged.reason:
            self._changed(outcome, _OF_COLLECTOR, {"collector": outcome.collector})
        self._details(outcome)

    def _details(self, outcome: Outcome) -> None:
        if outcome.success:
            self._losses(outcome)
            self._cuts(outcome)

    def _changed(self, outcome: Outcome, words: tuple[str, str, str], fields: Mapping[str, str]) -> None:
        before = self._reasons.get(outcome.collector)
        if outcome.reason == before:
            return
        self._reasons[outcome.collector] = outcome.reason
        works, fails, works_again = words
        if not outcome.supported:
            self._failing_since.pop(outcome.collector, None)
            self._log.info("not supported by the ZVM: asked again in an hour", **fields, why=outcome.error)
            return
        if not outcome.success:
            self._failing_since.setdefault(outcome.collector, self._monotonic())
            # A traceback is for the one failure that is ours to mend.
            self._log.warning(fails, **fields, reason=outcome.reason, error=outcome.error, exc_info=outcome.bug)
            return
        facts = {"rows": outcome.rows, "series": outcome.series, "seconds": round(outcome.duration, 3)}
        since = self._failing_since.pop(outcome.collector, None)
        if since is None:
            self._log.info(works, **fields, **facts)
        else:
            self._log.info(works_again, **fields, **facts, after_seconds=round(self._monotonic() - since, 1))

    def _losses(self, outcome: Outcome) -> None:
        lost = outcome.lost
        if lost.numbers == self._lost.get(outcome.collector, NOTHING).numbers:
            return
        self._lost[outcome.collector] = lost
        if lost:
            self._log.warning(
                "not all of the answer could be used",
                collector=outcome.collector,
                invalid_records=lost.invalid_records,
                invalid_values=lost.invalid_values,
                duplicate_records=lost.duplicate_records,
                first=lost.complaint,
            )
        else:
            self._log.info("all of the answer can be used again", collector=outcome.collector)

    def _cuts(self, outcome: Outcome) -> None:
        if outcome.cut == self._cut.get(outcome.collector, 0):
            return
        self._cut[outcome.collector] = outcome.cut
        facts = {"collector": outcome.collector, "cut": outcome.cut, "rows": outcome.rows, "series": outcome.series}
        if outcome.cut:
            self._log.warning("more series than max_series: records are cut off", **facts)
        else:
            self._log.info("no more series than max_series: no record is cut off", **facts)
