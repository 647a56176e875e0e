"""What interrupting an attempt now would lose, and how long it would still run if it were left alone."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.shares import held
from placement.units import Floats, Seconds

__all__ = ["ends_within", "loss", "lost_seconds", "remaining"]

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
    since = np.where(kept, np.fmod(worked, np.where(kept, apart, 1.0)), np.where(apart > 0, worked, 0.0))
    return np.asarray((np.minimum(done, startup) + since) / speed)


def loss(farm: FarmSnapshot, cost: Cost) -> Floats:
    """Return the work that interrupting each attempt now is expected to lose, normalised to reference cores.

    Parameters
    ----------
    farm
        Attempts, and what they hold.
    cost
        Bounds the loss: an attempt loses no more than its frame is expected to take, or has taken.

    Returns
    -------
    Floats
        Worth × seconds, shape ``(attempts,)``; see `lost_seconds`.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(now=250.0, attempts={"started": [0.0, 0.0], "step": [0, 1]},
    ...                    steps={"job": [0, 0], "checkpoint": [100.0, np.inf]})
    >>> loss(farm, cost_of(farm, 300.0)).tolist()
    [50.0, 250.0]
    """
    spent = np.maximum(farm.now - farm.attempts.started, 0.0)
    return np.asarray(np.minimum(lost_seconds(farm), np.maximum(spent, _mean(farm, cost))) * held(farm))


def _mean(farm: FarmSnapshot, cost: Cost) -> Floats:
    """Return the seconds that each attempt was expected to take in all when it started."""
    attempts = farm.attempts
    whole = cost.seconds[attempts.step, farm.nodes.node_class[attempts.node]]
    startup = np.minimum(farm.steps.startup[attempts.step], whole)
    with np.errstate(invalid="ignore"):
        left = np.where(np.isfinite(whole), startup + (1 - attempts.saved) * (whole - startup), np.inf)
    return np.asarray(left / _speed(farm))


def _standardised(farm: FarmSnapshot, cost: Cost, ahead: Seconds) -> tuple[Floats, Floats]:
    """Return the standardised log of the time elapsed `ahead` seconds from now, and the deviation of the log."""
    step = farm.attempts.step
    spread = np.maximum(np.hypot(cost.spread[step], cost.common[step]), _SURE)
    mean = np.where(np.isfinite(_mean(farm, cost)), _mean(farm, cost), np.finfo(float).max)
    elapsed = np.maximum(farm.now - farm.attempts.started + ahead, np.finfo(float).tiny)
    return (np.log(elapsed) - np.log(mean) + spread**2 / 2) / spread, spread


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
    z, spread = _standardised(farm, cost, 0.0)
    elapsed, mean = np.maximum(farm.now - farm.attempts.started, 0.0), _mean(farm, cost)
    able = np.isfinite(mean)
    body = np.where(able, mean, 0.0) * ndtr(spread - z) / np.maximum(ndtr(-np.minimum(z, 0.0)), 0.5) - elapsed
    above, root = np.maximum(z, 0.0), np.sqrt(2)
    tail = elapsed * (erfcx(np.maximum(above - spread, -spread) / root) / erfcx(above / root) - 1)
    return np.where(able, np.maximum(np.where(z > 0, tail, body), 0.0), np.inf)


def ends_within(farm: FarmSnapshot, cost: Cost, window: Seconds) -> Floats:
    """Return the probability that each attempt ends in the next `window` seconds, given that it still runs.

    Returns
    -------
    Floats
        Shape ``(attempts,)``.
    """
    if not np.isfinite(window):
        return np.ones(farm.attempts.count)
    now, _ = _standardised(farm, cost, 0.0)
    then, _ = _standardised(farm, cost, window)
    return np.asarray(-np.expm1(np.minimum(log_ndtr(-then) - log_ndtr(-now), 0.0)))
