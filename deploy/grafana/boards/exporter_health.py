"""Does the exporter itself do its work?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, variables
from boards.parts import Board, Column, Query, Row
from boards.promql import series, tally

_INSTANCE: Final = 'instance=~"$instance"'
_FAILED: Final = 'outcome!="success"'
_REFUSED: Final = 'code!~"2.."'
_UNSCRAPED: Final = "the exporter is not scraped, or only by way of /probe, which leaves these metrics out."
_NOT_BEFORE: Final = "the exporter was not scraped in this time."


def _own(metric: str, *matchers: str) -> str:
    return series(metric, _INSTANCE, *matchers)


def _of_zvms(metric: str, *matchers: str) -> str:
    return _own(metric, 'zvm=~"$zvm"', *matchers)


def _rate(metric: str, *matchers: str) -> str:
    return f"rate({_of_zvms(metric, *matchers)}[$__rate_interval])"


def _increase(metric: str, *matchers: str, over: str = "$__range") -> str:
    return f"increase({_of_zvms(metric, *matchers)}[{over}])"


def _latency(quantile: float) -> str:
    buckets = f"sum by (le) ({_rate('zerto_exporter_api_request_duration_seconds_bucket')})"
    return f"histogram_quantile({quantile}, {buckets})"


_BUILD: Final = _own("zerto_exporter_build_info")
_RELOADED: Final = _own("zerto_exporter_config_last_reload_successful")
_SERIES: Final = f"sum by (zvm) ({_of_zvms('zerto_exporter_series')})"
_SHARDS: Final = f"count(count_values('shard', {_own('zerto_exporter_shard_ordinal')}))"
_MOST: Final = f"max by (zvm) ({_of_zvms('zerto_exporter_max_series')})"

NOW: Final = Row(
    "Now",
    (
        parts.count(
            "Exporters",
            "Exporters that Prometheus scrapes.",
            f"count({_BUILD})",
            missing=_UNSCRAPED,
            steps=parts.COUNT,
        ),
        parts.count(
            "Scrapes that fail",
            "Targets of the exporter's jobs that Prometheus cannot scrape.",
            tally(f"{_own('up')} == 0", _own("up")),
            runbook="ZertoExporterDown",
            missing="Prometheus has no target of the exporter.",
        ),
        parts.count(
            "Shards missing",
            "Exporters of a divided set that are not scraped. The ZVMs that fall to them are polled by nobody.",
            f"max({_own('zerto_exporter_total_shards')}) - {_SHARDS}",
            runbook="ZertoShardMissing",
            missing=_UNSCRAPED,
        ),
        parts.count(
            "Configuration refused",
            "Exporters whose last reading of the configuration failed. The one before goes on; the log says why.",
            tally(f"{_RELOADED} == 0", _RELOADED),
            runbook="ZertoConfigReloadFailed",
            missing=_UNSCRAPED,
        ),
        parts.count(
            "Polls that failed",
            "Polls that ended in anything but success, in the time of this page.",
            f"sum({_increase('zerto_exporter_polls_total', _FAILED)})",
            missing=_UNSCRAPED,
            decimals=0,
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "VMs cut off",
            "VMs that are not published because their ZVM has more series than max_series. Nobody watches them.",
            f"sum({_of_zvms('zerto_exporter_cut_records')})",
            runbook="ZertoRecordsCut",
            missing=_UNSCRAPED,
        ),
    ),
)

POLLS: Final = Row(
    "Polls",
    (
        parts.chart(
            "Polls by outcome",
            "Do the polls succeed, and if not, why?",
            Query(f"sum by (outcome) ({_rate('zerto_exporter_polls_total')})", "{{outcome}}"),
            missing=_NOT_BEFORE,
            unit=units.OpsPerSecond,
            stacked=True,
        ),
        parts.chart(
            "Polls that failed, by ZVM",
            "Which ZVM fails, and why?",
            Query(
                f"sum by (zvm, outcome) ({_rate('zerto_exporter_polls_total', _FAILED)})",
                "{{zvm}} {{outcome}}",
            ),
            missing=_NOT_BEFORE,
            unit=units.OpsPerSecond,
        ),
        parts.chart(
            "Polls left out",
            "Which ZVM takes longer than its interval?",
            Query(f"sum by (zvm) ({_rate('zerto_exporter_polls_skipped_total')})", "{{zvm}}"),
            missing=_NOT_BEFORE,
            unit=units.OpsPerSecond,
        ),
        parts.chart(
            "Logins by outcome",
            "Are logins refused? Many good ones mean that sessions do not last.",
            Query(f"sum by (zvm, outcome) ({_rate('zerto_exporter_logins_total')})", "{{zvm}} {{outcome}}"),
            runbook="ZertoLoginRefused",
            missing=_NOT_BEFORE,
            unit=units.OpsPerSecond,
        ),
    ),
)

REQUESTS: Final = Row(
    "Requests to the ZVMs",
    (
        parts.chart(
            "Requests by code",
            "What do the ZVMs answer? A word instead of a number is why there was no answer.",
            Query(f"sum by (code) ({_rate('zerto_exporter_api_requests_total')})", "{{code}}"),
            missing=_NOT_BEFORE,
            unit=units.RequestsPerSecond,
            stacked=True,
        ),
        parts.chart(
            "Requests that failed",
            "Which resource of which ZVM fails?",
            Query(
                f"sum by (zvm, endpoint, code) ({_rate('zerto_exporter_api_requests_total', _REFUSED)})",
                "{{zvm}} {{endpoint}} {{code}}",
            ),
            missing="no request has failed since the exporter started. See the panel beside whether there were any.",
            unit=units.RequestsPerSecond,
        ),
        parts.latencies(
            "Time to an answer",
            "How were the answers spread over time? A second band above the first is one slow ZVM or resource.",
            "sum by (le) ("
            + _increase("zerto_exporter_api_request_duration_seconds_bucket", over="$__rate_interval")
            + ")",
            missing=_NOT_BEFORE,
        ),
        parts.chart(
            "Time to an answer, quantiles",
            "How long does the API take?",
            Query(_latency(0.5), "half faster than"),
            Query(_latency(0.9), "9 of 10 faster than"),
            Query(_latency(0.99), "99 of 100 faster than"),
            missing="no request was sent in this time.",
            unit=units.Seconds,
        ),
    ),
)

RECORDS: Final = Row(
    "What of the answers was not published",
    (
        parts.chart(
            "Series",
            "How many series does each ZVM have? The dashed line is its max_series: above it VMs are cut off.",
            Query(_SERIES, "{{zvm}}"),
            Query(_MOST, "{{zvm}} limit"),
            runbook="ZertoSeriesNearLimit",
            missing=_NOT_BEFORE,
            promised=True,
        ),
        parts.chart(
            "Records that did not fit",
            "What of the answers could not be used? Invalid records and values did not fit; duplicates had the labels "
            "of an earlier record.",
            Query(
                f"sum by (zvm, collector) ({_rate('zerto_exporter_invalid_records_total')})",
                "{{zvm}} {{collector}} invalid records",
            ),
            Query(
                f"sum by (zvm, collector) ({_rate('zerto_exporter_invalid_values_total')})",
                "{{zvm}} {{collector}} invalid values",
            ),
            Query(
                f"sum by (zvm, collector) ({_rate('zerto_exporter_duplicate_records_total')})",
                "{{zvm}} {{collector}} duplicates",
            ),
            runbook="ZertoRecordsLost",
            missing=_NOT_BEFORE,
            unit=units.CountsPerSecond,
        ),
        parts.rows(
            "By ZVM and collector",
            "What is published of each answer, and what is not?",
            {
                "A": f"max by (zvm, collector) ({_of_zvms('zerto_exporter_series')})",
                "B": f"max by (zvm, collector) ({_of_zvms('zerto_exporter_excluded_records')})",
                "C": f"max by (zvm, collector) ({_of_zvms('zerto_exporter_cut_records')})",
                "D": f"sum by (zvm, collector) ({_increase('zerto_exporter_invalid_records_total')})",
                "E": f"sum by (zvm, collector) ({_increase('zerto_exporter_invalid_values_total')})",
                "F": f"sum by (zvm, collector) ({_increase('zerto_exporter_duplicate_records_total')})",
            },
            (
                Column("ZVM", "zvm"),
                Column("Collector", "collector"),
                Column("Series", "A"),
                Column("Left out by the configuration", "B"),
                Column("Cut off by max_series", "C", steps=parts.ANY_IS_BAD),
                Column("Invalid records", "D", steps=parts.ANY_IS_ODD),
                Column("Invalid values", "E", steps=parts.ANY_IS_ODD),
                Column("Duplicates", "F", steps=parts.ANY_IS_ODD),
            ),
            missing=_UNSCRAPED,
            worst=("Cut off by max_series", True),
            height=8,
        ),
    ),
)

PROCESS: Final = Row(
    "The process",
    (
        parts.chart(
            "CPU",
            "How much of a processor does the exporter use?",
            Query(f"rate({_own('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}}"),
            missing=_NOT_BEFORE,
            unit=units.PercentUnit,
        ),
        parts.chart(
            "Memory",
            "Does the memory grow?",
            Query(_own("process_resident_memory_bytes"), "{{instance}}"),
            missing=_NOT_BEFORE,
            unit=units.BytesIEC,
        ),
        parts.chart(
            "Open files",
            "Do connections pile up? The dashed line is what the system allows.",
            Query(_own("process_open_fds"), "{{instance}}"),
            Query(_own("process_max_fds"), "{{instance}} limit"),
            missing=_NOT_BEFORE,
            promised=True,
        ),
        parts.chart(
            "Scrapes took",
            "How long does Prometheus wait for the exporter?",
            Query(_own("scrape_duration_seconds"), "{{instance}}"),
            missing="Prometheus has no target of the exporter.",
            unit=units.Seconds,
        ),
        parts.rows(
            "Each exporter",
            "Which version runs where, since when, and when did it last read its configuration?",
            {
                "A": f"max by (instance, version, pythonversion) ({_BUILD})",
                "B": f"max by (instance) (time() - {_own('process_start_time_seconds')})",
                "C": f"max by (instance) (time() - "
                f"{_own('zerto_exporter_config_last_reload_success_timestamp_seconds')})",
                "D": f"max by (instance) ({_RELOADED})",
                "E": f"max by (instance) ({_own('zerto_exporter_shard_ordinal')})",
                "F": f"max by (instance) ({_own('zerto_exporter_total_shards')})",
            },
            (
                Column("Exporter", "instance"),
                Column("Version", "version"),
                Column("Python", "pythonversion"),
                Column("Runs for", "B", unit=units.Seconds),
                Column("Configuration read, ago", "C", unit=units.Seconds, empty="Never"),
                Column("Last reading", "D", names={0: ("Refused", "red"), 1: ("Accepted", "green")}),
                Column("Shard", "E"),
                Column("Of", "F"),
            ),
            missing=_UNSCRAPED,
            worst=("Runs for", False),
            hidden=("Value #A",),
            height=6,
        ),
    ),
)

BOARD: Final = Board(
    uid="zerto-exporter",
    title="Zerto / Exporter",
    question="Does the exporter itself do its work?",
    variables=(variables.SOURCE, variables.JOB, variables.INSTANCE, variables.ZVM),
    rows=(NOW, POLLS, REQUESTS, RECORDS, PROCESS),
)
