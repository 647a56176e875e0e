"""How long the last frames of many run on, once no more are left to start."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from placement.units import Floats, Ints

__all__ = ["last_wave"]

_GRID = (8, 16)
_TINY, _NEVER = 1e-9, 1e-300
_NEWTON = 5


def last_wave(variation: Floats, parallel: Floats, levels: tuple[float, ...]) -> Floats:
    """Return how long the last frames run on, in mean run times, counted from the start of the very last one.

    One frame begins, the others are anywhere in theirs: of a frame with distribution F and mean 1 that runs at a random
    instant, ``P(rest <= x) = integral of (1 - F) from 0 to x`` (renewal theory: Cox, "Renewal Theory", 1962). The
    longest of all is below x with probability ``F(x) * P(rest <= x) ** (parallel - 1)``. Solved on a grid.

    Parameters
    ----------
    variation
        Standard deviation of a lognormal run time over its mean, shape ``(steps,)``.
    parallel
        Frames that run, at least 1.
    levels
        Probabilities.

    Returns
    -------
    Floats
        Shape ``(levels, steps)``.

    Examples
    --------
    >>> last_wave(np.array([0.01, 0.5]), np.array([1.0, 100.0]), (0.5,)).round(1).tolist()
    [[1.0, 2.5]]
    """
    if not len(variation):
        return np.zeros((len(levels), 0))
    spread, many = np.sqrt(np.log1p(variation**2)), np.log(np.maximum(parallel, 1.0))
    axes = [
        np.linspace(low, max(float(each.max()), low + _TINY), points)
        for each, points, low in zip((spread, many), _GRID, (float(spread.min()), 0.0), strict=True)
    ]
    solved = _last_on_grid(axes[0][:, None], np.expm1(axes[1]), np.array(levels)[:, None, None])
    (row, down), (column, right) = (
        _between((each - axis[0]) / (axis[1] - axis[0]), len(axis))
        for each, axis in zip((spread, many), axes, strict=True)
    )
    left, next_ = solved[:, row, column], solved[:, row, column + 1]
    left += down * (solved[:, row + 1, column] - left)
    next_ += down * (solved[:, row + 1, column + 1] - next_)
    return np.asarray(np.exp(left + right * (next_ - left)))


def _between(at: Floats, points: int) -> tuple[Ints, Floats]:
    """Return the grid point before each place, and how far behind it the place is, 0 to 1."""
    before = np.minimum(at.astype(np.int64), points - 2)
    return before, np.minimum(at - before, 1.0)


def _last_on_grid(s: Floats, others: Floats, level: Floats) -> Floats:
    """Return the log of what `last_wave` looks for, by Newton's method.

    On the log of minus the log of the probability, which is nearly a straight line in the standardised log time, as for
    any largest of many (Gumbel, "Statistics of Extremes", 1958): five steps are exact to nine digits.

    Parameters
    ----------
    s, others, level
        Standard deviations of the log time, numbers of frames beside the one that begins, and probabilities, which
        broadcast against each other.
    """
    goal, many = np.log(-np.log(level)), others * np.minimum(s, 1.0)
    z = np.maximum(ndtri(level), np.sqrt(2 * np.log1p(0.7 * many / -np.log(level))) - 0.3)
    for _ in range(_NEWTON):
        new, longer = ndtr(z), np.exp(s * z - s**2 / 2) * ndtr(-z)
        rest = 1 - np.maximum(ndtr(s - z) - longer, 0.0)
        log = np.minimum(np.log(new) + others * np.log(rest), -_NEVER)
        slope = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * new) + others * s * longer / rest
        z = z - (np.log(-log) - goal) * log / np.maximum(slope, _NEVER)
    return np.asarray(s * z - s**2 / 2)
