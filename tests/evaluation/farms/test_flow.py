"""No schedule ends jobs sooner in the mean than the bound says, and some reach it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.evaluation.farms.contestants import live
from placement.evaluation.farms.flow import least_mean_completion
from placement.evaluation.farms.metrics import measure
from placement.testing.planner_farms import farm_world_of
from placement.testing.random_farms import random_farm_world


def test_the_shorter_job_goes_first_even_if_it_comes_later():
    world = farm_world_of(
        jobs={"release": [0.0, 60.0]}, steps={"job": [0, 1], "frames": [24, 8], "seconds": [[60.0], [60.0]]}
    )
    assert least_mean_completion(world) == pytest.approx((240 + 60) / 2)


def test_a_chain_takes_its_time_on_an_empty_farm():
    world = farm_world_of(steps={"job": [0, 0], "frames": [1, 1], "after": [-1, 0]})
    assert least_mean_completion(world) == pytest.approx(120.0)


def test_without_jobs_that_count_there_is_nothing_to_bound():
    assert np.isnan(least_mean_completion(farm_world_of(measure=(1e6, 2e6))))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["fifo", "placement", "clairvoyant"]))
def test_nobody_is_below_the_bound(seed, policy):
    world = random_farm_world(seed, nodes=3, steps=5)
    history = live(world, policy)
    assert measure(world, history)["mean_completion"] >= least_mean_completion(world) * (1 - 1e-6)
