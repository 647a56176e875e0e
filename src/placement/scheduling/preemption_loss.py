"""What interrupting an attempt now would lose, and how long it would still run if it were left alone."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr, ndtri_exp

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.shares import held
from placement.units import Floats

__all__ = ["ends_by", "loss", "lost_seconds", "remaining"]

#: Spread below which a run time counts as known; keeps logs and divisions finite.
_SURE = 1e-9


def _speed(farm: FarmSnapshot) -> Floats:
    return np.asarray(farm.classes.speed[farm.nodes.node_class[farm.attempts.node], farm.attempts.mode])


def lost_seconds(farm: FarmSnapshot) -> Floats:
    """Return seconds of each attempt's node that would have to be spent again if it were interrupted now.

    Loading is spent again, as far as it got; so is work since the last checkpoint. Checkpoints lie `Steps.checkpoint`
    seconds of work apart, counted from the end of loading; work passes at the speed of the attempt's energy mode.

    Returns
    -------
    Floats
        Seconds, shape ``(attempts,)``.
    """
    step, speed = farm.attempts.step, _speed(farm)
    startup, apart = farm.steps.startup[step], farm.steps.checkpoint[step]
    done = np.maximum(farm.now - farm.attempts.started, 0.0) * speed
    worked = np.maximum(done - startup, 0.0)
    kept = np.isfinite(apart) & (apart > 0)
    every = np.where(kept, apart, 1.0)
    since = np.where(kept, worked - every * np.floor(worked / every), np.where(apart > 0, worked, 0.0))
    return np.asarray((np.minimum(done, startup) + since) / speed)


def loss(farm: FarmSnapshot) -> Floats:
    """Return the work that interrupting each attempt now is expected to lose, normalised to reference cores.

    Returns
    -------
    Floats
        Worth × seconds, shape ``(attempts,)``; see `lost_seconds`.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> farm = snapshot_of(now=250.0, attempts={"started": [0.0, 0.0], "step": [0, 1]},
    ...                    steps={"job": [0, 0], "checkpoint": [100.0, np.inf]})
    >>> loss(farm).tolist()
    [50.0, 250.0]
    """
    return np.asarray(lost_seconds(farm) * held(farm))


def _mean(farm: FarmSnapshot, cost: Cost) -> Floats:
    """Return the seconds that each attempt was expected to take in all when it started."""
    attempts = farm.attempts
    whole = cost.seconds[attempts.step, farm.nodes.node_class[attempts.node]]
    startup = np.minimum(farm.steps.startup[attempts.step], whole)
    left = startup + (1 - attempts.saved) * np.maximum(np.minimum(whole, np.finfo(float).max) - startup, 0.0)
    return np.asarray(np.where(np.isfinite(whole), left / _speed(farm), np.inf))


def _standardised(farm: FarmSnapshot, cost: Cost) -> tuple[Floats, Floats, Floats, Floats]:
    """Return seconds elapsed, their standardised log, the deviation of the log, and the mean of the run time."""
    spread = np.maximum(np.hypot(cost.spread, cost.common), _SURE)[farm.attempts.step]
    mean = _mean(farm, cost)
    elapsed = np.maximum(farm.now - farm.attempts.started, np.finfo(float).tiny)
    scaled = np.log(elapsed) - np.log(np.where(np.isfinite(mean), mean, np.finfo(float).max))
    return elapsed, scaled / spread + spread / 2, spread, mean


def remaining(farm: FarmSnapshot, cost: Cost) -> Floats:
    """Return the seconds that each attempt is expected to run on, given that it still runs.

    The mean residual life of a lognormal run time with the forecast's mean and the deviation
    ``sqrt(spread² + common²)`` of its log. With ``z`` the standardised log of the time elapsed ``t``, ``Q`` the normal
    survival function and ``R = Q / density`` Mills' ratio, it is ``mean × Q(z - σ) / Q(z) - t``, in the tail
    ``t × (R(z - σ) / R(z) - 1)``, which neither underflows nor cancels: a frame that is long overdue is expected to
    take a share of what it took, not to end at once.

    Returns
    -------
    Floats
        Seconds, 0 or more, shape ``(attempts,)``; infinite where a class is said not to run the step.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(now=100.0, attempts={"started": [100.0, 50.0, -900.0]})
    >>> remaining(farm, cost_of(farm, 60.0, spread=[0.1], common=[0.0])).round(1).tolist()
    [60.0, 10.5, 3.6]
    """
    elapsed, z, spread, mean = _standardised(farm, cost)
    able, root = np.isfinite(mean), np.sqrt(2)
    body = np.where(able, mean, 0.0) * ndtr(spread - z) / np.maximum(ndtr(-np.minimum(z, 0.0)), 0.5) - elapsed
    overdue = np.flatnonzero(z > 0)
    above, wide = z[overdue], spread[overdue]
    body[overdue] = elapsed[overdue] * (erfcx((above - wide) / root) / erfcx(above / root) - 1)
    return np.where(able, np.maximum(body, 0.0), np.inf)


def ends_by(farm: FarmSnapshot, cost: Cost, probability: float) -> Floats:
    """Return the seconds within which each attempt ends with a probability, given that it still runs.

    Parameters
    ----------
    probability
        In (0, 1).

    Returns
    -------
    Floats
        Seconds, 0 or more, shape ``(attempts,)``; infinite where a class is said not to run the step.
    """
    elapsed, z, spread, mean = _standardised(farm, cost)
    then = -ndtri_exp(log_ndtr(-z) + np.log1p(-probability))
    with np.errstate(over="ignore"):
        seconds = elapsed * np.expm1(np.maximum(spread * (then - z), 0.0))
    return np.where(np.isfinite(mean), seconds, np.inf)
