"""Which of a client's ready frames single nodes had room for, had all left who hold more than their guarantee."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from placement.evaluation.farms.demand import queue_of, requests, roots_of
from placement.evaluation.farms.usage import worth_held
from placement.farm.machines import NodeState, Resource
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Floats, Ints, Seconds

__all__ = ["openings"]

_ROUNDING = 1e-9


def openings(world: FarmWorld, history: FarmHistory, row: int, at: Floats, most: Floats | float = np.inf) -> Floats:
    """Return the worth of a client's ready frames for which nodes had room, one by one, shape ``(instants,)``.

    No more of a step's frames count than fit on all nodes that can run them, in what is free there and in what others
    hold who hold more than their guarantee. Other resources than the fullest count, and pieces that are too small for a
    frame do not; what the client's own frames take is not to be had. Frames of different steps are not in each other's
    way: it may be more than there was, never less.

    Parameters
    ----------
    row
        A client without a parent.
    at
        Seconds, increasing.
    most
        Worth beyond which it does not matter how much it is, for all or shape ``(instants,)``: no more is returned.

    Examples
    --------
    Two frames of five cores run on nodes of eight: six cores are free, and there is no room for a frame of four.

    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(fleet={"node_class": [0, 0]}, steps={"job": [0, 0], "frames": [2, 1],
    ...                       "request": [[5.0, 1024.0, 0.0, 0.0, 0.0], [4.0, 1024.0, 0.0, 0.0, 0.0]]})
    >>> history = live(world, "fifo")
    >>> openings(world, history, 0, np.array([0.0])).tolist()
    [0.0]
    """
    wants, queue, kind = requests(world, history), queue_of(world, history), world.fleet.node_class
    root = roots_of(world.clients.parent)
    queue = queue.where(root[world.jobs.client[world.steps.job[queue.step]]] == row)
    first = np.flatnonzero(np.diff(queue.step, prepend=-1))
    parts = np.split(queue.time, first[1:]) if len(first) else []
    upto = [begin + np.searchsorted(part, at, "right") - 1 for begin, part in zip(first.tolist(), parts, strict=True)]
    latest = np.reshape(upto, (len(first), len(at))).astype(np.int64)
    ready = np.where(latest >= first[:, None], queue.ready[latest], 0.0)
    found, most = np.zeros(len(at)), np.broadcast_to(most, len(at))
    for place, room in enumerate(_to_be_had(world, history, root, row, at)):
        worth = ready[:, place] * queue.each[latest[:, place]]
        for group in np.argsort(-worth, kind="stable")[: np.count_nonzero(worth)].tolist():
            if found[place] >= most[place]:
                break
            entry = latest[group, place]
            step = queue.step[entry]
            takes, able = np.flatnonzero(wants[step] > 0), np.isfinite(world.steps.seconds[step])[kind]
            fits = np.floor(room[able][:, takes] / wants[step, takes] + _ROUNDING).min(axis=1, initial=np.inf)
            found[place] += min(ready[group, place], float(fits.sum())) * queue.each[entry]
    return np.minimum(found, most)


def _to_be_had(world: FarmWorld, history: FarmHistory, root: Ints, row: int, at: Floats) -> Iterator[Floats]:
    """Yield for each instant what is free on nodes or held by others above their guarantees, ``(nodes, resources)``."""
    attempts, nodes = history.attempts, world.fleet.node_class
    owner, holds = root[world.jobs.client[world.steps.job[attempts.step]]], worth_held(world, history)
    takes = world.steps.request[attempts.step].copy()
    takes[:, Resource.MEMORY] = attempts.memory
    used, held = np.zeros((len(root), len(nodes), takes.shape[1])), np.zeros(len(root))
    starts, ends = _Turn(attempts.start), _Turn(attempts.end)
    comes, goes, there = _Turn(history.spans.start), _Turn(history.spans.end), np.zeros(len(nodes))
    counts = (history.spans.state != NodeState.DOWN) & (history.spans.state != NodeState.DRAINING)
    for now in at.tolist():
        for turn, sign in ((starts, 1.0), (ends, -1.0)):
            rows = turn.until(now)
            np.add.at(used, (owner[rows], attempts.node[rows]), sign * takes[rows])
            held += sign * np.bincount(owner[rows], holds[rows], len(root))
        for turn, sign in ((comes, 1.0), (goes, -1.0)):
            rows = turn.until(now)
            np.add.at(there, history.spans.node[rows], sign * counts[rows])
        stays = held <= world.clients.guarantee * float(there @ world.classes.worth[nodes]) + _ROUNDING
        stays[row] = True
        yield np.where(there[:, None] > 0, world.classes.offer[nodes] - used[stays].sum(axis=0), 0.0)


class _Turn:
    """Rows in the order of their times, each given once."""

    def __init__(self, time: Floats) -> None:
        self._order = np.argsort(time, kind="stable")
        self._time, self._next = time[self._order], 0

    def until(self, now: Seconds) -> Ints:
        """Return the rows up to an instant that were not returned before."""
        begin, self._next = self._next, int(np.searchsorted(self._time, now, side="right"))
        return self._order[begin : self._next]
