"""A dashboard and its panels, made so that no panel is without what it owes its reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from boards.parts.links import REPOSITORY, To, document, links, runbook
from boards.recorded import without_rules

_TAG: Final = "zerto"
DATASOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="$datasource")


@dataclass(frozen=True)
class Query:
    """A query, and what its series are called."""

    expression: str
    legend: str = ""


def target(query: Query, place: int, *, instant: bool = False, as_table: bool = False) -> prometheus.Dataquery:
    """Return what a panel asks in its *place* among the panel's queries."""
    asked = prometheus.Dataquery().expr(query.expression).datasource(DATASOURCE).ref_id("ABCDEFGHIJKLMNOP"[place])
    if query.legend:
        asked.legend_format(query.legend)
    if as_table:
        asked.format(PromQueryFormat.TABLE)
    return asked.instant() if instant else asked.range()


@dataclass(frozen=True)
class Panel:
    """A panel and its place. *missing* says what it means when the panel shows no data."""

    title: str
    answers: str
    missing: str
    width: int
    height: int
    builder: Any
    queries: tuple[str, ...]
    runbook: str | None = None
    to: To | None = None

    @property
    def no_data(self) -> str:
        """What it means when the panel shows no data, and which rules it needs."""
        return self.missing + without_rules(self.queries)

    @property
    def fields(self) -> frozenset[str]:
        """The labels that have a column, where it is a table."""
        arranged = [one.options for one in self.builder.build().transformations or () if one.id_val == "organize"]
        return frozenset(name for one in arranged for name in one["renameByName"])

    @property
    def is_table(self) -> bool:
        """Whether its queries are the columns of the same rows."""
        return isinstance(self.builder, table.Panel)

    def build(self, address: str = "") -> Builder[dashboard.Panel]:
        """Return the builder, with what all panels have, and with a link to *address* for who clicks on it."""
        described = self.builder.title(self.title).description(f"{self.answers}\n\nNo data: {self.no_data}")
        described = described.datasource(DATASOURCE).span(self.width).height(self.height)
        if self.runbook is not None:
            described.links([runbook(self.runbook)])
        if self.to is not None:
            described.override_by_regexp("/.*/", [links(f"Open: {self.to.panel}", address)])
        built: Builder[dashboard.Panel] = described
        return built


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A variable of a dashboard."""

    name: str
    builder: Builder[dashboard.VariableModel]


@dataclass(frozen=True)
class Board:
    """A dashboard before it is built."""

    uid: str
    title: str
    question: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    since: str = "now-6h"
    refresh: str = "1m"

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)

    def number(self, title: str) -> int:
        """Return the id of the panel with that *title*."""
        titles = [title for row in self.rows for title in (row.title, *(panel.title for panel in row.panels))]
        return titles.index(title) + 1

    def address(self, other: Board, title: str) -> str:
        """Return the address of a panel of *other*, with the time, and each variable that it has too."""
        theirs = {variable.name for variable in other.variables}
        carried = "&".join(f"${{{mine.name}:queryparam}}" for mine in self.variables if mine.name in theirs)
        return f"/d/{other.uid}?${{__url_time_range}}&{carried}&viewPanel={other.number(title)}"


def build(board: Board, others: Sequence[Board]) -> dashboard.Dashboard:
    """Return the dashboard, with links to the *others* and to the runbooks."""
    made = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.question)
        .tags([_TAG, "disaster-recovery"])
        .timezone("browser")
        .readonly()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time(board.since, "now")
        .refresh(board.refresh)
        .variables([variable.builder for variable in board.variables])
        .link(_others())
        .link(document("Runbooks", f"{REPOSITORY}/docs/runbooks"))
        .link(document("Metrics", f"{REPOSITORY}/docs/metrics.md"))
    )
    by_uid = {other.uid: other for other in others}
    for row in board.rows:
        made.with_row(builders.Row(row.title))
        for panel in row.panels:
            made.with_panel(panel.build(board.address(by_uid[panel.to.uid], panel.to.panel) if panel.to else ""))
    built = made.build()
    for number, placed in enumerate(built.panels or (), start=1):
        placed.id_val = number
    return built


def _others() -> builders.DashboardLink:
    """Return the list of all dashboards of Zerto, which keeps the time and what was chosen."""
    link = builders.DashboardLink("Zerto").type(dashboard.DashboardLinkType.DASHBOARDS).tags([_TAG])
    return (
        link.as_dropdown(True).icon("dashboard").tooltip("All dashboards of Zerto").keep_time(True).include_vars(True)
    )
