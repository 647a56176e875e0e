"""Finished frames of a job correct the forecast of its others at once: kriging of the log residual.

What the model misses about a job is one Gaussian process per job: a part all its frames share, parts that neighbours
in the frame range share, a part that frames on one node class share, slopes along the features that vary within a job,
and noise. Its posterior mean moves the location, its posterior variance replaces the scale (Rasmussen and Williams
2006, chapter 2; Robinson 1991 for the shrinkage).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from placement.errors import InvalidInput
from placement.forecast.distribution import Forecast
from placement.units import Bools, Floats, Ints

__all__ = ["MOST_EVIDENCE", "SHARED", "CorrectionKernel", "Frames", "bent", "correct", "posterior", "shared_parts"]

#: Frames of one job that are looked at; beyond it the most recent ones are kept.
MOST_EVIDENCE = 64

#: What frames of a job share, in the order of the kernel's variances; the slopes of the features follow.
SHARED = ("job", "smooth", "far neighbours", "near neighbours", "node class", "same frame", "similar")


#: Standard deviations at which slopes along features level off.
_BEND = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Frames of jobs, as columns.

    Parameters
    ----------
    job
        Number of the job, -1 for none, shape ``(frames,)``.
    position
        Place in the job's frame range, 0 first to 1 last, NaN where unknown, same shape.
    node_class
        Number of the class, -1 when it is not among those forecast, same shape.
    x
        Standardised features that vary within jobs, shape ``(frames, features)``.
    job_variance
        Variance that all frames of the job share, same shape as `job`.
    """

    job: Ints
    position: Floats
    node_class: Ints
    x: Floats
    job_variance: Floats

    def take(self, rows: Ints | Bools) -> Frames:
        """Return some of the frames."""
        return Frames(*(getattr(self, each.name)[rows] for each in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class CorrectionKernel:
    """Variances of what frames of a job share, learnt from past jobs.

    Parameters
    ----------
    shared
        Variances of `SHARED`; the first multiplies each job's own variance, shape ``(7,)``.
    slopes
        Variances of the slopes along the features, shape ``(features,)``.
    noise, noise_busy
        Of one quiet measurement, and of one that was disturbed.
    """

    shared: Floats
    slopes: Floats
    noise: float
    noise_busy: float

    def covariance(self, a: Frames, b: Frames) -> Floats:
        """Return noise-free covariances between frames of one job, shape ``(frames of a, frames of b)``."""
        parts = shared_parts(a, b)
        return np.asarray(np.tensordot(self.shared, parts, axes=1) + (bent(a.x) * self.slopes) @ bent(b.x).T)

    def prior(self, frames: Frames) -> Floats:
        """Return the variance of a quiet measurement before any evidence, shape ``(frames,)``."""
        fixed = self.shared[1:].sum() + self.noise
        return np.asarray(self.shared[0] * frames.job_variance + fixed + (bent(frames.x) ** 2) @ self.slopes)

    def noise_of(self, quiet: Bools) -> Floats:
        """Return the noise variance of each measurement."""
        return np.where(quiet, self.noise, self.noise_busy)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        lists = {"shared": self.shared.tolist(), "slopes": self.slopes.tolist()}
        return {**lists, "noise": self.noise, "noise_busy": self.noise_busy}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CorrectionKernel:
        """Read what `to_json` wrote."""
        shared, slopes = (np.asarray(data[name], float) for name in ("shared", "slopes"))
        return cls(shared, slopes, float(data["noise"]), float(data["noise_busy"]))


def bent(x: Floats) -> Floats:
    """Return features as slopes see them: levelling off, so that an extreme job is not expected to be missed by more.

    How jobs differ inside tells the slopes; how far off an extreme job is as a whole does not grow with their square.
    """
    return np.asarray(_BEND * np.tanh(x / _BEND))


def shared_parts(a: Frames, b: Frames) -> Floats:
    """Return the unit covariance of each of `SHARED`, shape ``(7, frames of a, frames of b)``.

    An unknown position (NaN) is taken to be a whole frame range away from every other.
    """
    apart = np.abs(a.position[:, None] - b.position)
    apart = np.where(np.isnan(apart), 1.0, apart)
    same_class = a.node_class[:, None] == b.node_class
    squared = (a.x**2).sum(axis=1)[:, None] + (b.x**2).sum(axis=1) - 2 * a.x @ b.x.T
    return np.array(
        [
            np.sqrt(a.job_variance[:, None] * b.job_variance),
            np.exp(-2 * apart**2),
            np.exp(-apart),
            np.exp(-10 * apart),
            same_class.astype(float),
            (apart < 1e-9).astype(float),
            np.exp(-0.5 * np.maximum(squared, 0) / max(a.x.shape[1], 1)),
        ]
    )


def correct(
    forecast: Forecast, tasks: Frames, finished: Frames, residual: Floats, quiet: Bools, kernel: CorrectionKernel
) -> Forecast:
    """Move a cold forecast by the finished frames of the same jobs.

    Parameters
    ----------
    forecast
        Over (tasks, classes).
    tasks
        The forecast's tasks; their `node_class` is not looked at, the forecast's classes are.
    finished
        Frames that ended.
    residual
        log(measured) - location of the cold forecast where each finished frame ran, shape ``(finished,)``.
    quiet
        Measured without disturbance, same shape.

    Returns
    -------
    Forecast
        Pairs whose job has evidence are moved, narrowed and marked level 0; all others are untouched. Tables are
        the caller's to set: they depend on how many frames were seen.

    Raises
    ------
    InvalidInput
        A residual is not finite.
    """
    if not np.isfinite(residual).all():
        raise InvalidInput("a finished frame has no finite residual: measured values must be positive and finite")
    location, scale, level = forecast.location.copy(), forecast.scale.copy(), forecast.level.copy()
    for number in np.intersect1d(tasks.job[tasks.job >= 0], finished.job):
        rows = np.flatnonzero(tasks.job == number)
        seen = np.flatnonzero(finished.job == number)[-MOST_EVIDENCE:]
        everywhere = _on_every_class(tasks.take(rows), forecast.classes)
        mean, variance = posterior(everywhere, finished.take(seen), kernel, (residual[seen], quiet[seen]))
        location[rows] += mean.reshape(len(rows), -1)
        scale[rows] = np.sqrt(variance).reshape(len(rows), -1)
        level[rows] = 0
    assert forecast.table is not None
    return forecast.with_evidence(location, scale, level, forecast.table)


def posterior(
    asked: Frames, seen: Frames, kernel: CorrectionKernel, measured: tuple[Floats, Bools]
) -> tuple[Floats, Floats]:
    """Return mean and variance of the residual of a new quiet measurement of each frame, both ``(asked,)``.

    Parameters
    ----------
    asked, seen
        Frames of one job.
    measured
        Residuals of the seen frames and whether they were quiet, both shape ``(seen,)``.
    """
    residual, quiet = measured
    gram = kernel.covariance(seen, seen) + np.diag(kernel.noise_of(quiet))
    cross = kernel.covariance(asked, seen)
    solved = np.linalg.solve(gram, np.concatenate([residual[:, None], cross.T], axis=1))
    variance = kernel.prior(asked) - np.einsum("ij,ji->i", cross, solved[:, 1:])
    return np.asarray(cross @ solved[:, 0]), np.maximum(variance, kernel.noise)


def _on_every_class(tasks: Frames, classes: int) -> Frames:
    repeated = tasks.take(np.repeat(np.arange(len(tasks.job)), classes))
    on = np.tile(np.arange(classes, dtype=np.int64), len(tasks.job))
    return Frames(repeated.job, repeated.position, on, repeated.x, repeated.job_variance)
