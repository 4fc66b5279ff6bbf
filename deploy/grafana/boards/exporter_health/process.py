"""The process of the exporter."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states
from boards.exporter_health.queries import (
    BUILD,
    DAYS,
    NOT_BEFORE,
    RELOADED,
    SCRAPED,
    UNSCRAPED,
    of_exporter,
    own,
)
from boards.parts import Column, Query, Row

PROCESS: Final = Row(
    "The process",
    (
        parts.chart(
            "CPU",
            "How much of a processor does the exporter use?",
            Query(f"rate({own('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}}"),
            missing=NOT_BEFORE,
            unit=units.PercentUnit,
        ),
        parts.chart(
            "Memory",
            "Does the memory grow?",
            Query(own("process_resident_memory_bytes"), "{{instance}}"),
            missing=NOT_BEFORE,
            unit=units.BytesIEC,
        ),
        parts.chart(
            "Open files",
            "Do connections pile up? The table below has their share of what the system allows.",
            Query(own("process_open_fds"), "{{instance}}"),
            missing=NOT_BEFORE,
            whole=True,
        ),
        parts.chart(
            "Scrapes took",
            "How long does Prometheus wait for the exporter?",
            Query(own("scrape_duration_seconds"), "{{instance}}"),
            missing=NOT_BEFORE,
            unit=units.Seconds,
        ),
        parts.rows(
            "Each exporter",
            "Which version runs where, since when, and how long ago did it last read its configuration?",
            {
                "A": f"max by (instance) ({SCRAPED})",
                "B": f"max by (instance, version, pythonversion) ({BUILD})",
                "C": of_exporter(f"time() - {own('process_start_time_seconds')}"),
                "D": of_exporter(f"time() - {own('zerto_exporter_config_last_reload_success_timestamp_seconds')}"),
                "E": of_exporter(RELOADED),
                "F": of_exporter(f"{own('process_open_fds')} / {own('process_max_fds')}"),
                "G": of_exporter(own("zerto_exporter_shard_ordinal")),
                "H": of_exporter(own("zerto_exporter_total_shards")),
            },
            (
                Column("Scraped", "A", names=states.SCRAPED, empty="Not known", width=110),
                Column("Exporter", "instance"),
                Column("Version", "version"),
                Column("Python", "pythonversion"),
                Column("Runs for", "C", unit=DAYS, empty="Not known", width=130),
                Column("Configuration read", "D", unit=DAYS, empty="Not known", width=170),
                Column("Last reading", "E", names=states.READINGS, empty="Not known", width=130),
                parts.share("Files of limit", "F", parts.ALL_OF_IT, decimals=1, width=135),
                Column("Shard", "G", empty="Not known", width=90),
                Column("Of", "H", empty="Not known", width=90),
            ),
            missing=UNSCRAPED,
            worst=(("Scraped", False), ("Runs for", False)),
            height=6,
        ),
    ),
)
