"""Variance components by penalised marginal likelihood: how much each known kernel explains.

Type-II maximum likelihood of ``y ~ N(0, Σ v_m K_m + diag(noise))`` (Rasmussen and Williams 2006, chapter 5) with a
normal prior on every log variance, so that components the data say nothing about stay where they were put.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.optimize import minimize

from placement.units import Floats, Ints

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
    blocks: Sequence[Components],
    prior: Floats,
    *,
    spread: float = 1.5,
    steps: int = 50,
    freedom: float | None = None,
    begin: Floats | None = None,
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
    begin
        Where the search begins, by default at the prior; the prior's pull stays where it is.
    """
    centre = np.log(prior)
    stacks = [_Stack.of(alike) for alike in _by_rows(blocks)]

    def objective(log_variance: Floats) -> tuple[float, Floats]:
        variances = np.exp(log_variance)
        away = (log_variance - centre) / spread
        value, gradient = 0.5 * float(away @ away), away / spread
        for stack in stacks:
            lost, slope = stack.lost(variances, freedom)
            value, gradient = value + lost, gradient + slope * variances
        return value, gradient

    bounds = [(one - 5, one + 3) for one in centre]
    start = centre if begin is None else np.clip(np.log(begin), centre - 5, centre + 3)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
    return np.asarray(np.exp(found.x))


def dual_weights(block: Components, variances: Floats) -> Floats:
    """Return covariance⁻¹ · target, shape ``(rows,)``."""
    lower = np.linalg.cholesky(block.covariance(variances))
    return np.asarray(cho_solve((lower, True), block.target))


def _by_rows(blocks: Sequence[Components]) -> list[list[Components]]:
    alike: dict[int, list[Components]] = {}
    for block in blocks:
        alike.setdefault(len(block.target), []).append(block)
    return list(alike.values())


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """Blocks of equally many rows, the lower triangles of their kernels side by side.

    Half of a symmetric kernel is enough, and one product over all blocks of a size costs no loop: a step of the search
    is three times as fast as with whole kernels, one block at a time (300 rows × 60 components; 115 blocks × 5 rows).

    Parameters
    ----------
    kernels
        Shape ``(components, blocks × triangle)``.
    noise
        Shape ``(noises, blocks, rows)``.
    target
        Shape ``(blocks, rows)``.
    row, column
        Of each entry of a triangle.
    """

    kernels: Floats
    noise: Floats
    target: Floats
    row: Ints
    column: Ints

    @classmethod
    def of(cls, blocks: Sequence[Components]) -> _Stack:
        rows = len(blocks[0].target)
        row, column = np.tril_indices(rows)
        flat = [block.kernels.reshape(len(block.kernels), -1).take(row * rows + column, axis=1) for block in blocks]
        noise = np.stack([block.noise for block in blocks], axis=1)
        return cls(np.concatenate(flat, axis=1), noise, np.array([block.target for block in blocks]), row, column)

    def lost(self, variances: Floats, freedom: float | None) -> tuple[float, Floats]:
        """Return the negative log likelihood of the blocks and its gradient by the variances."""
        rows = self.target.shape[1]
        inverse, dual, log_root = self._solved(variances)
        distance = np.einsum("bi,bi->b", self.target, dual)
        pull = np.ones_like(distance) if freedom is None else (freedom + rows) / (freedom + distance)
        misfit = 0.5 * distance if freedom is None else 0.5 * (freedom + rows) * np.log1p(distance / freedom)
        curvature = inverse - pull[:, None] * dual[:, self.row] * dual[:, self.column]
        curvature[:, self.row == self.column] *= 0.5
        slope = (self.kernels @ curvature.ravel().astype(self.kernels.dtype)).astype(float)
        slope_noise = np.tensordot(self.noise, curvature[:, self.row == self.column], axes=2)
        return float(misfit.sum()) + log_root, np.concatenate([slope, slope_noise])

    def _solved(self, variances: Floats) -> tuple[Floats, Floats, float]:
        """Return triangles of the inverse covariances, covariance⁻¹ · target, and half the summed log determinants."""
        count, (blocks, rows) = len(self.kernels), self.target.shape
        mixed = variances[:count].astype(self.kernels.dtype) @ self.kernels
        full = np.zeros((blocks, rows, rows))
        triangle = self.row * rows + self.column
        full.reshape(blocks, -1)[:, triangle] = mixed.reshape(blocks, -1)
        diagonal = np.einsum("bii->bi", full)
        jitter = _JITTER * (1.0 + diagonal.mean(axis=1, keepdims=True))
        diagonal += np.tensordot(variances[count:], self.noise, axes=1) + jitter
        dual, log_root = np.empty_like(self.target), 0.0
        for number, block in enumerate(full):
            # LAPACK counts columns first: the lower triangle here is its upper one.
            root, wrong = dpotrf(block.T, lower=0, clean=0, overwrite_a=1)
            if wrong:
                raise np.linalg.LinAlgError(f"covariance of {rows} rows is not positive definite at row {wrong}")
            log_root += float(np.log(np.diag(root)).sum())
            dual[number] = dpotrs(root, self.target[number], lower=0)[0]
            dpotri(root, lower=0, overwrite_c=1)
        return full.reshape(blocks, -1).take(triangle, axis=1), dual, log_root
