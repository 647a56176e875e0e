"""Quantile tables from held-out jobs, for every number of frames seen: normalised split-conformal by job.

Scores are (log measured - corrected location) / predicted spread on shots the model did not see, corrected by a kernel
fitted on other jobs (Papadopoulos 2008 for the normalisation; Romano, Patterson and Candès 2019 for split-conformal
regression; the count that corrects for finite samples is of jobs, because frames of a job are not independent).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from placement.forecast.calibration import SEEN_STATES, state_of
from placement.forecast.correction import CorrectionKernel, Frames, posterior
from placement.units import Bools, Floats, Ints
from training.correction import fit_correction

__all__ = ["PROBABILITIES", "Scores", "quantile_tables", "scores"]

PROBABILITIES = np.array(
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995]
)
_SEEN = (0, 1, 2, 3, 5, 8, 14)
_DRAWS, _MOST_JOBS, _MOST_ASKED = 3, 400, 400
_POOL, _PRIOR_JOBS, _MEDIAN_JOBS, _FREEDOM = 30.0, 4.0, 100.0, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Standardised misses on held-out jobs, as columns.

    Parameters
    ----------
    score
        (log measured - location) / spread.
    state
        Position in `SEEN_STATES` of the number of frames seen.
    node_class, job
        Where and of what.
    """

    score: Floats
    state: Ints
    node_class: Ints
    job: Ints


def scores(frames: Frames, residual: Floats, quiet: Bools, seed: int) -> Scores:
    """Simulate jobs of which 0, 1, 2, … frames were seen, each judged with a kernel fitted on the other half.

    Parameters
    ----------
    frames
        Frames of past jobs.
    residual
        log(measured) - held-out location, disturbances taken out, shape ``(frames,)``.
    """
    rng = np.random.default_rng(seed)
    numbers = np.unique(frames.job)
    half = np.isin(frames.job, rng.permutation(numbers)[: len(numbers) // 2])
    kernels = [_kernel(frames, residual, quiet, ~side, seed) for side in (~half, half)]
    found: list[tuple[Floats, int, Ints, int]] = []
    for number in rng.permutation(numbers)[:_MOST_JOBS]:
        rows = np.flatnonzero(frames.job == number)
        kernel = kernels[int(half[rows[0]])]
        places = _distinct(frames.position[rows])
        for seen in _SEEN:
            for _ in range(1 if seen == 0 else _DRAWS):
                shown = np.isin(places, rng.permutation(np.unique(places))[:seen])
                asked = rows[~shown & quiet[rows]][:_MOST_ASKED]
                if len(asked) and (seen == 0 or shown.sum() >= seen):
                    z = _standardised(frames, residual, quiet, (rows[shown], asked), kernel)
                    found.append((z, int(state_of(np.array([seen]))[0]), frames.node_class[asked], int(number)))
    sizes = [len(one[0]) for one in found]
    return Scores(
        np.concatenate([one[0] for one in found] or [np.zeros(0)]),
        np.repeat([one[1] for one in found], sizes).astype(np.int64),
        np.concatenate([one[2] for one in found] or [np.zeros(0, np.int64)]),
        np.repeat([one[3] for one in found], sizes).astype(np.int64),
    )


def _kernel(frames: Frames, residual: Floats, quiet: Bools, use: Bools, seed: int) -> CorrectionKernel:
    if not use.any():
        use = np.ones_like(use)
    return fit_correction(frames.take(use), residual[use], quiet[use], seed)


def _distinct(position: Floats) -> Ints:
    """Return a number for each frame's place; a frame of unknown place is one of its own."""
    keys = np.where(np.isnan(position), -1.0 - np.arange(len(position)), position)
    return np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.int64)


def _standardised(
    frames: Frames, residual: Floats, quiet: Bools, split: tuple[Ints, Ints], kernel: CorrectionKernel
) -> Floats:
    shown, asked = split
    if not len(shown):
        return residual[asked] / np.sqrt(kernel.prior(frames.take(asked)))
    mean, variance = posterior(frames.take(asked), frames.take(shown), kernel, (residual[shown], quiet[shown]))
    return np.asarray((residual[asked] - mean) / np.sqrt(variance))


def quantile_tables(found: Scores, classes: int) -> Floats:
    """Return z at `PROBABILITIES` for every state and class, the last of each state for classes without their own.

    Shape ``(states × (classes + 1), levels)``. A class with few jobs borrows from all; a state nothing is known of
    repeats the one before it.
    """
    tables: list[Floats] = []
    previous = np.asarray(student.ppf(PROBABILITIES, _FREEDOM))
    for state in range(len(SEEN_STATES)):
        here = found.state == state
        pooled = _quantiles(found, here, previous)
        told = len(np.unique(found.job[here]))
        for number in range(classes):
            own = here & (found.node_class == number)
            jobs = len(np.unique(found.job[own]))
            share = jobs / (jobs + _POOL) if jobs >= 5 else 0.0
            tables.append(_centred(share * _quantiles(found, own, pooled) + (1 - share) * pooled, told))
        tables.append(_centred(pooled, told))
        previous = pooled
    return np.maximum.accumulate(np.array(tables), axis=1)


def _centred(table: Floats, jobs: int) -> Floats:
    """Move the middle of a table towards 0: how far it is off is mostly which jobs were held out, not bias.

    The move fades towards the tails, whose levels are what is promised.
    """
    middle = np.interp(0.5, PROBABILITIES, table)
    faded = 1 - np.abs(2 * PROBABILITIES - 1)
    return np.asarray(table - middle * _MEDIAN_JOBS / (jobs + _MEDIAN_JOBS) * faded)


def _quantiles(found: Scores, use: Bools, fallback: Floats) -> Floats:
    """Return quantiles corrected for the number of jobs; beyond what so many jobs can tell, tails are Student's."""
    jobs = len(np.unique(found.job[use]))
    if jobs < 2:  # one job says nothing of how jobs differ
        return fallback
    # Held-out models saw fewer shots than the final one: half the usual correction is left to do.
    level = PROBABILITIES + (PROBABILITIES - 0.5) / (4 * jobs)
    edge = jobs / (jobs + 1)
    told = np.quantile(found.score[use], np.clip(level, 1 - edge, edge))
    middle = np.quantile(found.score[use], 0.5)
    inside = np.clip(level, 1 - edge, edge)
    outside = level != inside
    beyond = np.ones_like(level)
    beyond[outside] = student.ppf(np.clip(level[outside], 0.0005, 0.9995), _FREEDOM) / _t_beyond(inside[outside])
    stretched = middle + (told - middle) * beyond
    if jobs >= 50:
        return np.asarray(stretched)
    wide = student.ppf(PROBABILITIES, _FREEDOM) * _spread(found.score[use], jobs)
    return np.asarray((jobs * stretched + _PRIOR_JOBS * wide) / (jobs + _PRIOR_JOBS))


def _spread(score: Floats, jobs: int) -> float:
    """Return the scale of Student's t that has the middle half of the scores; few jobs leave it near the expected 1.

    What is borrowed from Student is the shape of tails: at scale 1 it would widen what is already too wide.
    """
    low, high = np.quantile(score, [0.25, 0.75])
    own = (high - low) / (2 * student.ppf(0.75, _FREEDOM))
    return float(np.sqrt((jobs * own**2 + _PRIOR_JOBS) / (jobs + _PRIOR_JOBS)))


def _t_beyond(level: Floats) -> Floats:
    """Student quantiles kept away from 0, where a single job puts its only level."""
    found = np.asarray(student.ppf(level, _FREEDOM))
    return np.where(np.abs(found) < 0.1, np.copysign(0.1, found), found)
