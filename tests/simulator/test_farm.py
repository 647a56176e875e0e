"""The farm in virtual time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from placement.errors import InvalidInput
from placement.scheduling.policies.fifo import fifo
from placement.scheduling.snapshot import WAIT, Choice, Snapshot
from placement.simulator.farm import History, simulate
from placement.simulator.world import World
from placement.testing.farms import world_of
from placement.units import Floats
from tests.contracts.farms import worlds


@given(world=worlds())
def test_one_world_has_one_history(world: World) -> None:
    first, again = (simulate(world, fifo, lambda finished: world.true_time) for _ in range(2))

    assert first.task.tobytes() == again.task.tobytes()
    assert first.end.tobytes() == again.end.tobytes()


def test_the_policy_sees_beliefs_and_what_happened_not_the_truth() -> None:
    world = world_of(true_time=[[2.0], [3.0], [4.0]], node_class=[0], task_group=[0, 0, 1])
    seen: list[tuple[float, list[int], list[int], list[float]]] = []

    def watching(farm: Snapshot, cost: Floats) -> Choice:
        rows = farm.task_index.tolist()
        seen.append((farm.now, rows, farm.task_siblings.tolist(), cost[:, 0].tolist()))
        return fifo(farm, cost)

    def belief(finished: History) -> Floats:
        return np.full((3, 1), 100.0 + len(finished.task))

    simulate(world, watching, belief)

    assert seen == [
        (0.0, [0, 1, 2], [0, 0, 0], [100.0] * 3),
        (2.0, [1, 2], [1, 0], [101.0] * 2),
        (5.0, [2], [0], [102.0]),
    ]


def test_nothing_is_asked_while_nothing_waits_or_every_slot_is_taken() -> None:
    world = world_of(true_time=[[2.0], [2.0]], node_class=[0], task_release=[0.0, 1.0])
    asked: list[float] = []

    def watching(farm: Snapshot, cost: Floats) -> Choice:
        asked.append(farm.now)
        return fifo(farm, cost)

    simulate(world, watching, lambda finished: world.true_time)

    assert asked == [0.0, 2.0]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ([0, 0, WAIT], "task 1 was started on node 0, which has no free slot"),
        ([1, WAIT, WAIT], "task 0 was started on node 1, which cannot run it"),
        ([0], "choice has shape"),
        ([WAIT, WAIT, WAIT], "left 3 tasks waiting for ever"),
    ],
)
def test_an_impossible_choice_is_refused(choice: list[int], message: str) -> None:
    world = world_of(true_time=[[1.0, np.inf]] * 3, node_class=[0, 1])

    with pytest.raises(InvalidInput, match=message):
        simulate(world, lambda farm, cost: Choice(np.array(choice)), lambda finished: world.true_time)


def test_a_running_task_cannot_be_started_again() -> None:
    world = world_of(true_time=[[1.0]] * 2, node_class=[0, 0], task_release=[0.0, 0.5])

    def stubborn(farm: Snapshot, cost: Floats) -> Choice:
        return Choice(np.arange(farm.tasks)[::-1].copy())

    with pytest.raises(InvalidInput, match="task 0 was started on node 1 while it runs on node 0"):
        simulate(world, stubborn, lambda finished: world.true_time)


def test_an_empty_world_has_an_empty_history() -> None:
    world = world_of(true_time=np.zeros((0, 1)), node_class=[0])

    assert len(simulate(world, fifo, lambda finished: world.true_time).task) == 0
