"""A weak forecaster: ridge regression of log run time on pixels × samples per job type, and class effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.evaluation.gaussian import gaussian_forecast
from placement.forecast.distribution import Forecast
from placement.units import Floats

__all__ = ["LogLinear", "train_log_linear"]

_FOLDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class LogLinear:
    """Log run time = an effect and a slope on log work per job type + effects of class by renderer and by family.

    Parameters
    ----------
    columns
        Names of the design's columns; an unknown category has none and keeps to the rest.
    weight
        Coefficients, shape ``(columns,)``.
    spread
        Standard deviation of the log error on jobs not learned from.
    """

    columns: tuple[str, ...]
    weight: Floats
    mean: float
    spread: float

    def __call__(self, tasks: pd.DataFrame, classes: Sequence[str]) -> Forecast:
        """Forecast `tasks` on `classes`."""
        place = {name: i for i, name in enumerate(self.columns)}
        location = np.stack(
            [_design(tasks.assign(node_class=name), place) @ self.weight + self.mean for name in classes], axis=1
        )
        return gaussian_forecast(location, np.full(location.shape, self.spread))


def train_log_linear(telemetry: pd.DataFrame, *, ridge: float = 0.3) -> LogLinear:
    """Fit on the successful rows.

    Parameters
    ----------
    telemetry
        Rows in telemetry columns.
    ridge
        Penalty on every squared coefficient.

    Raises
    ------
    InvalidInput
        No row succeeded.
    """
    rows = telemetry[telemetry["status"] == "ok"].reset_index(drop=True)
    if rows.empty:
        raise InvalidInput(f"none of {len(telemetry)} telemetry rows succeeded")
    log = np.log(rows["run_time"].to_numpy(float))
    names = tuple(sorted({name for names, _ in _terms(rows) for name in names}))
    design = _design(rows, {name: i for i, name in enumerate(names)})
    fold = pd.factorize(rows["job_id"])[0] % _FOLDS
    errors = np.zeros(len(rows))
    for held in range(_FOLDS):
        train, test = fold != held, fold == held
        if train.any() and test.any():
            errors[test] = log[test] - _predict(design[test], *_solve(design[train], log[train], ridge))
    weight, mean = _solve(design, log, ridge)
    return LogLinear(names, weight, mean, max(float(np.sqrt((errors**2).mean())), 1e-3))


def _terms(rows: pd.DataFrame) -> list[tuple[list[str], Floats]]:
    """Return the design's blocks: a column's name per row, and the value that row has there."""
    ones = np.ones(len(rows))
    # Centred near typical values, so that slopes and effects are penalised alike.
    work = _log_sizes(rows["width"] * rows["height"] * rows["spp"]) - 13.0
    detail = _log_sizes(rows["triangles"]) - 10.0
    kinds = {
        # Jobs seen in training take up what is theirs, so that class effects are learned within jobs.
        "job": rows["job_id"],
        "type": rows["job_type"],
        "family": rows["scene_family"].fillna(""),
        "class": rows["node_class"],
        "renderer × class": rows["renderer"].fillna("") + " × " + rows["node_class"],
        "type × class": rows["job_type"] + " × " + rows["node_class"],
        "family × class": rows["scene_family"].fillna("") + " × " + rows["node_class"],
    }
    blocks = [([f"{kind}: {value}" for value in column], ones) for kind, column in kinds.items()]
    blocks.append(([f"work of {value}" for value in rows["job_type"]], work))
    blocks.append(([f"detail of {value}" for value in rows["job_type"]], detail))
    return blocks


def _log_sizes(sizes: pd.Series[float]) -> Floats:
    return np.log1p(sizes.fillna(0.0).to_numpy(float))


def _design(rows: pd.DataFrame, place: dict[str, int]) -> Floats:
    design = np.zeros((len(rows), len(place)))
    for names, values in _terms(rows):
        known = [i for i, name in enumerate(names) if name in place]
        design[known, [place[names[i]] for i in known]] = values[known]
    return design


def _solve(design: Floats, log: Floats, ridge: float) -> tuple[Floats, float]:
    mean = float(log.mean())
    gram = design.T @ design + ridge * np.eye(design.shape[1])
    return np.asarray(np.linalg.solve(gram, design.T @ (log - mean)), float), mean


def _predict(design: Floats, weight: Floats, mean: float) -> Floats:
    return design @ weight + mean
