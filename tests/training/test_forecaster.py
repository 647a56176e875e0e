"""The trainer that the offline evaluation is given."""

from __future__ import annotations

import numpy as np

from placement.adapters.formats import read_telemetry
from placement.adapters.stores.shipped import shipped
from training.forecaster import train_run_time
from training.target import Effort


def test_it_forecasts_known_and_unknown_classes_from_what_is_known_before() -> None:
    rows = read_telemetry(shipped("data/renders")).rows

    forecaster = train_run_time(rows, Effort(draws=1, folds=3, jobs=1, backoff=False))
    forecast = forecaster(rows[:20].assign(run_time=np.nan), ["cpu-1t", "cpu-2t", "new"])

    assert forecast.location.shape == (20, 3)
    assert np.isfinite(forecast.location).all()
    assert np.median(forecast.location[:, 0] - forecast.location[:, 1]) > 0.2, "one core is slower than two"
