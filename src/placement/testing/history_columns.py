"""What laws of whole runs look at: worth held over time, what the farm was worth, what it drew, what waited."""

from __future__ import annotations

import numpy as np

from placement.farm.machines import NodeState, Resource
from placement.scheduling.shares import dominant_share
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory, Outcome, PastAttempts
from placement.units import Bools, Floats, Ints

__all__ = ["attempt_worth", "belongs", "farm_worth", "held_over_time", "states_at", "waiting_at"]


def attempt_worth(world: FarmWorld, past: PastAttempts) -> Floats:
    """Return the normalised capacity that each attempt held, with the memory that was kept for it."""
    klass = world.fleet.node_class[past.node]
    request = world.steps.request[past.step]
    request[:, Resource.MEMORY] = past.memory
    return dominant_share(request, world.classes.offer[klass]) * world.classes.worth[klass]


def belongs(parent: Ints, client: int) -> Bools:
    """Return which clients are `client` or under it, shape ``(clients,)``.

    Examples
    --------
    >>> belongs(np.array([-1, -1, 0, 2]), 0).tolist()
    [True, False, True, True]
    """
    under = np.arange(len(parent)) == client
    for row in np.flatnonzero(parent >= 0).tolist():
        under[row] |= under[parent[row]]
    return np.asarray(under)


def held_over_time(start: Floats, end: Floats, amount: Floats) -> tuple[Floats, Floats, Floats]:
    """Return every instant at which something begins or ends, what was held just before it and just after.

    Examples
    --------
    >>> time, before, after = held_over_time(np.array([0.0, 5.0]), np.array([5.0, 9.0]), np.array([2.0, 3.0]))
    >>> time.tolist(), before.tolist(), after.tolist()
    ([0.0, 5.0, 9.0], [0.0, 2.0, 3.0], [2.0, 3.0, 0.0])
    """
    time, at = np.unique(np.concatenate([start, end]), return_inverse=True)
    change = np.bincount(at, np.concatenate([amount, -amount]), len(time)).astype(float)
    after: Floats = np.cumsum(change)
    return time, np.asarray(after - change), after


def states_at(history: FarmHistory, time: Floats, nodes: int) -> Ints:
    """Return the state of each node right after each instant, its last one after the end, shape ``(times, nodes)``."""
    states, spans = np.zeros((len(time), nodes), np.int64), history.spans
    for node in range(nodes):
        rows = np.flatnonzero(spans.node == node)
        if len(rows):
            at = np.searchsorted(spans.start[rows], time, side="right") - 1
            states[:, node] = spans.state[rows][np.maximum(at, 0)]
    return states


def farm_worth(world: FarmWorld, history: FarmHistory, time: Floats) -> Floats:
    """Return what the farm is worth at instants: its nodes that are neither down nor draining."""
    state = states_at(history, time, len(world.fleet.node_class))
    there = (state != NodeState.DOWN) & (state != NodeState.DRAINING)
    return np.asarray(there @ world.classes.worth[world.fleet.node_class])


def waiting_at(world: FarmWorld, history: FarmHistory, time: Floats) -> Ints:
    """Return how many frames of each step could start right after each instant, shape ``(times, steps)``."""
    past = history.attempts
    waiting = np.zeros((len(time), len(world.steps.job)), np.int64)
    for step in range(len(world.steps.job)):
        rows = np.flatnonzero(past.step == step)
        begun = np.searchsorted(np.sort(past.start[rows]), time, side="right")
        back = rows[past.outcome[rows] != Outcome.DONE]
        again = np.searchsorted(np.sort(past.end[back]), time, side="right")
        ready = history.step_ready[step] <= time
        waiting[:, step] = np.where(ready, world.steps.frames[step] - begun + again, 0)
    waiting[:, history.job_failed[world.steps.job] | world.jobs.held[world.steps.job]] = 0
    return waiting
