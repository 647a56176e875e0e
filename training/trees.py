"""Fit the boosted trees on what the work and the node leave of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np

from placement.units import Floats

__all__ = ["TreeSettings", "fit_trees"]

_LEAST_SPREAD = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSettings:
    """How the trees are grown.

    Parameters
    ----------
    alpha
        Share of the log work taken out before and put back after.
    monotone
        Hold the trees to the features declared increasing.
    ensemble
        How many boosters with different seeds are averaged.
    """

    alpha: float = 0.7
    rounds: int = 250
    rate: float = 0.04
    leaves: int = 6
    leaf_rows: int = 12
    l2: float = 5.0
    column_share: float = 0.4
    row_share: float = 0.7
    monotone: bool = True
    ensemble: int = 3

    def params(self, increasing: Sequence[bool], seed: int, rows: int, spread: float = 0.9) -> dict[str, object]:
        """Return LightGBM's own names; a leaf never asks for more than a tenth of the rows.

        Misses beyond the target's `spread` pull with the same force however large they are.
        """
        return {
            "objective": "huber",
            "alpha": max(spread, _LEAST_SPREAD),
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": max(2, min(self.leaf_rows, rows // 10)),
            "lambda_l2": self.l2,
            "feature_fraction": self.column_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "monotone_constraints": [int(one and self.monotone) for one in increasing],
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }


def fit_trees(
    matrix: Floats, target: Floats, weight: Floats, increasing: Sequence[bool], settings: TreeSettings, seed: int
) -> list[lightgbm.Booster]:
    """Return an ensemble of boosters on features ``(rows, features)`` and targets ``(rows,)``, NaN being missing."""
    spread = float(np.sqrt(np.average((target - np.average(target, weights=weight)) ** 2, weights=weight)))
    return [
        lightgbm.train(
            settings.params(increasing, seed + member, len(target), spread),
            lightgbm.Dataset(matrix, np.asarray(target), weight=weight, params={"verbose": -1}),
            settings.rounds,
            keep_training_booster=True,
        )
        for member in range(settings.ensemble)
    ]
