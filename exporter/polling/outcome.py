"""How polls end, and the log lines about it: one for each change of state, not one for each failed poll."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger


@dataclass
class Outcome:
    """The end of one poll of one collector.

    `reason` is `success` or why it failed, `error` the sentence for it, `bug` an exception of our own.
    `lost` counts records that did not fit, values that are impossible, and duplicate records;
    `complaint` is the first record that did not fit, or an impossible value, in words. `excluded` counts the records
    that the configuration leaves out, `cut` those left out because of `max_series`. `duration` in seconds.
    """

    collector: str
    reason: str = "success"
    error: str = ""
    bug: BaseException | None = None
    duration: float = 0.0
    series: int = 0
    rows: int = 0
    lost: tuple[int, int, int] = (0, 0, 0)
    complaint: str = ""
    excluded: int = 0
    cut: int = 0

    @property
    def success(self) -> bool:
        """Whether the poll brought rows."""
        return self.reason == "success"


@dataclass(frozen=True)
class Failure:
    """A poll of a collector that failed, *at* a time in seconds since the epoch."""

    at: float
    collector: str
    error: str


class StateLog:
    """Writes what changed from one poll of a ZVM to the next."""

    def __init__(self, log: FilteringBoundLogger, monotonic: Callable[[], float]) -> None:
        self._log = log
        self._monotonic = monotonic
        self._reasons: dict[str, str] = {}
        self._failing_since: dict[str, float] = {}
        self._lost: dict[str, tuple[int, int, int]] = {}
        self._cut: dict[str, int] = {}

    def polled(self, judged_by: str, outcomes: Mapping[str, Outcome]) -> None:
        """Write about a poll that ended with *outcomes*; the *judged_by* collector speaks for the ZVM."""
        first = outcomes[judged_by]
        self._changed(first, ("ZVM is up", "ZVM is down", "ZVM is up again"), {})
        for outcome in outcomes.values():
            if outcome is not first and (outcome.success or outcome.reason != first.reason):
                words = ("collector works", "collector fails", "collector works again")
                self._changed(outcome, words, {"collector": outcome.collector})
            if outcome.success:
                self._losses(outcome)
                self._cuts(outcome)

    def _changed(self, outcome: Outcome, words: tuple[str, str, str], fields: Mapping[str, str]) -> None:
        before = self._reasons.get(outcome.collector)
        if outcome.reason == before:
            return
        self._reasons[outcome.collector] = outcome.reason
        works, fails, works_again = words
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
        before = self._lost.get(outcome.collector, (0, 0, 0))
        if outcome.lost == before:
            return
        self._lost[outcome.collector] = outcome.lost
        records, values, duplicates = outcome.lost
        if any(outcome.lost):
            self._log.warning(
                "not all of the answer could be used",
                collector=outcome.collector,
                invalid_records=records,
                invalid_values=values,
                duplicate_records=duplicates,
                first=outcome.complaint,
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
