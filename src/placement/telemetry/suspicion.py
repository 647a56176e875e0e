"""Units that do not fit: a whole source in milliseconds or kilobytes shows against what else its rows say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.telemetry.checks import PARTS
from placement.units import MIB_PER_GIB, Floats, factor

__all__ = ["Suspicion", "suspect_units"]

_ENOUGH_ROWS = 3
# Half a decade around the exact factor: run times and their evidence differ by tens of percent, not by threefold.
_FITS = float(np.sqrt(10.0))
_TIME_UNITS = ("ms", "us", "ns", "min", "h")
# A run time's median above a week, a stamp after the year 5000: neither is one in seconds.
_MOST_TIME = 7 * 86400.0
_MOST_STAMP = 1e11
# No render node has less than 256 MiB or more than 64 TiB, and no median frame needs less than 64 KiB or 4 TiB.
_LEAST_NODE, _MOST_NODE = 256.0, 64 * MIB_PER_GIB * 1024
_LEAST_MEMORY, _MOST_MEMORY = 2.0**-4, 4 * MIB_PER_GIB * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A column whose values fit the other columns, or any farm, only in another unit."""

    column: str
    unit: str
    evidence: str

    def __str__(self) -> str:
        """Say what it looks like, why, and what to do."""
        return f'{self.column}: looks like {self.unit}: {self.evidence}; add unit = "{self.unit}" to a mapping'


def suspect_units(rows: pd.DataFrame) -> list[Suspicion]:
    """Return the columns of canonical `rows` that look as if they were in another unit.

    Stamps are held against the year 5000; run time against ``end_time - start_time``, else the sum of its parts, else
    a week; the node's memory against 256 MiB and 64 TiB; peak memory against the node's, else 1/16 MiB and 4 TiB.
    Medians over the rows that have both decide, so a few odd rows raise no suspicion and hide none.

    Examples
    --------
    >>> from placement.telemetry.canonical import canonical
    >>> stamps = {"run_time": [2000.0, 3100.0, 4000.0], "start_time": [0.0, 0.0, 0.0], "end_time": [2.0, 3.0, 4.0]}
    >>> print(suspect_units(canonical(pd.DataFrame(stamps))[0])[0])
    run_time: looks like ms: median is 1000 x (end_time - start_time); add unit = "ms" to a mapping
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        stamps = [_suspect_stamp(rows, name) for name in ("start_time", "end_time")]
        run_time = None if any(stamps) else _suspect_run_time(rows)
        node_memory = _suspect_node_memory(rows)
        peak_memory = None if node_memory else _suspect_memory(rows)
    return [found for found in (*stamps, run_time, node_memory, peak_memory) if found is not None]


def _suspect_stamp(rows: pd.DataFrame, name: str) -> Suspicion | None:
    median = _median(_numbers(rows, name))
    if not median > _MOST_STAMP:
        return None
    unit = next((unit for unit in ("ms", "us") if median * factor(unit, "s") < _MOST_STAMP), "ns")
    return Suspicion(column=name, unit=unit, evidence=f"the median, {median:.5g} s, is after the year 5000")


def _suspect_run_time(rows: pd.DataFrame) -> Suspicion | None:
    run_time = _numbers(rows, "run_time")
    elapsed = _numbers(rows, "end_time") - _numbers(rows, "start_time")
    parts = np.nansum([_numbers(rows, name) for name in PARTS], axis=0)
    for evidence, name in ((elapsed, "(end_time - start_time)"), (parts, "the sum of its parts")):
        ratio = _median(run_time / np.where(evidence > 0, evidence, np.nan))
        if not np.isnan(ratio):
            unit = _time_unit_of(ratio)
            evident = f"median is {ratio:.5g} x {name}"
            return Suspicion(column="run_time", unit=unit, evidence=evident) if unit else None
    median = _median(run_time)
    if median > _MOST_TIME:
        return Suspicion(column="run_time", unit="ms", evidence=f"the median would be {median / 86400:.3g} days")
    return None


def _suspect_node_memory(rows: pd.DataFrame) -> Suspicion | None:
    median = _median(_numbers(rows, "node_memory"))
    if median < _LEAST_NODE:
        return Suspicion(column="node_memory", unit="GiB", evidence=f"the median node would have {median:.4g} MiB")
    if median > _MOST_NODE:
        unit = "B" if median / 1024 > _MOST_NODE else "KiB"
        return Suspicion(column="node_memory", unit=unit, evidence=f"the median node would have {median:.4g} MiB")
    return None


def _suspect_memory(rows: pd.DataFrame) -> Suspicion | None:
    memory = _numbers(rows, "peak_memory")
    ratio = _median(memory / _numbers(rows, "node_memory"))
    if ratio > 1.0:
        unit = "KiB" if ratio <= MIB_PER_GIB else "B"
        return Suspicion(column="peak_memory", unit=unit, evidence=f"median is {ratio:.4g} x node_memory")
    median = _median(memory)
    if median > _MOST_MEMORY:
        unit = "KiB" if median / 1024 <= _MOST_MEMORY else "B"
        return Suspicion(column="peak_memory", unit=unit, evidence=f"the median would be {median:.4g} MiB")
    if median < _LEAST_MEMORY:
        return Suspicion(column="peak_memory", unit="GiB", evidence=f"the median would be {median * 1024:.3g} KiB")
    return None


def _time_unit_of(ratio: float) -> str | None:
    if 1 / _FITS < ratio < _FITS:
        return None
    return next((unit for unit in _TIME_UNITS if 1 / _FITS < ratio * factor(unit, "s") < _FITS), None)


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    return rows[name].to_numpy(dtype=np.float64)


def _median(values: Floats) -> float:
    """Median of the positive, finite values; NaN, for which every comparison is false, where they are too few."""
    usable = values[np.isfinite(values) & (values > 0)]
    return float(np.median(usable)) if len(usable) >= _ENOUGH_ROWS else float("nan")
