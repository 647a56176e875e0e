"""Who takes a frame's place on its node when it ends before the next decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.reserving import NONE
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Queue", "successors"]

_LOOK_AHEAD = 2.0
_FIRST = 200  #: steps that may take others' places; who stands further behind is not missed until the next decision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Queue:
    """What waits after a decision.

    Parameters
    ----------
    order
        Rows of the steps that may start something, first ones first.
    waiting
        Frames that are left waiting, shape ``(steps,)``.
    wanted
        Classes on which a step may follow, shape ``(steps, classes)``.
    """

    order: Ints
    waiting: Ints
    wanted: Bools


def successors(farm: FarmSnapshot, interval: Seconds, queue: Queue, remaining: Floats, closed: Bools) -> Ints:
    """Choose the step that follows each attempt: a first one in the queue that fits in its place, else its own.

    A node that must wait for the next decision idles for half of the interval on average; with a successor it goes on
    at once. Only attempts that may end soon are looked at, the others go on with their own step.

    Parameters
    ----------
    interval
        Seconds until the next decision.
    remaining
        Seconds each attempt still runs, shape ``(attempts,)``.
    closed
        Attempts that nothing may follow: stopped ones, those on nodes that are kept for a wide frame or drained.

    Returns
    -------
    successors
        Rows of steps, -1: none, shape ``(attempts,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> farm = snapshot_of(steps={"waiting": [0, 3]}, attempts={"node": [0], "step": [0]})
    >>> queue = Queue(order=np.array([1]), waiting=np.array([0, 3]), wanted=np.ones((2, 1), bool))
    >>> successors(farm, 30.0, queue, np.array([5.0]), np.zeros(1, bool)).tolist()
    [1]
    """
    own, rank = farm.attempts.step, np.full(farm.steps.count, len(queue.order), np.int64)
    rank[queue.order] = np.arange(len(queue.order))
    goes_on = ~closed & (queue.waiting[own] > 0) & (rank[own] < len(queue.order))
    follow = np.where(goes_on, own, NONE)
    soon = np.flatnonzero(~closed & (remaining <= _LOOK_AHEAD * interval))
    soon = soon[np.argsort(remaining[soon], kind="stable")]
    if not len(soon):
        return follow
    count = len(farm.classes.names)
    place = own[soon] * count + farm.nodes.node_class[farm.attempts.node[soon]]
    places, group = np.unique(place, return_inverse=True)
    step, klass = np.divmod(places, count)
    room, licence = np.ascontiguousarray(farm.steps.request[step].T), farm.steps.licence[step]
    last = np.where((queue.waiting[step] > 0) & (rank[step] < len(queue.order)), rank[step], len(queue.order))
    chance, free = np.exp(-remaining[soon] / interval), np.ones(len(soon), bool)
    left = np.bincount(group, minlength=len(places))
    for row in queue.order[queue.waiting[queue.order] > 0][:_FIRST].tolist():
        fits = (left > 0) & (rank[row] <= last) & queue.wanted[row, klass]
        for resource in np.flatnonzero(farm.steps.request[row]):
            fits &= room[resource] >= farm.steps.request[row, resource]
        if farm.steps.licence[row] != NONE:
            fits &= licence == farm.steps.licence[row]
        if not fits.any():
            continue
        which = np.flatnonzero(free & fits[group])
        which = which[: int(np.searchsorted(np.cumsum(chance[which]), queue.waiting[row])) + 1]
        follow[soon[which]], free[which] = row, False
        np.subtract.at(left, group[which], 1)
        if not free.any():
            break
    return follow
