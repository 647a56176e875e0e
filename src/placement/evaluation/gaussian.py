"""Forecasts whose log error is taken as normal: for the simple forecasters of the evaluation."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from placement.forecast.distribution import LEVELS, Forecast
from placement.units import Floats

__all__ = ["gaussian_forecast"]

_PROBABILITIES = np.linspace(0.01, 0.99, 99)


def gaussian_forecast(location: Floats, scale: Floats) -> Forecast:
    """Return log-normal forecasts.

    Parameters
    ----------
    location, scale
        Mean and standard deviation of the log, shape ``(tasks, classes)``.

    Examples
    --------
    >>> forecast = gaussian_forecast(np.log([[10.0]]), np.array([[0.1]]))
    >>> forecast.quantile(0.5).round(6).tolist()
    [[10.0]]
    """
    z = np.tile(norm.ppf(_PROBABILITIES), (location.shape[1], 1))
    return Forecast(location, scale, _PROBABILITIES.copy(), z, np.full(location.shape, LEVELS.index("prior")))
