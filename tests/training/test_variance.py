"""Variance components: what was simulated is recovered, and the likelihood is the textbook's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from training.variance import Components, dual_weights, fit_variances


def grouped(seed: int, rows: int = 300, groups: int = 60, between: float = 0.5, noise: float = 0.05) -> Components:
    """A random intercept a group, known noise, and a kernel that explains nothing."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, rows)
    target = rng.normal(0, np.sqrt(between), groups)[group] + rng.normal(0, np.sqrt(noise), rows)
    useless = rng.normal(size=(rows, 3))
    kernels = np.array([group[:, None] == group, useless @ useless.T / 3], dtype=float)
    return Components(kernels, np.ones((1, rows)), target)


def test_simulated_variances_are_recovered() -> None:
    found = fit_variances([grouped(seed=0)], np.array([0.1, 0.1, 0.1]), spread=3.0)

    assert found[0] == pytest.approx(0.5, rel=0.35)
    assert found[2] == pytest.approx(0.05, rel=0.2)
    assert found[1] < 0.01


def test_independent_blocks_say_what_one_block_says() -> None:
    parts = [grouped(seed, rows=40, groups=8) for seed in range(8)]

    found = fit_variances(parts, np.array([0.1, 0.1, 0.1]), spread=3.0)

    assert found[0] == pytest.approx(0.5, rel=0.5)
    assert found[2] == pytest.approx(0.05, rel=0.2)


def test_without_data_variances_stay_where_they_were_put() -> None:
    silent = Components(np.zeros((1, 5, 5)), np.ones((1, 5)), np.zeros(5))

    found = fit_variances([silent], np.array([0.3, 1e-4]), spread=0.5)

    assert found[0] == pytest.approx(0.3)


@pytest.mark.parametrize("freedom", [None, 5.0])
def test_the_found_variances_are_a_maximum_of_the_penalised_likelihood(freedom: float | None) -> None:
    block, prior, spread = grouped(seed=3, rows=60, groups=12), np.array([0.2, 0.02, 0.1]), 1.5

    found = fit_variances([block], prior, spread=spread, steps=200, freedom=freedom)

    def loss(log_variance: np.ndarray) -> float:
        variances = np.exp(log_variance)
        away = (log_variance - np.log(prior)) / spread
        covariance = block.covariance(variances)
        rows = len(block.target)
        if freedom is None:
            return 0.5 * float(away @ away) - float(
                multivariate_normal(np.zeros(rows), covariance).logpdf(block.target)
            )
        distance = float(block.target @ np.linalg.solve(covariance, block.target))
        log_determinant = np.linalg.slogdet(covariance)[1]
        misfit = 0.5 * (freedom + rows) * np.log1p(distance / freedom)
        return float(0.5 * float(away @ away) + 0.5 * log_determinant + misfit)

    at, step = np.log(found), 1e-4
    slope = [(loss(at + step * e) - loss(at - step * e)) / (2 * step) for e in np.eye(3)]
    inside = (at > np.log(prior) - 4.9) & (at < np.log(prior) + 2.9)
    assert np.abs(np.array(slope)[inside]).max() < 0.05


def test_one_block_far_off_moves_student_variances_less_than_gaussian_ones() -> None:
    blocks = [grouped(seed, rows=20, groups=4) for seed in range(10)]
    far = Components(blocks[0].kernels, blocks[0].noise, 8 * blocks[0].target)

    gauss, student = (
        fit_variances([*blocks[1:], far], np.full(3, 0.1), spread=3.0, freedom=freedom) for freedom in (None, 4.0)
    )

    assert student[0] < gauss[0]


def test_where_the_search_begins_does_not_matter() -> None:
    prior = np.array([0.2, 0.02, 0.1])

    one = fit_variances([grouped(seed=1)], prior, steps=200)
    other = fit_variances([grouped(seed=1)], prior, steps=200, begin=np.array([1.0, 0.001, 0.02]))

    assert other == pytest.approx(one, rel=0.05)


def test_dual_weights_solve_the_covariance() -> None:
    block, variances = grouped(seed=2, rows=30), np.array([0.5, 0.1, 0.05])

    dual = dual_weights(block, variances)

    assert block.covariance(variances) @ dual == pytest.approx(block.target)
