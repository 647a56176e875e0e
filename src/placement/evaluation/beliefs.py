"""What policies are told that tasks cost: the truth, means per job type, or forecasts corrected by what finished."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.evaluation.case import Case
from placement.simulator.farm import Belief, History
from placement.units import Floats

__all__ = ["Knowledge", "corrected", "truth", "type_means"]

_LEAST_VARIANCE = 1e-9

#: How a policy comes to know costs: a case becomes a belief.
Knowledge = Callable[[Case], Belief]


def truth(case: Case) -> Belief:
    """Tell the true times: what a clairvoyant knows."""
    return lambda finished: case.world.true_time


def type_means(case: Case) -> Belief:
    """Tell every task the mean forecast of its job type on each class."""
    mean = case.forecast.mean()
    count = np.bincount(case.task_type)[case.task_type]
    columns = [np.bincount(case.task_type, mean[:, c])[case.task_type] / count for c in range(mean.shape[1])]
    cost = np.where(case.runnable, np.stack(columns, axis=1), np.inf)
    return lambda finished: cost


def corrected(case: Case) -> Belief:
    """Tell each task's own forecast mean, moved by the finished tasks of its group and on its class.

    The log error of a forecast is taken as a sum of independent normal parts, of the group, of the class, of the group
    on one class, of the attempt; their variances are shares of the forecast's squared scale. What finished gives the
    posterior of the first three in closed form (crossed random effects; Robinson, "That BLUP is a good thing",
    Statistical Science 6, 1991).
    """
    prior = case.forecast.mean()
    errors = _Errors(case)
    cost = np.where(case.runnable, prior, np.inf)

    def belief(finished: History) -> Floats:
        return cost * errors.factor(finished) if len(finished.task) else cost

    return belief


class _Errors:
    """The parts of a forecast's log error that can be learned, and how seeing attempts end changes the mean."""

    def __init__(self, case: Case) -> None:
        world, shares = case.world, case.shares
        self._world, self._log = world, case.forecast.location
        self._groups = int(world.task_group.max(initial=-1)) + 1
        members = np.maximum(np.bincount(world.task_group, minlength=self._groups), 1)
        squared = case.forecast.scale**2
        columns = [np.bincount(world.task_group, squared[:, c], self._groups) for c in range(squared.shape[1])]
        # A group without tasks has no variance; any positive one will do, as nothing is ever seen of it.
        variance = np.maximum(np.stack(columns, axis=1) / members[:, None], _LEAST_VARIANCE)
        effects = [shares.group * variance.mean(axis=1), shares.node_class * variance.mean(axis=0)]
        self._effects = np.maximum(np.concatenate(effects), _LEAST_VARIANCE)
        self._cell = shares.cell * variance
        self._attempt = shares.attempt * variance

    def factor(self, finished: History) -> Floats:
        """Return what to multiply each task's prior mean with, shape ``(tasks, classes)``."""
        shape = self._cell.shape
        klass = self._world.node_class[finished.node]
        error = np.log(finished.end - finished.start) - self._log[finished.task, klass]
        key = self._world.task_group[finished.task] * shape[1] + klass
        seen: Floats = np.bincount(key, minlength=self._cell.size).reshape(shape).astype(float)
        total = np.bincount(key, error, minlength=self._cell.size).reshape(shape)
        mean, left = self._posterior(seen, total / np.maximum(seen, 1))
        prior = self._effects[: self._groups, None] + self._effects[self._groups :] + self._cell
        # The mean of a log-normal rises with half its variance: what is no longer unknown no longer adds to it.
        return np.asarray(np.exp(mean - (prior - left) / 2)[self._world.task_group])

    def _posterior(self, seen: Floats, mean: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance of the learnable error of each (group, class)."""
        groups = self._groups
        noise = self._cell + self._attempt / np.maximum(seen, 1)
        weight = np.where(seen > 0, 1 / noise, 0.0)
        precision = np.diag(1 / self._effects + np.concatenate([weight.sum(axis=1), weight.sum(axis=0)]))
        precision[:groups, groups:], precision[groups:, :groups] = weight, weight.T
        spread = np.linalg.inv(precision)
        told = weight * mean
        effects = spread @ np.concatenate([told.sum(axis=1), told.sum(axis=0)])
        fitted = effects[:groups, None] + effects[groups:]
        own = np.diag(spread)
        left = own[:groups, None] + own[groups:] + 2 * spread[:groups, groups:]
        gain = np.where(seen > 0, self._cell / noise, 0.0)
        return fitted + gain * (mean - fitted), (1 - gain) ** 2 * left + (1 - gain) * self._cell
