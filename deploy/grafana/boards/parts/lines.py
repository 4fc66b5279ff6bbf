"""Panels over time: lines, states, and a histogram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import heatmap as heatmap_builders
from grafana_foundation_sdk.builders import statetimeline, timeseries
from grafana_foundation_sdk.models import common, dashboard, heatmap, units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from boards.parts.board import Panel, Query, target
from boards.parts.colors import Names, Steps, named, thresholds
from boards.parts.links import Link, links

# What a line is held against has the same colour everywhere, and is dashed.
_LIMITS: Final = (("/(promised|limit|provisioned)$/", "red"), ("/(warning|fail-safe)$/", "orange"))


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
    passing: bool = False,
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
    are named beside the panel, not below it. Of *passing* lines, which may end before the page does, the legend has the
    highest value: their last one would be taken for what is so now. The axis reaches up to *in_sight* at least, or over
    *decades*. A *link* is followed by a click on a line.
    """
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.TABLE).show_legend(True)
    legend.placement(common.LegendPlacement.RIGHT if many else common.LegendPlacement.BOTTOM)
    legend.calcs(["max"] if passing else ["lastNotNull"] if many else ["lastNotNull", "max"])
    # A limit stands after the line that it is for, not before all lines because it is higher.
    legend.sort_by("Name" if promised else "Max" if passing else "Last *")
    builder = (
        timeseries.Panel()
        .targets([target(query, place) for place, query in enumerate(queries)])
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
        builder.override_by_regexp("/.*/", [links(link.title, link.of_a_line)])
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
    steps: Steps = ((None, "purple"),),
    width: int = 24,
    height: int = 4,
    runbook: str | None = None,
) -> Panel:
    """Return a panel of states over time; *steps* colour what has no name."""
    builder = (
        statetimeline.Panel()
        .with_target(target(query, 0))
        .mappings(named(names))
        .thresholds(thresholds(steps))
        .color_scheme(builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.85)
        .fill_opacity(80)
        .legend(common_builders.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
    )
    return Panel(title, answers, missing, width, height, builder, (query.expression,), runbook)


def latencies(title: str, answers: str, expression: str, *, missing: str, runbook: str | None = None) -> Panel:
    """Return a heatmap of a histogram in seconds."""
    builder = (
        heatmap_builders.Panel()
        .with_target(target(Query(expression, "{{le}}"), 0).format(PromQueryFormat.HEATMAP))
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
