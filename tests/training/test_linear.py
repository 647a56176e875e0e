"""The linear part is fitted in the dual and kept in the primal: both must say the same."""

from __future__ import annotations

import numpy as np
import pytest

from placement.forecast.basis import Block
from training.linear import LinearData, fit_linear
from training.variance import Components


def simulated(rows: int = 80, seed: int = 0) -> tuple[LinearData, np.ndarray]:
    """Tasks of two kinds on three classes of two sizes, with shots of their own."""
    rng = np.random.default_rng(seed)
    x, kind = rng.normal(size=(rows, 2)), rng.integers(-1, 2, rows)
    node_class, group = rng.integers(0, 3, rows), rng.integers(0, 15, rows)
    nodes = np.array([[-0.5], [0.5], [0.5]])[node_class]
    target = 1 + x @ [0.8, -0.3] + 0.5 * (kind == 1) - 0.7 * nodes[:, 0] + 0.2 * (node_class == 2)
    target += rng.normal(0, 0.3, 15)[group] + rng.normal(0, 0.05, rows)
    ones = np.ones((rows, 1))
    tasks = [Block("one", ones, prior=1.0), Block("x", x, prior=0.1), Block("kind", ones, kind, 2, 0.1)]
    effects = [Block("one", ones, prior=0.02), Block("kind", ones, kind, 2, 0.01)]
    return LinearData(tasks, effects, x, nodes, node_class, 3, group, rng.integers(1, 4, rows).astype(float)), target


def predicted(data: LinearData, target: np.ndarray, variances: np.ndarray | None = None) -> np.ndarray:
    model = fit_linear(data, target, variances)[0]
    parts = model.parts(data.task_blocks, data.effect_blocks)
    return np.asarray(parts.level + parts.at(data.nodes, data.node_class))


def test_the_primal_forecast_is_the_kernels_own() -> None:
    data, target = simulated()
    _, variances = fit_linear(data, target, steps=5)

    primal = predicted(data, target, variances)

    kernels = [block.gram() for block in data.task_blocks]
    effects = [block.gram() for block in data.effect_blocks]
    kernels += [effect * np.outer(data.nodes[:, 0], data.nodes[:, 0]) for effect in effects]
    kernels += [effect * (data.node_class[:, None] == data.node_class) for effect in effects]
    same_group = (data.group[:, None] == data.group).astype(float)
    same_class = data.node_class[:, None] == data.node_class
    shots = [same_group, same_group * (data.x @ data.x.T) / 2, same_group * same_class]
    mean = np.average(target, weights=data.weight)
    noise = (1 / np.minimum(data.weight, 3.0))[None, :]
    whole = Components(np.array([*kernels, *shots]).astype(np.float32), noise, target - mean)
    weights = np.linalg.solve(whole.covariance(variances), target - mean)
    without_shots = np.tensordot(variances[: len(kernels)], np.array(kernels), axes=1)
    assert primal == pytest.approx(mean + without_shots @ weights, abs=1e-3)


def test_simulated_effects_are_found() -> None:
    data, target = simulated(rows=250)
    model, _ = fit_linear(data, target)

    assert model.task[1][0] == pytest.approx([0.8, -0.3], abs=0.1)
    faster = model.node[0][0][0, 0] + 0.0
    assert -0.95 < faster < -0.4


def test_some_rows_are_fitted_as_if_there_were_no_others() -> None:
    data, target = simulated(rows=60)
    half = np.arange(60) < 40
    _, variances = fit_linear(data, target, steps=3)

    part = data.take(half)

    assert len(predicted(part, target[half], variances)) == 40
    assert part.group.tolist() == data.group[:40].tolist()
