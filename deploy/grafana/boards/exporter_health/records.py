"""What of the answers was not published."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts
from boards.exporter_health.queries import (
    LOST,
    MOST,
    NOT_BEFORE,
    OF_ALL,
    SERIES,
    UNSCRAPED,
    WHOLE,
    lost,
    of_each,
    of_zvms,
    only_where,
    rate,
)
from boards.parts import Column, Link, Query, Row

RECORDS: Final = Row(
    "What of the answers was not published",
    (
        parts.chart(
            "Series",
            "How many series does each ZVM have? The dashed line is its max_series: above it VMs are cut off.",
            Query(SERIES, "{{zvm}}"),
            Query(MOST, "{{zvm}} limit"),
            runbook="ZertoSeriesNearLimit",
            missing=NOT_BEFORE,
            promised=True,
            many=True,
        ),
        parts.chart(
            "Records that did not fit",
            "What of the answers could not be used? Invalid records and values did not fit; duplicates had the labels "
            "of an earlier record. All: those of all ZVMs together.",
            *(
                Query(
                    only_where(f"60 * {of_each(rate(f'zerto_exporter_{what}_total'))}"),
                    "{{zvm}} {{collector}} " + name,
                )
                for what, name in LOST.items()
            ),
            Query(" + ".join(f"60 * sum({of_each(rate(f'zerto_exporter_{what}_total'))})" for what in LOST), "All"),
            runbook="ZertoRecordsLost",
            missing=NOT_BEFORE,
            passing=True,
            colors=OF_ALL,
            unit=units.CountsPerMinute,
            in_sight=1,
            many=True,
        ),
        parts.rows(
            "By ZVM and collector",
            "What is published of each answer, and what is not? Excluded: left out by the configuration. Cut off: more "
            "than max_series.",
            {
                "A": of_each(of_zvms("zerto_exporter_series")),
                "B": of_each(of_zvms("zerto_exporter_excluded_records")),
                "C": of_each(of_zvms("zerto_exporter_cut_records")),
                "D": lost("invalid_records"),
                "E": lost("invalid_values"),
                "F": lost("duplicate_records"),
            },
            (
                Column("ZVM", "zvm", link=Link("Open the sites", "zerto-sites", {"zvm": "ZVM"})),
                Column("Collector", "collector"),
                Column("Series", "A", unit=WHOLE, empty="Not known"),
                Column("Excluded", "B", empty="Not known"),
                Column("Cut off", "C", steps=parts.ANY_IS_BAD, empty="Not known"),
                Column("Invalid records", "D", unit=WHOLE, steps=parts.ANY_IS_ODD, empty="Not known"),
                Column("Invalid values", "E", unit=WHOLE, steps=parts.ANY_IS_ODD, empty="Not known"),
                Column("Duplicates", "F", unit=WHOLE, steps=parts.ANY_IS_ODD, empty="Not known"),
            ),
            missing=UNSCRAPED,
            worst=(("Cut off", True), ("Invalid records", True), ("Invalid values", True), ("Duplicates", True)),
            height=8,
        ),
    ),
)
