"""The exporter's own metrics: there from the start at 0, gone with their ZVM."""

from __future__ import annotations

from typing import Any

from support import Page

from exporter.prometheus.telemetry import Telemetry


def make(**options: Any) -> Telemetry:
    return Telemetry(
        "1.2.3",
        poll_outcomes=["success", "connect"],
        login_outcomes=["success", "refused"],
        series=lambda zvm, collector: len(zvm + collector),
        wall=lambda: 123.5,
        **options,
    )


def page(telemetry: Telemetry) -> Page:
    return Page(telemetry.exposition().decode())


def add(telemetry: Telemetry, zvm: str) -> None:
    telemetry.add_zvm(zvm, ["vms", "vpgs"], ["/v1/vms", "/v1/vpgs"], insecure=zvm == "lon")


def test_every_label_set_is_there_from_the_start_at_0() -> None:
    telemetry = make()
    add(telemetry, "nyc")
    shown = page(telemetry)
    assert len(shown.values("zerto_exporter_polls_total", zvm="nyc")) == 4
    assert shown.value("zerto_exporter_polls_total", collector="vpgs", outcome="connect") == 0
    assert shown.values("zerto_exporter_polls_skipped_total", zvm="nyc") == [0, 0]
    assert shown.value("zerto_exporter_api_requests_total", endpoint="/v1/vms", code="200") == 0
    assert shown.value("zerto_exporter_api_request_duration_seconds_count", endpoint="/v1/vpgs") == 0
    assert shown.value("zerto_exporter_logins_total", outcome="refused") == 0
    for name in ("invalid_records", "invalid_values", "duplicate_records"):
        assert shown.values(f"zerto_exporter_{name}_total", zvm="nyc") == [0, 0]


def test_what_happens_is_counted_where_it_belongs() -> None:
    telemetry = make()
    add(telemetry, "nyc")
    telemetry.poll("nyc", "vms", "connect")
    telemetry.skipped("nyc", "vms", 2)
    telemetry.request("nyc", "/v1/vms", "500", 0.3)
    telemetry.login("nyc", "refused")
    telemetry.lost("nyc", "vpgs", records=1, values=2, duplicates=3)
    telemetry.left_out("nyc", "vms", excluded=4, cut=5)
    telemetry.reloaded(successful=True)
    telemetry.reloaded(successful=False)
    shown = page(telemetry)
    assert shown.value("zerto_exporter_polls_total", collector="vms", outcome="connect") == 1
    assert shown.value("zerto_exporter_polls_skipped_total", collector="vms") == 2
    assert shown.value("zerto_exporter_api_requests_total", code="500") == 1
    assert shown.value("zerto_exporter_api_request_duration_seconds_bucket", endpoint="/v1/vms", le="0.5") == 1
    assert shown.value("zerto_exporter_api_request_duration_seconds_bucket", endpoint="/v1/vms", le="0.25") == 0
    assert shown.value("zerto_exporter_logins_total", outcome="refused") == 1
    assert shown.value("zerto_exporter_excluded_records", collector="vms") == 4
    assert shown.value("zerto_exporter_cut_records", collector="vms") == 5
    assert shown.values("zerto_exporter_cut_records", collector="vpgs") == [0]
    assert shown.value("zerto_exporter_invalid_records_total", collector="vpgs") == 1
    assert shown.value("zerto_exporter_invalid_values_total", collector="vpgs") == 2
    assert shown.value("zerto_exporter_duplicate_records_total", collector="vpgs") == 3
    assert shown.value("zerto_exporter_config_last_reload_successful") == 0
    assert shown.value("zerto_exporter_config_last_reload_success_timestamp_seconds") == 123.5
    assert shown.value("zerto_exporter_series", collector="vms") == len("nycvms")


def test_a_zvm_that_is_removed_leaves_nothing_and_the_others_stay() -> None:
    telemetry = make()
    add(telemetry, "nyc")
    before = page(telemetry).text
    add(telemetry, "lon")
    assert page(telemetry).value("zerto_exporter_tls_insecure", zvm="lon") == 1
    telemetry.request("lon", "/v1/vms", "500", 0.3)
    telemetry.remove_zvm("lon")
    shown = page(telemetry)
    assert 'zvm="lon"' not in shown.text
    assert {name for name, _ in Page(before).samples} == {name for name, _ in shown.samples}


def test_the_processs_own_metrics_can_be_left_out() -> None:
    assert "process_cpu_seconds_total" in page(make()).text
    without = page(make(process=False)).text
    assert "process_" not in without
    assert "python_" not in without


def test_a_limit_is_told_only_where_there_is_one() -> None:
    telemetry = make()
    telemetry.add_zvm("nyc", ["vms"], [], insecure=False, max_series=1000)
    telemetry.add_zvm("lon", ["vms"], [], insecure=False)
    assert page(telemetry).all("zerto_exporter_max_series") == [({"zvm": "nyc"}, 1000)]
    telemetry.add_zvm("nyc", ["vms"], [], insecure=False)
    assert page(telemetry).all("zerto_exporter_max_series") == []


def test_lost_lines_are_those_that_the_log_tells() -> None:
    lost = 0
    telemetry = make(lost_lines=lambda: lost)
    assert page(telemetry).value("zerto_exporter_log_lines_lost_total") == 0
    lost = 3
    assert page(telemetry).value("zerto_exporter_log_lines_lost_total") == 3
