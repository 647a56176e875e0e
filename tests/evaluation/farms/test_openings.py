"""Room on single nodes: against a look at each node and attempt, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.evaluation.farms.demand import queue_of, requests, roots_of
from placement.evaluation.farms.openings import openings
from placement.evaluation.farms.usage import worth_held
from placement.farm.machines import NodeState, Resource
from placement.scheduling.plan import Planner
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory
from tests.simulator.farm_worlds import first_fit, restless, troubled_world


def room_of(world: FarmWorld, history: FarmHistory, row: int, at: float) -> dict[int, list[float]]:
    """What is free on each node that is there, or held by others who hold more than their guarantee."""
    attempts, spans, root = history.attempts, history.spans, roots_of(world.clients.parent)
    room = {
        int(node): world.classes.offer[world.fleet.node_class[node]].tolist()
        for node, state, start, end in zip(spans.node, spans.state, spans.start, spans.end, strict=True)
        if start <= at < end and state not in (NodeState.DOWN, NodeState.DRAINING)
    }
    farm = sum(world.classes.worth[world.fleet.node_class[node]] for node in room)
    runs = np.flatnonzero((attempts.start <= at) & (at < attempts.end))
    owner = root[world.jobs.client[world.steps.job[attempts.step]]]
    for one in runs.tolist():
        holds = worth_held(world, history)[runs][owner[runs] == owner[one]].sum()
        if owner[one] != row and holds > world.clients.guarantee[owner[one]] * farm + 1e-9:
            continue
        takes = world.steps.request[attempts.step[one]].tolist()
        takes[Resource.MEMORY] = attempts.memory[one]
        if int(attempts.node[one]) in room:
            here = room[int(attempts.node[one])]
            room[int(attempts.node[one])] = [have - took for have, took in zip(here, takes, strict=True)]
    return room


def looked_at(world: FarmWorld, history: FarmHistory, row: int, at: float) -> float:
    """The worth of ready frames that fit into that room, step by step."""
    queue, root, total = queue_of(world, history), roots_of(world.clients.parent), 0.0
    wants, room = requests(world, history), room_of(world, history, row, at)
    for step in range(len(world.steps.job)):
        entries = np.flatnonzero((queue.step == step) & (queue.time <= at))
        if root[world.jobs.client[world.steps.job[step]]] != row or not len(entries):
            continue
        fits = 0
        for node, have in room.items():
            if np.isfinite(world.steps.seconds[step, world.fleet.node_class[node]]):
                parts = [each / takes for each, takes in zip(have, wants[step], strict=True) if takes > 0]
                fits += int(np.floor(min(parts) + 1e-9))
        total += min(queue.ready[entries[-1]], fits) * queue.each[entries[-1]]
    return total


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([restless, first_fit]))
def test_openings_against_a_look_at_every_node(seed: int, planner: Planner) -> None:
    world = troubled_world(seed)
    history = run_farm(world, planner, Rules(), learned, until=2000.0)
    instants = np.unique(np.concatenate([history.attempts.start, history.attempts.end, [0.0, history.end]]))
    at = ((instants[1:] + instants[:-1]) / 2)[:: max(len(instants) // 8, 1)]

    for row in np.flatnonzero(world.clients.parent < 0).tolist():
        expected = [looked_at(world, history, row, each) for each in at.tolist()]
        assert openings(world, history, row, at) == pytest.approx(np.array(expected), abs=1e-6)
        assert openings(world, history, row, at, 3.0) == pytest.approx(np.minimum(expected, 3.0), abs=1e-6)
