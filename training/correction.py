"""Learn from past jobs what the frames of a job share, for the correction by finished frames."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placement.forecast.correction import SHARED, CorrectionKernel, Frames, bent, shared_parts
from placement.units import Bools, Floats, Ints
from training.variance import Components, fit_variances

__all__ = ["fit_correction", "varying_features"]

_PRIOR = dict(zip(SHARED, (1.0, 0.004, 0.004, 0.001, 0.006, 0.001, 0.003), strict=True))
_SLOPE, _NOISE, _BUSY = 0.003, 0.004, 0.01
_FREEDOM = 5.0
#: Median variance of the residuals within a job that the prior variances were chosen for; they grow with it.
_USUAL_WITHIN, _LEAST_WIDE = 0.01, 0.3
_MOST_JOBS, _MOST_FRAMES, _MOST_SLOPES = 200, 24, 12


def varying_features(x: Floats, job: Ints) -> Ints:
    """Return the features that differ within jobs, those that differ most first, at most 12 of them."""
    within = pd.DataFrame(x).groupby(job).transform("std").fillna(0.0).mean().to_numpy()
    order = np.argsort(-within, kind="stable")[:_MOST_SLOPES]
    return np.sort(order[within[order] > 0.02]).astype(np.int64)


def fit_correction(frames: Frames, residual: Floats, quiet: Bools, seed: int) -> CorrectionKernel:
    """Fit the kernel on held-out residuals of past jobs, each job as a whole Student-t.

    Parameters
    ----------
    frames
        Frames of past jobs, their job variances set.
    residual
        log(measured) - held-out location, shape ``(frames,)``.
    """
    rng = np.random.default_rng(seed)
    numbers, counts = np.unique(frames.job, return_counts=True)
    chosen = numbers[np.argsort(-np.minimum(counts, _MOST_FRAMES), kind="stable")][:_MOST_JOBS]
    blocks = []
    for number in chosen:
        rows = np.flatnonzero(frames.job == number)
        if len(rows) > _MOST_FRAMES:
            rows = np.sort(rng.choice(rows, _MOST_FRAMES, replace=False))
        one = frames.take(rows)
        along = bent(one.x).T
        slopes = along[:, :, None] * along[:, None, :]
        kernels = np.concatenate([shared_parts(one, one), slopes])
        noise = np.array([quiet[rows], ~quiet[rows]], dtype=float)
        blocks.append(Components(kernels, noise, residual[rows]))
    prior = np.array([*_PRIOR.values(), *([_SLOPE] * frames.x.shape[1]), _NOISE, _BUSY])
    prior[1:] *= max(_within(frames.job, residual) / _USUAL_WITHIN, _LEAST_WIDE)
    found = fit_variances(blocks, prior, spread=1.5, steps=40, freedom=_FREEDOM)
    shared, slopes, (noise, busy) = found[: len(SHARED)], found[len(SHARED) : -2], found[-2:]
    return CorrectionKernel(shared, slopes, float(noise), float(max(busy, noise)))


def _within(job: Ints, residual: Floats) -> float:
    """Return the median over jobs of the variance of their own residuals, the usual one where no job has two frames."""
    told = pd.Series(residual).groupby(job).var().dropna()
    return float(told.median()) if len(told) else _USUAL_WITHIN
