"""How much of a farm a workload asks for, and by when a fluid farm could have done each job."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from placement.errors import Infeasible, InvalidInput
from placement.farm.machines import Classes
from placement.simulator.farm_world import FarmWorld, Fleet
from placement.units import Floats, Seconds

__all__ = ["Load", "available", "frame_shares", "least_load", "offered_load", "promised_ends"]

_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """What a workload asks of a farm.

    Parameters
    ----------
    share
        Least share of every node class's node-seconds in which all the work fits, its placement free: above 1, not all
        of it can be done in time.
    capacity
        Normalised capacity-seconds of the farm: nodes' worth times seconds.
    """

    share: float
    capacity: float


def offered_load(world: FarmWorld, seconds: Seconds) -> Load:
    """Return the load of all work that a world releases, against its farm from 0 to `seconds`.

    A frame takes its largest share of a node, with memory as forecast, for its true time.

    Raises
    ------
    Infeasible
        A step fits no node of the farm.
    """
    request = world.steps.request.copy()
    request[:, 1] = world.forecasts.memory
    need = frame_shares(request, world.classes) * world.steps.seconds * world.steps.frames[:, None]
    room = available(world.fleet, len(world.classes.names), seconds)
    return Load(share=least_load(need, room), capacity=float(room @ world.classes.worth))


def available(fleet: Fleet, classes: int, seconds: Seconds) -> Floats:
    """Return node-seconds of each class between 0 and `seconds`, slow nodes counting for less, ``(classes,)``."""
    there = np.clip(fleet.leaves, 0, seconds) - np.clip(fleet.joins, 0, seconds)
    return np.bincount(fleet.node_class, np.maximum(there, 0.0) / fleet.slowness, minlength=classes).astype(float)


def frame_shares(request: Floats, classes: Classes) -> Floats:
    """Return the largest share of a node that a frame takes, infinite where it does not fit, ``(steps, classes)``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(request[:, None, :] > 0, request[:, None, :] / classes.offer[None, :, :], 0.0)
    share = parts.max(axis=2)
    return np.asarray(np.where(share <= 1, share, np.inf))


def least_load(need: Floats, room: Floats) -> float:
    """Return the least share of every class's room that holds all of the work: a linear program.

    Steps whose needs are proportional are one row of it.

    Parameters
    ----------
    need
        Node-seconds of each step if done on each class, infinite: not there, shape ``(steps, classes)``.
    room
        Node-seconds of each class.

    Raises
    ------
    Infeasible
        A step can be done on no class that has room.

    Examples
    --------
    >>> round(least_load(np.array([[10.0, 40.0], [20.0, 20.0]]), np.array([30.0, 30.0])), 6)
    0.5
    """
    need = np.where(room > 0, need, np.inf)
    least = need.min(axis=1, initial=np.inf)
    if not np.isfinite(least).all():
        raise Infeasible(f"step {int(np.isinf(least).argmax())} fits no node class that has nodes")
    if not len(need):
        return 0.0
    patterns, of = np.unique(np.round(need / least[:, None], _DIGITS), axis=0, return_inverse=True)
    work = patterns * np.bincount(of.reshape(-1), least)[:, None]
    row, column = np.nonzero(np.isfinite(work))
    cells, rows, classes = len(row), len(work), len(room)
    each = sparse.csr_matrix((np.ones(cells), (row, np.arange(cells))), (rows, cells + 1))
    used = work[row, column] / room[column]
    size = float(used.max())
    held = sparse.csr_matrix((used / size, (column, np.arange(cells))), (classes, cells + 1))
    most = sparse.csr_matrix((np.ones(classes), (np.arange(classes), np.full(classes, cells))), (classes, cells + 1))
    goal = np.zeros(cells + 1)
    goal[-1] = 1.0
    found = linprog(goal, A_ub=held - most, b_ub=np.zeros(classes), A_eq=each, b_eq=np.ones(rows), method="highs")
    if found.x is None:
        raise InvalidInput(f"the load of {rows} kinds of step could not be computed: {found.message}")
    return float(found.fun) * size


def promised_ends(release: Floats, work: Floats, span: Floats, deadline: Floats, rate: float) -> Floats:
    """Return when each job ends on a fluid farm that serves the earliest deadline first.

    Parameters
    ----------
    release, span, deadline
        Seconds; a job takes at least its span, however much it is given. Shape ``(jobs,)``.
    work
        Normalised capacity-seconds of each job.
    rate
        Normalised capacity of the farm.

    Examples
    --------
    >>> one = np.ones(2)
    >>> promised_ends(0 * one, 100 * one, 10 * one, np.array([50.0, 40.0]), 10.0).tolist()
    [20.0, 10.0]
    """
    count = len(release)
    order = np.argsort(deadline, kind="stable")
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    left, most = work[order].copy(), (work / np.maximum(span, 1e-9))[order]
    end = np.full(count, np.inf)
    arrivals = np.argsort(release, kind="stable")
    active, coming, now = np.zeros(0, np.int64), 0, 0.0
    while coming < count or len(active):
        before = np.cumsum(most[active]) - most[active]
        pace = np.clip(rate - before, 0.0, most[active])
        served = int(np.searchsorted(before, rate))
        until = (left[active[:served]] / pace[:served]).min(initial=np.inf)
        arrival = release[arrivals[coming]] if coming < count else np.inf
        then = max(now, min(now + until, arrival))
        left[active[:served]] -= pace[:served] * min(until, then - now)
        now = float(then)
        ended = left[active] <= 1e-9 * work[order[active]] + 1e-9
        end[order[active[ended]]] = now
        active = active[~ended]
        while coming < count and release[arrivals[coming]] <= now:
            active = np.insert(active, np.searchsorted(active, rank[arrivals[coming]]), rank[arrivals[coming]])
            coming += 1
    return end
