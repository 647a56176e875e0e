"""Correction by finished frames: the textbook posterior, and the laws every user relies on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.forecast.correction import MOST_EVIDENCE, SHARED, CorrectionKernel, Frames, correct, posterior
from placement.forecast.distribution import Forecast
from tests.oracles import gaussian_process as oracle
from tests.strategies import floats, frames, kernels

RESIDUAL = st.integers(0, 2**32 - 1)
KERNEL = CorrectionKernel(np.array([1.0, 0.004, 0.004, 0.01, 0.006, 0.001, 0.003]), np.zeros(1), 0.003, 0.01)


def job(*positions: float, node_class: int = 0, number: int = 0) -> Frames:
    count = len(positions)
    return Frames(
        np.full(count, number),
        np.array(positions),
        np.full(count, node_class),
        np.zeros((count, 1)),
        np.full(count, 0.1),
    )


def cold(tasks: int, classes: int = 2) -> Forecast:
    shape = (tasks, classes)
    z = np.tile([-1.3, 0.0, 1.3], (classes, 1))
    return Forecast(
        np.full(shape, 3.0), np.full(shape, 0.4), np.array([0.1, 0.5, 0.9]), z, np.ones(shape, dtype=np.int64)
    )


def joined(*parts: Frames) -> Frames:
    return Frames(*(np.concatenate([getattr(one, name) for one in parts]) for name in Frames.__slots__))


@given(frames(), frames(), kernels(), RESIDUAL)
@settings(max_examples=60)
def test_the_posterior_is_the_textbooks(asked: Frames, seen: Frames, kernel: CorrectionKernel, seed: int) -> None:
    asked = replace(asked, job_variance=np.full(len(asked.job), seen.job_variance[0]))
    rng = np.random.default_rng(seed)
    residual, quiet = rng.normal(0, 0.3, len(seen.job)), rng.random(len(seen.job)) < 0.7

    mean, variance = posterior(asked, seen, kernel, (residual, quiet))

    expected_mean, expected_variance = oracle.posterior(asked, seen, kernel, residual, quiet)
    assert mean == pytest.approx(expected_mean, abs=1e-6)
    assert variance == pytest.approx(np.maximum(expected_variance, kernel.noise), abs=1e-6)


@given(frames(), frames(), kernels())
@settings(max_examples=60)
def test_evidence_never_widens(asked: Frames, seen: Frames, kernel: CorrectionKernel) -> None:
    asked = replace(asked, job_variance=np.full(len(asked.job), seen.job_variance[0]))
    count = len(seen.job)

    variance = posterior(asked, seen, kernel, (np.zeros(count), np.ones(count, dtype=bool)))[1]

    assert (variance <= kernel.prior(asked) + 1e-9).all()
    assert (variance >= kernel.noise).all()


@given(frames(), frames(most=8), kernels())
@settings(max_examples=60)
def test_more_frames_never_leave_more_variance(asked: Frames, seen: Frames, kernel: CorrectionKernel) -> None:
    assume(len(seen.job) > 1)
    asked = replace(asked, job_variance=np.full(len(asked.job), seen.job_variance[0]))
    quiet = np.ones(len(seen.job), dtype=bool)

    fewer = posterior(asked, seen.take(np.arange(len(quiet) - 1)), kernel, (np.zeros(len(quiet) - 1), quiet[1:]))[1]
    more = posterior(asked, seen, kernel, (np.zeros(len(quiet)), quiet))[1]

    assert (more <= fewer + 1e-9).all()


@given(floats(0.0, 1.0, 2), st.floats(-1.0, 1.0))
def test_neighbours_teach_more_than_far_frames(place: np.ndarray, miss: float) -> None:
    seen, far = sorted(place.tolist())
    assume(far - seen > 0.05)
    near = seen + (far - seen) / 3

    mean, variance = posterior(job(near, far), job(seen), KERNEL, (np.array([miss]), np.array([True])))

    assert abs(mean[0]) >= abs(mean[1])
    assert variance[0] <= variance[1]


def test_a_disturbed_measurement_teaches_less_than_a_quiet_one() -> None:
    means = [posterior(job(0.5), job(0.4), KERNEL, (np.ones(1), np.array([calm])))[0][0] for calm in (True, False)]

    assert 0 < means[1] < means[0] < 1


def test_the_class_a_frame_ran_on_learns_most() -> None:
    moved = correct(cold(1), job(0.5), job(0.5, node_class=1), np.array([0.3]), np.array([True]), KERNEL)

    assert moved.location[0, 1] > moved.location[0, 0] > 3.0
    assert moved.scale[0, 1] < moved.scale[0, 0]


def test_other_jobs_and_tasks_of_no_job_are_untouched() -> None:
    tasks = joined(job(0.1, number=0), job(0.1, number=1), job(0.1, number=-1))
    finished = joined(job(0.2, number=0), job(0.2, number=-1), job(0.2, number=7))

    moved = correct(cold(3), tasks, finished, np.full(3, 0.5), np.ones(3, dtype=bool), KERNEL)

    assert moved.level.tolist() == [[0, 0], [1, 1], [1, 1]]
    assert moved.location[1:].tolist() == cold(3).location[1:].tolist()
    assert moved.scale[1:].tolist() == cold(3).scale[1:].tolist()
    assert (moved.location[0] > 3.0).all()


def test_frames_of_unknown_place_still_teach_what_the_job_shares() -> None:
    mean, variance = posterior(job(np.nan), job(np.nan, 0.3), KERNEL, (np.full(2, 0.4), np.ones(2, dtype=bool)))

    assert 0.3 < mean[0] < 0.4
    assert KERNEL.noise <= variance[0] < KERNEL.prior(job(np.nan))[0]


def test_of_many_frames_the_most_recent_count() -> None:
    count = MOST_EVIDENCE + 50
    residual = np.concatenate([np.full(50, 9.0), np.full(MOST_EVIDENCE, 0.2)])

    moved = correct(cold(1), job(0.5), job(*np.linspace(0, 1, count)), residual, np.ones(count, dtype=bool), KERNEL)

    assert moved.location[0, 0] == pytest.approx(3.2, abs=0.02)


@pytest.mark.parametrize("residual", [np.nan, np.inf, -np.inf])
def test_a_residual_that_is_no_number_is_refused(residual: float) -> None:
    with pytest.raises(InvalidInput, match="positive and finite"):
        correct(cold(1), job(0.5), job(0.4), np.array([residual]), np.array([True]), KERNEL)


def test_json_gives_the_same_kernel() -> None:
    back = CorrectionKernel.from_json(json.loads(json.dumps(KERNEL.to_json())))

    assert back.to_json() == KERNEL.to_json()
    assert len(back.shared) == len(SHARED)


def test_an_extreme_job_is_not_expected_to_be_missed_without_bound() -> None:
    kernel = replace(KERNEL, slopes=np.array([0.01]))
    usual, far, farther = (replace(job(0.5), x=np.array([[x]])) for x in (0.5, 5.0, 10.0))

    assert kernel.prior(usual) < kernel.prior(far)
    assert kernel.prior(farther) == pytest.approx(kernel.prior(far), rel=0.02)
