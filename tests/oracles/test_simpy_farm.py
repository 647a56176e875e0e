"""The farm in virtual time against SimPy: dealt queues give the same history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from placement.scheduling.policies.round_robin import round_robin
from placement.simulator.farm import simulate
from placement.simulator.world import World
from tests.contracts.farms import worlds

simpy = pytest.importorskip("simpy")


def dealt_by_simpy(world: World) -> dict[int, tuple[float, float]]:
    """Return start and end of every task when each queues, first come first served, at the node it is dealt to."""
    farm, history = simpy.Environment(), {}
    nodes = [simpy.Resource(farm, capacity=int(slots)) for slots in world.node_slots]

    def run(task: int) -> Iterator[Any]:
        able = np.flatnonzero(np.isfinite(world.true_time[task, world.node_class]))
        node = int(able[task % len(able)])
        yield farm.timeout(float(world.task_release[task]))
        with nodes[node].request() as turn:
            yield turn
            start = farm.now
            yield farm.timeout(float(world.true_time[task, world.node_class[node]]))
            history[task] = (start, farm.now)

    for task in range(world.tasks):
        farm.process(run(task))
    farm.run()
    return history


@settings(max_examples=60)
@given(world=worlds())
def test_round_robin_is_what_simpy_makes_of_dealt_queues(world: World) -> None:
    expected = dealt_by_simpy(world)

    history = simulate(world, round_robin, lambda finished: world.true_time)

    got = {int(t): (float(s), float(e)) for t, s, e in zip(history.task, history.start, history.end, strict=True)}
    assert got.keys() == expected.keys()
    assert np.allclose([got[task] for task in sorted(got)], [expected[task] for task in sorted(got)])
