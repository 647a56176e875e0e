"""Who takes a frame's place on its node when it ends before the next decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.reserving import NONE
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Queue", "Spare", "successors"]

_LOOK_AHEAD = 2.0
_ROUNDING = 1e-9
_FIRST = 200  #: steps that may take others' places; who stands further behind is not missed until the next decision


class Spare:
    """What limited clients may still come to hold by following others, and guaranteed ones lose by being followed.

    Parameters
    ----------
    farm
        Clients, jobs and where attempts run are looked at.
    worth
        Worth of a frame, shape ``(steps, classes)``.
    gain, lose
        Worth that each client may come to hold besides what it does, and of what it holds may lose to others, infinite:
        any, shape ``(clients,)``.
    """

    def __init__(self, farm: FarmSnapshot, worth: Floats, gain: Floats, lose: Floats) -> None:
        self._client = farm.jobs.client[farm.steps.job]
        self._step, self._kind = farm.attempts.step, farm.nodes.node_class[farm.attempts.node]
        self._own = self._client[self._step]
        self._worth, self._gain, self._lose = worth, gain.copy(), lose.copy()
        self._above = np.eye(farm.clients.count, dtype=bool)
        for row, parent in enumerate(farm.clients.parent.tolist()):
            if parent >= 0:
                self._above[row] |= self._above[parent]
        self._limited, self._promised = self._above & np.isfinite(gain), np.flatnonzero(np.isfinite(lose))

    def admit(self, step: int, attempts: Ints) -> Ints:
        """Return which of these attempts a step may follow, first ones first, and count what clients gain and lose.

        Places that a client, or one above it, has already are no more to it, and no loss.
        """
        client = int(self._client[step])
        limited, promised = np.flatnonzero(self._limited[client]), self._promised[~self._above[client, self._promised]]
        if not len(limited) and not len(promised):
            return attempts
        own, kind = self._above[self._own[attempts]], self._kind[attempts]
        gain = self._worth[step, kind, None] * ~own[:, limited]
        loss = self._worth[self._step[attempts], kind, None] * own[:, promised]
        keep = ((gain <= 0) | (np.cumsum(gain, axis=0) <= self._gain[limited] + _ROUNDING)).all(axis=1)
        keep &= ((loss <= 0) | (np.cumsum(loss, axis=0) <= self._lose[promised] + _ROUNDING)).all(axis=1)
        self._gain[limited] -= gain[keep].sum(axis=0)
        self._lose[promised] -= loss[keep].sum(axis=0)
        return np.asarray(attempts[keep])


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
    spare
        What limits and guarantees leave; None: nobody has any.
    licences
        Free ones, shape ``(licences,)``; None: none.
    """

    order: Ints
    waiting: Ints
    wanted: Bools
    spare: Spare | None = None
    licences: Ints | None = None


def successors(farm: FarmSnapshot, interval: Seconds, queue: Queue, remaining: Floats, closed: Bools) -> Ints:
    """Choose the step that follows each attempt: a first one in the queue that fits in its place, else its own.

    A node that must wait for the next decision idles for half of the interval on average; with a successor it goes on
    at once. Only attempts that may end soon are looked at, the others go on with their own step. Nothing follows where
    a first one in the queue waits for room and needs a licence that is free but that the place does not hold.

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
        if (needs := int(farm.steps.licence[row])) != NONE:
            vacant = fits & (licence != needs)
            fits &= licence == needs
            if queue.licences is not None and queue.licences[needs] > 0 and vacant.any():
                # Who must take a free licence first can only start at a decision: a place is left to it until then.
                which = np.flatnonzero(free & vacant[group])[: min(int(queue.licences[needs]), int(queue.waiting[row]))]
                follow[soon[which]], free[which] = NONE, False
                np.subtract.at(left, group[which], 1)
        if not fits.any():
            continue
        which = np.flatnonzero(free & fits[group])
        which = which[: int(np.searchsorted(np.cumsum(chance[which]), queue.waiting[row])) + 1]
        if queue.spare is not None:
            which = which[np.isin(soon[which], queue.spare.admit(row, soon[which]))]
        follow[soon[which]], free[which] = row, False
        np.subtract.at(left, group[which], 1)
        if not free.any():
            break
    return follow
