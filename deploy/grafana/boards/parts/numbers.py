"""Panels of one number."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common, dashboard, units

from boards.parts.board import Panel, Query, target
from boards.parts.colors import ANY_IS_BAD, Names, Steps, named, thresholds
from boards.parts.links import To


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
    names: Names | None = None,
    runbook: str | None = None,
    to: To | None = None,
) -> Panel:
    """Return a panel of one number that holds now; who clicks on it comes *to* the list of what it counts.

    A number of *red_to* or less is red, where *steps* cannot say it: their first one is that of a missing number.
    *names* are words for some numbers.
    """
    builder = (
        stat.Panel()
        .with_target(target(Query(expression), 0, instant=True))
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
    if names is not None:
        builder.mappings(named(names))
    return Panel(title, answers, missing, width, 3, builder, (expression,), runbook, to)
