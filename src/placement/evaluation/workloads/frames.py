"""Measured renders, one row per frame: its time on both measured classes, and how much of it is not rendering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.evaluation.workloads.composition import MEASURED
from placement.telemetry.schema import COLUMNS
from placement.units import Floats

__all__ = ["Frames", "measured_frames"]

_NEEDED = ("job_id", "frame", "shot", "job_type", "renderer", "scene_family", "node_class", "status", "run_time")
_FRAME = ["job_id", "frame"]
_MEASURED = [each.name for each in COLUMNS if each.role == "measured"]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Frames with their measured times.

    Parameters
    ----------
    rows
        What is known before the render and who it belongs to, in telemetry columns, one row per frame.
    seconds
        Run time on each of `MEASURED`, shape ``(frames, 2)``.
    overhead
        Seconds of the two-core run that are not rendering proper, shape ``(frames,)``.
    filled
        How many values of `seconds` were filled with the ratio of the two classes on other frames.
    """

    rows: pd.DataFrame
    seconds: Floats
    overhead: Floats
    filled: int


def measured_frames(telemetry: pd.DataFrame) -> Frames:
    """Take the successful attempts, quiet ones where a frame has such, and fill the class a frame did not run on.

    The filling ratio is the median of the frame's job, else of its job type, else of all frames.

    Raises
    ------
    InvalidInput
        A column is missing, or nothing succeeded on the measured classes.
    """
    if missing := [name for name in (*_NEEDED, "render_time") if name not in telemetry]:
        raise InvalidInput(f"telemetry lacks the columns {missing}; has {list(telemetry.columns)}")
    done = telemetry[(telemetry["status"] == "ok") & telemetry["node_class"].isin(MEASURED)]
    if "warning_class" in done:
        done = done[done["warning_class"].isna()]
    if done.empty:
        raise InvalidInput(f"no successful attempt on {list(MEASURED)} among {len(telemetry)} rows")
    done = _quietest(done)
    # What was measured stays here: a forecaster that is handed these rows must not see it.
    rows = done.groupby(_FRAME, as_index=False).first().drop(columns=_MEASURED, errors="ignore")
    table = done.pivot_table(index=_FRAME, columns="node_class", values="run_time", aggfunc="median")
    table = table.reindex(columns=list(MEASURED)).loc[pd.MultiIndex.from_frame(rows[_FRAME])]
    times = np.asarray(table, float)
    ratio = _ratios(rows, times[:, 0] / times[:, 1])
    seconds = np.where(np.isnan(times), np.column_stack([times[:, 1] * ratio, times[:, 0] / ratio]), times)
    spent = (done["run_time"] - done["render_time"]).groupby([done["job_id"], done["frame"]]).median()
    overhead = spent.loc[pd.MultiIndex.from_frame(rows[_FRAME])].to_numpy(float)
    return Frames(rows, seconds, np.clip(overhead, 0.0, 0.95 * seconds[:, 1]), int(np.isnan(times).sum()))


def _quietest(done: pd.DataFrame) -> pd.DataFrame:
    """Leave out attempts that were disturbed where the same frame and class has one that was not."""
    if "quiet" not in done:
        return done
    quiet = done["quiet"].astype(float)
    best = quiet.groupby([done["job_id"], done["frame"], done["node_class"]]).transform("max")
    return done[quiet.eq(best) | best.isna()]


def _ratios(rows: pd.DataFrame, ratio: Floats) -> Floats:
    """Return one-core over two-core time for every frame, from the narrowest set of frames that has it."""
    known = pd.Series(ratio, rows.index)
    filled = known.groupby(rows["job_id"]).transform("median")
    filled = filled.fillna(known.groupby(rows["job_type"]).transform("median"))
    return filled.fillna(known.median()).to_numpy(float)
