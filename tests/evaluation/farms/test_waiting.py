"""Metrics of waiting, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from placement.evaluation.farms.waiting import decisions, first_waits, preview_latency, starvation
from placement.simulator.whole_farm.history import Outcome
from placement.testing.planner_farms import farm_world_of
from tests.evaluation.farms.by_hand import history_of

#: A shot of a preview and a render, and a job without previews.
SHOT = farm_world_of(
    jobs={"release": [100.0, 100.0]},
    steps={"job": [0, 0, 1], "preview": [1, 0, 0], "frames": [2, 1, 1], "seconds": [[10.0], [400.0], [60.0]]},
)


def test_previews_by_the_first_frame_that_is_there() -> None:
    ran = {
        "frame": [0, 1, 2, 3], "start": [100.0, 100.0, 100.0, 100.0], "end": [150.0, 140.0, 500.0, 160.0],
        "outcome": [Outcome.DONE, Outcome.DONE, Outcome.DONE, Outcome.DONE],
    }  # fmt: skip

    found = preview_latency(SHOT, history_of(SHOT, 600.0, ran))

    assert found["preview_mean"] == found["preview_max"] == found["preview_p95"] == pytest.approx(40 / 400)
    assert found["preview_forecast_mean"] == found["preview_forecast_max"] == pytest.approx(40 / 400)
    assert found["preview_share"] == pytest.approx(90 / 550)


def test_nothing_can_be_shown_of_a_scene_that_is_still_simulated() -> None:
    world = farm_world_of(
        jobs={"release": [100.0]},
        steps={"job": [0, 0, 0], "after": [-1, 0, 0], "preview": [0, 1, 0], "frames": [1, 1, 1]},
    )
    ran = {"frame": [0, 1, 2], "start": [100.0, 500.0, 500.0], "end": [500.0, 530.0, 900.0]}

    found = preview_latency(world, history_of(world, 900.0, ran, step_ready=[100.0, 500.0, 500.0]))

    assert found["preview_mean"] == pytest.approx(30 / 400)
    assert found["preview_within"] == 1.0


def test_a_preview_that_failed_or_never_came_is_not_there() -> None:
    ran = {"frame": [0, 2], "start": [100.0, 100.0], "end": [110.0, 500.0], "outcome": [Outcome.FAILED, Outcome.DONE]}

    assert preview_latency(SHOT, history_of(SHOT, 600.0, ran))["preview_mean"] == 1.0


def test_without_previews_there_is_nothing_to_judge() -> None:
    world = farm_world_of()

    found = preview_latency(world, history_of(world, 60.0, {"end": [60.0]}))

    assert np.isnan(found["preview_mean"])
    assert found["preview_share"] == 0.0


def test_first_waits_of_steps() -> None:
    world = farm_world_of(
        jobs={"release": [10.0, 20.0, 30.0, 40.0], "held": [False, False, False, True]},
        steps={"job": [0, 0, 1, 2, 3], "after": [-1, 0, -1, -1, -1], "frames": [2, 1, 1, 1, 1]},
    )
    history = history_of(
        world, 500.0, {"frame": [0, 1], "start": [15.0, 80.0], "end": [75.0, 140.0]},
        step_ready=[10.0, np.inf, 20.0, 30.0, 40.0], job_failed=[False, False, True, False],
    )  # fmt: skip

    waits = first_waits(world, history)

    assert waits[[0, 2]].tolist() == [5.0, 480.0]
    assert np.isnan(waits[[1, 3, 4]]).all()
    assert starvation(world, history) == {"first_wait_max": 480.0, "first_wait_p99": pytest.approx(475.25)}


def test_decisions_within_the_window() -> None:
    world = farm_world_of(measure=(30.0, 90.0))
    history = history_of(
        world, 120.0, {"start": [0.0], "end": [60.0]}, decided=[0.0, 30.0, 60.0, 120.0], latency=[9.0, 1.0, 2.0, 9.0]
    )

    found = decisions(world, history)

    assert found["decisions"] == 2
    assert found["decision_p50"] == 1.5
    assert found["decision_max"] == 2.0
    assert found["overhead"] == pytest.approx(3.0 / 30.0)


def test_no_step_and_no_decision_in_the_window() -> None:
    world = farm_world_of(measure=(1e6, 2e6))
    history = history_of(world, 60.0, {"end": [60.0]})

    assert np.isnan(list(starvation(world, history).values())).all()
    assert np.isnan(decisions(world, history)["overhead"])
