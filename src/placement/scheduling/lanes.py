"""How many places work lacks that is in danger or guaranteed, and whose frames are too large to find one."""

from __future__ import annotations

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["bulky", "crowded_out", "lanes"]

#: Times the usual frame that a frame is at least which has places kept, and in its turn; docs/urgency.md measures both.
_LARGE, _LARGER = 2.0, 1.2
_LOOK = 4  #: steps of each client looked at: each costs a look at all nodes


def lanes(farm: FarmSnapshot, cost: Cost, asking: Bools, due: Floats) -> Ints:
    """Return how many more frames of each step must run at once to be done in the time that is left.

    In whole waves of its expected time on its fastest class.

    Parameters
    ----------
    asking
        Steps that may lack any, shape ``(steps,)``; the others lack nothing.
    due
        Seconds from now by which each job must be done, shape ``(jobs,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"waiting": [30]})
    >>> lanes(farm, cost_of(farm, 60.0), np.array([True]), np.array([1200.0])).tolist()
    [2]
    """
    steps = farm.steps
    seconds = np.where(cost.able, cost.seconds, np.inf).min(axis=1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        waves = np.maximum(np.floor(due[steps.job] / seconds), 1.0)
    there = asking & np.isfinite(seconds) & np.isfinite(waves)
    need = np.ceil((steps.waiting + steps.running) / np.where(there, waves, 1.0)) - steps.running
    return np.where(there, np.clip(need, 0, steps.waiting), 0).astype(np.int64)


def bulky(farm: FarmSnapshot, cost: Cost, wait: Seconds, turn: Bools | None = None) -> Bools:
    """Tell whose frames do not find places because of their size, shape ``(steps,)``.

    Frames that follow each other on a node never leave room for one that is larger than they are. A frame is large
    where it takes twice what those that run on its classes take of a resource on average, or a fifth more if all that
    ranks before it is under way; its step has waited `wait` seconds for the first place, or has one and goes on asking.

    Parameters
    ----------
    turn
        Steps whose turn it is, as `placement.scheduling.overtaking.in_turn` says, shape ``(steps,)``; None: none's.
    """
    size = _LARGE if turn is None else np.where(turn, _LARGER, _LARGE)[:, None]
    kind, request = farm.nodes.node_class[farm.attempts.node], farm.steps.request
    there, large = cost.able & (farm.capacity() > 0), np.zeros(farm.steps.count, bool)
    for resource in np.flatnonzero((request > 0).any(axis=0)).tolist():
        taken = request[farm.attempts.step, resource]
        count = np.bincount(kind, taken > 0, len(farm.classes.names))
        usual = np.bincount(kind, taken, len(count)) / np.maximum(count, 1)
        least = np.where(count > 0, size * usual, np.inf)
        large |= ((request[:, resource, None] >= least) | ~there).all(axis=1)
    waits = (farm.now - farm.steps.since >= wait) | (farm.steps.running > 0)
    return np.asarray(large & there.any(axis=1) & waits & (farm.steps.waiting > 0))


def crowded_out(farm: FarmSnapshot, cost: Cost, order: Ints, short: Floats) -> Ints:
    """Return for how many frames that clients are guaranteed no node has room, shape ``(steps,)``.

    What a client is short of goes to its steps in `order`. A step lacks the frames of its part that do not fit on the
    nodes that can run it, as they are: smaller frames of others, that could run elsewhere, take what becomes free.

    Parameters
    ----------
    order
        Rows of steps that may start, first ones first.
    short
        Worth that each client holds less than it is guaranteed, shape ``(clients,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, attempts={"node": [0, 1], "step": [1, 1]},
    ...                    steps={"request": [[8, 1024, 0, 0, 0], [1, 1024, 0, 0, 0]], "waiting": [3, 0]})
    >>> crowded_out(farm, cost_of(farm), np.array([0]), np.array([17.0])).tolist()
    [2, 0]
    """
    left, lacks, steps = short.copy(), np.zeros(farm.steps.count, np.int64), farm.steps
    there, client = cost.able & (farm.capacity() > 0), farm.jobs.client[steps.job]
    worth = np.where(there, farm.share_of_node() * farm.classes.worth, np.inf).min(axis=1, initial=np.inf)
    some = order[(steps.waiting[order] > 0) & (worth[order] <= short[client[order]])]
    up, looks = farm.nodes.state == NodeState.UP, np.full(farm.clients.count, _LOOK)
    for row in some.tolist():
        if looks[client[row]] <= 0 or left[client[row]] < worth[row]:
            continue
        looks[client[row]] -= 1
        part = min(int(left[client[row]] / worth[row] + 1e-9), int(steps.waiting[row]))
        left[client[row]] -= part * worth[row]
        free = farm.nodes.free[up & there[row][farm.nodes.node_class]]
        takes = np.flatnonzero(steps.request[row] > 0)
        fit = np.floor((free[:, takes] / steps.request[row, takes]).min(axis=1, initial=np.inf) + 1e-9)
        lacks[row] = max(part - int(min(fit.sum(), part)), 0)
    return lacks
