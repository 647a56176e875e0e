"""What can be wrong with a telemetry row, one vectorised check a reason; nothing is repaired silently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from placement.telemetry.canonical import TEXT, Finding
from placement.telemetry.names import hostile_names
from placement.telemetry.schema import COLUMNS, STATUSES, Column
from placement.units import Bools, Floats

__all__ = ["PARTS", "check", "complete"]

#: The parts of a run time.
PARTS = ("start_up_time", "load_time", "render_time", "save_time")

# Schedulers stamp start and end seconds before and after the process; measured logs stay well inside these.
_CLOCK_SHARE, _CLOCK_SECONDS = 0.1, 5.0
_PARTS_SHARE, _PARTS_SECONDS = 0.02, 0.5
_CPU_SHARE, _CPU_SECONDS = 0.25, 1.0
# A little over the node's memory happens where the node's size is rounded down.
_MEMORY_SHARE = 0.1


def complete(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Fill what follows from other columns: a missing status from the exit code, a missing run time from the clock.

    Returns
    -------
    rows
        With ``status`` (lower case) and ``run_time`` filled; the rest as it was.
    counts
        How many values were filled, by what was done.

    Examples
    --------
    >>> from placement.telemetry.canonical import canonical
    >>> rows, _ = canonical(pd.DataFrame({"start_time": [10.0], "end_time": [14.0]}))
    >>> rows, counts = complete(rows)
    >>> rows.loc[0, "run_time"], rows.loc[0, "status"]
    (np.float64(4.0), 'ok')
    """
    with np.errstate(over="ignore", invalid="ignore"):
        elapsed = rows["end_time"] - rows["start_time"]
    no_time = rows["run_time"].isna() & elapsed.notna()
    no_status = rows["status"].isna()
    by_exit = pd.Series(np.where(_numbers(rows, "exit_code", 0.0) == 0.0, "ok", "error"), rows.index, TEXT)
    filled = rows.assign(
        run_time=rows["run_time"].where(~no_time, elapsed),
        status=rows["status"].str.lower().where(~no_status, by_exit).astype(TEXT),
    )
    counts = {
        "run_time taken as end_time - start_time": int(no_time.sum()),
        "status missing, taken from the exit code (none: ok)": int(no_status.sum()),
    }
    return filled, {what: count for what, count in counts.items() if count}


def check(rows: pd.DataFrame, columns: Sequence[Column] = COLUMNS) -> list[Finding]:
    """Return every reason that holds for some row of canonical, completed `rows`, and for which.

    Parameters
    ----------
    columns
        The schema with the declared extra columns.

    Returns
    -------
    list of (str, bool array)
        Reasons open with the column they are about; arrays have shape ``(rows,)``.

    Examples
    --------
    >>> from placement.telemetry.canonical import canonical
    >>> rows, _ = canonical(pd.DataFrame({"job_id": ["a"], "job_type": ["b"], "node_class": ["c"], "run_time": [-1.0]}))
    >>> [reason for reason, _ in check(complete(rows)[0])]
    ['run_time: below 0 s']
    """
    # Values may be anything that float64 holds: their sums overflow to infinity, which compares as it should.
    with np.errstate(over="ignore", invalid="ignore"):
        findings = [found for column in columns for found in _one_column(rows[column.name], column)]
        findings += _across_columns(rows)
    return [(reason, where) for reason, where in findings if where.any()]


def _across_columns(rows: pd.DataFrame) -> list[Finding]:
    return [
        ("status: unknown", ~rows["status"].isin(STATUSES).to_numpy(dtype=bool)),
        ("status: ok, yet the exit code is not 0", _is_ok(rows) & (_numbers(rows, "exit_code", 0.0) != 0.0)),
        ("run_time: missing in an ok row", _is_ok(rows) & rows["run_time"].isna().to_numpy()),
        ("end_time: before start_time", _numbers(rows, "end_time") < _numbers(rows, "start_time")),
        ("run_time: disagrees with end_time - start_time", _off_the_clock(rows)),
        ("run_time: less than the sum of its parts", _less_than_parts(rows)),
        ("cpu_user_time: more CPU time than threads x run_time", _too_much_cpu(rows)),
        ("peak_memory: more than node_memory", _too_much_memory(rows)),
    ]


def _one_column(values: pd.Series, column: Column) -> list[Finding]:
    found: list[Finding] = []
    if column.required:
        found.append((f"{column.name}: missing", values.isna().to_numpy()))
    if column.kind in ("text", "category"):
        return found + [(f"{column.name}: {what}", where) for what, where in hostile_names(values)]
    if column.kind == "json":
        return found
    numbers = values.to_numpy(dtype=np.float64)
    if column.kind == "integer":
        found.append((f"{column.name}: not a whole number", np.isfinite(numbers) & (numbers != np.trunc(numbers))))
    infinite = np.isinf(numbers)
    found.append((f"{column.name}: infinite", infinite))
    if column.low is not None:
        below = (numbers < column.low) & ~infinite
        found.append((f"{column.name}: below {column.low:g} {column.unit}".rstrip(), below))
    if column.high is not None:
        above = (numbers > column.high) & ~infinite
        found.append((f"{column.name}: above {column.high:g} {column.unit}".rstrip(), above))
    return found


def _numbers(rows: pd.DataFrame, name: str, missing: float = np.nan) -> Floats:
    numbers = rows[name].to_numpy(dtype=np.float64)
    return numbers if np.isnan(missing) else np.where(np.isnan(numbers), missing, numbers)


def _is_ok(rows: pd.DataFrame) -> Bools:
    return np.asarray(rows["status"] == "ok", dtype=bool)


def _off_the_clock(rows: pd.DataFrame) -> Bools:
    """Within what a scheduler's stamps and the process's own time may differ run_time is believed; beyond, neither."""
    elapsed = _numbers(rows, "end_time") - _numbers(rows, "start_time")
    run_time = _numbers(rows, "run_time")
    apart = np.abs(run_time - elapsed)
    return np.asarray((elapsed >= 0) & (apart > _CLOCK_SECONDS + _CLOCK_SHARE * np.maximum(run_time, elapsed)))


def _less_than_parts(rows: pd.DataFrame) -> Bools:
    parts = np.sum([_numbers(rows, name, 0.0) for name in PARTS], axis=0)
    most = _numbers(rows, "run_time") * (1 + _PARTS_SHARE) + _PARTS_SECONDS
    return np.asarray((parts > 0) & (parts > most))


def _too_much_cpu(rows: pd.DataFrame) -> Bools:
    threads = np.fmax(_numbers(rows, "threads"), _numbers(rows, "cores"))
    cpu = _numbers(rows, "cpu_user_time", 0.0) + _numbers(rows, "cpu_system_time", 0.0)
    return cpu > threads * _numbers(rows, "run_time") * (1 + _CPU_SHARE) + _CPU_SECONDS * np.fmax(threads, 1.0)


def _too_much_memory(rows: pd.DataFrame) -> Bools:
    return _numbers(rows, "peak_memory") > _numbers(rows, "node_memory") * (1 + _MEMORY_SHARE)
