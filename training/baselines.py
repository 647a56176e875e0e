"""What the learner is measured against: a log-linear fit, and plain regressors on raw columns, with their defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from placement.units import Bools, Floats, Ints

__all__ = ["REGRESSORS", "Regressor", "left_out", "log_linear", "out_of_fold", "raw_matrix"]

_FEWEST_ROWS = 8

#: Predicts the log of a target, shape ``(test,)``, from a training matrix, its logs, and a test matrix.
Regressor = Callable[[Floats, Floats, Floats], Floats]


def log_linear(train: pd.DataFrame, test: pd.DataFrame, target: str) -> Floats:
    """Predict a target by one line per job type: its log against the log of pixels × samples; shape ``(test,)``.

    A job type with fewer than 8 rows takes the line of all rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"job_type": "path", "width": 10.0, "height": 10.0, "spp": [1.0, 2.0, 4.0] * 3})
    >>> rows["run_time"] = 3 * rows["spp"]
    >>> log_linear(rows, rows.head(2), "run_time").round(6).tolist()
    [3.0, 6.0]
    """
    work, log = _log_work(train), np.log(train[target].to_numpy(float))
    ahead = _log_work(test)
    pooled = _line(work, log)
    out = np.polyval(pooled, ahead)
    for kind, part in test.groupby("job_type").indices.items():
        own = (train["job_type"] == kind).to_numpy()
        if own.sum() >= _FEWEST_ROWS:
            out[part] = np.polyval(_line(work[own], log[own]), ahead[part])
    return np.asarray(np.exp(out))


def _line(work: Floats, log: Floats) -> Floats:
    """Return slope and level; level alone where all rows are the same work."""
    if np.ptp(work) == 0:
        return np.array([0.0, float(log.mean())])
    return np.asarray(np.polyfit(work, log, 1))


def _log_work(rows: pd.DataFrame) -> Floats:
    return np.asarray(np.log(rows["width"] * rows["height"] * rows["spp"]), dtype=float)


def out_of_fold(rows: pd.DataFrame, fold: Ints, target: str) -> Floats:
    """Return what `log_linear` predicts of every fold from the rows of the others, shape ``(rows,)``."""
    out = np.empty(len(rows))
    for number in np.unique(fold):
        out[fold == number] = log_linear(rows[fold != number], rows[fold == number], target)
    return out


def raw_matrix(table: pd.DataFrame) -> Floats:
    """Return numeric columns as they are and every other column as one 0/1 column per value.

    Examples
    --------
    >>> raw_matrix(pd.DataFrame({"faces": [3, 4], "engine": ["a", "b"]})).tolist()
    [[3.0, 1.0, 0.0], [4.0, 0.0, 1.0]]
    """
    return np.asarray(pd.get_dummies(table, dtype=float).to_numpy(float))


def _lightgbm(train: Floats, log: Floats, test: Floats) -> Floats:
    """Gradient boosting with LightGBM's defaults: 100 trees of 31 leaves."""
    options = {"verbose": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 0}
    return np.asarray(lightgbm.train(options, lightgbm.Dataset(train, log, params=options)).predict(test))


def _forest(train: Floats, log: Floats, test: Floats) -> Floats:
    """Random forest with scikit-learn's defaults: 100 full trees."""
    return np.asarray(RandomForestRegressor(random_state=0, n_jobs=2).fit(train, log).predict(test))


def _support_vectors(train: Floats, log: Floats, test: Floats) -> Floats:
    """Support vector regression with scikit-learn's defaults (RBF kernel, C = 1) on standardised columns."""
    return np.asarray(make_pipeline(StandardScaler(), SVR()).fit(train, log).predict(test))


#: Plain regressors by the name they are known by.
REGRESSORS: Mapping[str, Regressor] = {
    "LightGBM": _lightgbm,
    "random forest": _forest,
    "SVM": _support_vectors,
}


def left_out(matrix: Floats, log: Floats, labels: Ints, regressor: Regressor) -> Floats:
    """Return the log that a regressor predicts of every label from the rows of the others, shape ``(rows,)``."""
    out = np.empty(len(log))
    for number in np.unique(labels):
        own: Bools = labels == number
        out[own] = regressor(matrix[~own], log[~own], matrix[own])
    return out
