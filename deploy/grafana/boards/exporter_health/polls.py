"""What the exporter asks of the ZVMs, and what it gets."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from boards import parts
from boards.exporter_health.queries import (
    FAILED,
    NOT_BEFORE,
    OF_ALL,
    REFUSED,
    all_of_it,
    each_minute,
    increase,
    latency,
    only_where,
)
from boards.parts import Query, Row

_OUTCOMES: Final = {
    "success": "green",
    "connect": "red",
    "timeout": "purple",
    "auth": "yellow",
    "http": "orange",
    "decode": "blue",
    "bug": "dark-red",
    "too_large": "dark-blue",
    "unsupported": "text",
}

POLLS: Final = Row(
    "Polls",
    (
        parts.chart(
            "Polls by outcome",
            "Do the polls succeed, and if not, why?",
            Query(each_minute("outcome", "zerto_exporter_polls_total", 'outcome="success"'), "{{outcome}}"),
            Query(only_where(each_minute("outcome", "zerto_exporter_polls_total", FAILED)), "{{outcome}}"),
            missing=NOT_BEFORE,
            passing=True,
            colors=_OUTCOMES,
            unit=units.OpsPerMinute,
            stacked=True,
            many=True,
        ),
        parts.chart(
            "Polls that failed, by ZVM",
            "Which ZVM fails, and why? All: those of all ZVMs together.",
            Query(only_where(each_minute("zvm, outcome", "zerto_exporter_polls_total", FAILED)), "{{zvm}} {{outcome}}"),
            Query(all_of_it("zerto_exporter_polls_total", FAILED), "All"),
            missing=NOT_BEFORE,
            passing=True,
            colors=OF_ALL,
            unit=units.OpsPerMinute,
            in_sight=1,
            many=True,
        ),
        parts.chart(
            "Polls left out",
            "Which ZVM takes longer than its interval? Give it a longer one. All: those of all ZVMs together.",
            Query(only_where(each_minute("zvm", "zerto_exporter_polls_skipped_total")), "{{zvm}}"),
            Query(all_of_it("zerto_exporter_polls_skipped_total"), "All"),
            missing=NOT_BEFORE,
            passing=True,
            colors=OF_ALL,
            unit=units.OpsPerMinute,
            in_sight=1,
            many=True,
        ),
        parts.chart(
            "Logins by outcome",
            "Are logins refused, and where? Many good ones mean that sessions do not last.",
            Query(
                only_where(each_minute("zvm, outcome", "zerto_exporter_logins_total", FAILED)), "{{zvm}} {{outcome}}"
            ),
            Query(each_minute("outcome", "zerto_exporter_logins_total", 'outcome="success"'), "All {{outcome}}"),
            runbook="ZertoLoginRefused",
            missing=NOT_BEFORE,
            passing=True,
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
            Query(only_where(each_minute("code", "zerto_exporter_api_requests_total")), "{{code}}"),
            missing=NOT_BEFORE,
            passing=True,
            unit=units.RequestsPerMinute,
            stacked=True,
            many=True,
            height=10,
        ),
        parts.chart(
            "Requests that failed",
            "Which resource of which ZVM fails? All: those of all ZVMs together.",
            Query(
                only_where(each_minute("zvm, endpoint, code", "zerto_exporter_api_requests_total", REFUSED)),
                "{{zvm}} {{endpoint}} {{code}}",
            ),
            Query(
                f"{all_of_it('zerto_exporter_api_requests_total', REFUSED)} or "
                f"0 * {all_of_it('zerto_exporter_api_requests_total')}",
                "All",
            ),
            missing=NOT_BEFORE,
            passing=True,
            colors=OF_ALL,
            in_sight=1,
            unit=units.RequestsPerMinute,
            height=10,
        ),
        parts.latencies(
            "Time to an answer",
            "How were the answers spread over time? A second band above the first is one slow ZVM or resource.",
            "sum by (le) ("
            + increase("zerto_exporter_api_request_duration_seconds_bucket", over="$__rate_interval")
            + ")",
            missing=NOT_BEFORE,
        ),
        parts.chart(
            "Time to an answer, quantiles",
            "How long does the API take?",
            Query(latency(0.5), "half faster than"),
            Query(latency(0.9), "9 of 10 faster than"),
            Query(latency(0.99), "99 of 100 faster than"),
            missing="no request was sent in this time.",
            unit=units.Seconds,
            many=True,
        ),
    ),
)
