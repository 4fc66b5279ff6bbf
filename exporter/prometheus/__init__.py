"""What Prometheus reads: rows to samples, samples to compressed fragments, fragments to a page.

Knows the text format and nothing of Zerto; `telemetry` has the exporter's own metrics.
"""
