"""Which features the smooth part of the linear model may change along, and how fast: learnt from the training rows.

Automatic relevance determination (Neal 1996; Rasmussen and Williams 2006, section 5.1): one length scale a feature, by
penalised marginal likelihood, the variances of everything else held where they were found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from placement.forecast.basis import SMOOTH, SMOOTH_LENGTH
from placement.units import Floats, Ints
from training.linear import LinearData, observations

__all__ = ["fit_relevance"]

#: Standard deviations of a log relevance around 0 and of a log variance around what was found, and how far they may go.
_SPREAD, _SPREAD_VARIANCE = 1.0, 1.5
_SLOWER, _FASTER, _LESS, _MORE = -3.0, 2.0, -4.0, 3.0


def fit_relevance(data: LinearData, target: Floats, variances: Floats, steps: int = 40) -> Floats:
    """Return how much faster than usual the log target changes along each feature, shape ``(task features,)``.

    Parameters
    ----------
    target
        Log of the target, shape ``(rows,)``.
    variances
        What `training.linear.fit_linear` found with all features alike.
    steps
        Steps of the search.

    Returns
    -------
    Floats
        All ones where there is no smooth part.
    """
    smooth = [number for number, block in enumerate(data.task_blocks) if block.name.endswith(SMOOTH)]
    features = data.x.shape[1]
    if not smooth or not features:
        return np.ones(features)
    search = _Search.of(data, target, variances, smooth)
    centre = np.concatenate([np.log(variances[smooth]), np.zeros(features)])
    spread = np.concatenate([np.full(len(smooth), _SPREAD_VARIANCE), np.full(features, _SPREAD)])

    def objective(at: Floats) -> tuple[float, Floats]:
        away = (at - centre) / spread
        value, gradient = search.lost(at[: len(smooth)], at[len(smooth) :])
        return value + 0.5 * float(away @ away), gradient + away / spread

    bounds = [(one + _LESS, one + _MORE) for one in centre[: len(smooth)]] + [(_SLOWER, _FASTER)] * features
    found = minimize(objective, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
    return np.asarray(np.exp(found.x[len(smooth) :]))


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What the likelihood of relevances needs; symmetric matrices as the entries of their lower triangles.

    Parameters
    ----------
    rest
        Covariance of everything but the smooth part, shape ``(rows, rows)``.
    apart
        Squared distance along each feature at relevance 1, shape ``(task features, triangle)``.
    gate
        Which pairs of rows share each smooth block's function, shape ``(smooth blocks, triangle)``.
    target
        Centred observations, shape ``(rows,)``.
    row, column
        Of each entry of a triangle.
    """

    rest: Floats
    apart: Floats
    gate: Floats
    target: Floats
    row: Ints
    column: Ints

    @classmethod
    def of(cls, data: LinearData, target: Floats, variances: Floats, smooth: Sequence[int]) -> _Search:
        _, observed, _ = observations(data, target)
        others = variances.copy()
        others[list(smooth)] = 0.0
        row, column = (each.astype(np.int64) for each in np.tril_indices(len(target)))
        apart = (data.x[row] - data.x[column]).T ** 2 / (data.x.shape[1] * SMOOTH_LENGTH**2)
        gate = np.ones((len(smooth), len(row)))
        for position, number in enumerate(smooth):
            codes = data.task_blocks[number].codes
            if codes is not None:
                gate[position] = (codes[row] == codes[column]) & (codes[row] >= 0)
        return cls(observed.covariance(others), apart.astype(np.float32), gate, observed.target, row, column)

    def lost(self, log_variance: Floats, log_relevance: Floats) -> tuple[float, Floats]:
        """Return the negative log likelihood and its gradient by log variances, then by log relevances."""
        squared = np.exp(2 * log_relevance)
        kernel = np.exp(-0.5 * (squared.astype(np.float32) @ self.apart)).astype(float)
        parts = np.exp(log_variance)[:, None] * self.gate * kernel
        added = parts.sum(axis=0)
        full = self.rest.copy()
        full[self.row, self.column] += added
        lower = np.linalg.cholesky(full)  # which looks at the lower triangle only
        inverse = cho_solve((lower, True), np.eye(len(full)))
        dual = inverse @ self.target
        # Half of the derivative by each entry, and once more for its mirror image.
        curvature = inverse[self.row, self.column] - dual[self.row] * dual[self.column]
        curvature[self.row == self.column] *= 0.5
        slope = -squared * (self.apart @ (curvature * added).astype(np.float32)).astype(float)
        value = 0.5 * float(self.target @ dual) + float(np.log(np.diag(lower)).sum())
        return value, np.concatenate([parts @ curvature, slope])
