"""Variance components by penalised marginal likelihood: how much each known kernel explains.

Type-II maximum likelihood of ``y ~ N(0, Σ v_m K_m + diag(noise))`` (Rasmussen and Williams 2006, chapter 5) with a
normal prior on every log variance, so that components the data say nothing about stay where they were put.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from placement.units import Floats

__all__ = ["Components", "dual_weights", "fit_variances"]

#: Kernels are in single precision: rounding must not make a covariance indefinite.
_JITTER = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Observations with the kernels that may explain them.

    Parameters
    ----------
    kernels
        Positive semi-definite, shape ``(components, rows, rows)``.
    noise
        Relative noise variances, one row a noise component, shape ``(noises, rows)``.
    target
        Centred observations, shape ``(rows,)``.
    """

    kernels: Floats
    noise: Floats
    target: Floats

    def covariance(self, variances: Floats) -> Floats:
        """Return the covariance under variances of the kernels, then of the noises."""
        count, rows = len(self.kernels), len(self.target)
        mixed = variances[:count].astype(self.kernels.dtype) @ self.kernels.reshape(count, -1)
        full = mixed.reshape(rows, rows).astype(float)
        jitter = _JITTER * (1.0 + float(np.trace(full)) / max(rows, 1))
        return np.asarray(full + np.diag(variances[count:] @ self.noise + jitter))


def fit_variances(
    blocks: Sequence[Components], prior: Floats, *, spread: float = 1.5, steps: int = 50, freedom: float | None = None
) -> Floats:
    """Return the variances, kernels first, that explain independent blocks of observations best.

    Parameters
    ----------
    prior
        Expected variances, shape ``(components + noises,)``.
    spread
        Standard deviation of a log variance around its prior.
    freedom
        Degrees of freedom when each block as a whole is Student-t, which lets single blocks be far off; None: Gaussian.
    """
    start = np.log(prior)

    def objective(log_variance: Floats) -> tuple[float, Floats]:
        variances = np.exp(log_variance)
        away = (log_variance - start) / spread
        value, gradient = 0.5 * float(away @ away), away / spread
        for block in blocks:
            lost, slope = _block(block, variances, freedom)
            value, gradient = value + lost, gradient + slope * variances
        return value, gradient

    bounds = [(one - 5, one + 3) for one in start]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
    return np.asarray(np.exp(found.x))


def _block(block: Components, variances: Floats, freedom: float | None) -> tuple[float, Floats]:
    """Return the negative log likelihood of one block and its gradient by the variances."""
    rows, count = len(block.target), len(block.kernels)
    lower = np.linalg.cholesky(block.covariance(variances))
    inverse = cho_solve((lower, True), np.eye(rows))
    dual = inverse @ block.target
    distance = float(block.target @ dual)
    pull = 1.0 if freedom is None else (freedom + rows) / (freedom + distance)
    misfit = 0.5 * distance if freedom is None else 0.5 * (freedom + rows) * np.log1p(distance / freedom)
    curvature = 0.5 * (inverse - pull * np.outer(dual, dual))
    flat = block.kernels.reshape(count, -1)
    slope = (flat @ curvature.ravel().astype(flat.dtype)).astype(float)
    return misfit + float(np.log(np.diag(lower)).sum()), np.concatenate([slope, block.noise @ np.diag(curvature)])


def dual_weights(block: Components, variances: Floats) -> Floats:
    """Return covariance⁻¹ · target, shape ``(rows,)``."""
    lower = np.linalg.cholesky(block.covariance(variances))
    return np.asarray(cho_solve((lower, True), block.target))
