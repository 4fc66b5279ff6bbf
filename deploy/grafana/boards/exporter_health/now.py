"""The exporter now, in numbers."""

from __future__ import annotations

from typing import Final

from boards import parts
from boards.exporter_health.queries import (
    BUILD,
    FAILED,
    RELOADED,
    SCRAPED,
    SHARDS,
    UNSCRAPED,
    WHOLE,
    increase,
    of_each,
    of_zvms,
    own,
)
from boards.parts import Row, To
from boards.promql import tally

NOW: Final = Row(
    "Now",
    (
        parts.count(
            "Exporters",
            "Exporters that Prometheus scrapes.",
            f"count({BUILD})",
            to=To("zerto-exporter", "Each exporter"),
            missing=UNSCRAPED,
            steps=parts.COUNT,
        ),
        parts.count(
            "Scrapes failed",
            "Targets of the exporter's jobs that Prometheus cannot scrape. Where none has ever been, those of each job "
            "with zerto in its name.",
            tally(f"{SCRAPED} == 0", SCRAPED),
            runbook="ZertoExporterDown",
            to=To("zerto-exporter", "Each exporter"),
            missing="Prometheus has no target of the exporter.",
        ),
        parts.count(
            "Shards missing",
            "Exporters of a divided set that are not scraped. The ZVMs that fall to them are polled by nobody.",
            f"max({own('zerto_exporter_total_shards')}) - {SHARDS}",
            runbook="ZertoShardMissing",
            to=To("zerto-exporter", "Each exporter"),
            missing=UNSCRAPED,
        ),
        parts.count(
            "Configuration refused",
            "Exporters whose last reading of the configuration failed. The one before goes on; the log says why.",
            tally(f"{RELOADED} == 0", RELOADED),
            runbook="ZertoConfigReloadFailed",
            to=To("zerto-exporter", "Each exporter"),
            missing=UNSCRAPED,
        ),
        parts.count(
            "Polls that failed",
            "Polls that ended in anything but success, in the time of this page. The list says of which, and why.",
            f"sum({increase('zerto_exporter_polls_total', FAILED)} and on (job, instance) {BUILD})",
            to=To("zerto-exporter", "Polls that failed, by ZVM"),
            missing=UNSCRAPED,
            unit=WHOLE,
            decimals=0,
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "Records cut off",
            "VMs and other records that are not published because their ZVM has more series than max_series. "
            "Nobody watches them.",
            f"sum({of_each(of_zvms('zerto_exporter_cut_records'))})",
            runbook="ZertoRecordsCut",
            to=To("zerto-exporter", "By ZVM and collector"),
            missing=UNSCRAPED,
        ),
    ),
)
