"""What frames are worth that clients hold and could hold: normalised capacity, by the dominant resource of a frame."""

from __future__ import annotations

import numpy as np

from placement.farm.clients import Clients
from placement.farm.machines import RESOURCES, NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.units import Floats, Ints

__all__ = ["aggregated", "demand", "dominant_share", "free", "held", "used"]

#: A frame counts as fitting when it does up to rounding.
_ROUNDING = 1e-9


def dominant_share(request: Floats, offer: Floats) -> Floats:
    """Return the largest share of a node that a request takes in any resource, broadcast over leading axes.

    Parameters
    ----------
    request, offer
        Shape ``(…, resources)``.

    Examples
    --------
    >>> dominant_share(np.array([[2.0, 8.0, 0.0, 0.0, 0.0]]), np.array([[8.0, 16.0, 0.0, 0.0, 1.0]])).tolist()
    [0.5]
    """
    least = np.finfo(float).eps
    share = request[..., 0] / np.maximum(offer[..., 0], least)
    for resource in range(1, RESOURCES):
        if request[..., resource].any():
            share = np.maximum(share, request[..., resource] / np.maximum(offer[..., resource], least))
    return np.asarray(share)


def held(farm: FarmSnapshot) -> Floats:
    """Return the worth that each attempt holds, shape ``(attempts,)``."""
    where = farm.nodes.node_class[farm.attempts.node]
    return np.asarray(farm.share_of_node()[farm.attempts.step, where] * farm.classes.worth[where])


def _summed(rows: Ints, amounts: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(rows, amounts, count), np.float64)


def aggregated(clients: Clients, column: Floats) -> Floats:
    """Return a column in which what children have is added to what their parents have, shape ``(clients,)``."""
    total = column.astype(float)
    for row in range(clients.count - 1, -1, -1):
        if clients.parent[row] >= 0:
            total[clients.parent[row]] += total[row]
    return total


def used(farm: FarmSnapshot) -> Floats:
    """Return the worth that running attempts of each client and of its projects hold, shape ``(clients,)``."""
    client = farm.jobs.client[farm.steps.job[farm.attempts.step]]
    return aggregated(farm.clients, _summed(client, held(farm), farm.clients.count))


def free(farm: FarmSnapshot) -> float:
    """Return the worth of what is free on nodes that take work or can be woken: each counts with its fullest resource.

    It is not the farm's worth less what clients hold, each frame by its dominant resource: frames that take memory and
    frames that take cores share nodes, so that together clients may hold more than the farm is worth.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> farm = snapshot_of(steps={"request": [[6, 1024, 0, 0, 0], [1, 24576, 0, 0, 0]]},
    ...                    nodes={"node_class": [0, 0]}, attempts={"node": [0, 0], "step": [0, 1]})
    >>> farm.worth(), used(farm).tolist(), free(farm)
    (16.0, [12.0], 9.0)
    """
    kind, there = farm.nodes.node_class, farm.classes.offer > 0
    share = farm.nodes.free / np.where(there, farm.classes.offer, 1.0)[kind]
    least = np.where(there[kind], share, 1.0).min(axis=1, initial=1.0)
    able = ~np.isin(farm.nodes.state, (NodeState.DOWN, NodeState.DRAINING))
    return float((able * np.maximum(least, 0.0)) @ farm.classes.worth[kind])


def demand(farm: FarmSnapshot, cost: Cost) -> Floats:
    """Return the worth that each client could hold now: what it holds, and what its ready frames could use.

    A waiting frame counts with the mean worth that it would hold on the nodes that can run it. A step counts no more
    frames than fit on those nodes, a client no more frames per licence than licences are free; held jobs and frames
    that wait for another step count nothing.

    Returns
    -------
    Floats
        Shape ``(clients,)``, aggregated up.
    """
    steps, jobs = farm.steps, farm.jobs
    rows = np.flatnonzero((steps.waiting > 0) & ~jobs.held[steps.job])
    share = farm.share_of_node()[rows]
    able = cost.able[rows] & (share <= 1 + _ROUNDING) & (share > 0)
    each = np.where(able, share, 1.0)
    frames = np.where(able, np.floor(1 / each + _ROUNDING), 0.0) * farm.capacity()
    fit = frames.sum(axis=1)
    worth = (frames * each) @ farm.classes.worth / np.maximum(fit, 1.0)
    ready = np.minimum(steps.waiting[rows], np.maximum(fit - steps.running[rows], 0.0))
    client = jobs.client[steps.job[rows]]
    ready = ready * _licensed(farm, ready, client, steps.licence[rows])
    return np.asarray(used(farm) + aggregated(farm.clients, _summed(client, ready * worth, farm.clients.count)))


def _licensed(farm: FarmSnapshot, ready: Floats, client: Ints, licence: Ints) -> Floats:
    """Return the share of ready frames that free licences allow, per step."""
    count, needs = len(farm.licences), licence >= 0
    if not needs.any():
        return np.ones(len(ready))
    pair = client * count + np.where(needs, licence, 0)
    asked = np.bincount(pair, ready * needs, farm.clients.count * count)
    allowed = np.minimum(1.0, np.tile(farm.licences, farm.clients.count) / np.maximum(asked, 1.0))
    return np.where(needs, allowed[pair], 1.0)
