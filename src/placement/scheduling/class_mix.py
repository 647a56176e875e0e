"""Which class of node works for which group of tasks: the assignment linear program for unrelated machines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from placement.errors import Infeasible, InvalidInput
from placement.units import Floats, Seconds

__all__ = ["ClassMix", "class_mix", "least_node_seconds"]


@dataclass(frozen=True, slots=True, eq=False)
class ClassMix:
    """How many tasks of each group each class takes, when tasks may be cut.

    Parameters
    ----------
    count
        Shape ``(groups, classes)``; a row sums to the group's number of tasks.
    makespan
        Seconds from now until the last class is done.
    node_seconds
        Busy seconds of all slots together.
    """

    count: Floats
    makespan: Seconds
    node_seconds: Seconds


def class_mix(count: Floats, cost: Floats, slots: Floats, backlog: Floats, thrift: float = 0.0) -> ClassMix:
    """Find the mix that ends soonest: the linear relaxation of R||Cmax with identical machines put together.

    Parameters
    ----------
    count
        Tasks of each group, shape ``(groups,)``.
    cost
        Seconds of one task, infinite where it cannot run, shape ``(groups, classes)``.
    slots, backlog
        Slots of each class and seconds of work they already have, shape ``(classes,)``.
    thrift
        Seconds of makespan given up for one second less on every slot.

    Raises
    ------
    Infeasible
        A group cannot run anywhere.

    Notes
    -----
    Lenstra, Shmoys and Tardos, "Approximation algorithms for scheduling unrelated parallel machines",
    Mathematical Programming 46 (1990). A basic solution cuts at most as many groups as there are classes.

    Examples
    --------
    >>> mix = class_mix(np.ones(2), np.array([[1.0, 4.0], [4.0, 1.0]]), np.ones(2), np.zeros(2))
    >>> mix.count.tolist(), mix.makespan
    ([[1.0, 0.0], [0.0, 1.0]], 1.0)
    """
    if not len(count):
        return ClassMix(np.zeros_like(cost), float((backlog / slots).max(initial=0.0)), 0.0)
    group, klass, seconds = _pairs(cost)
    pairs = len(group)
    weight = np.append(thrift * seconds / slots.sum(), 1.0)
    load = coo_array((seconds, (klass, np.arange(pairs))), shape=(len(slots), pairs + 1))
    limit = coo_array((-slots, (np.arange(len(slots)), np.full(len(slots), pairs))), shape=load.shape)
    share = coo_array((np.ones(pairs), (group, np.arange(pairs))), shape=(len(count), pairs + 1))
    solved = linprog(weight, A_ub=load + limit, b_ub=-backlog, A_eq=share, b_eq=count, method="highs")
    mixed = np.zeros_like(cost)
    mixed[group, klass] = np.maximum(solved.x[:-1], 0.0)
    return ClassMix(mixed, float(solved.x[-1]), float(seconds @ solved.x[:-1]))


def least_node_seconds(count: Floats, cost: Floats, slots: Floats, makespan: Seconds) -> Seconds:
    """Return the fewest busy seconds of any schedule that ends by `makespan`: a lower bound, tasks may be cut.

    Raises
    ------
    InvalidInput
        Nothing ends by then.
    Infeasible
        A group cannot run anywhere.

    Examples
    --------
    >>> round(least_node_seconds(np.array([3.0]), np.array([[1.0, 2.0]]), np.ones(2), makespan=2.0), 6)
    4.0
    """
    group, klass, seconds = _pairs(np.where(cost <= makespan * (1 + 1e-9), cost, np.inf), f" within {makespan:.6g} s")
    pairs = np.arange(len(group))
    load = coo_array((seconds, (klass, pairs)), shape=(len(slots), len(pairs)))
    share = coo_array((np.ones(len(pairs)), (group, pairs)), shape=(len(count), len(pairs)))
    room = slots * makespan * (1 + 1e-9)
    solved = linprog(seconds, A_ub=load, b_ub=room, A_eq=share, b_eq=count, method="highs")
    if solved.x is None:
        raise InvalidInput(f"no schedule of {count.sum():.0f} tasks ends within {makespan:.6g} s")
    return float(solved.fun)


def _pairs(cost: Floats, limit: str = "") -> tuple[np.ndarray, np.ndarray, Floats]:
    """List the (group, class) pairs that can be, with their seconds."""
    if not (fits := np.isfinite(cost).any(axis=1)).all():
        raise Infeasible(f"no node class can run group {int(fits.argmin())}{limit}; every cost of it is infinite")
    group, klass = np.nonzero(np.isfinite(cost))
    return group, klass, cost[group, klass]
