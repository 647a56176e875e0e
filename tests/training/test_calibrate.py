"""Quantile tables keep their promise on jobs not learnt from, and promise less the fewer jobs there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.forecast.calibration import SEEN_STATES
from placement.forecast.correction import Frames
from training.calibrate import PROBABILITIES, Scores, quantile_tables, scores

PAIRS = {0.5: (0.2, 0.7), 0.8: (0.1, 0.9), 0.95: (0.025, 0.975)}


def synthetic(jobs: int, frames: int, rng: np.random.Generator, classes: int = 1) -> Scores:
    """Heavy-tailed misses, most of each shared by the frames of a job."""
    job = np.repeat(np.arange(jobs), frames)
    miss = 0.9 * rng.standard_t(4, jobs)[job] + 0.3 * rng.standard_t(4, len(job))
    state = np.zeros(len(job), dtype=np.int64)
    return Scores(miss, state, rng.integers(0, classes, jobs)[job], job)


def table_of(found: Scores, classes: int = 1) -> np.ndarray:
    return quantile_tables(found, classes)[classes]


def at(table: np.ndarray, probability: float) -> float:
    return float(np.interp(probability, PROBABILITIES, table))


@pytest.mark.parametrize("jobs", [60, 150])
def test_mean_coverage_over_repeats_is_what_was_promised(jobs: int) -> None:
    rng = np.random.default_rng(0)
    inside = {promised: [] for promised in (0.5, 0.8, 0.95)}
    for _ in range(120):
        table = table_of(synthetic(jobs, 4, rng))
        fresh = synthetic(400, 1, rng).score
        for promised in inside:
            low, high = at(table, (1 - promised) / 2), at(table, (1 + promised) / 2)
            inside[promised].append(np.mean((low <= fresh) & (fresh <= high)))

    for promised, found in inside.items():
        assert np.mean(found) == pytest.approx(promised, abs=0.02)


def test_fewer_jobs_promise_wider_intervals_never_narrower() -> None:
    rng = np.random.default_rng(1)
    width = {
        jobs: np.mean([at(table := table_of(synthetic(jobs, 4, rng)), 0.9) - at(table, 0.1) for _ in range(60)])
        for jobs in (1, 2, 4, 8, 400)
    }

    assert all(width[few] >= 0.98 * width[400] for few in (1, 2, 4, 8))


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_tables_increase(jobs: int, frames: int, seed: int) -> None:
    tables = quantile_tables(synthetic(jobs, frames, np.random.default_rng(seed), classes=2), 2)

    assert tables.shape == (len(SEEN_STATES) * 3, len(PROBABILITIES))
    assert (np.diff(tables, axis=1) >= 0).all()
    assert np.isfinite(tables).all()


def test_nothing_known_is_students_t() -> None:
    none = Scores(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))

    tables = quantile_tables(none, 2)

    assert (tables == tables[0]).all()
    assert tables[0][len(PROBABILITIES) // 2] == pytest.approx(0.0)
    assert at(tables[0], 0.9) > 1.4


def test_few_jobs_that_miss_little_are_not_widened_to_the_expected_spread() -> None:
    found = synthetic(20, 20, np.random.default_rng(4))
    small = Scores(0.3 * found.score, found.state, found.node_class, found.job)

    usual, narrow = (at(quantile_tables(each, 1)[0], 0.9) for each in (found, small))

    assert 0.3 * usual <= narrow < 0.45 * usual


def test_a_class_that_misses_more_gets_a_wider_table() -> None:
    rng = np.random.default_rng(2)
    found = synthetic(300, 3, rng, classes=2)
    wild = Scores(np.where(found.node_class == 1, 3.0, 1.0) * found.score, found.state, found.node_class, found.job)

    tables = quantile_tables(wild, 2)

    assert at(tables[1], 0.9) > 1.5 * at(tables[0], 0.9)


def test_a_state_nobody_saw_is_about_the_one_before() -> None:
    tables = quantile_tables(synthetic(50, 3, np.random.default_rng(3)), 1)

    assert tables[3] == pytest.approx(tables[1], abs=0.3)


def frames_of(jobs: int, each: int, seed: int) -> tuple[Frames, np.ndarray]:
    rng = np.random.default_rng(seed)
    job = np.repeat(np.arange(jobs), each)
    place = np.tile(np.linspace(0, 0.9, each), jobs)
    residual = rng.normal(0, 0.4, jobs)[job] + rng.normal(0, 0.05, len(job))
    return Frames(job, place, np.zeros_like(job), np.zeros((len(job), 0)), np.full(len(job), 0.16)), residual


def test_scores_of_simulated_jobs_are_standard_whatever_was_seen() -> None:
    frames, residual = frames_of(80, 6, seed=0)

    found = scores(frames, residual, np.ones(len(residual), dtype=bool), seed=0)

    for state in range(3):
        low, high = np.quantile(found.score[found.state == state], [0.16, 0.84])
        assert 0.7 < (high - low) / 2 < 1.4


def test_a_single_job_of_a_single_frame_has_scores() -> None:
    frames, residual = frames_of(1, 1, seed=0)

    found = scores(frames, residual, np.ones(1, dtype=bool), seed=0)

    assert found.state.tolist() == [0]


def test_no_quiet_frame_is_no_score() -> None:
    frames, residual = frames_of(3, 2, seed=0)

    assert len(scores(frames, residual, np.zeros(6, dtype=bool), seed=0).score) == 0
