"""A Gaussian process in the plainest words: loops over pairs of frames, one dense covariance, one inverse."""

from __future__ import annotations

import math

import numpy as np

from placement.forecast.correction import CorrectionKernel, Frames

__all__ = ["posterior"]


def posterior(
    asked: Frames, seen: Frames, kernel: CorrectionKernel, residual: np.ndarray, quiet: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a new quiet measurement of every asked frame, given the seen ones of the same job."""
    frames = [(asked, i) for i in range(len(asked.job))] + [(seen, i) for i in range(len(seen.job))]
    joint = np.array([[_covariance(one, other, kernel) for other in frames] for one in frames])
    known = len(asked.job)
    noise = np.array([kernel.noise if calm else kernel.noise_busy for calm in quiet])
    inverse = np.linalg.inv(joint[known:, known:] + np.diag(noise))
    across = joint[:known, known:]
    mean = across @ inverse @ residual
    variance = np.diag(joint[:known, :known] - across @ inverse @ across.T) + kernel.noise
    return mean, variance


def _covariance(one: tuple[Frames, int], other: tuple[Frames, int], kernel: CorrectionKernel) -> float:
    (a, i), (b, j) = one, other
    apart = abs(float(a.position[i]) - float(b.position[j]))
    distance = float(((a.x[i] - b.x[j]) ** 2).mean()) if a.x.shape[1] else 0.0
    parts = (
        math.sqrt(a.job_variance[i] * b.job_variance[j]),
        math.exp(-2 * apart**2),
        math.exp(-apart),
        math.exp(-10 * apart),
        float(a.node_class[i] == b.node_class[j]),
        float(apart < 1e-9),
        math.exp(-0.5 * distance),
    )
    bends = zip(kernel.slopes, a.x[i], b.x[j], strict=True)
    slopes = sum(float(v) * 2 * math.tanh(p / 2) * 2 * math.tanh(q / 2) for v, p, q in bends)
    return sum(float(v) * part for v, part in zip(kernel.shared, parts, strict=True)) + slopes
