"""Tentative timetables."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from placement.scheduling.slot_plan import SlotPlan, improve, longest_first


@given(seed=st.integers(0, 10_000), tasks=st.integers(0, 12), slots=st.integers(1, 4))
def test_improving_never_ends_later_and_keeps_the_books(seed: int, tasks: int, slots: int) -> None:
    chance = np.random.default_rng(seed)
    cost, slot_class = chance.uniform(1, 9, (tasks, 2)), chance.integers(2, size=slots)
    free_at, task_class = chance.uniform(0, 5, slots), chance.choice(slot_class, tasks)
    plan = longest_first(task_class, cost, slot_class, free_at)

    better = improve(plan, cost, slot_class, rounds=10)

    for each in (plan, better):
        seconds = cost[np.arange(tasks), slot_class[each.slot]]
        assert np.allclose(each.end, free_at + np.bincount(each.slot, seconds, slots))
    assert better.end.max() <= plan.end.max() * (1 + 1e-9)


def test_tasks_change_places_when_that_helps_both() -> None:
    plan = SlotPlan(np.array([0, 1]), np.array([9.0, 9.0]))
    cost = np.array([[9.0, 1.0], [1.0, 9.0]])

    better = improve(plan, cost, np.array([0, 1]), rounds=3)

    assert better.slot.tolist() == [1, 0]
    assert better.end.tolist() == [1.0, 1.0]


def test_a_slot_that_is_late_by_what_already_runs_there_is_left_alone() -> None:
    plan = SlotPlan(np.array([0]), np.array([1.0, 9.0]))

    assert improve(plan, np.array([[1.0]]), np.zeros(2, int), rounds=3).slot.tolist() == [0]
