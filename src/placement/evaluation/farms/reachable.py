"""What clients that are no projects could get for their ready frames without taking what is guaranteed to others."""

from __future__ import annotations

import numpy as np

from placement.evaluation.farms.demand import queue_of
from placement.evaluation.farms.usage import attempt_share, full_changes
from placement.farm.machines import NodeState
from placement.scheduling.shares_worth import dominant_share
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Bools, Floats, Ints

__all__ = ["reachable"]


def reachable(world: FarmWorld, history: FarmHistory, at: Floats) -> Floats:
    """Return the worth that clients' ready frames could take, shape ``(clients, instants)``; infinite for projects.

    Frames that run on some node classes alone can take, on these, what is free and what clients hold there who hold
    more than their guarantee, up to what they hold too much: so no more of a client's ready frames count.

    Parameters
    ----------
    at
        Seconds, increasing.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"frames": [20]})
    >>> reachable(world, live(world, "fifo"), np.array([0.0, 30.0])).tolist()  # eight run, and have all there is
    [[0.0, 0.0]]
    """
    queue, root = queue_of(world, history), _roots(world.clients.parent)
    sets, kind = _able_sets(world)
    client = root[world.jobs.client[world.steps.job[queue.step]]]
    grown, _ = queue.growth()
    held, (there, free) = _held(world, history, at, root), _there_and_free(world, history, at)
    guaranteed = world.clients.guarantee[:, None] * there.sum(axis=0)
    excess = np.maximum(held.sum(axis=1) - guaranteed, 0.0)
    found = np.full((world.clients.count, len(at)), np.inf)
    for row in np.flatnonzero(world.clients.parent < 0).tolist():
        others = (root == np.arange(len(root))) & (np.arange(len(root)) != row)
        own = client == row
        ready = np.stack([
            _sampled(at, queue.time[mine], grown[mine]) for each in range(len(sets))
            for mine in (own & (kind[queue.step] == each),)
        ])  # fmt: skip
        found[row] = ready.sum(axis=0)
        for among in sets:
            inside = ready[(sets <= among).all(axis=1)].sum(axis=0)
            borrowed = np.minimum(held[others][:, among].sum(axis=1), excess[others]).sum(axis=0)
            room = free[among].sum(axis=0) + borrowed
            found[row] = np.minimum(found[row], ready.sum(axis=0) - inside + np.minimum(inside, room))
    return np.asarray(np.maximum(found, 0.0))


def _able_sets(world: FarmWorld) -> tuple[Bools, Ints]:
    """Return the sets of classes on which some step can run, ``(sets, classes)``, and which one each step has."""
    share = dominant_share(world.steps.request[:, None, :], world.classes.offer)
    able = np.isfinite(world.steps.seconds) & (share <= 1 + 1e-9)
    sets, kind = np.unique(able, axis=0, return_inverse=True)
    return sets, kind.ravel()


def _roots(parent: Ints) -> Ints:
    root: Ints = np.arange(len(parent))
    for row in np.flatnonzero(parent >= 0).tolist():
        root[row] = root[parent[row]]
    return root


def _held(world: FarmWorld, history: FarmHistory, at: Floats, root: Ints) -> Floats:
    """Return the worth that clients with their projects hold by class, shape ``(clients, classes, instants)``."""
    attempts, classes = history.attempts, len(world.classes.names)
    klass = world.fleet.node_class[attempts.node]
    worth = attempt_share(world, attempts, attempts.memory) * world.classes.worth[klass]
    row = root[world.jobs.client[world.steps.job[attempts.step]]] * classes + klass
    flat = [
        _sampled(at, attempts.start[mine], worth[mine]) - _sampled(at, attempts.end[mine], worth[mine])
        for each in range(len(root) * classes) for mine in (row == each,)
    ]  # fmt: skip
    return np.maximum(np.reshape(flat, (len(root), classes, len(at))), 0.0)


def _there_and_free(world: FarmWorld, history: FarmHistory, at: Floats) -> tuple[Floats, Floats]:
    """Return the worth of nodes that are neither down nor draining, and what is free, ``(classes, instants)``."""
    spans, node_class = history.spans, world.fleet.node_class
    counts = (spans.state != NodeState.DOWN) & (spans.state != NodeState.DRAINING)
    node, time, change = full_changes(world, history)
    there, taken = [], []
    for klass, worth in enumerate(world.classes.worth.tolist()):
        mine = counts & (node_class[spans.node] == klass)
        size = np.full(int(mine.sum()), worth)
        there.append(_sampled(at, spans.start[mine], size) - _sampled(at, spans.end[mine], size))
        own = node_class[node] == klass
        taken.append(_sampled(at, time[own], change[own]))
    return np.array(there), np.maximum(np.array(there) - np.array(taken), 0.0)


def _sampled(at: Floats, time: Floats, change: Floats) -> Floats:
    """Return the sum of all changes up to each instant."""
    total = np.bincount(np.searchsorted(at, time), change, len(at) + 1)
    return np.asarray(np.cumsum(total)[:-1])
