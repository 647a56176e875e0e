"""Bounds of whole farms against schedules that exist."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import Infeasible
from placement.evaluation.farms.bounds import least_makespan, least_node_seconds, least_worth_seconds, most_value
from placement.evaluation.farms.contestants import live
from placement.evaluation.farms.metrics import measure
from placement.simulator.farm_world import Fault
from placement.testing.planner_farms import classes_of, farm_world_of
from tests.simulator.farm_worlds import faults

HOURS = 3600.0


def one_core_world(seconds, **jobs):
    """A node of one core, a job of one frame each."""
    count = len(seconds)
    return farm_world_of(
        classes=classes_of(offer=[[1, 32768, 0, 0, 0]]),
        jobs=jobs,
        steps={"job": np.arange(count), "seconds": np.array(seconds, float)[:, None], "frames": [1] * count},
    )


@given(st.lists(st.tuples(st.floats(1, 9), st.floats(1, 30), st.floats(0.1, 5)), min_size=1, max_size=6))
def test_no_order_on_one_machine_is_worth_more(drawn):
    seconds, deadline, value = (np.array(column) for column in zip(*drawn, strict=True))
    world = one_core_world(seconds, deadline=deadline, value=value)
    best = 0.0
    for chosen in range(2 ** len(seconds)):
        rows = np.array([row for row in range(len(seconds)) if chosen >> row & 1], int)
        rows = rows[np.argsort(deadline[rows])]
        if (np.cumsum(seconds[rows]) <= deadline[rows]).all():
            best = max(best, float(value[rows].sum()))
    assert best - 1e-6 <= most_value(world) <= value.sum() + 1e-6


def test_value_is_shared_where_two_jobs_want_the_same_time():
    world = one_core_world([10.0, 10.0], deadline=[10.0, 10.0], value=[3.0, 1.0])
    assert most_value(world) == pytest.approx(3.0, rel=0.05)


def test_jobs_that_cannot_be_in_time_are_worth_nothing_and_those_without_deadline_everything():
    world = one_core_world([10.0, 10.0], deadline=[5.0, np.inf], value=[3.0, 2.0])
    assert most_value(world) == 2.0


def test_makespan_counts_releases_chains_and_work():
    assert least_makespan(one_core_world([10.0, 20.0])) == pytest.approx(30.0)
    assert least_makespan(one_core_world([10.0, 20.0], release=[0.0, 100.0])) == pytest.approx(120.0)
    chain = farm_world_of(steps={"job": [0, 0], "after": [-1, 0], "seconds": [[5.0], [7.0]], "frames": [1, 1]})
    assert least_makespan(chain) == pytest.approx(12.0)


def test_node_seconds_count_the_share_of_a_node():
    world = farm_world_of(steps={"seconds": [[80.0]], "frames": [2]})
    assert least_node_seconds(world) == pytest.approx(2 * 80.0 / 8)


def test_a_step_that_no_node_can_run():
    classes = classes_of(names=["a", "b"])
    world = farm_world_of(
        classes=classes,
        fleet={"node_class": [0]},
        steps={"seconds": [[np.inf, 5.0]]},
        forecasts={"seconds": [[np.inf, 5.0]]},
    )
    with pytest.raises(Infeasible):
        least_makespan(world)


def test_a_frame_on_the_gpu_and_one_on_the_cores_share_a_node():
    world = farm_world_of(
        classes=classes_of(offer=[[8, 32768, 1, 8192, 0]]),
        jobs={"deadline": [60.0, 60.0]},
        steps={"job": [0, 1], "frames": [1, 1], "request": [[1, 64, 1, 64, 0], [7, 64, 0, 0, 0]]},
    )
    found = measure(world, live(world, "fifo"))
    assert found["makespan"] == least_makespan(world) == pytest.approx(60.0)
    assert found["value"] == most_value(world) == pytest.approx(2.0)
    assert found["node_seconds"] == least_node_seconds(world) == pytest.approx(least_node_seconds(world, 60.0))


def test_quick_nodes_of_a_class_can_take_only_so_much():
    world = farm_world_of(
        classes=classes_of(offer=[[1, 32768, 0, 0, 0]], worth=[3.0]),
        fleet={"node_class": [0, 0], "slowness": [1.0, 2.0]},
        steps={"frames": [3], "seconds": [[60.0]]},
    )
    assert least_makespan(world) == pytest.approx(120.0)
    assert least_node_seconds(world) == pytest.approx(180.0)
    assert least_worth_seconds(world) == pytest.approx(3 * 180.0)
    assert least_worth_seconds(world, until=120.0) == pytest.approx(3 * 240.0)
    with pytest.raises(Infeasible):
        least_node_seconds(world, until=100.0)


def test_work_that_does_not_have_to_be_done_is_in_no_bound():
    steps = {"job": [0, 1, 2], "frames": [1, 1, 1]}
    corrupt = faults((Fault.CORRUPT_SCENE, 0.0, 1, np.inf, 1.0))
    world = farm_world_of(steps=steps, jobs={"held": [False, False, True]}, faults=corrupt)
    assert least_node_seconds(world) == pytest.approx(60.0 / 8)
    assert least_makespan(world) == pytest.approx(60.0)
    paused = farm_world_of(jobs={"held": [True]})
    assert least_makespan(paused) == least_node_seconds(paused) == least_node_seconds(paused, 60.0) == 0.0


def test_nodes_that_join_late_deliver_nothing_before():
    world = farm_world_of(
        classes=classes_of(offer=[[1, 32768, 0, 0, 0]]),
        fleet={"node_class": [0, 0], "joins": [0.0, 60.0]},
        jobs={"deadline": [60.0, 60.0]},
        steps={"job": [0, 1], "frames": [1, 1], "seconds": [[60.0], [60.0]]},
    )
    assert most_value(world) == pytest.approx(1.0)
