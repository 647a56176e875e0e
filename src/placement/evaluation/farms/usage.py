"""Metrics of machines: node-seconds taken, work lost, how full nodes were and with what."""

from __future__ import annotations

import numpy as np

from placement.evaluation.farms.window import Window, window_of
from placement.farm.machines import RESOURCES, NodeState, Resource
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory, Outcome, PastAttempts
from placement.units import Floats, Ints

__all__ = [
    "attempt_node_seconds",
    "attempt_share",
    "available_worth",
    "full_changes",
    "full_course",
    "loading",
    "lost_work",
    "node_seconds",
    "utilisation",
    "worth_held",
]


def _per_offer(world: FarmWorld) -> Floats:
    """Return one over what each class offers, 0 where it offers nothing, shape ``(classes, resources)``."""
    offer = world.classes.offer
    return np.divide(1.0, offer, out=np.zeros_like(offer), where=offer > 0)


def attempt_share(world: FarmWorld, attempts: PastAttempts, memory: Floats | None = None) -> Floats:
    """Return the largest share of its node that each attempt takes in any resource, shape ``(attempts,)``.

    Parameters
    ----------
    memory
        MiB that each attempt counts with; None: memory is left out.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"request": [[2, 16384, 0, 0, 0]]})
    >>> ran = live(world, "fifo").attempts
    >>> attempt_share(world, ran).tolist(), attempt_share(world, ran, ran.memory).tolist()
    ([0.25], [0.5])
    """
    per, klass = _per_offer(world), world.fleet.node_class[attempts.node]
    request = world.steps.request[:, None, :] * per[None]
    request[:, :, Resource.MEMORY] = 0.0
    share: Floats = request.max(axis=2)[attempts.step, klass]
    return share if memory is None else np.maximum(share, memory * per[klass, Resource.MEMORY])


def attempt_node_seconds(world: FarmWorld, attempts: PastAttempts) -> Floats:
    """Return seconds × share of the node of each attempt, shape ``(attempts,)``.

    Memory is left out, as in `placement.evaluation.farms.bounds.least_node_seconds`: how much is kept of it depends on
    who asks, not on the work.
    """
    return attempt_share(world, attempts) * (attempts.end - attempts.start)


def worth_held(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return the worth that each attempt holds with the memory that is kept for it, shape ``(attempts,)``."""
    attempts = history.attempts
    return attempt_share(world, attempts, attempts.memory) * world.classes.worth[world.fleet.node_class[attempts.node]]


def node_seconds(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return what all attempts of the whole run took, also those whose work was lost.

    Returns
    -------
    dict
        `node_seconds`: `attempt_node_seconds`, summed: a large node counts as much as a small one. `worth_seconds`: the
        same times the worth of the node.
    """
    spent, klass = attempt_node_seconds(world, history.attempts), world.fleet.node_class[history.attempts.node]
    return {"node_seconds": float(spent.sum()), "worth_seconds": float(spent @ world.classes.worth[klass])}


def lost_work(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return work that was done and not kept, of attempts that ended within the window.

    Returns
    -------
    dict
        `lost_node_seconds`. `lost_share`: of all node-seconds of those attempts. `interruptions`: attempts that a plan
        stopped. `failures`: that ran out of memory, or were failed by a bad node, a scene or the end of their job.
    """
    attempts = history.attempts
    rows = window_of(world, history).holds(attempts.end)
    share, ended = attempt_share(world, attempts), attempts.outcome
    lost, spent = float((share * attempts.lost)[rows].sum()), attempt_node_seconds(world, attempts)[rows].sum()
    return {
        "lost_node_seconds": lost,
        "lost_share": lost / float(spent) if spent > 0 else 0.0,
        "interruptions": float((rows & (ended == Outcome.INTERRUPTED) & (attempts.stopped >= 0)).sum()),
        "failures": float((rows & ((ended == Outcome.OOM) | (ended == Outcome.FAILED))).sum()),
    }


def loading(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return what scenes took to load, of attempts that ended within the window.

    Returns
    -------
    dict
        `loading_share`: node-seconds of loading over all node-seconds of those attempts.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"frames": [2], "request": [[8, 0, 0, 0, 0]], "startup": [30.0]})
    >>> loading(world, live(world, "fifo"))  # 30 s of the first frame's 60; the second finds the scene loaded
    {'loading_share': 0.3333333333333333}
    """
    attempts = history.attempts
    rows, share = window_of(world, history).holds(attempts.end), attempt_share(world, attempts)
    spent = float(attempt_node_seconds(world, attempts)[rows].sum())
    return {"loading_share": float((share * attempts.loading)[rows].sum()) / spent if spent > 0 else 0.0}


def available_worth(world: FarmWorld, history: FarmHistory, window: Window) -> float:
    """Return the worth-seconds of nodes that were not DOWN within the window, asleep or not."""
    spans = history.spans
    start, end = window.clip(spans.start, spans.end)
    there = spans.state != NodeState.DOWN
    return float(((end - start) * there) @ world.classes.worth[world.fleet.node_class[spans.node]])


def utilisation(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return how full the nodes were within the window, as shares of `available_worth`.

    A node counts with its fullest resource at each instant, times its worth.

    Returns
    -------
    dict
        `useful`: what work needed that was kept; of memory its true peak, or what was kept for it where that is less.
        `reserved`: what was taken, lost work and unused memory included. `available`: worth-seconds.
    """
    window, attempts = window_of(world, history), history.attempts
    available = available_worth(world, history, window)
    needed = np.minimum(world.frames.memory[attempts.frame], attempts.memory)
    useful = _full(world, attempts, needed, window.clip(attempts.start, attempts.end - attempts.lost))
    reserved = _full(world, attempts, attempts.memory, window.clip(attempts.start, attempts.end))
    per = 1 / available if available > 0 else 0.0
    return {"useful": useful * per, "reserved": reserved * per, "available": available}


def full_course(world: FarmWorld, history: FarmHistory) -> tuple[Floats, Floats]:
    """Return the worth reserved over time, each node with its fullest resource: instants, and the level from each on.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"frames": [4]})
    >>> time, level = full_course(world, live(world, "fifo"))
    >>> time.tolist(), level.tolist()
    ([0.0, 60.0], [4.0, 0.0])
    """
    _, time, moved = full_changes(world, history)
    instants, where = np.unique(time, return_inverse=True)
    return instants, np.asarray(np.cumsum(np.bincount(where, moved, len(instants))))


def full_changes(world: FarmWorld, history: FarmHistory) -> tuple[Ints, Floats, Floats]:
    """Return nodes, instants and by how much the worth changes that is reserved there, by the fullest resource."""
    attempts = history.attempts
    node, time, fullest = _fullest(world, attempts, attempts.memory, (attempts.start, attempts.end))
    level = fullest * world.classes.worth[world.fleet.node_class[node]]
    return node, time, np.diff(level, prepend=0.0)


def _full(world: FarmWorld, attempts: PastAttempts, memory: Floats, span: tuple[Floats, Floats]) -> float:
    """Return the worth-seconds of nodes' fullest resources, attempts taking `memory` within `span`."""
    node, time, fullest = _fullest(world, attempts, memory, span)
    lasts = np.where(node[1:] == node[:-1], np.diff(time), 0.0)
    return float((fullest[:-1] * lasts) @ world.classes.worth[world.fleet.node_class[node[:-1]]])


def _fullest(
    world: FarmWorld, attempts: PastAttempts, memory: Floats, span: tuple[Floats, Floats]
) -> tuple[Ints, Floats, Floats]:
    """Return nodes, instants and the share of the fullest resource from each on, in the order of nodes and time."""
    rows = np.flatnonzero(span[1] > span[0])
    node, step, per = attempts.node[rows], attempts.step[rows], _per_offer(world)
    klass = world.fleet.node_class[node]
    time = np.concatenate([span[0][rows], span[1][rows]])
    order = np.lexsort((time, np.tile(node, 2)))
    fullest = np.zeros(len(order))
    for resource in range(RESOURCES):
        taken = memory[rows] if resource == Resource.MEMORY else world.steps.request[step, resource]
        if taken.any():
            share = taken * per[klass, resource]
            np.maximum(fullest, np.cumsum(np.concatenate([share, -share])[order]), out=fullest)
    where = np.tile(node, 2)[order]
    # Sums of fractions may miss 0 and 1 by a rounding.
    fullest[np.append(where[1:] != where[:-1], True)[: len(where)]] = 0.0
    return where, time[order], np.where(fullest < 1e-9, 0.0, np.minimum(fullest, 1.0))
