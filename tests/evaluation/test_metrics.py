"""Metrics and bounds on a run that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from placement.evaluation.bounds import makespan_bound, node_seconds_bound
from placement.evaluation.metrics import METRICS
from placement.simulator.farm import History
from placement.testing.farms import world_of

WORLD = world_of(true_time=[[2.0, 4.0], [2.0, 4.0]], node_class=[0, 1], class_cores=[1.0, 8.0], task_release=[0.0, 1.0])
HISTORY = History(np.array([0, 1]), np.array([0, 1]), np.array([0.0, 1.0]), np.array([2.0, 5.0]))


def test_each_metric_is_what_its_definition_says() -> None:
    got = {name: of(WORLD, HISTORY) for name, of in METRICS.items()}

    assert got == {
        "makespan": 5.0, "node_seconds": 6.0, "mean_completion": 3.0, "core_seconds": 34.0, "utilisation": 0.6,
    }  # fmt: skip


def test_a_run_of_nothing_measures_nothing() -> None:
    world = world_of(true_time=np.zeros((0, 1)), node_class=[0])
    history = History(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))

    assert [of(world, history) for of in METRICS.values()] == [0.0] * 5


def test_a_late_release_bounds_the_makespan() -> None:
    world = world_of(true_time=[[2.0], [3.0]], node_class=[0, 0], task_release=[0.0, 9.0])

    assert makespan_bound(world) == 12.0


def test_classes_without_nodes_do_not_lower_a_bound() -> None:
    world = world_of(true_time=[[2.0, 0.1]], node_class=[0])

    assert makespan_bound(world) == pytest.approx(2.0)
    assert node_seconds_bound(world) == 2.0
