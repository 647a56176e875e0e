"""Earliest finish: each task in order of arrival goes where it is expected to end first, counting what runs there."""

from __future__ import annotations

import numpy as np

from placement.scheduling.snapshot import WAIT, Choice, Snapshot
from placement.units import Floats

__all__ = ["earliest_finish"]


def earliest_finish(farm: Snapshot, cost: Floats) -> Choice:
    """Plan every waiting task on the slot that ends it first, and start those whose slot is free now.

    Minimum completion time, a list heuristic for unrelated machines: Ibarra and Kim, "Heuristic algorithms for
    scheduling independent tasks on nonidentical processors", Journal of the ACM 24 (1977).

    Examples
    --------
    >>> import numpy as np
    >>> from placement.testing.farms import farm_of
    >>> farm = farm_of(node_class=[0, 1], tasks=3)
    >>> earliest_finish(farm, np.array([[9.0, 1.0]] * 3)).node.tolist()
    [1, -1, -1]
    """
    slot_node, free_at = farm.slot_free_at(cost)
    left, choice = int(farm.free_slots().sum()), np.full(farm.tasks, WAIT, np.int64)
    slot_class = farm.node_class[slot_node]
    untouched = np.arange(len(slot_node)) < left
    for row in farm.waiting().tolist():
        if not left:
            break
        end = free_at + cost[row, slot_class]
        slot = int(end.argmin())
        if not np.isfinite(end[slot]):
            continue
        if untouched[slot]:
            choice[row], untouched[slot], left = slot_node[slot], False, left - 1
        free_at[slot] = end[slot]
    return Choice(choice)
