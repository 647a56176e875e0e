"""Fit the linear part: one variance per block, groups as random effects, coefficients in the primal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from placement.forecast.basis import Block
from placement.forecast.linear import Linear
from placement.units import Bools, Floats, Ints
from training.variance import Components, dual_weights, fit_variances

__all__ = ["LinearData", "fit_linear", "observations"]

_NODE_FACTOR = 5.0
_GROUP, _GROUP_SLOPES, _NOISE = 0.1, 0.002, 0.03
_GROUP_CLASS, _CLASS_SHOTS = 0.1, 50.0
#: Variance of the log target that the prior variances of what a task costs were chosen for; they grow with it.
_USUAL_VARIANCE = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class LinearData:
    """Averaged observations for the linear part, as columns over rows.

    Parameters
    ----------
    task_blocks, effect_blocks
        What `placement.forecast.basis.Basis` makes of the rows.
    x
        Standardised task features, shape ``(rows, task features)``.
    nodes
        Centred node features, shape ``(rows, node features)``.
    node_class
        Number of the class each ran on, shape ``(rows,)``.
    classes
        How many classes there are.
    group
        Number of the shot, shape ``(rows,)``.
    weight
        How many quiet measurements a row is worth, shape ``(rows,)``.
    """

    task_blocks: Sequence[Block]
    effect_blocks: Sequence[Block]
    x: Floats
    nodes: Floats
    node_class: Ints
    classes: int
    group: Ints
    weight: Floats

    def take(self, rows: Ints | Bools) -> LinearData:
        """Return the data of some rows."""
        return LinearData(
            [block.take(rows) for block in self.task_blocks],
            [block.take(rows) for block in self.effect_blocks],
            self.x[rows],
            self.nodes[rows],
            self.node_class[rows],
            self.classes,
            self.group[rows],
            self.weight[rows],
        )


def fit_linear(data: LinearData, target: Floats, start: Floats | None = None, steps: int = 50) -> tuple[Linear, Floats]:
    """Fit the log target, shape ``(rows,)``; return the model and its variances.

    Parameters
    ----------
    start
        Variances to keep instead of learning them.
    """
    mean, observed, prior = observations(data, target)
    variances = start if start is not None else fit_variances([observed], prior, steps=steps)
    return _primal(data, mean, dual_weights(observed, variances), variances), variances


def observations(data: LinearData, target: Floats) -> tuple[float, Components, Floats]:
    """Return the mean of the target, its deviations with the kernels that may explain them, and prior variances.

    Kernels are in the order of the task blocks, then those of nodes, classes and shots; the noise comes last.
    """
    mean = float(np.average(target, weights=data.weight))
    variance = float(np.average((target - mean) ** 2, weights=data.weight))
    kernels, prior = _kernels(data, max(variance / _USUAL_VARIANCE, 0.1))
    noise = (1 / np.minimum(data.weight, 3.0))[None, :]
    return mean, Components(kernels.astype(np.float32), noise, target - mean), np.append(prior, _NOISE)


def _kernels(data: LinearData, wide: float) -> tuple[Floats, Floats]:
    """Return the kernels of the blocks, of node size, of node classes and of shots, with their prior variances.

    What tasks cost is as wide as the target is (`wide` times the usual); how much faster one class is than another is
    not. Two things keep a class from being blamed for its shots: a shot may differ from others on one class alone, and
    while there are few shots classes are expected to be alike.
    """
    kernels = [block.gram() for block in data.task_blocks]
    prior = [wide * block.prior for block in data.task_blocks]
    effects = [block.gram() for block in data.effect_blocks]
    for feature in data.nodes.T:
        kernels += [effect * np.outer(feature, feature) for effect in effects]
        prior += [_NODE_FACTOR * block.prior for block in data.effect_blocks]
    same_class = data.node_class[:, None] == data.node_class
    kernels += [effect * same_class for effect in effects]
    shots = len(np.unique(data.group))
    prior += [block.prior * shots / (shots + _CLASS_SHOTS) for block in data.effect_blocks]
    same_group = (data.group[:, None] == data.group).astype(float)
    slopes = data.x @ data.x.T / max(data.x.shape[1], 1)
    kernels += [same_group, same_group * slopes, same_group * same_class]
    prior += [wide * each for each in (_GROUP, _GROUP_SLOPES, _GROUP_CLASS)]
    return np.array(kernels), np.array(prior)


def _primal(data: LinearData, mean: float, dual: Floats, variances: Floats) -> Linear:
    tasks, effects = len(data.task_blocks), len(data.effect_blocks)
    task = tuple(block.coefficients(dual, v) for block, v in zip(data.task_blocks, variances, strict=False))
    at = tasks
    node = []
    for feature in data.nodes.T:
        own = variances[at : at + effects]
        node.append(tuple(b.coefficients(dual * feature, v) for b, v in zip(data.effect_blocks, own, strict=True)))
        at += effects
    own = variances[at : at + effects]
    classes = tuple(
        tuple(b.coefficients(dual * (data.node_class == c), v) for b, v in zip(data.effect_blocks, own, strict=True))
        for c in range(data.classes)
    )
    return Linear(mean, task, tuple(node), classes)
