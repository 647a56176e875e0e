"""The location of a forecast before any frame of the job was seen: linear blocks and boosted trees, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from placement.forecast.basis import Basis
from placement.forecast.linear import Linear, LinearParts
from placement.telemetry.features import Columns, columns_of
from placement.units import Bools, Floats, Ints

__all__ = ["Booster", "Cold", "ColdModel"]


class Booster(Protocol):
    """A boosted regression that is already learned."""

    def predict(self, matrix: Floats, /) -> Floats:
        """Return raw scores, shape ``(rows,)``, for features of shape ``(rows, features)``."""

    def contributions(self, matrix: Floats, /) -> Floats:
        """Return SHAP values, shape ``(rows, features + 1)``, the base value last."""


@dataclass(frozen=True, slots=True, eq=False)
class Cold:
    """The expensive part of a forecast: all that depends on the task alone.

    Parameters
    ----------
    linear
        Linear parts of the total, or of render and overhead after it.
    trees
        What the boosters say of the log, the work's share included, shape ``(tasks,)``.
    x, codes
        Standardised features and category codes, for the correction and the back-off.
    """

    linear: tuple[LinearParts, ...]
    trees: Floats
    x: Floats
    codes: Ints


@dataclass(frozen=True, slots=True, eq=False)
class ColdModel:
    """Location of the log before any frame of the job was seen.

    ``mix × linear + (1 - mix) × trees``, where the linear part is the mean of a direct model and, when render and
    overhead were measured apart, of the log of their sum; node classes enter through the direct linear model.

    Parameters
    ----------
    linears
        The direct model; then, if there are three, render (over its work) and overhead.
    alpha
        Share of the log work that the trees get for free.
    node_centre
        Node features in training, shape ``(node features,)``.
    """

    basis: Basis
    linears: tuple[Linear, ...]
    boosters: Sequence[Booster]
    alpha: float
    mix: float
    node_centre: Floats
    classes: tuple[str, ...]

    def cold(self, rows: pd.DataFrame | Columns) -> Cold:
        """Evaluate linear parts and boosters once per task."""
        x, raw, codes = self.basis.arrays(rows)
        tasks, effects = self.basis.task_blocks(x, raw, codes), self.basis.effect_blocks(x, codes)
        parts = [linear.parts(tasks, effects) for linear in self.linears]
        work = self.basis.work(raw)
        if len(parts) == 3:
            parts[1] = LinearParts(parts[1].level + work, parts[1].slope, parts[1].effect)
        matrix = self.matrix(raw, codes)
        trees = self.alpha * work + np.mean([one.predict(matrix) for one in self.boosters], axis=0)
        return Cold(tuple(parts), trees, x, codes)

    def matrix(self, raw: Floats, codes: Ints) -> Floats:
        """Return what the boosters see: raw features, the work, category codes.

        Of features that are one column on two scales they see the first: to trees the others are the same, and would
        only crowd out the rest when columns are sampled.
        """
        return np.column_stack([raw[:, self.tree_positions], self.basis.work(raw), codes])

    @property
    def tree_positions(self) -> list[int]:
        """Positions of the numeric task features that the boosters see."""
        first: dict[tuple[str, ...], int] = {}
        for position, feature in enumerate(self.basis.numeric):
            first.setdefault(feature.columns, position)
        return list(first.values())

    def nodes(self, rows: pd.DataFrame | Columns) -> tuple[Floats, Ints]:
        """Return centred node features (0 where missing) and the position of each class, -1 when it is new."""
        columns = columns_of(rows)
        found = self.basis.nodes(columns) - self.node_centre
        place = {name: number for number, name in enumerate(self.classes)}
        known = np.array([place.get(name, -1) for name in columns["node_class"].tolist()], dtype=np.int64)
        return np.where(np.isfinite(found), found, 0.0), known

    def location(self, cold: Cold, nodes: Floats, known: Ints) -> Floats:
        """Return the log on every class, shape ``(tasks, classes)``."""
        columns = [part.level[:, None] + part.on(nodes, known) for part in cold.linear]
        return self._mixed(cold, columns, cold.linear[0].on(nodes, known))

    def location_at(self, cold: Cold, nodes: Floats, known: Ints) -> Floats:
        """Return the log of each task on its own node, shape ``(tasks,)``."""
        columns = [(part.level + part.at(nodes, known))[:, None] for part in cold.linear]
        return self._mixed(cold, columns, cold.linear[0].at(nodes, known)[:, None])[:, 0]

    def parts_at(self, cold: Cold, nodes: Floats, known: Ints) -> tuple[Floats, Floats]:
        """Return the linear and the tree forecast of each task on its own node, each ``(tasks,)``."""
        columns = [(part.level + part.at(nodes, known))[:, None] for part in cold.linear]
        return _linear(columns)[:, 0], cold.trees + cold.linear[0].at(nodes, known)

    def _mixed(self, cold: Cold, columns: list[Floats], effect: Floats) -> Floats:
        share = self.share(cold)[:, None]
        return share * _linear(columns) + (1 - share) * (cold.trees[:, None] + effect)

    def share(self, cold: Cold) -> Floats:
        """Return the weight of the linear part, shape ``(tasks,)``; trees have no say on a job type they never saw."""
        return np.where(self.known_type(cold), self.mix, 1.0)

    def known_type(self, cold: Cold) -> Bools:
        """Return whether each task's job type was trained on, shape ``(tasks,)``."""
        return self.known_category(cold, "job_type")

    def known_category(self, cold: Cold, name: str) -> Bools:
        """Return whether each task's value of one category was trained on; never where the category is not used."""
        return self.codes_of(cold, name) >= 0

    def codes_of(self, cold: Cold, name: str) -> Ints:
        """Return each task's place in one category's vocabulary, -1 where unknown, shape ``(tasks,)``."""
        for position, feature in enumerate(self.basis.encoder.categorical):
            if feature.name == name:
                return cold.codes[:, position]
        return np.full(len(cold.codes), -1, dtype=np.int64)

    def vocabulary(self, name: str) -> tuple[str, ...]:
        """Return the values of one category that were trained on."""
        return self.basis.encoder.vocabulary.get(name, ())

    def to_json(self) -> dict[str, Any]:
        """Return everything but the boosters as plain values."""
        return {
            "basis": self.basis.to_json(),
            "linears": [one.to_json() for one in self.linears],
            "alpha": self.alpha,
            "mix": self.mix,
            "node_centre": self.node_centre.tolist(),
            "classes": list(self.classes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], boosters: Sequence[Booster]) -> ColdModel:
        """Read what `to_json` wrote."""
        return cls(
            Basis.from_json(data["basis"]),
            tuple(Linear.from_json(one) for one in data["linears"]),
            tuple(boosters),
            float(data["alpha"]),
            float(data["mix"]),
            np.asarray(data["node_centre"], float),
            tuple(data["classes"]),
        )


def _linear(columns: list[Floats]) -> Floats:
    if len(columns) == 1:
        return columns[0]
    return 0.5 * columns[0] + 0.5 * np.logaddexp(columns[1], columns[2])
