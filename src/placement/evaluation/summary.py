"""From runs to one table: paired ratios with 95 % intervals, and distances to the bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from placement.errors import InvalidInput
from placement.units import Floats

__all__ = ["Ratio", "paired_ratio", "ratio_between", "ratio_between_columns", "summarise", "to_bounds"]

_JUDGED = ("makespan", "node_seconds", "mean_completion", "core_seconds")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A geometric mean of ratios and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def paired_ratio(ours: Floats, theirs: Floats) -> Ratio:
    """Return the geometric mean of ours / theirs over pairs, with Student's t interval of the mean log ratio.

    Parameters
    ----------
    ours, theirs
        Positive, one value per seed, shape ``(seeds,)``.

    Raises
    ------
    InvalidInput
        The shapes differ, or a value is not positive.

    Examples
    --------
    >>> str(paired_ratio(np.array([1.0, 2.0]), np.array([2.0, 4.0])))
    '0.500 [0.500, 0.500]'
    """
    if ours.shape != theirs.shape or not len(ours):
        raise InvalidInput(f"pairs need equal, non-empty shapes, got {ours.shape} and {theirs.shape}")
    if not ((ours > 0) & (theirs > 0)).all():
        raise InvalidInput("ratios need positive values")
    logs = np.log(ours / theirs)
    half = np.inf if len(logs) < 2 else student.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs))
    return Ratio(float(np.exp(logs.mean())), float(np.exp(logs.mean() - half)), float(np.exp(logs.mean() + half)))


def ratio_between(runs: pd.DataFrame, metric: str, policy: str, baseline: str) -> Ratio:
    """Return the paired ratio of one metric between two policies of the same runs.

    Raises
    ------
    InvalidInput
        One of them did not run.
    """
    return paired_ratio(_values(runs, policy, metric), _values(runs, baseline, metric))


def to_bounds(runs: pd.DataFrame, policy: str) -> dict[str, Ratio]:
    """Return makespan over its lower bound, and node-seconds over that of any schedule as short as the policy's."""
    return {
        "makespan": ratio_between_columns(runs, policy, "makespan", "makespan_bound"),
        "node_seconds": ratio_between_columns(runs, policy, "node_seconds", "node_seconds_bound_at_makespan"),
    }


def ratio_between_columns(runs: pd.DataFrame, policy: str, metric: str, bound: str) -> Ratio:
    """Return the ratio of two columns of one policy's runs."""
    return paired_ratio(_values(runs, policy, metric), _values(runs, policy, bound))


def summarise(runs: pd.DataFrame, baseline: str = "round-robin") -> pd.DataFrame:
    """Return one row per policy: means, ratios to `baseline` with intervals, ratios to the bounds.

    Columns of a ratio are its name with ``_low`` and ``_high`` for the interval. Without the baseline among the runs
    the first policy takes its place.
    """
    policies = list(dict.fromkeys(runs["policy"]))
    against = baseline if baseline in policies else policies[0]
    rows = []
    for policy in policies:
        row: dict[str, object] = {"policy": policy, "seeds": int((runs["policy"] == policy).sum()), "baseline": against}
        for metric in _JUDGED:
            row[metric] = float(_values(runs, policy, metric).mean())
            row |= _named(f"{metric}_ratio", ratio_between(runs, metric, policy, against))
        row["utilisation"] = float(_values(runs, policy, "utilisation").mean())
        for metric, ratio in to_bounds(runs, policy).items():
            row |= _named(f"{metric}_to_bound", ratio)
        rows.append(row)
    return pd.DataFrame(rows)


def _named(name: str, ratio: Ratio) -> dict[str, float]:
    return {name: ratio.mean, f"{name}_low": ratio.low, f"{name}_high": ratio.high}


def _values(runs: pd.DataFrame, policy: str, column: str) -> Floats:
    rows = runs[runs["policy"] == policy].sort_values("seed")
    if rows.empty:
        raise InvalidInput(f"policy {policy!r} is not among the runs; have {sorted(set(runs['policy']))}")
    return rows[column].to_numpy(float)
