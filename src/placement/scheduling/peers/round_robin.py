"""Frames in the order they came, to nodes in turn."""

from __future__ import annotations

from functools import partial

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting

__all__ = ["round_robin"]


def round_robin(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Deal frames, jobs in order of release, to the nodes in turn; a node without room is passed over.

    Whose turn it is follows from how many frames were ever started of the jobs that are there.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0, 0]}, steps={"waiting": [2], "done": [2]})
    >>> sorted(round_robin(farm, cost_of(farm), Rules()).starts.node.tolist())
    [0, 2]
    """
    starting, steps, nodes = Starting(farm, cost), farm.steps, np.arange(farm.nodes.count)
    turn = int(steps.done.sum() + steps.running.sum())
    for step in starting.sweep(np.argsort(farm.jobs.release[steps.job], kind="stable")):
        key = ((nodes - turn) % len(nodes)).astype(float)
        turn += starting.start(step, starting.able[step], choose=partial(starting.room.deal, key=key))
    return starting.plan()
