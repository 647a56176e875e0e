"""Random: every task gets a node that can run it by a toss made with the world, and waits for that node."""

from __future__ import annotations

from placement.scheduling.filling import deal
from placement.scheduling.snapshot import Choice, Snapshot
from placement.units import Floats

__all__ = ["random"]


def random(farm: Snapshot, cost: Floats) -> Choice:
    """Start each task on the node its `task_chance` names, when a slot is free there.

    Examples
    --------
    >>> import numpy as np
    >>> from placement.testing.farms import farm_of
    >>> farm = farm_of(node_class=[0, 0], task_chance=[0.9, 0.1])
    >>> random(farm, np.ones((2, 1))).node.tolist()
    [1, 0]
    """
    return deal(farm, cost, lambda row, nodes: int(farm.task_chance[row] * nodes))
