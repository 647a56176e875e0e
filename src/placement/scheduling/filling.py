"""How a policy's wishes become a choice: slots are counted, the impossible waits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.scheduling.snapshot import WAIT, Choice, Snapshot
from placement.units import Bools, Floats, Ints

__all__ = ["deal", "fill"]


def deal(farm: Snapshot, cost: Floats, turn: Callable[[int, int], int]) -> Choice:
    """Give each task one node for good, whatever runs there, and start it when its turn comes on that node.

    Parameters
    ----------
    turn
        (row of the task, how many nodes can run it) -> which of those nodes.
    """
    feasible = np.isfinite(cost)
    nodes_of: dict[bytes, Ints] = {}
    free, choice = farm.free_slots(), np.full(farm.tasks, WAIT, np.int64)
    for row in farm.waiting().tolist():
        key = feasible[row].tobytes()
        if key not in nodes_of:
            nodes_of[key] = np.flatnonzero(feasible[row][farm.node_class])
        if not len(nodes_of[key]):
            continue
        node = int(nodes_of[key][turn(row, len(nodes_of[key]))])
        if free[node] > 0:
            choice[row], free[node] = node, free[node] - 1
    return Choice(choice)


def fill(farm: Snapshot, cost: Floats, rank: Callable[[Ints], Ints]) -> Choice:
    """Start waiting tasks in order of arrival, each on the first node of `rank` that is free and can run it.

    Parameters
    ----------
    rank
        Number of tasks each node was given in this very choice, shape ``(nodes,)`` -> nodes, most wanted first.
    """
    feasible = np.isfinite(cost)
    free, given = farm.free_slots(), np.zeros(farm.nodes, np.int64)
    choice = np.full(farm.tasks, WAIT, np.int64)
    for row in farm.waiting().tolist():
        if not (free > 0).any():
            break
        ranked = rank(given)
        open_: Bools = (free > 0)[ranked] & feasible[row][farm.node_class[ranked]]
        if open_.any():
            node = int(ranked[int(open_.argmax())])
            choice[row], free[node], given[node] = node, free[node] - 1, given[node] + 1
    return Choice(choice)
