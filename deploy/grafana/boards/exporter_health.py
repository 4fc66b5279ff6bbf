"""Does the exporter itself do its work?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts, states, variables
from boards.parts import Board, Column, Link, Query, Row, To
from boards.promql import scraped, series, tally

_DAYS: Final = units.DurationInDaysHoursMinutesSeconds
_WHOLE: Final = units.LocaleFormat
_INSTANCE: Final = 'instance=~"$instance"'
_FAILED: Final = 'outcome!="success"'
_REFUSED: Final = 'code!~"2.."'
_UNSCRAPED: Final = "the exporter is not scraped, or only by way of /probe, which leaves these metrics out."
_NOT_BEFORE: Final = "the exporter was not scraped in this time."


def _of_exporter(expression: str) -> str:
    return f"max by (instance) ({expression})"


def _own(metric: str, *matchers: str) -> str:
    return series(metric, _INSTANCE, *matchers)


def _of_zvms(metric: str, *matchers: str) -> str:
    return _own(metric, 'zvm=~"$zvm"', *matchers)


def _each_minute(by: str, metric: str, *matchers: str) -> str:
    return f"60 * sum by ({by}) ({_rate(metric, *matchers)})"


def _of_each(expression: str) -> str:
    """Return *expression* for each collector of each ZVM: two exporters that poll the same tell it twice."""
    return f"max by (zvm, collector) ({expression})"


def _only_where(rate: str) -> str:
    """Return *rate* without the many that are 0."""
    return f"{rate} > 0"


def _rate(metric: str, *matchers: str) -> str:
    return f"rate({_of_zvms(metric, *matchers)}[$__rate_interval])"


def _all(metric: str, *matchers: str) -> str:
    return f"60 * sum({_rate(metric, *matchers)})"


def _increase(metric: str, *matchers: str, over: str = "$__range") -> str:
    return f"increase({_of_zvms(metric, *matchers)}[{over}])"


def _latency(quantile: float) -> str:
    buckets = f"sum by (le) ({_rate('zerto_exporter_api_request_duration_seconds_bucket')})"
    return f"histogram_quantile({quantile}, {buckets})"


def _lost(what: str) -> str:
    """Return how much of *what* was lost of each collector in the time of the page: of those that are asked now."""
    lost = f"round({_of_each(_increase(f'zerto_exporter_{what}_total'))})"
    return f"{lost} and on (zvm, collector) {_of_zvms('zerto_exporter_series')}"


_BUILD: Final = _own("zerto_exporter_build_info")
_SCRAPED: Final = scraped(_INSTANCE)
_RELOADED: Final = _own("zerto_exporter_config_last_reload_successful")
_SERIES: Final = f"sum by (zvm) ({_of_each(_of_zvms('zerto_exporter_series'))})"
_LOST: Final = {
    "invalid_records": "invalid records",
    "invalid_values": "invalid values",
    "duplicate_records": "duplicates",
}
_SHARDS: Final = f"count(count_values('shard', {_own('zerto_exporter_shard_ordinal')}))"
_MOST: Final = f"max by (zvm) ({_of_zvms('zerto_exporter_max_series')})"

NOW: Final = Row(
    "Now",
    (
        parts.count(
            "Exporters",
            "Exporters that Prometheus scrapes.",
            f"count({_BUILD})",
            to=To("zerto-exporter", "Each exporter"),
            missing=_UNSCRAPED,
            steps=parts.COUNT,
        ),
        parts.count(
            "Scrapes failed",
            "Targets of the exporter's jobs that Prometheus cannot scrape. Where none has ever been, those of each job "
            "with zerto in its name.",
            tally(f"{_SCRAPED} == 0", _SCRAPED),
            runbook="ZertoExporterDown",
            to=To("zerto-exporter", "Each exporter"),
            missing="Prometheus has no target of the exporter.",
        ),
        parts.count(
            "Shards missing",
            "Exporters of a divided set that are not scraped. The ZVMs that fall to them are polled by nobody.",
            f"max({_own('zerto_exporter_total_shards')}) - {_SHARDS}",
            runbook="ZertoShardMissing",
            to=To("zerto-exporter", "Each exporter"),
            missing=_UNSCRAPED,
        ),
        parts.count(
            "Configuration refused",
            "Exporters whose last reading of the configuration failed. The one before goes on; the log says why.",
            tally(f"{_RELOADED} == 0", _RELOADED),
            runbook="ZertoConfigReloadFailed",
            to=To("zerto-exporter", "Each exporter"),
            missing=_UNSCRAPED,
        ),
        parts.count(
            "Polls that failed",
            "Polls that ended in anything but success, in the time of this page.",
            f"sum({_increase('zerto_exporter_polls_total', _FAILED)} and on (job, instance) {_BUILD})",
            to=To("zerto-exporter", "Polls that failed, by ZVM"),
            missing=_UNSCRAPED,
            decimals=0,
            steps=parts.ANY_IS_ODD,
        ),
        parts.count(
            "VMs cut off",
            "VMs that are not published because their ZVM has more series than max_series. Nobody watches them.",
            f"sum({_of_each(_of_zvms('zerto_exporter_cut_records'))})",
            runbook="ZertoRecordsCut",
            to=To("zerto-exporter", "By ZVM and collector"),
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
            Query(_each_minute("outcome", "zerto_exporter_polls_total"), "{{outcome}}"),
            missing=_NOT_BEFORE,
            colors={"success": "green"},
            unit=units.OpsPerMinute,
            stacked=True,
            many=True,
        ),
        parts.chart(
            "Polls that failed, by ZVM",
            "Which ZVM fails, and why? All: those of all ZVMs together.",
            Query(
                _only_where(_each_minute("zvm, outcome", "zerto_exporter_polls_total", _FAILED)), "{{zvm}} {{outcome}}"
            ),
            Query(_all("zerto_exporter_polls_total", _FAILED), "All"),
            missing=_NOT_BEFORE,
            unit=units.OpsPerMinute,
            in_sight=1,
            many=True,
        ),
        parts.chart(
            "Polls left out",
            "Which ZVM takes longer than its interval? All: those of all ZVMs together.",
            Query(_only_where(_each_minute("zvm", "zerto_exporter_polls_skipped_total")), "{{zvm}}"),
            Query(_all("zerto_exporter_polls_skipped_total"), "All"),
            missing=_NOT_BEFORE,
            unit=units.OpsPerMinute,
            in_sight=1,
            many=True,
        ),
        parts.chart(
            "Logins by outcome",
            "Are logins refused, and where? Many good ones mean that sessions do not last.",
            Query(
                _only_where(_each_minute("zvm, outcome", "zerto_exporter_logins_total", _FAILED)), "{{zvm}} {{outcome}}"
            ),
            Query(_each_minute("outcome", "zerto_exporter_logins_total", 'outcome="success"'), "All {{outcome}}"),
            runbook="ZertoLoginRefused",
            missing=_NOT_BEFORE,
            unit=units.OpsPerMinute,
            in_sight=1,
            many=True,
        ),
    ),
)

REQUESTS: Final = Row(
    "Requests to the ZVMs",
    (
        parts.chart(
            "Requests by code",
            "What do the ZVMs answer? A word instead of a number is why there was no answer.",
            Query(_each_minute("code", "zerto_exporter_api_requests_total"), "{{code}}"),
            missing=_NOT_BEFORE,
            unit=units.RequestsPerMinute,
            stacked=True,
            many=True,
            height=10,
        ),
        parts.chart(
            "Requests that failed",
            "Which resource of which ZVM fails?",
            Query(
                _only_where(_each_minute("zvm, endpoint, code", "zerto_exporter_api_requests_total", _REFUSED)),
                "{{zvm}} {{endpoint}} {{code}}",
            ),
            missing="no request failed in this time. See the panel beside whether there were any.",
            unit=units.RequestsPerMinute,
            height=10,
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
            many=True,
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
            many=True,
        ),
        parts.chart(
            "Records that did not fit",
            "What of the answers could not be used? Invalid records and values did not fit; duplicates had the labels "
            "of an earlier record. All: those of all ZVMs together.",
            *(
                Query(
                    _only_where(f"60 * {_of_each(_rate(f'zerto_exporter_{what}_total'))}"),
                    "{{zvm}} {{collector}} " + name,
                )
                for what, name in _LOST.items()
            ),
            Query(" + ".join(f"60 * sum({_of_each(_rate(f'zerto_exporter_{what}_total'))})" for what in _LOST), "All"),
            runbook="ZertoRecordsLost",
            missing=_NOT_BEFORE,
            unit=units.CountsPerMinute,
            in_sight=1,
            many=True,
        ),
        parts.rows(
            "By ZVM and collector",
            "What is published of each answer, and what is not? Excluded: left out by the configuration. Cut off: more "
            "than max_series.",
            {
                "A": _of_each(_of_zvms("zerto_exporter_series")),
                "B": _of_each(_of_zvms("zerto_exporter_excluded_records")),
                "C": _of_each(_of_zvms("zerto_exporter_cut_records")),
                "D": _lost("invalid_records"),
                "E": _lost("invalid_values"),
                "F": _lost("duplicate_records"),
            },
            (
                Column("ZVM", "zvm", link=Link("Open the sites", "zerto-sites", {"zvm": "ZVM"})),
                Column("Collector", "collector"),
                Column("Series", "A", unit=_WHOLE),
                Column("Excluded", "B", empty="Not known"),
                Column("Cut off", "C", steps=parts.ANY_IS_BAD, empty="Not known"),
                Column("Invalid records", "D", unit=_WHOLE, steps=parts.ANY_IS_ODD, empty="Not known"),
                Column("Invalid values", "E", unit=_WHOLE, steps=parts.ANY_IS_ODD, empty="Not known"),
                Column("Duplicates", "F", unit=_WHOLE, steps=parts.ANY_IS_ODD, empty="Not known"),
            ),
            missing=_UNSCRAPED,
            worst=(("Cut off", True), ("Invalid records", True), ("Invalid values", True), ("Duplicates", True)),
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
            "Do connections pile up? The table below has their share of what the system allows.",
            Query(_own("process_open_fds"), "{{instance}}"),
            missing=_NOT_BEFORE,
            whole=True,
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
            "Which version runs where, since when, and how long ago did it last read its configuration?",
            {
                "A": f"max by (instance) ({_SCRAPED})",
                "B": f"max by (instance, version, pythonversion) ({_BUILD})",
                "C": _of_exporter(f"time() - {_own('process_start_time_seconds')}"),
                "D": _of_exporter(f"time() - {_own('zerto_exporter_config_last_reload_success_timestamp_seconds')}"),
                "E": _of_exporter(_RELOADED),
                "F": _of_exporter(f"{_own('process_open_fds')} / {_own('process_max_fds')}"),
                "G": _of_exporter(_own("zerto_exporter_shard_ordinal")),
                "H": _of_exporter(_own("zerto_exporter_total_shards")),
            },
            (
                Column("Scraped", "A", names=states.SCRAPED, empty="Not known", width=110),
                Column("Exporter", "instance"),
                Column("Version", "version"),
                Column("Python", "pythonversion"),
                Column("Runs for", "C", unit=_DAYS, empty="Not known", width=130),
                Column("Configuration read", "D", unit=_DAYS, empty="Not known", width=170),
                Column("Last reading", "E", names=states.READINGS, empty="Not known", width=130),
                parts.share("Files of limit", "F", parts.ALL_OF_IT, decimals=1, width=135),
                Column("Shard", "G", width=90),
                Column("Of", "H", width=90),
            ),
            missing=_UNSCRAPED,
            worst=(("Scraped", False), ("Runs for", False)),
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
