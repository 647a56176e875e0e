"""Metrics of machines, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from placement.evaluation.farms.usage import attempt_share, full_course, loading, lost_work, node_seconds, utilisation
from placement.farm.machines import NodeState
from placement.simulator.whole_farm.history import Outcome
from placement.testing.planner_farms import classes_of, farm_world_of
from tests.evaluation.farms.by_hand import attempts_of, history_of

CORES, MEMORY = 8.0, 32768.0


def test_the_largest_share_of_a_node() -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[8, MEMORY, 0, 0, 0], [4, MEMORY, 2, 1024, 0]], worth=[8.0, 40.0]),
        fleet={"node_class": [0, 1]},
        steps={"request": [[2, MEMORY / 2, 0, 0, 0], [1, 100, 1, 256, 0]], "job": [0, 0], "frames": [1, 1]},
    )
    ran = attempts_of(world, frame=[0, 1], node=[0, 1])

    assert attempt_share(world, ran).tolist() == [0.25, 0.5]
    assert attempt_share(world, ran, ran.memory).tolist() == [0.5, 0.5]
    history = history_of(world, 60.0, {"frame": [0, 1], "node": [0, 1]})
    assert node_seconds(world, history) == {"node_seconds": 45.0, "worth_seconds": 15.0 * 8 + 30.0 * 40}


def test_lost_work_counts_attempts_that_ended_in_the_window() -> None:
    world = farm_world_of(steps={"frames": [4], "request": [[4, 100, 0, 0, 0]]}, measure=(50.0, 100.0))
    history = history_of(
        world, 200.0,
        {
            "frame": [0, 1, 2, 3], "end": [40.0, 60.0, 80.0, 100.0], "lost": [40.0, 30.0, 0.0, 100.0],
            "outcome": [Outcome.FAILED, Outcome.INTERRUPTED, Outcome.DONE, Outcome.OOM], "stopped": [-1, 30, -1, -1],
        },
    )  # fmt: skip

    assert lost_work(world, history) == {
        "lost_node_seconds": 65.0, "lost_share": pytest.approx(130 / 240), "interruptions": 1, "failures": 1,
    }  # fmt: skip


def test_loading_is_counted_by_the_share_of_the_node_that_waits_for_it() -> None:
    world = farm_world_of(
        steps={"frames": [2, 1], "job": [0, 0], "request": [[4, 1, 0, 0, 0], [8, 1, 0, 0, 0]]}, measure=(0.0, 100.0)
    )
    history = history_of(world, 200.0, {"frame": [0, 1, 2], "end": [50.0, 200.0, 100.0], "loading": [20.0, 90.0, 10.0]})

    assert loading(world, history) == {"loading_share": pytest.approx((20 / 2 + 10) / (50 / 2 + 100))}
    assert loading(world, history_of(world, 200.0, {})) == {"loading_share": 0.0}


def test_utilisation_takes_the_fullest_resource_of_each_node() -> None:
    """Cores by one frame, memory by another: what is reserved is no more than the node."""
    world = farm_world_of(
        steps={"request": [[6, MEMORY / 8, 0, 0, 0], [1, MEMORY / 2, 0, 0, 0]], "job": [0, 0], "frames": [1, 1]},
        frames={"memory": [MEMORY / 8, MEMORY / 4]},
    )
    history = history_of(world, 100.0, {"frame": [0, 1], "end": [50.0, 100.0]})

    found = utilisation(world, history)

    assert found["available"] == 100 * CORES
    assert found["reserved"] == pytest.approx((50 * 7 / 8 + 50 * 1 / 2) / 100)
    assert found["useful"] == pytest.approx((50 * 7 / 8 + 50 * 1 / 4) / 100)
    time, level = full_course(world, history)
    assert time.tolist() == [0.0, 50.0, 100.0]
    assert level.tolist() == pytest.approx([7.0, 4.0, 0.0])


def test_nodes_that_are_down_are_not_available_and_lost_work_is_not_useful() -> None:
    world = farm_world_of(steps={"frames": [1], "request": [[8, 100, 0, 0, 0]]}, measure=(0.0, 100.0))
    spans = {
        "node": [0, 0, 0], "state": [NodeState.UP, NodeState.DOWN, NodeState.ASLEEP], "start": [0.0, 20.0, 60.0],
        "end": [20.0, 60.0, 120.0],
    }  # fmt: skip
    ran = {"frame": [0], "end": [20.0], "lost": [15.0], "outcome": [Outcome.LOST]}

    found = utilisation(world, history_of(world, 120.0, ran, spans=spans))

    assert found == {"available": 60 * CORES, "reserved": pytest.approx(20 / 60), "useful": pytest.approx(5 / 60)}


def test_nothing_ran() -> None:
    world = farm_world_of()
    history = history_of(world, 0.0, {})

    assert utilisation(world, history) == {"useful": 0.0, "reserved": 0.0, "available": 0.0}
    assert lost_work(world, history)["lost_share"] == 0.0
    assert not len(full_course(world, history)[0])


def test_what_is_saved_of_an_interrupted_attempt_is_useful() -> None:
    world = farm_world_of(steps={"frames": [1], "request": [[8, 100, 0, 0, 0]]})
    ran = {"frame": [0, 0], "start": [0.0, 50.0], "end": [50.0, 100.0], "lost": [10.0, 0.0],
           "outcome": np.array([Outcome.INTERRUPTED, Outcome.DONE])}  # fmt: skip

    assert utilisation(world, history_of(world, 100.0, ran))["useful"] == pytest.approx(0.9)
