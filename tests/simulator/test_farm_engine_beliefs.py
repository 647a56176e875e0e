from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.simulator.whole_farm.beliefs import declared, learned, truth, type_means
from placement.simulator.whole_farm.timing import kept_share
from placement.testing.planner_farms import classes_of, farm_world_of
from placement.testing.random_farms import random_farm_world

ZERO = np.array([0])


@given(errors=st.lists(st.floats(-1, 1), min_size=1, max_size=8), common=st.floats(0.05, 1), spread=st.floats(0.05, 1))
def test_learned_times_follow_the_posterior_of_normal_errors(errors: list[float], common: float, spread: float) -> None:
    world = farm_world_of(steps={"frames": [8]}, forecasts={"common": [common], "spread": [spread]})
    beliefs, rows = learned(world), np.zeros(len(errors), np.int64)

    beliefs.learn(rows, np.arange(len(errors)), rows, 60 * np.exp(np.array(errors)))
    cost = beliefs.cost(ZERO, 0.3)

    precision = 1 / common**2 + len(errors) / spread**2
    mean = sum(error + spread**2 / 2 for error in errors) / spread**2 / precision
    assert cost.seconds[0, 0] == pytest.approx(60 * np.exp(mean))
    assert cost.common[0] == pytest.approx(precision**-0.5)
    assert cost.warmth == 0.3


def test_learned_memory_rises_to_the_peaks_that_were_seen() -> None:
    world = farm_world_of(steps={"frames": [2]}, frames={"memory": [3000.0, 100.0]}, forecasts={"memory": [500.0]})
    beliefs = learned(world)

    before = beliefs.memory(ZERO).tolist()
    beliefs.learn(ZERO, ZERO, ZERO, np.array([60.0]))

    assert before == [500.0]
    assert beliefs.memory(ZERO).tolist() == [3000.0]


def test_truth_is_the_mean_of_what_is_left() -> None:
    world = farm_world_of(steps={"frames": [3]}, frames={"factor": [1.0, 2.0, 6.0]}, fleet={"slowness": [1.0, 2.0]})
    beliefs = truth(world)

    before = beliefs.cost(ZERO, 0.0).seconds[0, 0]
    beliefs.learn(ZERO, np.array([2]), ZERO, np.array([360.0]))

    assert before == pytest.approx(60 * 3 * 1.5)
    assert beliefs.cost(ZERO, 0.0).seconds[0, 0] == pytest.approx(60 * 1.5 * 1.5)


def test_declared_times_are_the_same_on_every_class_and_filled_by_job_type() -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[8, 32768, 0, 0, 0], [4, 16384, 0, 0, 0]]), fleet={"node_class": [0, 1]},
        steps={"kind": [0, 0, 1, 0], "declared_seconds": [100.0, 300.0, np.nan, np.nan],
               "seconds": [[60.0, 90.0], [60.0, np.inf], [60.0, 80.0], [60.0, 70.0]]},
    )  # fmt: skip

    seconds = declared(world).cost(np.arange(4), 0.0).seconds

    assert seconds.tolist() == [[100.0, 100.0], [300.0, np.inf], [60.0, 80.0], [200.0, 200.0]]


def test_type_means_are_of_the_steps_that_can_run_there() -> None:
    world = farm_world_of(
        steps={"kind": [0, 0, 1], "seconds": [[50.0], [150.0], [70.0]]}, forecasts={"common": [0.0, 0.0, 0.0]}
    )
    cost = type_means(world).cost(np.arange(3), 0.0)

    assert cost.seconds[:, 0].tolist() == [100.0, 100.0, 70.0]
    assert cost.common[0] == pytest.approx(np.log(3) / 2)


@given(seed=st.integers(0, 500))
def test_all_beliefs_agree_on_what_can_run(seed: int) -> None:
    world = random_farm_world(seed)
    rows = np.arange(len(world.steps.job))

    for knowledge in (learned, truth, declared, type_means):
        assert (knowledge(world).cost(rows, 0.0).able == np.isfinite(world.steps.seconds)).all()


@given(
    done=st.floats(0, 1), whole=st.floats(1, 1e4), period=st.floats(0.5, 1e4), saved=st.floats(0, 1)
)  # fmt: skip
def test_a_checkpoint_keeps_whole_periods_and_never_less_than_before(
    done: float, whole: float, period: float, saved: float
) -> None:
    saved = min(saved, done)

    kept = kept_share(*(np.array([each]) for each in (done, whole, period, saved)))[0]

    assert saved <= kept <= done
    assert kept == saved or (done - kept) * whole <= period * (1 + 1e-6)
