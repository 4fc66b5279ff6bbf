"""The landing page: the state of each ZVM for a person, without a script and without anything from elsewhere."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import jinja2

from exporter import __version__
from exporter.polling.attention import attention
from exporter.polling.outcome import Outcome
from exporter.polling.target import Status
from exporter.prometheus.gzip import fragment, gzipped
from exporter.readable import span, utc
from exporter.web.landing import plots

State = Literal["down", "degraded", "not tried yet", "up"]

DOCUMENTATION: Final = "https://github.com/zerto-exporter/zerto-exporter#readme"
REFRESH_SECONDS: Final = 30
WORST: Final = 10  # VPGs that are named

# In the order of the page, each with the sign that tells it without its colour.
_SIGNS: Final[dict[State, str]] = {"down": "▲", "degraded": "◆", "not tried yet": "○", "up": "●"}
_ORDER: Final = {state: place for place, state in enumerate(_SIGNS)}
_ASKED: Final = re.compile(r"\AGET /\S*: ")  # what an error begins with
_NO_TEXT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # to a browser
_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Row:
    """A ZVM as the page shows it; `polls`, `failures` and `rpo` are paths of its plots."""

    status: Status
    state: State
    polls: str
    failures: str
    rpo: str

    @property
    def errors(self) -> dict[str, str]:
        """The errors of now, each with the collectors that it befell; one that befell several names no path."""
        alike: dict[str, list[Outcome]] = {}
        for outcome in self.status.outcomes:
            if not outcome.good:
                alike.setdefault(_ASKED.sub("", outcome.error), []).append(outcome)
        return {
            error if len(befallen) > 1 else befallen[0].error: ", ".join(outcome.collector for outcome in befallen)
            for error, befallen in alike.items()
        }

    @property
    def absent(self) -> list[Outcome]:
        """The collectors that the ZVM does not have, or not for this user."""
        return [outcome for outcome in self.status.outcomes if not outcome.supported]


@dataclass(frozen=True)
class Sum:
    """What the head of the page says of all ZVMs: `worst` has the worst RPO, `oldest` the oldest data.

    `listing` ZVMs list `vms` of them, a VM with two ZVMs twice. `without_rpo` VMs have no RPO, so that nobody can tell
    whether theirs is not worse.
    """

    verdict: str
    states: dict[State, int]
    vms: int
    listing: int
    series: int
    worst: Status | None
    without_rpo: int
    oldest: Status | None


class Landing:
    """Makes the page. *telemetry_path* is that of the metrics, *dashboards* the address of the user's own."""

    def __init__(self, telemetry_path: str, dashboards: str | None = None) -> None:
        style = (_TEMPLATES / "landing.css").read_text()
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        # By its hash the style can be in the page, which so is whole in one answer, and no other style is applied.
        self.policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        _template()  # now, and not while somebody waits for the page
        self._always = {
            "style": style,
            "version": __version__,
            "metrics": telemetry_path[1:],
            "dashboards": dashboards,
            "documentation": DOCUMENTATION,
            "signs": _SIGNS,
            "refresh_seconds": REFRESH_SECONDS,
            "plot": {"width": plots.WIDTH, "height": plots.HEIGHT, "base": plots.BASE},
        }

    def page(self, statuses: Sequence[Status], now: float, *, refresh: bool) -> tuple[bytes, ...]:
        """Return the page of *statuses* as it is *now* (seconds since the epoch), as a gzip file in pieces.

        With *refresh* a browser asks for it again and again. May be called in a thread.
        """
        text = _template().render(
            **self._always,
            now=now,
            refresh=refresh,
            rows=rows(statuses),
            sum=summed(statuses),
            attention=attention(statuses, WORST),
        )
        return gzipped(fragment(_NO_TEXT.sub("\ufffd", text).encode()))


def rows(statuses: Sequence[Status]) -> list[Row]:
    """Return *statuses* as rows, those with trouble first."""
    return sorted((_row(status) for status in statuses), key=lambda row: (_ORDER[row.state], row.status.name))


def state(status: Status) -> State:
    """Tell how a ZVM is: degraded is one that answers, but not with all that was asked for."""
    if status.up is None:
        return "not tried yet"
    if not status.up:
        return "down"
    return "degraded" if status.stale or any(map(_incomplete, status.outcomes)) else "up"


def summed(statuses: Sequence[Status]) -> Sum:
    """Sum up *statuses*; what is no longer served does not count, but for its age."""
    found = Counter(map(state, statuses))
    counts: dict[State, int] = {one: found[one] for one in _SIGNS if found[one]}
    served = [status for status in statuses if status.summary is not None and not status.stale]
    known = [status for status in served if status.worst_rpo is not None]
    tried = [status for status in statuses if status.up is not None]
    return Sum(
        verdict=", ".join(f"{count} {one}" for one, count in counts.items()) or "none is polled here",
        states=counts,
        vms=sum(status.summary.vms for status in served if status.summary is not None),
        listing=len(served),
        series=sum(status.series for status in statuses),
        without_rpo=sum(status.summary.without_rpo for status in served if status.summary is not None),
        worst=max(known, key=lambda status: status.worst_rpo or 0.0, default=None),
        oldest=min(tried, key=lambda status: status.last_success or 0.0, default=None),
    )


def brief(seconds: float) -> str:
    """Return *seconds* as `span` does, but with two places where they are few: `0.04 s`."""
    return f"{seconds:.2f} s" if seconds < 9.995 else span(seconds)


def _incomplete(outcome: Outcome) -> bool:
    return not outcome.good or outcome.cut > 0 or outcome.lost.invalid_records > 0


def _row(status: Status) -> Row:
    hour = status.hour
    placed = [(hour.last - minute.number, minute) for minute in hour.minutes]
    return Row(
        status,
        state(status),
        polls=plots.bars(((place, minute.seconds) for place, minute in placed), hour.seconds),
        failures=plots.marks(place for place, minute in placed if minute.failed),
        rpo=plots.bars(((place, minute.worst_rpo) for place, minute in placed), hour.worst_rpo),
    )


@functools.cache
def _template() -> jinja2.Template:
    """Return the page's template; to compile it takes a tenth of a second."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(span=span, brief=brief, utc=utc)
    return templates.get_template("landing.html")
