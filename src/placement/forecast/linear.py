"""A linear model of the log over blocks: what the task costs, how node size changes it, how each class does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.forecast.basis import Block
from placement.units import Floats, Ints

__all__ = ["Linear", "LinearParts"]


@dataclass(frozen=True, slots=True, eq=False)
class LinearParts:
    """A linear forecast before it meets a node class.

    Parameters
    ----------
    level
        Log for a node at the centre of training, shape ``(tasks,)``.
    slope
        Change per unit of each (centred) node feature, shape ``(tasks, node features)``.
    effect
        Deviation of each known node class, shape ``(tasks, known classes)``.
    """

    level: Floats
    slope: Floats
    effect: Floats

    def on(self, nodes: Floats, known: Ints) -> Floats:
        """Return the effect of nodes, shape ``(tasks, classes)``.

        Parameters
        ----------
        nodes
            Centred node features, shape ``(classes, node features)``.
        known
            Position of each class among the known ones, -1 when it is new, shape ``(classes,)``.
        """
        effect = np.concatenate([self.effect, np.zeros((len(self.level), 1))], axis=1)
        return np.asarray(self.slope @ nodes.T + effect[:, known])

    def at(self, nodes: Floats, known: Ints) -> Floats:
        """Return the effect of one node per task, shape ``(tasks,)``; `nodes` is ``(tasks, node features)``."""
        effect = np.concatenate([self.effect, np.zeros((len(self.level), 1))], axis=1)
        return np.asarray((self.slope * nodes).sum(axis=1) + effect[np.arange(len(known)), known])


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Coefficients over blocks.

    Parameters
    ----------
    mean
        Mean of the log in training.
    task
        For every task block, shape ``(categories, columns)``.
    node
        For every node feature and effect block, the same.
    node_class
        For every known class and effect block, the same.
    """

    mean: float
    task: tuple[Floats, ...]
    node: tuple[tuple[Floats, ...], ...]
    node_class: tuple[tuple[Floats, ...], ...]

    def parts(self, task_blocks: Sequence[Block], effect_blocks: Sequence[Block]) -> LinearParts:
        """Evaluate the blocks of some tasks."""
        level = np.full(len(task_blocks[0].matrix), self.mean)
        for block, coefficients in zip(task_blocks, self.task, strict=True):
            level += block.value(coefficients)
        return LinearParts(level, _columns(self.node, effect_blocks), _columns(self.node_class, effect_blocks))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "mean": self.mean,
            "task": [one.tolist() for one in self.task],
            "node": [[one.tolist() for one in feature] for feature in self.node],
            "node_class": [[one.tolist() for one in each] for each in self.node_class],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Linear:
        """Read what `to_json` wrote."""
        tables = [tuple(tuple(map(_table, one)) for one in data[name]) for name in ("node", "node_class")]
        return cls(float(data["mean"]), tuple(map(_table, data["task"])), tables[0], tables[1])


def _table(values: Sequence[Sequence[float]]) -> Floats:
    return np.asarray(values, float).reshape(len(values), -1)


def _columns(coefficients: Sequence[Sequence[Floats]], blocks: Sequence[Block]) -> Floats:
    out = np.zeros((len(blocks[0].matrix), len(coefficients)))
    for position, tables in enumerate(coefficients):
        for block, table in zip(blocks, tables, strict=True):
            out[:, position] += block.value(table)
    return out
