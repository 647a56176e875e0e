"""EASY backfill as in Slurm: by priority, a reservation for the head of the queue, and what ends before it jumps in."""

from __future__ import annotations

from functools import partial

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Reason
from placement.scheduling.releases import Releases
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting
from placement.units import Ints

__all__ = ["easy_backfill"]


def easy_backfill(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Start frames by their jobs' priority, then release; the first that finds no room gets a node reserved.

    The node is the one that will have room for it first, by the run times that `cost` gives: users' estimates, to be
    like Slurm. Later frames start anywhere else, and on that node if they end before the reservation begins. Jobs that
    wait for a licence or for their client's limit do not hold up the queue.

    References
    ----------
    Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> request = [[8, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    >>> farm = snapshot_of(steps={"job": [0, 1, 2], "waiting": [1, 9, 9], "request": request},
    ...                    attempts={"step": [2], "node": [0]})
    >>> plan = easy_backfill(farm, cost_of(farm, [[60.0], [90.0], [50.0]]), Rules())
    >>> plan.reserved.tolist(), sorted(set(plan.starts.step.tolist()))
    ([0], [2])
    """
    starting, job = Starting(farm, cost), farm.steps.job
    order = np.lexsort((farm.jobs.release[job], -farm.jobs.priority[job]))
    head = _until_blocked(starting, order)
    reserved = np.full(farm.nodes.count, -1)
    if head == len(order):
        return starting.plan(reserved)
    step = int(order[head])
    when = Releases(farm, cost).earliest(farm.steps.request[step], starting.able[step], starting.room.free)
    node = int(when.argmin())
    kept = np.arange(farm.nodes.count) != node
    if not np.isfinite(when[node]):
        kept[node] = True
    else:
        reserved[node] = step
    in_time = farm.now + cost.seconds[:, farm.nodes.node_class[node]] <= when[node]
    for row in starting.sweep(order[head:]):
        among = None if in_time[row] else kept
        starting.start(row, starting.able[row], choose=partial(starting.room.best_fit, among=among),
                       reason=Reason.BACKFILL)  # fmt: skip
    return starting.plan(reserved)


def _until_blocked(starting: Starting, order: Ints) -> int:
    """Start steps in order; return the place of the first that has frames which only want for room, or the end."""
    for place, step in enumerate(order.tolist()):
        if not starting.left[step]:
            continue
        starting.start(step, starting.able[step])
        possible = starting.able[step]
        if any(starting.allowed(step, klass) for klass in np.flatnonzero(possible).tolist()):
            return place
    return len(order)
