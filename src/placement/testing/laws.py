"""Laws that every policy keeps; call them with your own policy and any farm.

Each takes a policy, a snapshot and a cost, and raises AssertionError where the law is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from placement.scheduling.snapshot import WAIT, Policy, Snapshot
from placement.simulator.farm import simulate
from placement.simulator.world import World
from placement.units import Floats

__all__ = [
    "POLICY_LAWS",
    "answers_every_task",
    "chooses_the_possible",
    "conserves_tasks",
    "ignores_absent_classes",
    "repeats_itself",
    "starts_something",
    "within_slots",
]


def answers_every_task(policy: Policy, farm: Snapshot, cost: Floats) -> None:
    """Check that the choice has one entry per task, a node of the farm or `WAIT`, and leaves running tasks alone."""
    choice = policy(farm, cost)
    assert choice.node.shape == (farm.tasks,), choice.node.shape
    assert ((choice.node >= WAIT) & (choice.node < farm.nodes)).all(), choice.node
    assert (choice.node[farm.running()] == WAIT).all(), "a running task was started again"


def within_slots(policy: Policy, farm: Snapshot, cost: Floats) -> None:
    """Check that no node runs more tasks than it has slots."""
    started = policy(farm, cost).node
    given = np.bincount(started[started != WAIT], minlength=farm.nodes)
    assert (given <= farm.free_slots()).all(), (given, farm.free_slots())


def chooses_the_possible(policy: Policy, farm: Snapshot, cost: Floats) -> None:
    """Check that no task starts where its cost is infinite."""
    for start in policy(farm, cost):
        assert np.isfinite(cost[start.row, farm.node_class[start.node]]), start


def repeats_itself(policy: Policy, farm: Snapshot, cost: Floats) -> None:
    """Check that the same snapshot and cost give the same choice, and that the cost is not changed."""
    before = cost.copy()
    first, again = policy(farm, cost), policy(farm, cost)
    assert (first.node == again.node).all(), (first.node, again.node)
    assert np.array_equal(before, cost), "the cost was changed"


def ignores_absent_classes(policy: Policy, farm: Snapshot, cost: Floats) -> None:
    """Check that a class without nodes changes nothing, however fast it would be, nor do the numbers of groups."""
    wider = np.column_stack([cost, np.full(farm.tasks, 1e-3)])
    renamed = replace(farm, task_group=2 * farm.task_group + 1)
    assert (policy(farm, cost).node == policy(renamed, wider).node).all(), "an absent class changed the choice"


def starts_something(policy: Policy, farm: Snapshot, cost: Floats) -> None:
    """Check that on an idle farm something starts if anything can."""
    idle = replace(farm, task_node=np.full(farm.tasks, WAIT, np.int64), task_since=np.full(farm.tasks, np.nan))
    if np.isfinite(cost[:, farm.node_class]).any():
        assert (policy(idle, cost).node != WAIT).any(), "an idle farm was left idle"


#: The laws of a single decision.
POLICY_LAWS: tuple[Callable[[Policy, Snapshot, Floats], None], ...] = (
    answers_every_task,
    within_slots,
    chooses_the_possible,
    repeats_itself,
    ignores_absent_classes,
    starts_something,
)


def conserves_tasks(policy: Policy, world: World) -> None:
    """Check that in a whole run every task runs once, after its release, for its true time, within slots.

    The policy is told the true times.
    """
    history = simulate(world, policy, lambda finished: world.true_time)
    assert sorted(history.task.tolist()) == list(range(world.tasks)), "a task was forgotten or doubled"
    assert (history.start >= world.task_release[history.task]).all(), "a task started before its release"
    seconds = world.true_time[history.task, world.node_class[history.node]]
    assert np.allclose(history.end - history.start, seconds), "a task did not take its time"
    for node in range(world.nodes):
        start, end = history.start[history.node == node], history.end[history.node == node]
        running = (start <= start[:, None]) & (start[:, None] < end)
        assert (running.sum(axis=1) <= world.node_slots[node]).all(), f"node {node} ran too many tasks at once"
