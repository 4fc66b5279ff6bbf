"""The parts of a dashboard: panels and links, made so that no panel is without what it owes its reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import heatmap as heatmap_builders
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard, heatmap, units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from boards.recorded import without_rules

REPOSITORY: Final = "https://github.com/zerto-exporter/zerto-exporter/blob/main"
DATASOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="$datasource")

Steps = Sequence[tuple[float | None, str]]
Names = Mapping[int, tuple[str, str]]

# The first colour is that of a missing value. It is never green: no data is not all is well.
ANY_IS_BAD: Final[Steps] = ((None, "orange"), (0, "green"), (1, "red"))
ANY_IS_ODD: Final[Steps] = ((None, "orange"), (0, "green"), (1, "yellow"))
ALL_OF_IT: Final[Steps] = ((None, "orange"), (0, "green"), (0.8, "yellow"), (1, "red"))
AT_LEAST_ALL: Final[Steps] = ((None, "orange"), (0, "red"), (1, "green"))
_PLAIN: Final[Steps] = ((None, "text"),)
COUNT: Final[Steps] = ((None, "orange"), (0, "blue"))


def thresholds(steps: Steps) -> builders.ThresholdsConfig:
    return (
        builders.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=color) for value, color in steps])
    )


def named(names: Names) -> list[dashboard.ValueMapping]:
    """Return the mappings that show codes as words, in colour."""
    results = {
        str(code): dashboard.ValueMappingResult(text=text, color=color, index=place)
        for place, (code, (text, color)) in enumerate(names.items())
    }
    return [dashboard.ValueMap(options=results)]


def absent(text: str, color: str = "orange") -> dashboard.SpecialValueMap:
    """Return the mapping that says what an empty cell means."""
    return dashboard.SpecialValueMap(
        options=dashboard.DashboardSpecialValueMapOptions(
            match=dashboard.SpecialValueMatch.NULL_AND_NAN,
            result=dashboard.ValueMappingResult(text=text, color=color, index=100),
        )
    )


@dataclass(frozen=True)
class Query:
    """A query, and what its series are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Link:
    """A link from a cell to another dashboard; *passes* says which column fills which of its variables."""

    title: str
    uid: str
    passes: Mapping[str, str]

    @property
    def url(self) -> str:
        """The address, with the time and the data source of the dashboard that it leaves."""
        values = "".join(
            f"&var-{name}=${{__data.fields.{column}:percentencode}}" for name, column in self.passes.items()
        )
        return f"/d/{self.uid}?${{__url_time_range}}&${{datasource:queryparam}}&${{job:queryparam}}{values}"


@dataclass(frozen=True)
class Column:
    """A column of a table: a label, or the value of the query with that letter."""

    title: str
    of: str
    unit: str | None = None
    names: Names | None = None
    empty: str | None = None
    steps: Steps | None = None
    link: Link | None = None
    width: int | None = None

    @property
    def field(self) -> str:
        """The field of the merged answers that is shown."""
        return f"Value #{self.of}" if self.of.isupper() else self.of

    def properties(self) -> list[dashboard.DynamicConfigValue]:
        """Return what the column overrides."""
        found: dict[str, Any] = {}
        if self.unit is not None:
            found["unit"] = self.unit
        mappings = [*(named(self.names) if self.names else ()), *([absent(self.empty)] if self.empty else ())]
        if mappings:
            found["mappings"] = mappings
        if self.steps is not None or self.names is not None or self.empty is not None:
            found["custom.cellOptions"] = common.TableColorTextCellOptions()
            # Else Grafana's own thresholds would colour the text: green, and red from 80 on.
            found["thresholds"] = thresholds(self.steps or _PLAIN).build()
        if self.link is not None:
            found["links"] = [{"title": self.link.title, "url": self.link.url}]
        if self.width is not None:
            found["custom.width"] = self.width
        return [dashboard.DynamicConfigValue(id_val=key, value=value) for key, value in found.items()]


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

    @property
    def no_data(self) -> str:
        """What it means when the panel shows no data, and which rules it needs."""
        return self.missing + without_rules(self.queries)

    @property
    def is_table(self) -> bool:
        """Whether its queries are the columns of the same rows."""
        return isinstance(self.builder, table.Panel)

    def build(self) -> Builder[dashboard.Panel]:
        """Return the builder, with what all panels have."""
        described = self.builder.title(self.title).description(f"{self.answers}\n\nNo data: {self.no_data}")
        described = described.datasource(DATASOURCE).span(self.width).height(self.height)
        if self.runbook is not None:
            described.links([_runbook(self.runbook)])
        built: Builder[dashboard.Panel] = described
        return built


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A variable of a dashboard; *takes_all* says whether all may be chosen at once."""

    name: str
    builder: Builder[dashboard.VariableModel]
    takes_all: bool = True


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

    def link(self, other: Board) -> builders.DashboardLink:
        """Return a link to *other* that keeps the time, and each variable whose values the other takes too."""
        theirs = {variable.name: variable for variable in other.variables}
        kept = [
            mine.name
            for mine in self.variables
            if mine.name in theirs and (theirs[mine.name].takes_all or not mine.takes_all)
        ]
        url = f"/d/{other.uid}?" + "&".join(f"${{{name}:queryparam}}" for name in kept)
        link = builders.DashboardLink(other.title.removeprefix("Zerto / ")).type(dashboard.DashboardLinkType.LINK)
        return link.url(url).icon("dashboard").tooltip(other.question).keep_time(True).include_vars(False)


def build(board: Board, others: Sequence[Board]) -> dashboard.Dashboard:
    """Return the dashboard, with links to the *others* and to the runbooks."""
    made = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.question)
        .tags(["zerto", "disaster-recovery"])
        .timezone("browser")
        .readonly()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time(board.since, "now")
        .refresh(board.refresh)
        .variables([variable.builder for variable in board.variables])
        .links([board.link(other) for other in others if other.uid != board.uid])
        .link(_document("Runbooks", f"{REPOSITORY}/docs/runbooks"))
        .link(_document("What the metrics mean", f"{REPOSITORY}/docs/metrics.md"))
    )
    for row in board.rows:
        made.with_row(builders.Row(row.title))
        for panel in row.panels:
            made.with_panel(panel.build())
    built = made.build()
    for number, placed in enumerate(built.panels or (), start=1):
        placed.id_val = number
    return built


def _document(title: str, url: str) -> builders.DashboardLink:
    link = builders.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url)
    return link.icon("doc").tooltip(title).target_blank(True)


def _runbook(alert: str) -> builders.DashboardLink:
    return _document(f"Runbook: {alert}", f"{REPOSITORY}/docs/runbooks/{alert}.md")


def count(
    title: str,
    answers: str,
    expression: str,
    *,
    missing: str,
    steps: Steps = ANY_IS_BAD,
    unit: str = units.Short,
    width: int = 4,
    decimals: int | None = None,
    names: Names | None = None,
    runbook: str | None = None,
) -> Panel:
    """Return a panel of one number that holds now."""
    builder = (
        stat.Panel()
        .with_target(_target(Query(expression), 0, instant=True))
        .unit(unit)
        .thresholds(thresholds(steps))
        .color_scheme(builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value("No data")
    )
    if decimals is not None:
        builder.decimals(decimals)
    if names is not None:
        builder.mappings(named(names))
    return Panel(title, answers, missing, width, 4, builder, (expression,), runbook)


def chart(
    title: str,
    answers: str,
    *queries: Query,
    missing: str,
    unit: str = units.Short,
    promised: bool = False,
    stacked: bool = False,
    width: int = 12,
    steps: Steps | None = None,
    runbook: str | None = None,
) -> Panel:
    """Return a panel of lines over time. With *promised*, series whose name ends so are dashed: limits, targets."""
    builder = (
        timeseries.Panel()
        .targets([_target(query, place) for place, query in enumerate(queries)])
        .unit(unit)
        .min(0)
        .color_scheme(builders.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
        .line_width(1)
        .fill_opacity(40 if stacked else 0)
        .show_points(common.VisibilityMode.AUTO)
        # A line over a gap would be a value that nobody measured.
        .span_nulls(False)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
            .sort_by("Last *")
            .sort_desc(True)
        )
        .tooltip(
            common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
        )
    )
    if stacked:
        builder.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if steps is not None:
        builder.thresholds(thresholds(steps)).thresholds_style(
            common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
    if promised:
        dashed = common.LineStyle(fill="dash", dash=[10, 10])
        builder.override_by_regexp(
            "/(promised|limit|warning|fail-safe)$/", [dashboard.DynamicConfigValue("custom.lineStyle", dashed)]
        )
    expressions = tuple(query.expression for query in queries)
    return Panel(title, answers, missing, width, 8, builder, expressions, runbook)


def timeline(
    title: str,
    answers: str,
    query: Query,
    *,
    names: Names,
    missing: str,
    width: int = 24,
    runbook: str | None = None,
) -> Panel:
    """Return a panel of states over time."""
    builder = (
        statetimeline.Panel()
        .with_target(_target(query, 0))
        .mappings(named(names))
        .thresholds(thresholds(((None, "purple"),)))
        .color_scheme(builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.85)
        .fill_opacity(80)
        .legend(common_builders.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
    )
    return Panel(title, answers, missing, width, 8, builder, (query.expression,), runbook)


def rows(
    title: str,
    answers: str,
    queries: Mapping[str, str],
    columns: Sequence[Column],
    *,
    missing: str,
    worst: tuple[str, bool],
    hidden: Sequence[str] = (),
    height: int = 12,
    width: int = 24,
    runbook: str | None = None,
) -> Panel:
    """Return a table of what holds now; *worst* is the column that sorts it, and whether the largest is first."""
    lettered = list(queries.items())
    builder = (
        table.Panel()
        .targets(
            [
                _target(Query(expression), 0, instant=True, as_table=True).ref_id(letter)
                for letter, expression in lettered
            ]
        )
        .unit(units.Short)
        .filterable(True)
        .cell_height(common.TableCellHeight.SM)
        .sort_by([common_builders.TableSortByFieldState().display_name(worst[0]).desc(worst[1])])
        .with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=_arranged(columns, hidden)))
    )
    for column in columns:
        properties = column.properties()
        if properties:
            builder.override_by_name(column.title, properties)
    return Panel(title, answers, missing, width, height, builder, tuple(queries.values()), runbook)


def latencies(title: str, answers: str, expression: str, *, missing: str, runbook: str | None = None) -> Panel:
    """Return a heatmap of a histogram in seconds."""
    builder = (
        heatmap_builders.Panel()
        .with_target(_target(Query(expression, "{{le}}"), 0).format(PromQueryFormat.HEATMAP))
        .unit(units.Short)
        .calculate(False)
        .y_axis(heatmap_builders.YAxisConfig().unit(units.Seconds).axis_placement(common.AxisPlacement.LEFT))
        .color(
            heatmap_builders.HeatmapColorOptions()
            .mode(heatmap.HeatmapColorMode.SCHEME)
            .scheme("Oranges")
            .exponent(0.5)
            .steps(64)
        )
        .show_legend()
        .mode(common.TooltipDisplayMode.SINGLE)
    )
    return Panel(title, answers, missing, 12, 8, builder, (expression,), runbook)


def _arranged(columns: Sequence[Column], hidden: Sequence[str]) -> dict[str, Any]:
    fields = [column.field for column in columns]
    return {
        "excludeByName": dict.fromkeys(("Time", *hidden), True),
        "indexByName": {name: place for place, name in enumerate(fields)},
        "renameByName": {column.field: column.title for column in columns},
    }


def _target(query: Query, place: int, *, instant: bool = False, as_table: bool = False) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expression).datasource(DATASOURCE).ref_id("ABCDEFGHIJKLMNOP"[place])
    if query.legend:
        target.legend_format(query.legend)
    if as_table:
        target.format(PromQueryFormat.TABLE)
    return target.instant() if instant else target.range()
