"""First in, first out: frames in the order they came, on the first node that has room."""

from __future__ import annotations

from functools import partial

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting

__all__ = ["fifo"]


def fifo(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Take jobs in order of release; a frame goes to the first node, by its row, that has room for it (first fit).

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, steps={"job": [0, 1], "waiting": [6, 6]},
    ...                    jobs={"release": [5.0, 0.0]})
    >>> fifo(farm, cost_of(farm), Rules()).starts.step.tolist()
    [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    """
    starting, row = Starting(farm, cost), np.arange(farm.nodes.count, dtype=float)
    for step in starting.sweep(np.argsort(farm.jobs.release[farm.steps.job], kind="stable")):
        starting.start(step, starting.able[step], choose=partial(starting.room.best_fit, key=row))
    return starting.plan()
