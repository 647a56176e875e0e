"""What tells the policies apart."""

from __future__ import annotations

import numpy as np

from placement.scheduling.policies.earliest_finish import earliest_finish
from placement.scheduling.policies.fifo import fifo
from placement.scheduling.policies.least_loaded import least_loaded
from placement.scheduling.policies.placement import placement
from placement.scheduling.policies.random import random
from placement.scheduling.policies.round_robin import round_robin
from placement.scheduling.snapshot import WAIT
from placement.testing.farms import farm_of


def test_a_dealt_task_waits_for_its_node_while_others_are_idle() -> None:
    farm = farm_of(node_class=[0, 0], task_index=[0, 2], task_node=[0, WAIT], task_since=[0.0, np.nan])

    assert round_robin(farm, np.ones((2, 1))).node.tolist() == [WAIT, WAIT]
    assert fifo(farm, np.ones((2, 1))).node.tolist() == [WAIT, 1]


def test_tasks_are_dealt_over_the_nodes_that_can_run_them() -> None:
    farm = farm_of(node_class=[0, 1, 1], task_index=[3, 4], task_chance=[0.99, 0.0])
    cost = np.array([[np.inf, 1.0], [np.inf, 1.0]])

    assert round_robin(farm, cost).node.tolist() == [2, 1]
    assert random(farm, cost).node.tolist() == [2, 1]


def test_fifo_takes_the_node_that_is_idle_longest() -> None:
    farm = farm_of(node_class=[0, 0], node_idle_since=[5.0, 2.0], now=6.0)

    assert fifo(farm, np.ones((1, 1))).node.tolist() == [1]


def test_least_loaded_takes_the_node_with_the_smallest_share_in_use() -> None:
    farm = farm_of(node_class=[0, 0], node_slots=[2, 4], task_node=[0, 1, WAIT], task_since=[0.0, 0.0, np.nan])

    assert least_loaded(farm, np.ones((3, 1))).node.tolist() == [WAIT, WAIT, 1]


def test_earliest_finish_waits_for_a_fast_node_that_is_soon_free() -> None:
    farm = farm_of(node_class=[0, 1], now=9.0, task_node=[0, WAIT], task_since=[0.0, np.nan])
    cost = np.array([[10.0, 99.0], [1.0, 99.0]])

    assert earliest_finish(farm, cost).node.tolist() == [WAIT, WAIT]


def test_a_task_that_runs_nowhere_waits_and_holds_nobody_up() -> None:
    farm, cost = farm_of(node_class=[0], tasks=2), np.array([[np.inf], [1.0]])

    for policy in (random, round_robin, fifo, least_loaded, earliest_finish, placement):
        assert WAIT in policy(farm, cost).node, policy.__name__
    assert [policy(farm, cost).node.tolist() for policy in (fifo, earliest_finish, placement)] == [[WAIT, 0]] * 3


def test_placement_gives_each_class_what_it_is_relatively_best_at() -> None:
    farm = farm_of(node_class=[0, 1], task_group=[0, 0, 1, 1])
    cost = np.array([[1.0, 2.0]] * 2 + [[1.0, 8.0]] * 2)

    chosen = placement(farm, cost).node

    assert set(np.flatnonzero(chosen == 1)) < {0, 1}, "the slow class gets what it is least slow at"
    assert (chosen == 0).sum() == 1


def test_placement_tries_a_task_of_an_unknown_group_before_longer_known_ones() -> None:
    farm = farm_of(node_class=[0], task_group=[0, 1], task_siblings=[3, 0])

    assert placement(farm, np.array([[9.0], [1.0]])).node.tolist() == [WAIT, 0]


def test_placement_starts_nothing_on_a_full_farm() -> None:
    farm = farm_of(node_class=[0], task_node=[0, WAIT], task_since=[0.0, np.nan])

    assert placement(farm, np.ones((2, 1))).node.tolist() == [WAIT, WAIT]
