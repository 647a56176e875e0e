"""Work checks itself: jobs, steps in order, attempts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.testing.planner_farms import jobs_of, snapshot_of
from placement.testing.random_farms import random_snapshot


@pytest.mark.parametrize("importance", [0.0, -1.0, np.nan])
def test_a_job_that_matters_to_nobody_is_refused(importance: float) -> None:
    with pytest.raises(InvalidInput, match="job 1: importance must be above 0"):
        jobs_of(importance=[1.0, importance])


@pytest.mark.parametrize("after", [1, 2])
def test_a_step_waits_only_for_steps_before_it(after: int) -> None:
    with pytest.raises(InvalidInput, match=f"step 1 waits for row {after}, which is not before it"):
        snapshot_of(steps={"after": [-1, after, -1]})


def test_the_first_wrong_step_is_named() -> None:
    with pytest.raises(InvalidInput, match="step 70 waits for row 2"):
        snapshot_of(steps={"after": [-1, -1, 2], "index": [50, 60, 70]})


def test_columns_are_as_long_as_each_other() -> None:
    with pytest.raises(InvalidInput, match=r"Steps.request has shape \(2, 4\), expected \(2, 5\)"):
        snapshot_of(steps={"request": np.zeros((2, 4))})
    with pytest.raises(InvalidInput, match=r"Attempts\.mode has shape"):
        snapshot_of(attempts={"node": [0, 0], "mode": [0]})
    with pytest.raises(InvalidInput, match=r"Jobs\.deadline has shape"):
        jobs_of(deadline=[1.0], release=[0.0, 0.0])


@given(st.integers(0, 2**32 - 1))
def test_what_is_left_is_waiting_blocked_or_running(seed: int) -> None:
    farm, _ = random_snapshot(seed)

    assert (farm.steps.left == farm.steps.waiting + farm.steps.blocked + farm.steps.running).all()
    assert farm.steps.running.sum() == farm.attempts.count
    assert farm.jobs.count == len(farm.jobs.index)
    assert farm.steps.count == len(farm.steps.index)
