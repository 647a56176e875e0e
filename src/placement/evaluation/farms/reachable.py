"""What clients that are no projects could get for their ready frames without taking what is guaranteed to others."""

from __future__ import annotations

import numpy as np

from placement.evaluation.farms.demand import queue_of, roots_of
from placement.evaluation.farms.usage import full_changes, worth_held
from placement.farm.machines import NodeState, Resource
from placement.scheduling.shares_worth import dominant_share
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Bools, Floats, Ints

__all__ = ["reachable"]


def reachable(world: FarmWorld, history: FarmHistory, at: Floats) -> Floats:
    """Return the worth that clients' ready frames could take, shape ``(clients, instants)``; infinite for projects.

    Frames that run on some node classes alone can take, on these, what is free and what clients hold there who hold
    more than their guarantee, up to what they hold too much: so no more of a client's ready frames count. Of frames on
    GPUs no more count than GPUs are had in this way: who holds a node's cores has no GPU to give back.

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
    queue, root = queue_of(world, history), roots_of(world.clients.parent)
    sets, kind = _able_sets(world)
    (grown, _), gpus = queue.growth(), world.steps.request[:, Resource.GPUS] > 0
    client, there = root[world.jobs.client[world.steps.job[queue.step]]], _there(world, history, at)
    held = _held(world, history, at, root, worth_held(world, history))
    held_gpus = _held(world, history, at, root, _gpus_held(world, history))
    free = np.maximum(there - _taken(world, history, at), 0.0)
    free_gpus = np.maximum(there - held_gpus.sum(axis=0), 0.0)
    excess = np.maximum(held.sum(axis=1) - world.clients.guarantee[:, None] * there.sum(axis=0), 0.0)
    found = np.full((world.clients.count, len(at)), np.inf)
    for row in np.flatnonzero(world.clients.parent < 0).tolist():
        others = (root == np.arange(len(root))) & (np.arange(len(root)) != row)
        ready = np.zeros((2, len(sets), len(at)))
        for on_gpus, each in np.ndindex(2, len(sets)):
            mine = (client == row) & (kind[queue.step] == each) & (gpus[queue.step] == on_gpus)
            ready[on_gpus, each] = _sampled(at, queue.time[mine], grown[mine])
        found[row] = ready.sum(axis=(0, 1))
        for among in sets:
            within = ready[:, (sets <= among).all(axis=1)].sum(axis=1)
            borrowed, gpus_borrowed = (
                np.minimum(each[others][:, among].sum(axis=1), excess[others]).sum(axis=0) for each in (held, held_gpus)
            )
            inside = within[0] + np.minimum(within[1], free_gpus[among].sum(axis=0) + gpus_borrowed)
            inside = np.minimum(inside, free[among].sum(axis=0) + borrowed)
            found[row] = np.minimum(found[row], ready.sum(axis=(0, 1)) - within.sum(axis=0) + inside)
    return np.asarray(np.maximum(found, 0.0))


def _able_sets(world: FarmWorld) -> tuple[Bools, Ints]:
    """Return the sets of classes on which some step can run, ``(sets, classes)``, and which one each step has."""
    share = dominant_share(world.steps.request[:, None, :], world.classes.offer)
    able = np.isfinite(world.steps.seconds) & (share <= 1 + 1e-9)
    sets, kind = np.unique(able, axis=0, return_inverse=True)
    return sets, kind.ravel()


def _gpus_held(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return the share of its node's GPUs that each attempt holds, times the node's worth, shape ``(attempts,)``."""
    klass = world.fleet.node_class[history.attempts.node]
    gpus = world.steps.request[history.attempts.step, Resource.GPUS]
    return np.asarray(gpus / np.maximum(world.classes.offer[klass, Resource.GPUS], 1.0) * world.classes.worth[klass])


def _held(world: FarmWorld, history: FarmHistory, at: Floats, root: Ints, worth: Floats) -> Floats:
    """Return what clients with their projects hold by class, shape ``(clients, classes, instants)``."""
    attempts, classes = history.attempts, len(world.classes.names)
    klass = world.fleet.node_class[attempts.node]
    row = root[world.jobs.client[world.steps.job[attempts.step]]] * classes + klass
    flat = [
        _sampled(at, attempts.start[mine], worth[mine]) - _sampled(at, attempts.end[mine], worth[mine])
        for each in range(len(root) * classes) for mine in (row == each,)
    ]  # fmt: skip
    return np.maximum(np.reshape(flat, (len(root), classes, len(at))), 0.0)


def _there(world: FarmWorld, history: FarmHistory, at: Floats) -> Floats:
    """Return the worth of nodes that are neither down nor draining, shape ``(classes, instants)``."""
    spans, there = history.spans, list[Floats]()
    counts = (spans.state != NodeState.DOWN) & (spans.state != NodeState.DRAINING)
    for klass, worth in enumerate(world.classes.worth.tolist()):
        mine = counts & (world.fleet.node_class[spans.node] == klass)
        size = np.full(int(mine.sum()), worth)
        there.append(_sampled(at, spans.start[mine], size) - _sampled(at, spans.end[mine], size))
    return np.array(there)


def _taken(world: FarmWorld, history: FarmHistory, at: Floats) -> Floats:
    """Return the worth that is taken, each node with its fullest resource, shape ``(classes, instants)``."""
    node, time, change = full_changes(world, history)
    klass = world.fleet.node_class[node]
    return np.array([
        _sampled(at, time[own], change[own]) for each in range(len(world.classes.names)) for own in (klass == each,)
    ])  # fmt: skip


def _sampled(at: Floats, time: Floats, change: Floats) -> Floats:
    """Return the sum of all changes up to each instant."""
    total = np.bincount(np.searchsorted(at, time), change, len(at) + 1)
    return np.asarray(np.cumsum(total)[:-1])
