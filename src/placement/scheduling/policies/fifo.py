"""First in, first out: the next task goes to any node that is idle and can run it, longest idle first."""

from __future__ import annotations

import numpy as np

from placement.scheduling.filling import fill
from placement.scheduling.snapshot import Choice, Snapshot
from placement.units import Floats

__all__ = ["fifo"]


def fifo(farm: Snapshot, cost: Floats) -> Choice:
    """Start tasks in order of arrival, cyclically over the free nodes: round robin that never lets a node idle.

    Examples
    --------
    >>> import numpy as np
    >>> from placement.testing.farms import farm_of
    >>> fifo(farm_of(node_class=[0, 0], tasks=3), np.ones((3, 1))).node.tolist()
    [0, 1, -1]
    """
    return fill(farm, cost, lambda given: np.lexsort((farm.node_idle_since, given)))
