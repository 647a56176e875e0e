"""Any frame on any node that has room, by lot."""

from __future__ import annotations

from functools import partial

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting, lots

__all__ = ["random"]


def random(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Take steps in random order, and deal the frames of each to nodes in random order.

    The lots follow from the instant and the names of step and node: the same snapshot gives the same plan.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0, 0]}, steps={"waiting": [2]})
    >>> len(set(random(farm, cost_of(farm), Rules()).starts.node.tolist()))
    2
    """
    starting, steps, nodes = Starting(farm, cost), farm.steps, np.arange(farm.nodes.count)
    for step in starting.sweep(np.argsort(lots(farm.now, steps.index), kind="stable")):
        key = lots(farm.now, nodes, stream=int(steps.index[step]) + 1)
        starting.start(step, starting.able[step], choose=partial(starting.room.deal, key=key))
    return starting.plan()
