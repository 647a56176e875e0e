"""Frames in the order they came, each on the node of which the largest share is free."""

from __future__ import annotations

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting

__all__ = ["least_loaded"]


def least_loaded(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Take jobs in order of release; each frame goes to the node of which the largest share is free then.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, steps={"waiting": [2]}, attempts={"node": [0, 0]})
    >>> least_loaded(farm, cost_of(farm), Rules()).starts.node.tolist()
    [1, 1]
    """
    starting = Starting(farm, cost)
    for step in starting.sweep(np.argsort(farm.jobs.release[farm.steps.job], kind="stable")):
        starting.start(step, starting.able[step], choose=starting.room.spread)
    return starting.plan()
