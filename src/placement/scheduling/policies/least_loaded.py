"""Least loaded: the next task goes to the node with the smallest share of its slots in use, then the fewest so far."""

from __future__ import annotations

import numpy as np

from placement.scheduling.filling import fill
from placement.scheduling.snapshot import Choice, Snapshot
from placement.units import Floats

__all__ = ["least_loaded"]


def least_loaded(farm: Snapshot, cost: Floats) -> Choice:
    """Start tasks in order of arrival where the load is least; speed plays no part.

    Examples
    --------
    >>> import numpy as np
    >>> from placement.testing.farms import farm_of
    >>> least_loaded(farm_of(node_class=[0, 0], node_slots=[1, 4], tasks=3), np.ones((3, 1))).node.tolist()
    [0, 1, 1]
    """
    busy = farm.node_slots - farm.free_slots()
    return fill(farm, cost, lambda given: np.lexsort((farm.node_started + given, (busy + given) / farm.node_slots)))
