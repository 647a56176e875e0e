"""Round robin, the textbook one: tasks are dealt to the nodes in turn and queue there."""

from __future__ import annotations

from placement.scheduling.filling import deal
from placement.scheduling.snapshot import Choice, Snapshot
from placement.units import Floats

__all__ = ["round_robin"]


def round_robin(farm: Snapshot, cost: Floats) -> Choice:
    """Start task number i on the i-th, modulo their number, of the nodes that can run it, when a slot is free there.

    Examples
    --------
    >>> import numpy as np
    >>> from placement.testing.farms import farm_of
    >>> round_robin(farm_of(node_class=[0, 0], tasks=3), np.ones((3, 1))).node.tolist()
    [0, 1, -1]
    """
    return deal(farm, cost, lambda row, nodes: int(farm.task_index[row]) % nodes)
