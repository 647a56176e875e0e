"""When room comes free, against an oracle that lets attempts end one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.releases import Releases
from tests.contracts.planner_farms import whole_farms


def slow_earliest(farm: FarmSnapshot, cost: Cost, step: int, node: int) -> float:
    """When one frame of a step has room on a node."""
    attempts, kind = farm.attempts, farm.nodes.node_class[node]
    if farm.nodes.state[node] != NodeState.UP or not cost.able[step, kind]:
        return np.inf
    ending = []
    for row in np.flatnonzero(attempts.node == node):
        took = cost.seconds[attempts.step[row], kind] / farm.classes.speed[kind, attempts.mode[row]]
        left = attempts.started[row] + took * (1 - attempts.saved[row])
        ending.append((max(float(left), farm.now), farm.steps.request[attempts.step[row]]))
    free, when = farm.nodes.free[node].copy(), farm.now
    for end, request in sorted(ending, key=lambda each: each[0]):
        if (free >= farm.steps.request[step] - 1e-6).all():
            break
        free, when = free + request, end
    return float(when) if (free >= farm.steps.request[step] - 1e-6).all() else np.inf


@settings(max_examples=100)
@given(whole_farms())
def test_the_earliest_room_on_every_node_is_that_of_the_oracle(drawn: tuple[FarmSnapshot, Cost]) -> None:
    farm, cost = drawn
    releases = Releases(farm, cost)

    for step in range(farm.steps.count):
        when = releases.earliest(farm.steps.request[step], cost.able[step], farm.nodes.free)
        expected = [slow_earliest(farm, cost, step, node) for node in range(farm.nodes.count)]
        assert when == pytest.approx(np.array(expected))
