"""Telemetry: logs, metrics, lineage events and notifications of runs."""
