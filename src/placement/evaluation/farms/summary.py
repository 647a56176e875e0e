"""From runs of whole farms to tables: means, paired differences and ratios to a baseline, how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student
from scipy.stats import wilcoxon

from placement.errors import InvalidInput
from placement.evaluation.farms.metrics import LESS_IS_BETTER, MORE_IS_BETTER
from placement.evaluation.summary import Ratio, paired_ratio
from placement.units import Floats

__all__ = ["Difference", "difference_between", "ratio_to", "summarise_farms"]

_ENOUGH_RANKS = 6
_NO_RATIO = Ratio(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference to a baseline over seeds, and how sure it is that one is better.

    Parameters
    ----------
    mean, low, high
        Ours − theirs, in the metric's unit, with Student's 95 % interval; infinitely wide for one seed.
    p_student, p_wilcoxon
        One-sided p values that ours is better: Student's t of the differences, and Wilcoxon's signed ranks from six
        seeds on; NaN: not known. Differences that are all alike have none but 0, 0.5 or 1.
    """

    mean: float
    low: float
    high: float
    p_student: float
    p_wilcoxon: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"


def difference_between(runs: pd.DataFrame, metric: str, policy: str, baseline: str) -> Difference:
    """Return policy − baseline over the seeds that both ran.

    Raises
    ------
    InvalidInput
        One of them did not run, no such metric, or its direction is not known.

    Examples
    --------
    >>> runs = pd.DataFrame({"seed": [0, 0, 1, 1], "policy": ["ours", "fifo"] * 2, "makespan": [1.0, 4.0, 2.0, 4.0]})
    >>> found = difference_between(runs, "makespan", "ours", "fifo")
    >>> found.mean, round(found.p_student, 3)
    (-2.5, 0.063)
    """
    if metric not in (*LESS_IS_BETTER, *MORE_IS_BETTER):
        raise InvalidInput(f"it is not known which direction of {metric!r} is better; known: {_directed()}")
    ours, theirs = _pairs(runs, metric, policy, metric, baseline)
    return _difference(ours - theirs, less=metric in LESS_IS_BETTER)


def _difference(gap: Floats, *, less: bool) -> Difference:
    """Return what is known of a mean gap; seeds in which one had nothing to judge (NaN) are left out."""
    gap = gap[np.isfinite(gap)]
    if len(gap) < 2:
        return Difference(float(gap.mean()) if len(gap) else np.nan, -np.inf, np.inf, np.nan, np.nan)
    mean, gain = float(gap.mean()), -gap if less else gap
    error = float(gap.std(ddof=1)) / math.sqrt(len(gap))
    if error > 1e-12 * float(np.abs(gap).max()):
        half = float(student.ppf(0.975, len(gap) - 1)) * error
        certain = float(student.sf(float(gain.mean()) / error, len(gap) - 1))
    else:
        half, certain = 0.0, 0.5 - 0.5 * float(np.sign(gain.mean()))
    return Difference(mean, mean - half, mean + half, certain, _signed_ranks(gain))


def _signed_ranks(gain: Floats) -> float:
    if len(gain) < _ENOUGH_RANKS:
        return np.nan
    # The exact distribution knows neither ties nor zeros.
    distinct = len(np.unique(np.abs(gain))) == len(gain) and bool(gain.all())
    if not gain.any():
        return 0.5
    return float(wilcoxon(gain, alternative="greater", method="exact" if distinct else "approx").pvalue)


def ratio_to(runs: pd.DataFrame, metric: str, policy: str, bound: str, other: str | None = None) -> Ratio:
    """Return the paired ratio of a policy's metric to column `bound` of its own runs, or of the policy `other`.

    Raises
    ------
    InvalidInput
        One of them did not run, or a value is not positive.
    """
    return paired_ratio(*_pairs(runs, metric, policy, bound, other or policy))


def _pairs(runs: pd.DataFrame, metric: str, policy: str, column: str, other: str) -> tuple[Floats, Floats]:
    return tuple(_values(runs, name, of) for name, of in ((policy, metric), (other, column)))  # type: ignore[return-value]


def _values(runs: pd.DataFrame, policy: str, column: str) -> Floats:
    rows = runs[runs["policy"] == policy].sort_values("seed")
    if rows.empty:
        raise InvalidInput(f"policy {policy!r} is not among the runs; have {sorted(set(runs['policy']))}")
    if column not in rows:
        raise InvalidInput(f"no column {column!r} in the runs; have {sorted(runs.columns)}")
    return rows[column].to_numpy(float)


def _directed() -> list[str]:
    return sorted({*LESS_IS_BETTER, *MORE_IS_BETTER})


def summarise_farms(
    runs: pd.DataFrame, baseline: str | None = None, metrics: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return one row per (policy, metric), with means over seeds and what differs from the baseline.

    Parameters
    ----------
    runs
        What `placement.evaluation.farms.experiment.compare_farms` returned.
    baseline
        None: `round-robin` where it ran, else the first policy.
    metrics
        None: all whose direction is known.

    Returns
    -------
    DataFrame
        `policy`, `metric`, `baseline`, `seeds`, `mean`, `low`, `high` (95 % interval of the mean), `difference`,
        `difference_low`, `difference_high`, `p_student`, `p_wilcoxon` as in `Difference`, and `ratio`, `ratio_low`,
        `ratio_high`: geometric mean of policy ÷ baseline, NaN where a value is not positive. Seeds in which either has
        nothing to judge (NaN) are left out of the comparison.
    """
    policies = list(dict.fromkeys(runs["policy"]))
    against = baseline or ("round-robin" if "round-robin" in policies else policies[0])
    return pd.DataFrame(
        [_compared(runs, metric, policy, against) for policy in policies for metric in metrics or _present(runs)]
    )


def _present(runs: pd.DataFrame) -> list[str]:
    return [name for name in runs.columns if name in {*LESS_IS_BETTER, *MORE_IS_BETTER}]


def _compared(runs: pd.DataFrame, metric: str, policy: str, against: str) -> dict[str, object]:
    ours, theirs = _pairs(runs, metric, policy, metric, against)
    less, both = metric in LESS_IS_BETTER, np.isfinite(ours) & np.isfinite(theirs)
    positive = bool(both.any() and ((ours > 0) & (theirs > 0))[both].all())
    row: dict[str, object] = {"policy": policy, "metric": metric, "baseline": against, "seeds": len(ours)}
    for name, part, fields in (
        ("", _difference(ours, less=less), ("mean", "low", "high")),
        ("difference", _difference(ours - theirs, less=less), ("mean", "low", "high", "p_student", "p_wilcoxon")),
        ("ratio", paired_ratio(ours[both], theirs[both]) if positive else _NO_RATIO, ("mean", "low", "high")),
    ):
        row |= {_named(name, field): getattr(part, field) for field in fields}
    return row


def _named(name: str, field: str) -> str:
    if not name or field.startswith("p_"):
        return field
    return name if field == "mean" else f"{name}_{field}"
