"""Metrics of jobs, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from placement.evaluation.farms.deadlines import completion, delivered, makespan, on_time, tardiness, tardy
from placement.testing.planner_farms import farm_world_of
from tests.evaluation.farms.by_hand import history_of

#: Four jobs of a frame each: in time, 20 s late, without a deadline, never done.
WORLD = farm_world_of(
    jobs={
        "deadline": [60.0, 40.0, np.inf, 90.0], "importance": [1.0, 3.0, 1.0, 1.0], "value": [1.0, 2.0, 4.0, 8.0],
        "release": [0.0, 0.0, 10.0, 20.0],
    },
    steps={"job": [0, 1, 2, 3], "frames": [1, 1, 1, 1], "seconds": [[60.0], [30.0], [60.0], [60.0]]},
)  # fmt: skip
HISTORY = history_of(WORLD, 100.0, {"frame": [0, 1, 2], "end": [60.0, 60.0, 70.0]})


def test_on_time_by_job_by_importance_and_of_what_was_possible() -> None:
    found = on_time(WORLD, HISTORY)

    assert found == {"on_time": pytest.approx(1 / 3), "on_time_importance": pytest.approx(1 / 5),
                     "on_time_possible": pytest.approx(1 / 3)}  # fmt: skip


def test_a_deadline_that_nothing_could_meet_is_not_possible() -> None:
    world = farm_world_of(jobs={"deadline": [59.0]})
    history = history_of(world, 60.0, {"end": [60.0]})

    found = on_time(world, history)

    assert found["on_time"] == 0
    assert np.isnan(found["on_time_possible"])


def test_value_of_jobs_in_time_and_of_those_without_a_deadline() -> None:
    assert delivered(WORLD, HISTORY) == {"value": 5.0, "value_on_deadline": 1.0}


def test_tardiness_until_the_end_of_the_history_for_what_is_not_done() -> None:
    assert tardy(WORLD, HISTORY).tolist() == [0.0, 20.0, 0.0, 10.0]
    assert tardiness(WORLD, HISTORY) == {
        "weighted_tardiness": 70.0, "tardiness_mean": 10.0, "tardiness_p95": pytest.approx(19.0), "tardiness_max": 20.0,
    }  # fmt: skip


def test_failed_jobs_are_missed_but_not_late() -> None:
    history = history_of(
        WORLD, 100.0, {"frame": [0, 1, 2], "end": [60.0, 60.0, 70.0]}, job_failed=[False, False, False, True]
    )

    assert tardiness(WORLD, history)["weighted_tardiness"] == 60.0
    assert on_time(WORLD, history)["on_time"] == pytest.approx(1 / 3)
    assert completion(WORLD, history)["jobs_failed"] == 1
    assert makespan(WORLD, history) == 70.0


def test_completion() -> None:
    assert completion(WORLD, HISTORY) == {
        "makespan": 100.0, "mean_completion": (60 + 60 + 60 + 80) / 4, "jobs_counted": 4, "jobs_unfinished": 1,
        "jobs_failed": 0,
    }  # fmt: skip


def test_jobs_released_outside_the_window_or_paused_do_not_count() -> None:
    world = farm_world_of(
        jobs={"release": [0.0, 10.0, 20.0, 30.0], "deadline": [50.0] * 4, "held": [False, False, True, False]},
        steps={"job": [0, 1, 2, 3], "frames": [1] * 4}, measure=(10.0, 20.0),
    )  # fmt: skip
    history = history_of(world, 100.0, {"frame": [0, 1, 3]})

    assert completion(world, history)["jobs_counted"] == 1
    assert tardiness(world, history)["weighted_tardiness"] == 10.0


def test_nothing_to_judge_is_not_a_number() -> None:
    world = farm_world_of(measure=(1e6, 2e6))
    history = history_of(world, 60.0, {"end": [60.0]})

    assert np.isnan([on_time(world, history)["on_time"], completion(world, history)["mean_completion"]]).all()
    assert np.isnan(tardiness(world, history)["tardiness_mean"])
