"""Random farms and worlds, small enough to look at when a law breaks."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from placement.scheduling.snapshot import WAIT, Snapshot
from placement.simulator.world import World
from placement.testing.farms import farm_of, world_of
from placement.units import Floats

__all__ = ["farms", "worlds"]


@st.composite
def farms(draw: st.DrawFn) -> tuple[Snapshot, Floats]:
    """A farm in the midst of work and a cost with impossible pairs; running tasks are where they can run."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    nodes, tasks, classes = draw(st.integers(1, 6)), draw(st.integers(0, 12)), draw(st.integers(1, 4))
    cost = chance.uniform(1, 20, (tasks, classes)).round(draw(st.sampled_from([0, 3])))
    cost[chance.random(cost.shape) < draw(st.sampled_from([0.0, 0.4]))] = np.inf
    node_class, slots = chance.integers(classes, size=nodes), chance.integers(1, 4, size=nodes)
    task_node, free, now = np.full(tasks, WAIT), slots.copy(), draw(st.sampled_from([0.0, 7.5]))
    for row in range(tasks):
        node = int(chance.integers(nodes))
        if now and chance.random() < 0.4 and free[node] and np.isfinite(cost[row, node_class[node]]):
            task_node[row], free[node] = node, free[node] - 1
    farm = farm_of(
        node_class=node_class, node_slots=slots, now=now, node_started=chance.integers(5, size=nodes),
        node_idle_since=chance.uniform(0, max(now, 1e-9), nodes), task_index=np.arange(tasks) * 2,
        task_group=chance.integers(3, size=tasks), task_siblings=chance.integers(2, size=tasks),
        task_chance=chance.random(tasks), task_node=task_node,
        task_since=np.where(task_node == WAIT, np.nan, chance.uniform(0, max(now, 1e-9), tasks)),
    )  # fmt: skip
    return farm, cost


@st.composite
def worlds(draw: st.DrawFn, most_tasks: int = 12, slots: int = 3) -> World:
    """A world in which every task can run somewhere, released at once or in turn."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    nodes, tasks, classes = draw(st.integers(1, 4)), draw(st.integers(1, most_tasks)), draw(st.integers(1, 3))
    node_class = chance.integers(classes, size=nodes)
    true_time = chance.uniform(0.5, 9, (tasks, classes)).round(2)
    impossible = chance.random(true_time.shape) < draw(st.sampled_from([0.0, 0.3]))
    impossible[:, node_class[0]] = False
    true_time[impossible] = np.inf
    return world_of(
        true_time=true_time, node_class=node_class, node_slots=chance.integers(1, slots + 1, size=nodes),
        task_group=chance.integers(3, size=tasks), task_chance=chance.random(tasks),
        task_release=np.sort(chance.uniform(0, draw(st.sampled_from([0.0, 10.0])), tasks)).round(1),
    )  # fmt: skip
