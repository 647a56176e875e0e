"""Telemetry files: readers, mappings, quarantine."""

from placement.adapters.formats.mapping_files import load_mapping, shipped_mappings
from placement.adapters.formats.reader import BATCH_ROWS, TelemetryStream, iter_telemetry, read_telemetry
from placement.telemetry.table import ReadReport, Telemetry

__all__ = [
    "BATCH_ROWS",
    "ReadReport",
    "Telemetry",
    "TelemetryStream",
    "iter_telemetry",
    "load_mapping",
    "read_telemetry",
    "shipped_mappings",
]
