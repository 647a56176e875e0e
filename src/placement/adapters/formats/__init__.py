"""Telemetry files: readers, mappings, quarantine."""
