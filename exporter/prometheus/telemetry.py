"""The exporter's own metrics, in prometheus_client. Knows no ZVM and no page but its own."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

# They would be a third of the own series, and no rule asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus_client gives it no annotations

_ZVM: Final = ["zvm"]
_COLLECTOR: Final = ["zvm", "collector"]
_LATENCY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)  # seconds


class Telemetry:
    """Counts what the exporter does. Implements the ZVM client's Observer."""

    def __init__(
        self,
        version: str,
        *,
        poll_outcomes: Sequence[str],
        login_outcomes: Sequence[str],
        series: Callable[[str, str], int],
        process: bool = True,
        lost_lines: Callable[[], int] = int,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Create the metrics; with *process*, also `process_*` and `python_*`.

        *series* is asked at each scrape how many series are served of a ZVM and collector, *lost_lines* how many lines
        of the log could not be written.
        """
        self._poll_outcomes = poll_outcomes
        self._login_outcomes = login_outcomes
        self._ask_series = series
        self._wall = wall
        self.registry = registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
            GCCollector(registry=registry)
        build = Gauge(
            "zerto_exporter_build_info", "Version of the exporter.", ["version", "pythonversion"], registry=registry
        )
        build.labels(version, platform.python_version()).set(1)
        self._ordinal = Gauge(
            "zerto_exporter_shard_ordinal", "Which of the shards this exporter is, from 0.", registry=registry
        )
        self._shards = Gauge(
            "zerto_exporter_total_shards", "Exporters among which the ZVMs are divided.", registry=registry
        )
        self.shard(0, 1)
        self._reload_ok = Gauge(
            "zerto_exporter_config_last_reload_successful",
            "1 if the last reading of the configuration succeeded.",
            registry=registry,
        )
        self._reload_time = Gauge(
            "zerto_exporter_config_last_reload_success_timestamp_seconds",
            "Time of the last reading of the configuration that succeeded.",
            registry=registry,
        )
        registry.register(_LostLines(lost_lines))
        self._polls = Counter(
            "zerto_exporter_polls_total",
            "Polls of one collector by outcome: success, or the reason why it failed.",
            [*_COLLECTOR, "outcome"],
            registry=registry,
        )
        self._skipped = Counter(
            "zerto_exporter_polls_skipped_total",
            "Polls left out because the one before was still running.",
            _COLLECTOR,
            registry=registry,
        )
        self._requests = Counter(
            "zerto_exporter_api_requests_total",
            "Requests to the ZVM; code is the HTTP status, or the reason why there was none.",
            [*_ZVM, "endpoint", "code"],
            registry=registry,
        )
        self._latency = Histogram(
            "zerto_exporter_api_request_duration_seconds",
            "Time from a request to the ZVM until its answer was read.",
            [*_ZVM, "endpoint"],
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self._logins = Counter(
            "zerto_exporter_logins_total",
            "Logins to the ZVM, and renewals, by outcome: success, refused by the ZVM, failed on the way.",
            [*_ZVM, "outcome"],
            registry=registry,
        )
        self._invalid_records = Counter(
            "zerto_exporter_invalid_records_total",
            "Records of the ZVM in which something did not fit: left out, or published without that value.",
            _COLLECTOR,
            registry=registry,
        )
        self._invalid_values = Counter(
            "zerto_exporter_invalid_values_total",
            "Values of the ZVM that gave no sample because they are not possible.",
            _COLLECTOR,
            registry=registry,
        )
        self._duplicates = Counter(
            "zerto_exporter_duplicate_records_total",
            "Records of the ZVM left out because an earlier one had the same labels.",
            _COLLECTOR,
            registry=registry,
        )
        self._series = Gauge(
            "zerto_exporter_series", "Series that are served from a collector.", _COLLECTOR, registry=registry
        )
        self._excluded = Gauge(
            "zerto_exporter_excluded_records",
            "Records of the last good poll that the configuration leaves out (include, exclude).",
            _COLLECTOR,
            registry=registry,
        )
        self._cut = Gauge(
            "zerto_exporter_cut_records",
            "Records of the last good poll that were cut off because the ZVM has more series than max_series.",
            _COLLECTOR,
            registry=registry,
        )
        self._max_series = Gauge(
            "zerto_exporter_max_series", "Most series of the ZVM, where max_series is set.", _ZVM, registry=registry
        )
        self._insecure = Gauge(
            "zerto_exporter_tls_insecure",
            "1 if the ZVM's certificate is not verified (tls.insecure_skip_verify, or a http URL).",
            _ZVM,
            registry=registry,
        )

    def shard(self, ordinal: int, total: int) -> None:
        """Tell which part of the ZVMs is polled here."""
        self._ordinal.set(ordinal)
        self._shards.set(total)

    def add_zvm(
        self,
        zvm: str,
        collectors: Sequence[str],
        endpoints: Sequence[str],
        *,
        insecure: bool,
        max_series: int | None = None,
    ) -> None:
        """Create the label sets of a ZVM at 0, so that a first failure is an increase."""
        if max_series is None:
            self._max_series.remove_by_labels({"zvm": zvm})
        else:
            self._max_series.labels(zvm).set(max_series)
        self._insecure.labels(zvm).set(insecure)
        for outcome in self._login_outcomes:
            self._logins.labels(zvm, outcome)
        for endpoint in endpoints:
            self._requests.labels(zvm, endpoint, "200")
            self._latency.labels(zvm, endpoint)
        for collector in collectors:
            for outcome in self._poll_outcomes:
                self._polls.labels(zvm, collector, outcome)
            for counter in (self._skipped, self._invalid_records, self._invalid_values, self._duplicates):
                counter.labels(zvm, collector)
            for gauge in (self._excluded, self._cut):
                gauge.labels(zvm, collector)
            self._series.labels(zvm, collector).set_function(partial(self._served, zvm, collector))

    def _served(self, zvm: str, collector: str) -> float:
        return float(self._ask_series(zvm, collector))

    def remove_zvm(self, zvm: str) -> None:
        """Forget all label sets of a ZVM that is no longer configured."""
        for metric in (
            self._polls,
            self._skipped,
            self._requests,
            self._latency,
            self._logins,
            self._invalid_records,
            self._invalid_values,
            self._duplicates,
            self._series,
            self._excluded,
            self._cut,
            self._max_series,
            self._insecure,
        ):
            metric.remove_by_labels({"zvm": zvm})

    def request(self, zvm: str, endpoint: str, code: str, seconds: float) -> None:
        """Count a request; *endpoint* is the template of its path."""
        self._requests.labels(zvm, endpoint, code).inc()
        self._latency.labels(zvm, endpoint).observe(seconds)

    def login(self, zvm: str, outcome: str) -> None:
        """Count a login."""
        self._logins.labels(zvm, outcome).inc()

    def poll(self, zvm: str, collector: str, outcome: str) -> None:
        """Count a poll of one collector."""
        self._polls.labels(zvm, collector, outcome).inc()

    def skipped(self, zvm: str, collector: str, polls: int) -> None:
        """Count polls left out."""
        self._skipped.labels(zvm, collector).inc(polls)

    def lost(self, zvm: str, collector: str, *, records: int, values: int, duplicates: int) -> None:
        """Count what of an answer was not published."""
        self._invalid_records.labels(zvm, collector).inc(records)
        self._invalid_values.labels(zvm, collector).inc(values)
        self._duplicates.labels(zvm, collector).inc(duplicates)

    def left_out(self, zvm: str, collector: str, *, excluded: int, cut: int) -> None:
        """Tell what of the last answer the configuration keeps off the page."""
        self._excluded.labels(zvm, collector).set(excluded)
        self._cut.labels(zvm, collector).set(cut)

    def reloaded(self, *, successful: bool) -> None:
        """Tell how the last reading of the configuration ended."""
        self._reload_ok.set(successful)
        if successful:
            self._reload_time.set(self._wall())

    def exposition(self) -> bytes:
        """Return the metrics in the text format."""
        return generate_latest(self.registry)


class _LostLines(Collector):
    """A counter that somebody else keeps."""

    def __init__(self, lost: Callable[[], int]) -> None:
        self._lost = lost

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "zerto_exporter_log_lines_lost_total", "Lines of the log that could not be written.", value=self._lost()
        )
