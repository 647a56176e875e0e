"""Attempts of one frame that kept work, put together: their run times add up to what the frame needed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placement.telemetry.checks import PARTS

__all__ = ["stitch"]

_SUMMED = ("run_time", *PARTS, "cpu_user_time", "cpu_system_time")


def stitch(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return `rows` with each chain of resumed attempts as one row, the last, and how many rows went, by reason.

    An attempt whose ``checkpoint_fraction`` is above 0 continues the attempt of the frame before it. Times of a chain
    are summed, memory is its greatest, power its mean over time. A chain that changed its node class says nothing
    about either class and goes; one whose beginning is not there is a lower bound (``censored``).

    Parameters
    ----------
    rows
        Canonical rows; index kept.

    Examples
    --------
    >>> from placement.telemetry.canonical import canonical
    >>> tries = {"job_id": ["a", "a"], "node_class": ["n", "n"], "frame": [1, 1], "attempt": [0, 1]}
    >>> told = {"status": ["interrupted", "ok"], "run_time": [30.0, 12.0], "checkpoint_fraction": [0.0, 0.7]}
    >>> whole, counts = stitch(canonical(pd.DataFrame(tries | told))[0])
    >>> whole["run_time"].tolist(), counts
    ([42.0], {'stitched into the attempt that went on': 1})
    """
    ordered = rows.sort_values(["job_id", "frame", "attempt", "start_time"], kind="stable")
    frame = ordered.groupby(["job_id", "frame"], dropna=False, sort=False).ngroup().to_numpy()
    known = ordered["frame"].notna().to_numpy()
    resumed = (ordered["checkpoint_fraction"] > 0).to_numpy()
    follows = np.append(False, (frame[1:] == frame[:-1]) & known[1:])
    chain = np.cumsum(~(follows & resumed))
    groups = ordered.groupby(chain, sort=False)
    merged = ordered[groups.cumcount(ascending=False).to_numpy() == 0].copy()
    several = groups.size().to_numpy() > 1
    _join(merged, ordered, chain, several)
    merged["censored"] = resumed[groups.cumcount().to_numpy() == 0]
    moved = groups["node_class"].nunique(dropna=False).to_numpy() > 1
    counts = {
        "stitched into the attempt that went on": len(ordered) - len(merged),
        "resumed on another node class": int(moved.sum()),
    }
    return merged[~moved].sort_index(kind="stable"), {reason: count for reason, count in counts.items() if count}


def _join(merged: pd.DataFrame, ordered: pd.DataFrame, chain: np.ndarray, several: np.ndarray) -> None:
    """Write the sums of each chain of several attempts into its last row."""
    groups = ordered.groupby(chain, sort=False)
    joules = (ordered["mean_power"] * ordered["run_time"]).groupby(chain, sort=False).sum(min_count=1)
    seconds = ordered["run_time"].where(ordered["mean_power"].notna()).groupby(chain, sort=False).sum(min_count=1)
    made = {name: groups[name].sum(min_count=1) for name in _SUMMED}
    made |= {
        "peak_memory": groups["peak_memory"].max(),
        "start_time": groups["start_time"].min(),
        "mean_power": joules / seconds,
    }
    for name, values in made.items():
        merged.loc[several, name] = values.to_numpy()[several]
    merged.loc[several, "progress"] = np.nan
