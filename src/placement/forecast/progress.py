"""What a running frame's own progress says about its end.

A frame that has spent ``elapsed`` seconds and reports ``fraction`` done projects to
``overhead + (elapsed - overhead) / fraction`` seconds in all. How far such projections miss is learnt from past
progress reports, as a bias and a spread of the log per fraction; the projection then enters the forecast with the
weight of its precision, and what has already passed is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.errors import InvalidInput
from placement.forecast.distribution import Forecast
from placement.units import Bools, Floats, Ints

__all__ = ["ProgressCurve", "fit_progress", "remaining_quantile", "with_progress"]

_FEWEST = 30
_OVERHEADS = np.linspace(0.0, 0.9, 19)


@dataclass(frozen=True, slots=True, eq=False)
class ProgressCurve:
    """How projections from progress miss, by fraction done.

    Parameters
    ----------
    overhead
        Seconds before progress begins to count.
    fraction
        Knots, increasing in (0, 1), shape ``(knots,)``.
    bias, spread
        Median and half the central 68 % range of log(total / projection) at the knots, same shape.

    Examples
    --------
    >>> import numpy as np
    >>> curve = ProgressCurve(1.0, np.array([0.1, 0.9]), np.zeros(2), np.array([0.3, 0.05]))
    >>> curve.project(np.array([4.0]), np.array([0.3])).round(2).tolist()
    [11.0]
    """

    overhead: float
    fraction: Floats
    bias: Floats
    spread: Floats

    def project(self, elapsed: Floats, fraction: Floats) -> Floats:
        """Return projected total seconds, at least `elapsed`."""
        working = np.maximum(elapsed - self.overhead, 0.0)
        projected = np.minimum(self.overhead, elapsed) + working / np.maximum(fraction, 1e-6)
        return np.maximum(projected, elapsed)

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and lists."""
        return {
            "overhead": self.overhead,
            "fraction": self.fraction.tolist(),
            "bias": self.bias.tolist(),
            "spread": self.spread.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ProgressCurve:
        """Read what `to_json` wrote."""
        return cls(float(data["overhead"]), *(np.asarray(data[name], float) for name in ("fraction", "bias", "spread")))


def fit_progress(elapsed: Floats, fraction: Floats, total: Floats) -> ProgressCurve | None:
    """Learn a curve from past reports, or None when fewer than 30 of them say anything.

    Parameters
    ----------
    elapsed, total
        Seconds at the report and at the end, shape ``(reports,)``.
    fraction
        Fraction done, in (0, 1), same shape.
    """
    use = (fraction > 0) & (fraction < 1) & (elapsed > 0) & (total >= elapsed)
    elapsed, fraction, total = elapsed[use], fraction[use], total[use]
    if len(total) < _FEWEST:
        return None
    smallest = float(np.quantile(elapsed, 0.05))
    empty = np.zeros(0)
    candidates = [ProgressCurve(float(share) * smallest, empty, empty, empty) for share in _OVERHEADS]
    best = min(candidates, key=lambda one: _miss(one, elapsed, fraction, total))
    error = np.log(total / best.project(elapsed, fraction))
    edges = np.unique(np.quantile(fraction, np.linspace(0, 1, max(3, min(9, len(total) // 15)))))
    which = np.clip(np.searchsorted(edges, fraction, side="right") - 1, 0, max(len(edges) - 2, 0))
    taken = np.unique(which)
    bins = [error[which == b] for b in taken]
    knots = [float(np.median(fraction[which == b])) for b in taken]
    low, mid, high = np.array([np.quantile(one, [0.16, 0.5, 0.84]) for one in bins]).T
    return ProgressCurve(best.overhead, np.array(knots), mid, np.maximum((high - low) / 2, 0.01))


def _miss(curve: ProgressCurve, elapsed: Floats, fraction: Floats, total: Floats) -> float:
    return float(np.median(np.abs(np.log(total / curve.project(elapsed, fraction)))))


def with_progress(forecast: Forecast, elapsed: Floats, fraction: Floats, curve: ProgressCurve) -> Forecast:
    """Update the run time of running frames by their own progress.

    Parameters
    ----------
    forecast
        Run time of the frames where they run, shape ``(tasks, 1)``.
    elapsed
        Seconds since each started, shape ``(tasks,)``.
    fraction
        Fraction each reports done, shape ``(tasks,)``; 0 or NaN when it has not reported.

    Raises
    ------
    InvalidInput
        An elapsed time is negative or missing, or a fraction lies outside 0 … 1.
    """
    if not (elapsed >= 0).all():
        raise InvalidInput(f"elapsed {elapsed[~(elapsed >= 0)][0]} s is no time that has passed: expected 0 or more")
    if (outside := (fraction < 0) | (fraction > 1)).any():
        raise InvalidInput(f"fraction done {fraction[outside][0]} lies outside 0 … 1")
    told = fraction > 0
    at = np.where(told, fraction, 1.0)
    projected = np.log(np.maximum(curve.project(elapsed, at), 1e-9)) + np.interp(at, curve.fraction, curve.bias)
    variance = np.interp(at, curve.fraction, curve.spread) ** 2
    sigma = _sigma(forecast)
    own = (forecast.scale * sigma) ** 2
    gain = np.where(told[:, None], own / (own + variance[:, None]), 0.0)
    location = forecast.location + gain * (projected[:, None] - forecast.location)
    scale = forecast.scale * np.sqrt(1 - gain)
    return forecast.with_evidence(location, scale, forecast.level, _tables(forecast))


def remaining_quantile(forecast: Forecast, elapsed: Floats, probability: float) -> Floats:
    """Return the remaining seconds not exceeded with `probability`, given that `elapsed` have passed unfinished.

    Beyond the forecast's last quantile its log has an exponential tail, as steep as between the last two: a frame that
    has long passed its forecast still has time left, the more the longer it took.

    Parameters
    ----------
    elapsed
        Seconds since each task started, shape ``(tasks,)``.

    Returns
    -------
    Floats
        Seconds, at least 0, shape ``(tasks, classes)``.
    """
    with np.errstate(divide="ignore"):
        start = (np.log(elapsed)[:, None] - forecast.location) / forecast.scale
    z = np.empty_like(start)
    tables = _tables(forecast)
    for row in np.unique(tables):
        there: Bools = tables == row
        left = _log_survival(start[there], forecast.probabilities, forecast.z[row]) + np.log1p(-probability)
        z[there] = _at_survival(left, forecast.probabilities, forecast.z[row])
    return np.maximum(np.exp(forecast.location + forecast.scale * z) - elapsed[:, None], 0.0)


def _log_survival(z: Floats, probabilities: Floats, table: Floats) -> Floats:
    """Return log P(Z > z) by a table with an exponential tail; before the table half of its first level has passed."""
    inside = np.log1p(-np.interp(z, table, probabilities, left=probabilities[0] / 2))
    return np.asarray(inside - np.maximum(z - table[-1], 0.0) / _steepness(probabilities, table))


def _at_survival(log_left: Floats, probabilities: Floats, table: Floats) -> Floats:
    """Return the z that `_log_survival` has there."""
    inside = np.interp(-np.expm1(log_left), probabilities, table)
    beyond = np.maximum(np.log1p(-probabilities[-1]) - log_left, 0.0)
    return np.asarray(inside + beyond * _steepness(probabilities, table))


def _steepness(probabilities: Floats, table: Floats) -> float:
    """Return by how much z grows for every e-fold of rarity at the end of a table."""
    rarer = np.log1p(-probabilities[-2]) - np.log1p(-probabilities[-1])
    return max(float((table[-1] - table[-2]) / rarer), 1e-6)


def _tables(forecast: Forecast) -> Ints:
    assert forecast.table is not None
    return forecast.table


def _sigma(forecast: Forecast) -> Floats:
    """Half the central 68 % of each pair's standardised table."""
    low, high = (np.array([np.interp(p, forecast.probabilities, row) for row in forecast.z]) for p in (0.16, 0.84))
    return np.asarray(((high - low) / 2)[_tables(forecast)])
