"""The trainer that the offline evaluation is given: telemetry rows in, forecasts of run time out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.forecast.distribution import Forecast
from placement.forecast.target import TargetModel
from placement.telemetry.clean import clean
from placement.telemetry.features import FEATURES
from training.cold import ColdSettings
from training.target import Effort, fit_target

__all__ = ["RunTimeForecaster", "train_run_time"]


@dataclass(frozen=True, slots=True, eq=False)
class RunTimeForecaster:
    """Forecasts run time on node classes it knows by name.

    Parameters
    ----------
    nodes
        One row per node class of the telemetry: ``node_class``, ``threads``, ``cores``.
    """

    model: TargetModel
    nodes: pd.DataFrame

    def __call__(self, tasks: pd.DataFrame, classes: Sequence[str]) -> Forecast:
        """Forecast `tasks`, rows in telemetry columns, on `classes`; what is known of a class comes with its name."""
        nodes = self.nodes.set_index("node_class").reindex(list(classes)).reset_index()
        return self.model.forecast(tasks.drop(columns=["node_class", "threads", "cores"], errors="ignore"), nodes)


def train_run_time(telemetry: pd.DataFrame, effort: Effort | None = None) -> RunTimeForecaster:
    """Clean rows in telemetry columns and train run time on them, by default without search.

    Raises
    ------
    InvalidInput
        Too few rows measure the run time.
    """
    # Nobody asks here how a running frame gets on: progress is not learned.
    rows, _ = clean(telemetry.assign(progress=pd.Series(np.nan, telemetry.index, dtype=telemetry["progress"].dtype)))
    effort = effort or Effort(draws=1, folds=4, backoff=False)
    fitted = fit_target(rows, "run_time", FEATURES, ColdSettings(), effort)
    nodes = telemetry.groupby("node_class", as_index=False)[["threads", "cores"]].median()
    return RunTimeForecaster(fitted.model, nodes)
