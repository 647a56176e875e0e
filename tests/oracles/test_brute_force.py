"""Tiny instances solved by trying everything: no bound lies above the best schedule, no policy below it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from placement.evaluation.bounds import makespan_bound, node_seconds_bound
from placement.evaluation.contestants import CONTESTANTS
from placement.evaluation.metrics import makespan, node_seconds
from placement.simulator.farm import simulate
from placement.simulator.world import World
from placement.testing.farms import world_of
from tests.contracts.farms import worlds


def best_schedule(world: World, longest: float = np.inf) -> tuple[float, float]:
    """Return the least makespan, and the fewest node-seconds of schedules no longer than `longest`.

    Everything is released at once, so a schedule is an assignment of tasks to slots.
    """
    slots = np.repeat(np.arange(world.nodes), world.node_slots)
    shortest, fewest = np.inf, np.inf
    for assigned in product(range(len(slots)), repeat=world.tasks):
        seconds = world.true_time[np.arange(world.tasks), world.node_class[slots[list(assigned)]]]
        end = np.bincount(assigned, seconds, len(slots)).max()
        shortest = min(shortest, end)
        if end <= longest * (1 + 1e-9):
            fewest = min(fewest, seconds.sum())
    return shortest, fewest


def released_at_once(world: World) -> World:
    return world_of(true_time=world.true_time, node_class=world.node_class, task_group=world.task_group)


@settings(max_examples=30)
@given(world=worlds(most_tasks=5, slots=1).map(released_at_once))
def test_no_schedule_beats_the_bounds(world: World) -> None:
    shortest, _ = best_schedule(world)

    assert makespan_bound(world) <= shortest * (1 + 1e-9)
    assert node_seconds_bound(world) <= node_seconds_bound(world, shortest) * (1 + 1e-6)
    assert node_seconds_bound(world, shortest) <= best_schedule(world, shortest)[1] * (1 + 1e-6)


@settings(max_examples=30)
@given(world=worlds(most_tasks=5, slots=1).map(released_at_once))
def test_no_policy_beats_the_best_schedule_and_the_clairvoyant_is_near_it(world: World) -> None:
    shortest, _ = best_schedule(world)

    for contestant in CONTESTANTS.values():
        history = simulate(world, contestant.policy, lambda finished: world.true_time)
        assert makespan(world, history) >= shortest * (1 - 1e-9)
        assert node_seconds(world, history) >= node_seconds_bound(world) * (1 - 1e-9)
    history = simulate(world, CONTESTANTS["clairvoyant"].policy, lambda finished: world.true_time)
    assert makespan(world, history) <= 2 * shortest


@pytest.mark.parametrize("tasks", [60, 150])
def test_with_perfect_forecasts_placement_is_within_a_tenth_of_the_bound(tasks: int) -> None:
    chance = np.random.default_rng(tasks)
    speed, size = chance.uniform(1, 6, (8, 4)), chance.lognormal(1, 0.4, tasks)
    group = chance.integers(8, size=tasks)
    world = world_of(true_time=size[:, None] * speed[group], node_class=[0, 0, 1, 2, 3, 3], task_group=group)

    history = simulate(world, CONTESTANTS["clairvoyant"].policy, lambda finished: world.true_time)

    assert makespan(world, history) <= 1.1 * makespan_bound(world)
