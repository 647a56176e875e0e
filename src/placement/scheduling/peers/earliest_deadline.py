"""Earliest deadline first, each frame on the fastest node class that has room."""

from __future__ import annotations

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Reason
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting

__all__ = ["earliest_deadline"]


def earliest_deadline(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Take jobs in order of deadline (then of release); frames go to the class that is fastest for them and has room.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"job": [0, 1], "waiting": [8, 8]}, jobs={"deadline": [np.inf, 900.0]})
    >>> set(earliest_deadline(farm, cost_of(farm), Rules()).starts.step.tolist())
    {1}
    """
    starting, job = Starting(farm, cost), farm.steps.job
    fastest, kinds = np.argsort(cost.seconds, axis=1, kind="stable"), np.eye(len(farm.classes.names), dtype=bool)
    for step in starting.sweep(np.lexsort((farm.jobs.release[job], farm.jobs.deadline[job]))):
        for klass in fastest[step].tolist():
            if not starting.left[step]:
                break
            starting.start(step, kinds[klass], reason=Reason.URGENT)
    return starting.plan()
