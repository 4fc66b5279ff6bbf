"""What the dashboard of the exporter asks."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards.promql import scraped, series

DAYS: Final = units.DurationInDaysHoursMinutesSeconds
WHOLE: Final = units.LocaleFormat
INSTANCE: Final = 'instance=~"$instance"'
FAILED: Final = 'outcome!="success"'
REFUSED: Final = 'code!~"2.."'
# Among many lines that of all of them is found: the others take what colours are left, pale ones too.
OF_ALL: Final = {"All": "text"}
UNSCRAPED: Final = "the exporter is not scraped, or only by way of /probe, which leaves these metrics out."
NOT_BEFORE: Final = "the exporter was not scraped in this time."


def of_exporter(expression: str) -> str:
    return f"max by (instance) ({expression})"


def own(metric: str, *matchers: str) -> str:
    return series(metric, INSTANCE, *matchers)


def of_zvms(metric: str, *matchers: str) -> str:
    return own(metric, 'zvm=~"$zvm"', *matchers)


def each_minute(by: str, metric: str, *matchers: str) -> str:
    return f"60 * sum by ({by}) ({rate(metric, *matchers)})"


def of_each(expression: str) -> str:
    """Return *expression* for each collector of each ZVM: two exporters that poll the same tell it twice."""
    return f"max by (zvm, collector) ({expression})"


def only_where(lines: str) -> str:
    """Return *lines* without the many that are 0."""
    return f"{lines} > 0"


def rate(metric: str, *matchers: str) -> str:
    return f"rate({of_zvms(metric, *matchers)}[$__rate_interval])"


def all_of_it(metric: str, *matchers: str) -> str:
    return f"60 * sum({rate(metric, *matchers)})"


def increase(metric: str, *matchers: str, over: str = "$__range") -> str:
    return f"increase({of_zvms(metric, *matchers)}[{over}])"


def latency(quantile: float) -> str:
    buckets = f"sum by (le) ({rate('zerto_exporter_api_request_duration_seconds_bucket')})"
    return f"histogram_quantile({quantile}, {buckets})"


def lost(what: str) -> str:
    """Return how much of *what* was lost of each collector in the time of the page: of those that are asked now."""
    rows = f"round({of_each(increase(f'zerto_exporter_{what}_total'))})"
    return f"{rows} and on (zvm, collector) {of_zvms('zerto_exporter_series')}"


BUILD: Final = own("zerto_exporter_build_info")
SCRAPED: Final = scraped(INSTANCE)
RELOADED: Final = own("zerto_exporter_config_last_reload_successful")
SERIES: Final = f"sum by (zvm) ({of_each(of_zvms('zerto_exporter_series'))})"
LOST: Final = {
    "invalid_records": "invalid records",
    "invalid_values": "invalid values",
    "duplicate_records": "duplicates",
}
SHARDS: Final = f"count(count_values('shard', {own('zerto_exporter_shard_ordinal')}))"
MOST: Final = f"max by (zvm) ({of_zvms('zerto_exporter_max_series')})"
