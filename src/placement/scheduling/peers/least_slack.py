"""Least slack first, by mean forecasts, each frame on the fastest node class that has room."""

from __future__ import annotations

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Reason
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting
from placement.units import Floats

__all__ = ["least_slack"]


def least_slack(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Take jobs in order of slack; frames go to the class that is fastest for them and has room.

    Slack is what is left until the deadline beyond the mean time that the job's longest chain of steps takes if it has
    the whole farm to itself: spread of forecasts, other jobs and shares are not looked at.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"job": [0, 1], "waiting": [8, 8]}, jobs={"deadline": [900.0, 950.0]})
    >>> long = cost_of(farm, [[60.0], [500.0]])
    >>> set(least_slack(farm, long, Rules()).starts.step.tolist())
    {1}
    """
    starting, job = Starting(farm, cost), farm.steps.job
    slack = farm.jobs.deadline - farm.now - _alone(farm, cost)
    fastest, kinds = np.argsort(cost.seconds, axis=1, kind="stable"), np.eye(len(farm.classes.names), dtype=bool)
    for step in starting.sweep(np.lexsort((farm.jobs.release[job], slack[job]))):
        for klass in fastest[step].tolist():
            if not starting.left[step]:
                break
            starting.start(step, kinds[klass], reason=Reason.URGENT)
    return starting.plan()


def _alone(farm: FarmSnapshot, cost: Cost) -> Floats:
    """Return seconds that each job still takes on the whole farm, by its longest chain of steps, shape ``(jobs,)``."""
    share = np.maximum(farm.share_of_node(), 1e-9)
    slots = np.where(cost.able, farm.capacity() * np.floor(1 / share + 1e-9), 0.0).sum(axis=1)
    waves = np.ceil(farm.steps.left / np.maximum(slots, 1.0))
    own = waves * np.where(cost.able.any(axis=1), cost.seconds.min(axis=1, initial=np.inf), 0.0)
    chain, after = own.tolist(), farm.steps.after.tolist()
    below = [0.0] * len(chain)
    for row in range(len(chain) - 1, -1, -1):
        chain[row] += below[row]
        if after[row] >= 0:
            below[after[row]] = max(below[after[row]], chain[row])
    longest = np.zeros(farm.jobs.count)
    np.maximum.at(longest, farm.steps.job, np.array(chain))
    return longest
