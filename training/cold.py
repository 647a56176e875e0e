"""Fit the cold model: basis, linear parts and trees on the rows of some shots."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from placement.adapters.stores.boosters import TextBooster
from placement.forecast.basis import Basis, Block
from placement.forecast.model import ColdModel
from placement.telemetry.features import Encoder
from placement.units import Bools, Floats, Ints
from training.linear import LinearData, fit_linear
from training.relevance import fit_relevance
from training.trees import TreeSettings, fit_trees

__all__ = ["ColdSettings", "TrainingData", "fit_cold", "increasing_columns", "tree_inputs", "with_trees"]

_LEAST_TIME = 0.03
_SAME = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdSettings:
    """How the cold model is made.

    Parameters
    ----------
    trees
        How the trees are grown.
    mix
        Weight of the linear part against the trees.
    support
        Rows that span the smooth part.
    most_rows
        Averaged rows the linear part looks at; its cost grows with the cube.
    parts
        Model render and overhead apart where they were measured.
    steps
        Steps of the searches for the linear part's variances and for the relevance of features.
    """

    trees: TreeSettings = field(default_factory=TreeSettings)
    mix: float = 0.5
    support: int = 48
    most_rows: int = 400
    parts: bool = True
    steps: int = 40


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Rows to learn one target from.

    Parameters
    ----------
    rows
        Clean telemetry.
    target
        Column that is learned.
    value
        Log of the target, disturbances taken out, shape ``(rows,)``.
    weight
        1 for a quiet measurement, less for others, same shape.
    group
        Shot numbers that no split divides, same shape.
    """

    rows: pd.DataFrame
    target: str
    value: Floats
    weight: Floats
    group: Ints

    def take(self, keep: Ints | Bools) -> TrainingData:
        """Return some of the rows."""
        rows = self.rows[keep] if np.asarray(keep).dtype == bool else self.rows.iloc[keep]
        return TrainingData(
            rows.reset_index(drop=True), self.target, self.value[keep], self.weight[keep], self.group[keep]
        )

    @property
    def job(self) -> Ints:
        """Number of the job of each row, shape ``(rows,)``."""
        return np.asarray(pd.factorize(self.rows["job_id"])[0], dtype=np.int64)


def fit_cold(data: TrainingData, encoder: Encoder, settings: ColdSettings, seed: int) -> ColdModel:
    """Fit on all rows of `data`, with the encoder's features and categories."""
    rows = data.rows
    basis = Basis.fit(encoder, rows, settings.support, seed)
    classes = tuple(sorted(rows["node_class"].astype(str).unique()))
    nodes = basis.nodes(rows)
    centre = np.array([np.mean(v[np.isfinite(v)]) if np.isfinite(v).any() else 0.0 for v in nodes.T])
    bare = ColdModel(basis, (), (), settings.trees.alpha, settings.mix, centre, classes)
    linear, picked = _linear_data(bare, data, settings.most_rows, seed)
    targets = _linear_targets(bare, data, picked, settings)
    alike = fit_linear(linear, targets[0], steps=settings.steps)[1]
    basis = basis.with_relevance(fit_relevance(linear, targets[0], alike, settings.steps))
    lead = rows.iloc[[each[0] for each in picked]]
    linear = replace(linear, task_blocks=basis.task_blocks(*basis.arrays(lead)))
    linears = tuple(fit_linear(linear, y, steps=settings.steps)[0] for y in targets)
    fitted = replace(bare, basis=basis, linears=linears)
    return with_trees(fitted, data, settings, seed)


def with_trees(fitted: ColdModel, data: TrainingData, settings: ColdSettings, seed: int) -> ColdModel:
    """Return the model with trees grown on what its work and node effects leave."""
    matrix, given = tree_inputs(fitted, data.rows, settings.trees.alpha)
    weight = data.weight / np.sqrt(np.bincount(data.job)[data.job])
    boosters = fit_trees(matrix, data.value - given, weight, increasing_columns(fitted), settings.trees, seed)
    kept = tuple(TextBooster(one.model_to_string()) for one in boosters)
    return replace(fitted, boosters=kept, alpha=settings.trees.alpha, mix=settings.mix)


def tree_inputs(fitted: ColdModel, rows: pd.DataFrame, alpha: float) -> tuple[Floats, Floats]:
    """Return what trees see, shape ``(rows, columns)``, and what they are given of the log: work and node effect."""
    x, raw, codes = fitted.basis.arrays(rows)
    first = replace(fitted.linears[0], task=fitted.linears[0].task[:1])
    one = Block("one", np.ones((len(x), 1)))
    effect = first.parts([one], fitted.basis.effect_blocks(x, codes)).at(*fitted.nodes(rows))
    return fitted.matrix(raw, codes), alpha * fitted.basis.work(raw) + effect


def increasing_columns(fitted: ColdModel) -> list[bool]:
    """Return which columns of the trees' matrix the target may only rise with."""
    numeric = [fitted.basis.numeric[position].increasing for position in fitted.tree_positions]
    return [*numeric, True, *([False] * len(fitted.basis.encoder.categorical))]


def _linear_data(model: ColdModel, data: TrainingData, most: int, seed: int) -> tuple[LinearData, list[Ints]]:
    """Average rows of one job on one class whose features agree, keep at most `most` of them, spread over shots."""
    x, raw, codes = model.basis.arrays(data.rows)
    places, known = model.nodes(data.rows)
    key = np.column_stack([data.job, known, np.round(_SAME * x).astype(np.int64)])
    _, first, cell = np.unique(key, axis=0, return_index=True, return_inverse=True)
    cell = cell.ravel()
    kept = _spread(data.group[first], most, seed)
    members = np.argsort(cell, kind="stable")
    bounds = np.searchsorted(cell[members], np.arange(len(first) + 1))
    picked = [members[bounds[c] : bounds[c + 1]] for c in kept]
    lead = first[kept]
    weight = np.array([data.weight[each].sum() for each in picked])
    return (
        LinearData(
            model.basis.task_blocks(x[lead], raw[lead], codes[lead]),
            model.basis.effect_blocks(x[lead], codes[lead]),
            x[lead],
            places[lead],
            known[lead],
            len(model.classes),
            data.group[lead],
            weight,
        ),
        picked,
    )


def _spread(group: Ints, most: int, seed: int) -> Ints:
    """Choose at most `most` positions, taking turns between groups."""
    order = np.random.default_rng(seed).permutation(len(group))
    turn = pd.Series(group[order]).groupby(group[order]).cumcount().to_numpy()
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])


def _linear_targets(model: ColdModel, data: TrainingData, picked: list[Ints], settings: ColdSettings) -> list[Floats]:
    """Return averaged logs of the total and, where measured apart, of render over work and of the overhead."""
    logs = [data.value]
    render = _render_time(data) if settings.parts and data.target == "run_time" else None
    if render is not None:
        _, raw, _ = model.basis.arrays(data.rows)
        overhead = np.log(np.maximum(np.exp(data.value) - render, _LEAST_TIME))
        logs += [np.log(np.maximum(render, _LEAST_TIME)) - model.basis.work(raw), overhead]
    return [np.array([np.average(log[each], weights=data.weight[each]) for each in picked]) for log in logs]


def _render_time(data: TrainingData) -> Floats | None:
    """Return seconds of rendering proper, None where half of the rows or more do not measure them.

    A row that does not, such as one that was killed, gets the usual share of its run time.
    """
    render = data.rows["render_time"].to_numpy(dtype=float, na_value=np.nan)
    told = np.isfinite(render)
    if told.mean() <= 0.5:
        return None
    total = np.exp(data.value)
    return np.where(told, render, float(np.median(render[told] / total[told])) * total)
