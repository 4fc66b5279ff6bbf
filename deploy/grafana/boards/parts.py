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
_TAG: Final = "zerto"
DATASOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="$datasource")

Steps = Sequence[tuple[float | None, str]]
Names = Mapping[int, tuple[str, str]]

# The first colour is that of a missing value. It is never green: no data is not all is well.
ANY_IS_BAD: Final[Steps] = ((None, "orange"), (0, "green"), (1, "red"))
ANY_IS_ODD: Final[Steps] = ((None, "orange"), (0, "green"), (1, "yellow"))
ALL_OF_IT: Final[Steps] = ((None, "orange"), (0, "green"), (0.8, "yellow"), (1, "red"))
AT_LEAST_ALL: Final[Steps] = ((None, "orange"), (0, "red"), (1, "green"))
COUNT: Final[Steps] = ((None, "orange"), (0, "blue"))
_PLAIN: Final[Steps] = ((None, "text"),)

# What a line is held against has the same colour everywhere, and is dashed.
_LIMITS: Final = (("/(promised|limit)$/", "red"), ("/(warning|fail-safe)$/", "orange"))


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
        return self._url("__data.fields", self.passes)

    @property
    def of_a_line(self) -> str:
        """The same from a line of a chart, whose labels fill the variables of their names."""
        return self._url("__field.labels", {name: name for name in self.passes})

    def _url(self, source: str, passes: Mapping[str, str]) -> str:
        values = "".join(f"&var-{name}=${{{source}.{column}:percentencode}}" for name, column in passes.items())
        return f"/d/{self.uid}?${{__url_time_range}}&${{datasource:queryparam}}&${{job:queryparam}}{values}"


@dataclass(frozen=True)
class Column:
    """A column of a table: a label, or the value of the query with that letter.

    *empty* says what it means that there is no value; that is orange, unless it is *harmless*. A *hidden* column is
    there for the links of others.
    """

    title: str
    of: str
    unit: str | None = None
    decimals: int | None = None
    names: Names | None = None
    empty: str | None = None
    harmless: bool = False
    steps: Steps | None = None
    link: Link | None = None
    width: int | None = None
    hidden: bool = False

    @property
    def field(self) -> str:
        """The field of the merged answers that is shown."""
        return f"Value #{self.of}" if self.of.isupper() else self.of

    def properties(self) -> list[dashboard.DynamicConfigValue]:
        """Return what the column overrides."""
        found: dict[str, Any] = {}
        plain = {"unit": self.unit, "decimals": self.decimals, "custom.width": self.width}
        found |= {key: value for key, value in plain.items() if value is not None}
        filled = self.steps is not None or self.names is not None
        unremarkable = "transparent" if filled else "text"
        without = [absent(self.empty, unremarkable if self.harmless else "orange")] if self.empty else []
        if self.names or without:
            found["mappings"] = [*(named(self.names) if self.names else ()), *without]
        if filled:
            # Text in yellow cannot be read on white.
            found["custom.cellOptions"] = common.TableColoredBackgroundCellOptions(
                mode=common.TableCellBackgroundDisplayMode.BASIC
            )
        elif without:
            found["custom.cellOptions"] = common.TableColorTextCellOptions()
        if "custom.cellOptions" in found:
            # Else Grafana's own thresholds would colour it: green, and red from 80 on.
            found["thresholds"] = thresholds(_quiet(self.steps) if self.steps else _PLAIN).build()
        if self.names is not None:
            found["custom.align"] = common.FieldTextAlignment.LEFT
        if self.link is not None:
            found["links"] = _links(self.link.title, self.link.url).value
        if self.hidden:
            found["custom.hidden"] = True
        return [dashboard.DynamicConfigValue(id_val=key, value=value) for key, value in found.items()]


def share(
    title: str,
    of: str,
    steps: Steps,
    *,
    decimals: int = 0,
    empty: str = "Not known",
    harmless: bool = False,
    width: int | None = None,
) -> Column:
    """Return a column of shares of something, coloured by *steps*."""
    return Column(
        title,
        of,
        unit=units.PercentUnit,
        decimals=decimals,
        steps=steps,
        empty=empty,
        harmless=harmless,
        width=width,
    )


def _quiet(steps: Steps) -> Steps:
    """Return *steps* for the cells of a table, of which only those in trouble have a colour."""
    return [(value, "transparent" if color == "green" else color) for value, color in steps]


@dataclass(frozen=True)
class To:
    """The panel that lists what a number counts: a dashboard, and the title of the panel there."""

    uid: str
    panel: str


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
            described.links([_runbook(self.runbook)])
        if self.to is not None:
            described.override_by_regexp("/.*/", [_links(f"Open: {self.to.panel}", address)])
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
        .link(_document("Runbooks", f"{REPOSITORY}/docs/runbooks"))
        .link(_document("Metrics", f"{REPOSITORY}/docs/metrics.md"))
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


def _links(title: str, url: str) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue("links", [{"title": title, "url": url}])


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
    red_to: float | None = None,
    runbook: str | None = None,
    to: To | None = None,
) -> Panel:
    """Return a panel of one number that holds now; who clicks on it comes *to* the list of what it counts.

    A number of *red_to* or less is red, where *steps* cannot say it: their first one is that of a missing number.
    """
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
    if red_to is not None:
        red = dashboard.ValueMappingResult(color="red", index=0)
        # Grafana takes no lower end for 0.
        below = dashboard.DashboardRangeMapOptions(from_val=-1e9, to=red_to, result=red)
        builder.mappings([dashboard.RangeMap(options=below)])
    return Panel(title, answers, missing, width, 3, builder, (expression,), runbook, to)


def chart(
    title: str,
    answers: str,
    *queries: Query,
    missing: str,
    unit: str = units.Short,
    promised: bool = False,
    stacked: bool = False,
    whole: bool = False,
    many: bool = False,
    lowest_first: bool = False,
    in_sight: float | None = None,
    decades: tuple[float, float] | None = None,
    colors: Mapping[str, str] | None = None,
    width: int = 12,
    height: int = 8,
    steps: Steps | None = None,
    runbook: str | None = None,
    link: Link | None = None,
) -> Panel:
    """Return a panel of lines over time.

    With *promised*, series whose name ends so are dashed: limits, targets. What is *whole* is counted. *many* lines
    are named beside the panel, not below it. The axis reaches up to *in_sight* at least, or over *decades*. A *link*
    is followed by a click on a line.
    """
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.TABLE).show_legend(True)
    legend.placement(common.LegendPlacement.RIGHT if many else common.LegendPlacement.BOTTOM)
    # A limit stands after the line that it is for, not before all lines because it is higher.
    legend.calcs(["lastNotNull"] if many else ["lastNotNull", "max"]).sort_by("Name" if promised else "Last *")
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
        .legend(legend.sort_desc(not promised and not lowest_first))
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
    if whole:
        builder.decimals(0)
    if decades is not None:
        scale = common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10)
        builder.scale_distribution(scale).min(decades[0]).max(decades[1])
    elif in_sight or whole:
        builder.axis_soft_max(in_sight or 1)
    for pattern, color in _LIMITS if promised else ():
        dashed = common.LineStyle(fill="dash", dash=[10, 10])
        builder.override_by_regexp(pattern, [dashboard.DynamicConfigValue("custom.lineStyle", dashed), _fixed(color)])
    for name, color in (colors or {}).items():
        builder.override_by_name(name, [_fixed(color)])
    if link is not None:
        builder.override_by_regexp("/.*/", [_links(link.title, link.of_a_line)])
    expressions = tuple(query.expression for query in queries)
    return Panel(title, answers, missing, width, height, builder, expressions, runbook)


def _fixed(color: str) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def timeline(
    title: str,
    answers: str,
    query: Query,
    *,
    names: Names,
    missing: str,
    width: int = 24,
    height: int = 4,
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
    return Panel(title, answers, missing, width, height, builder, (query.expression,), runbook)


def rows(
    title: str,
    answers: str,
    queries: Mapping[str, str],
    columns: Sequence[Column],
    *,
    missing: str,
    worst: Sequence[tuple[str, bool]],
    height: int = 12,
    width: int = 24,
    runbook: str | None = None,
) -> Panel:
    """Return a table of what holds now; *worst* are the columns that sort it, and whether the largest is first.

    Labels that are no column must not be in the answers, or Grafana shows them.
    """
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
        .sort_by([common_builders.TableSortByFieldState().display_name(name).desc(desc) for name, desc in worst])
        .with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=_arranged(columns, queries)))
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


def _arranged(columns: Sequence[Column], queries: Mapping[str, str]) -> dict[str, Any]:
    fields = [column.field for column in columns]
    # The value of a query that is asked for its labels is always 1.
    values = [value for value in (f"Value #{letter}" for letter in queries) if value not in fields]
    return {
        "excludeByName": dict.fromkeys(("Time", *values), True),
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
