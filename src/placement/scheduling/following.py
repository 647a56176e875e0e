"""Who takes a frame's place on its node when it ends before the next decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.reserving import NONE
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Bounds", "Queue", "Spare", "successors"]

_LOOK_AHEAD = 2.0
_ROUNDING = 1e-9
_SHORT = 50  #: steps that may take places for their clients' fair shares
_FIRST = 200  #: steps that may take others' places; who stands further behind is not missed until the next decision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """How far clients may gain and lose worth by following others and being followed, shape ``(clients,)``.

    Parameters
    ----------
    gain
        What each may come to hold besides what it does: its limit; infinite: any.
    lose
        What each may lose to others in danger of their deadlines, infinite: all it holds.
    lend
        What each may lose to others: beyond its fair share.
    short
        What each lacks of its fair share.
    danger
        Which steps are in danger, shape ``(steps,)``.
    """

    gain: Floats
    lose: Floats
    lend: Floats
    short: Floats
    danger: Bools


class Spare:
    """What clients may still gain and lose while successors are chosen.

    Parameters
    ----------
    farm
        Clients, jobs and where attempts run are looked at.
    worth
        Worth of a frame, shape ``(steps, classes)``.
    bounds
        What they may at first.
    """

    def __init__(self, farm: FarmSnapshot, worth: Floats, bounds: Bounds) -> None:
        self._client = farm.jobs.client[farm.steps.job]
        self._step, self._kind = farm.attempts.step, farm.nodes.node_class[farm.attempts.node]
        self._own = self._client[self._step]
        self._worth, self.danger = worth, bounds.danger
        self._gain, self._lose, self._lend = bounds.gain.copy(), bounds.lose.copy(), bounds.lend.copy()
        self._short = bounds.short.copy()
        self._above = np.eye(farm.clients.count, dtype=bool)
        for row, parent in enumerate(farm.clients.parent.tolist()):
            if parent >= 0:
                self._above[row] |= self._above[parent]

    def short(self, steps: Ints) -> Ints:
        """Return those of these steps whose clients lack the worth of a frame of their fair shares."""
        worth = np.where(self._worth[steps] > 0, self._worth[steps], np.inf).min(axis=1, initial=np.inf)
        return np.asarray(steps[self._short[self._client[steps]] >= worth - _ROUNDING])

    def admit(self, step: int, attempts: Ints, *, short: bool = False) -> Ints:
        """Return which of these attempts a step may follow, first ones first, and count what clients gain and lose.

        Places that a client, or one above it, has already are no more to it, and no loss.

        Parameters
        ----------
        short
            The client gains no more than it lacks of its fair share.
        """
        above, own, kind = self._above[self._client[step]], self._above[self._own[attempts]], self._kind[attempts]
        if (own == above).all():
            return attempts
        gain = self._worth[step, kind, None] * (above & ~own)
        loss = self._worth[self._step[attempts], kind, None] * (own & ~above)
        most = np.minimum(self._gain, self._short) if short else self._gain
        least = self._lose if self.danger[step] else np.minimum(self._lose, self._lend)
        keep = ((gain <= 0) | (np.cumsum(gain, axis=0) <= most + _ROUNDING)).all(axis=1)
        keep &= ((loss <= 0) | (np.cumsum(loss, axis=0) <= least + _ROUNDING)).all(axis=1)
        gained, lost = gain[keep].sum(axis=0), loss[keep].sum(axis=0)
        for column, change in ((self._gain, gained), (self._short, gained), (self._lose, lost), (self._lend, lost)):
            column -= change
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
    reach, abreast
        From which place in `order` on a step takes others' places, and how many at most, shape ``(steps,)``; None: all
        that rank behind it.
    guarded
        Steps whose places no others may take while they wait, shape ``(steps,)``; None: none.
    """

    order: Ints
    waiting: Ints
    wanted: Bools
    spare: Spare | None = None
    licences: Ints | None = None
    reach: Ints | None = None
    abreast: Ints | None = None
    guarded: Bools | None = None


def successors(farm: FarmSnapshot, interval: Seconds, queue: Queue, remaining: Floats, closed: Bools) -> Ints:
    """Choose the step that follows each attempt: a first one in the queue that fits in its place, else its own.

    A node that must wait for the next decision idles for half of the interval on average; with a successor it goes on
    at once. Only attempts that may end soon are looked at, the others go on with their own step. Nothing follows where
    a first one in the queue waits for room and needs a licence that is free but that the place does not hold. A client
    below its fair share takes places, whatever the rank, of clients above theirs whose work is in no danger; nobody
    takes a place that a client needs for its share, and who is in danger none that one needs for its guarantee. A place
    of a `guarded` step goes to no other but such: after smaller frames it would never be so large again.

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
    places = _Places(farm, queue, soon, rank, np.exp(-remaining[soon] / interval))
    ready, turns = queue.order[queue.waiting[queue.order] > 0], list[tuple[int, bool]]()
    if queue.spare is not None:
        turns = [(row, True) for row in queue.spare.short(ready)[:_SHORT].tolist()]
    for row, short in turns + [(row, False) for row in ready[:_FIRST].tolist()]:
        places.offer(row, follow, short=short)
        if not places.free.any():
            break
    return follow


class _Places:
    """Places of attempts that may end soon, soonest first, in groups of one step on one class."""

    def __init__(self, farm: FarmSnapshot, queue: Queue, soon: Ints, rank: Ints, chance: Floats) -> None:
        self._farm, self._queue, self._soon, self._chance = farm, queue, soon, chance
        self._reach = rank if queue.reach is None else queue.reach
        self._most = queue.waiting if queue.abreast is None else queue.abreast
        count, own = len(farm.classes.names), farm.attempts.step[soon]
        groups, self._group = np.unique(
            own * count + farm.nodes.node_class[farm.attempts.node[soon]], return_inverse=True
        )
        step, self._klass = np.divmod(groups, count)
        self._room, self._licence = np.ascontiguousarray(farm.steps.request[step].T), farm.steps.licence[step]
        self._last = np.where(queue.waiting[step] > 0, rank[step], len(queue.order))
        self._guarded = np.zeros(farm.steps.count, bool) if queue.guarded is None else queue.guarded
        self._theirs = self._guarded[step] & (queue.waiting[step] > 0)
        self._calm = np.zeros(len(step), bool) if queue.spare is None else ~queue.spare.danger[step]
        self._left = np.bincount(self._group, minlength=len(groups))
        self.free: Bools = np.ones(len(soon), bool)

    def offer(self, row: int, follow: Ints, *, short: bool) -> None:
        """Let a step follow where it may: behind what ranks lower, or `short`, behind whatever is in no danger."""
        if self._most[row] <= 0:
            return
        fits = (self._left > 0) & self._queue.wanted[row, self._klass]
        fits &= self._calm if short else self._reach[row] <= self._last
        fits &= self._guarded[row] | ~self._theirs
        for resource in np.flatnonzero(self._farm.steps.request[row]):
            fits &= self._room[resource] >= self._farm.steps.request[row, resource]
        if (needs := int(self._farm.steps.licence[row])) != NONE:
            if not short:
                self._vacate(row, needs, fits & (self._licence != needs), follow)
            fits &= self._licence == needs
        if not fits.any():
            return
        which = np.flatnonzero(self.free & fits[self._group])
        which = which[: int(np.searchsorted(np.cumsum(self._chance[which]), self._most[row])) + 1]
        if self._queue.spare is not None:
            admitted = self._queue.spare.admit(row, self._soon[which], short=short)
            which = which[np.isin(self._soon[which], admitted)]
        self._take(which, row, follow)

    def _vacate(self, row: int, licence: int, fits: Bools, follow: Ints) -> None:
        """Leave places to a step that must take a free licence first, which it can only at a decision."""
        if self._queue.licences is None or self._queue.licences[licence] <= 0 or not fits.any():
            return
        most = min(int(self._queue.licences[licence]), int(self._queue.waiting[row]))
        self._take(np.flatnonzero(self.free & fits[self._group])[:most], NONE, follow)

    def _take(self, which: Ints, row: int, follow: Ints) -> None:
        follow[self._soon[which]], self.free[which] = row, False
        np.subtract.at(self._left, self._group[which], 1)
