"""Colours and words of values: thresholds, names of codes, and what a missing value is shown as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

Steps = Sequence[tuple[float | None, str]]
Names = Mapping[int | str, tuple[str, str]]

# The first colour is that of a missing value. It is never green: no data is not all is well.
ANY_IS_BAD: Final[Steps] = ((None, "orange"), (0, "green"), (1, "red"))
ANY_IS_ODD: Final[Steps] = ((None, "orange"), (0, "green"), (1, "yellow"))
ALL_OF_IT: Final[Steps] = ((None, "orange"), (0, "green"), (0.8, "yellow"), (1, "red"))
AT_LEAST_ALL: Final[Steps] = ((None, "orange"), (0, "red"), (1, "green"))
COUNT: Final[Steps] = ((None, "orange"), (0, "blue"))
PLAIN: Final[Steps] = ((None, "text"),)
UNFILLED: Final[Steps] = ((None, "transparent"),)


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


def quiet(steps: Steps) -> Steps:
    """Return *steps* for the cells of a table, of which only those in trouble have a colour."""
    return [(value, "transparent" if color == "green" else color) for value, color in steps]
