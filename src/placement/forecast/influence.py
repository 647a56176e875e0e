"""Which features moved a forecast: SHAP values of the trees and contributions of the linear blocks, as factors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placement.forecast.model import ColdModel

__all__ = ["influence"]

_INTERNAL = {
    "one": "",
    "missing": "missing values",
    "smooth": "features together",
    "job_type × smooth": "features together",
}


def influence(model: ColdModel, task: pd.DataFrame, node: pd.DataFrame) -> pd.DataFrame:
    """Return what each feature multiplies the forecast of one task on one class by, strongest first.

    Parameters
    ----------
    task
        One row of task columns.
    node
        One row of node columns.

    Returns
    -------
    pandas.DataFrame
        Columns ``feature``, ``value`` (as given, None for what is no single column), ``factor``. Against the average
        of training.
    """
    x, raw, codes = model.basis.arrays(task)
    cold = model.cold(task)
    mix = float(model.share(cold)[0])
    moved: dict[str, float] = {}
    for block, weights in zip(model.basis.task_blocks(x, raw, codes), model.linears[0].task, strict=True):
        name = _INTERNAL.get(block.name, block.name)
        if name:
            _add(moved, name, mix * float(block.value(weights)[0]))
    shap = np.mean([one.contributions(model.matrix(raw, codes))[0, :-1] for one in model.boosters], axis=0)
    names = [model.basis.numeric[position].name for position in model.tree_positions]
    names += ["work", *(each.name for each in model.basis.encoder.categorical)]
    for name, value in zip(names, shap, strict=True):
        _add(moved, name, (1 - mix) * float(value))
    work = float(model.basis.work(raw)[0] - model.basis.work(model.basis.median[None, :])[0])
    _add(moved, "work", (1 - mix) * model.alpha * work)
    places, known = model.nodes(node)
    parts = cold.linear[0]
    _add(moved, "node class", float(parts.on(places, known)[0, 0]))
    rows = [(name, _value(task, name), float(np.exp(log))) for name, log in moved.items() if abs(log) > 1e-6]
    table = pd.DataFrame(rows, columns=["feature", "value", "factor"])
    order = np.argsort(-np.abs(np.log(table["factor"].to_numpy(float))), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _add(moved: dict[str, float], name: str, log: float) -> None:
    moved[name] = moved.get(name, 0.0) + log


def _value(task: pd.DataFrame, name: str) -> object:
    return task[name].iloc[0] if name in task else None
