"""Prometheus exporter for Zerto."""

__version__ = "0.1.0"
