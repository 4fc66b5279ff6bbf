"""Panels of tables, and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common, dashboard, units

from boards.parts.board import Panel, Query, target
from boards.parts.colors import PLAIN, UNFILLED, Names, Steps, absent, named, quiet, thresholds
from boards.parts.links import Link, links


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
            found["thresholds"] = thresholds(quiet(self.steps) if self.steps else UNFILLED if filled else PLAIN).build()
        if self.names is not None:
            found["custom.align"] = common.FieldTextAlignment.LEFT
        if self.link is not None:
            found["links"] = links(self.link.title, self.link.url).value
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
    nothing: str | None = None,
    runbook: str | None = None,
) -> Panel:
    """Return a table of what holds now; *worst* are the columns that sort it, and whether the largest is first.

    *nothing* is said instead of "No data" where a table without rows is the good case: what is true without data too.
    Grafana would say it in each empty cell as well; there, as in all other tables, a label that is not told is blank.

    Labels that are no column must not be in the answers, or Grafana shows them.
    """
    lettered = list(queries.items())
    builder = (
        table.Panel()
        .targets(
            [
                target(Query(expression), 0, instant=True, as_table=True).ref_id(letter)
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
    if nothing is not None:
        builder.no_value(nothing)
    for column in columns:
        properties = column.properties()
        if nothing is not None and column.empty is None:
            properties.append(dashboard.DynamicConfigValue("noValue", ""))
        if properties:
            builder.override_by_name(column.title, properties)
    return Panel(title, answers, missing, width, height, builder, tuple(queries.values()), runbook)


def _arranged(columns: Sequence[Column], queries: Mapping[str, str]) -> dict[str, Any]:
    fields = [column.field for column in columns]
    # The value of a query that is asked for its labels is always 1.
    values = [value for value in (f"Value #{letter}" for letter in queries) if value not in fields]
    return {
        "excludeByName": dict.fromkeys(("Time", *values), True),
        "indexByName": {name: place for place, name in enumerate(fields)},
        "renameByName": {column.field: column.title for column in columns},
    }
