"""Which features the smooth part follows: found where it matters, and the likelihood's slope is its own."""

from __future__ import annotations

import numpy as np
import pytest

from placement.forecast.basis import SMOOTH, Block
from training.linear import LinearData, fit_linear
from training.relevance import _Search, fit_relevance


def wavy(rows: int = 120, seed: int = 0, kinds: int = 0) -> tuple[LinearData, np.ndarray]:
    """A target that waves along the first of three features and ignores the others."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    target = np.sin(2.5 * x[:, 0]) + rng.normal(0, 0.05, rows)
    centres = x[:30]
    squared = ((x[:, None, :] - centres) ** 2).sum(axis=2)
    smooth = np.exp(-0.5 * squared / 12)
    ones = np.ones((rows, 1))
    tasks = [Block("one", ones, prior=1.0), Block(SMOOTH, smooth, prior=0.03)]
    if kinds:
        tasks.append(Block(f"job_type × {SMOOTH}", smooth, rng.integers(-1, kinds, rows), kinds, 0.02))
    effects = [Block("one", ones, prior=0.02)]
    nowhere, alone = np.zeros((rows, 1)), np.arange(rows)
    return LinearData(tasks, effects, x, nowhere, np.zeros(rows, np.int64), 1, alone, np.ones(rows)), target


def test_the_feature_that_matters_is_told_from_those_that_do_not() -> None:
    data, target = wavy()
    _, variances = fit_linear(data, target)

    relevance = fit_relevance(data, target, variances)

    assert relevance[0] > 2 * relevance[1:].max()


def test_without_a_smooth_part_all_features_are_alike() -> None:
    data, target = wavy(rows=20)
    bare = LinearData(
        data.task_blocks[:1], data.effect_blocks, data.x, data.nodes, data.node_class, 1, data.group, data.weight
    )
    _, variances = fit_linear(bare, target, steps=2)

    assert fit_relevance(bare, target, variances).tolist() == [1.0, 1.0, 1.0]


def test_the_slope_of_the_likelihood_is_that_of_its_differences() -> None:
    data, target = wavy(rows=25, kinds=2)
    _, variances = fit_linear(data, target, steps=5)
    search = _Search.of(data, target, variances, [1, 2])
    at = np.array([-1.0, -2.0, 0.3, -0.2, 0.1])

    _, slope = search.lost(at[:2], at[2:])

    for number in range(5):
        step = 1e-2 * np.eye(5)[number]
        up, down = (search.lost((at + way * step)[:2], (at + way * step)[2:])[0] for way in (1, -1))
        assert slope[number] == pytest.approx((up - down) / 2e-2, rel=0.02, abs=0.01)
