"""When nodes will have room, by when what runs there is expected to end: the ground of reservations and backfill."""

from __future__ import annotations

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.units import Bools, Floats

__all__ = ["Releases", "until_up"]


class Releases:
    """What each node will have free as its attempts end, one after the other, by mean forecasts.

    An attempt that should have ended by now is taken to end now.

    Parameters
    ----------
    farm, cost
        Read, not changed.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, attempts={"node": [0, 1], "started": [0.0, -20.0]})
    >>> whole_node = np.array([8.0, 0.0, 0.0, 0.0, 0.0])
    >>> Releases(farm, cost_of(farm)).earliest(whole_node, np.array([True]), farm.nodes.free).tolist()
    [60.0, 40.0]
    """

    def __init__(self, farm: FarmSnapshot, cost: Cost) -> None:
        attempts, self._farm = farm.attempts, farm
        kind = farm.nodes.node_class[attempts.node]
        seconds = cost.seconds[attempts.step, kind] * (1 - attempts.saved) / farm.classes.speed[kind, attempts.mode]
        ends = np.maximum(attempts.started + seconds, farm.now)
        order = np.lexsort((ends, attempts.node))
        self._node, self._ends = attempts.node[order], ends[order]
        self._first = np.flatnonzero(np.diff(self._node, prepend=-1))
        total = np.cumsum(farm.steps.request[attempts.step[order]], axis=0)
        before = np.concatenate([np.zeros((1, total.shape[1])), total])[self._first]
        self._released = total - np.repeat(before, np.diff(self._first, append=len(order)), axis=0)

    def earliest(self, request: Floats, classes: Bools, free: Floats) -> Floats:
        """Return when one frame has room on each node that is up, infinite where never, shape ``(nodes,)``.

        Parameters
        ----------
        request
            What the frame takes.
        classes
            Where it can run, shape ``(classes,)``.
        free
            What is free on each node now, less what was started in the meantime, shape ``(nodes, resources)``.
        """
        wanted, nodes = request - 1e-9 * np.abs(request), self._farm.nodes
        when = np.where((free >= wanted).all(axis=1), self._farm.now, np.inf)
        if len(self._first):
            fits = (free[self._node] + self._released >= wanted).all(axis=1)
            soonest = np.minimum.reduceat(np.where(fits, self._ends, np.inf), self._first)
            there = self._node[self._first]
            when[there] = np.minimum(when[there], soonest)
        return np.where((nodes.state == NodeState.UP) & classes[nodes.node_class], when, np.inf)


def until_up(farm: FarmSnapshot) -> Floats:
    """Return in how many seconds a node of each class that can be had is up at the earliest, shape ``(classes,)``."""
    state, kind, wakes = farm.nodes.state, farm.nodes.node_class, farm.classes.wake_seconds
    wait = np.where(state == NodeState.UP, 0.0, wakes[kind])
    comes = np.where(np.isfinite(farm.nodes.ready), np.maximum(farm.nodes.ready - farm.now, 0.0), 0.0)
    wait = np.where(state == NodeState.WAKING, comes, wait)
    wait += np.where(state == NodeState.FALLING_ASLEEP, comes, 0.0)
    soonest = wakes.astype(float)
    there = (state != NodeState.DOWN) & (state != NodeState.DRAINING)
    np.minimum.at(soonest, kind[there], wait[there])
    return soonest
