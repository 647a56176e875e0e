"""What frames of a job share is learnt back from jobs simulated with it."""

from __future__ import annotations

import numpy as np
import pytest

from placement.forecast.correction import Frames
from training.correction import fit_correction, varying_features


def jobs(
    count: int, frames: int, seed: int, job: float = 0.2, noise: float = 0.002
) -> tuple[Frames, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(count), frames)
    quiet = rng.random(len(number)) < 0.7
    residual = rng.normal(0, np.sqrt(job), count)[number]
    residual += rng.normal(0, 1, len(number)) * np.sqrt(np.where(quiet, noise, 0.02))
    place = np.tile(np.linspace(0, 0.95, frames), count)
    parts = Frames(
        number, place, np.zeros(len(number), np.int64), np.zeros((len(number), 1)), np.full(len(number), job)
    )
    return parts, residual, quiet


def test_noise_of_quiet_and_of_disturbed_frames_is_told_apart() -> None:
    kernel = fit_correction(*jobs(60, 6, seed=0), seed=0)

    assert kernel.noise < 0.3 * kernel.noise_busy
    assert kernel.noise == pytest.approx(0.002, rel=0.8)
    assert 0.3 < kernel.shared[0] < 3.0


def test_disturbed_frames_are_never_taken_to_be_surer_than_quiet_ones() -> None:
    frames, residual, quiet = jobs(20, 5, seed=1)

    kernel = fit_correction(frames, residual, ~quiet, seed=0)

    assert kernel.noise_busy >= kernel.noise


def test_long_jobs_are_learnt_from_by_some_of_their_frames() -> None:
    kernel = fit_correction(*jobs(3, 100, seed=2), seed=0)

    assert kernel.noise > 0


def test_features_that_differ_within_jobs_are_found() -> None:
    job = np.repeat(np.arange(5), 4)
    x = np.column_stack([np.tile([0.0, 1.0, 2.0, 3.0], 5), job.astype(float), np.zeros(20)])

    assert varying_features(x, job).tolist() == [0]
