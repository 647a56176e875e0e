"""A forecaster that always answers: where the one it rests on fails, estimates stand in."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from placement.control.forecasting import Finished, Forecaster, Forecasts, StepAsked
from placement.errors import PlacementError
from placement.farm.facts import NodeSpec
from placement.runtime.forecasting import EstimateForecaster

__all__ = ["SteadyForecaster"]

_LOG = logging.getLogger(__name__)


class SteadyForecaster:
    """Asks a forecaster; a farm whose model cannot be used goes on with estimates until it can be again.

    Parameters
    ----------
    forecaster
        May raise: its model's file is gone, damaged, of another version.

    Examples
    --------
    >>> from placement.errors import ModelError
    >>> class Gone:
    ...     def forecast(self, steps, classes):
    ...         raise ModelError("model.bin is gone")
    ...     def learn(self, finished):
    ...         raise ModelError("model.bin is gone")
    >>> node = NodeSpec(name="n1", node_class="a", cores=8, memory=1024)
    >>> SteadyForecaster(Gone()).forecast([StepAsked(job="j", step="s", declared=60.0)], [node]).model
    'estimate'
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self._forecaster, self._estimates = forecaster, EstimateForecaster()
        self._failing = False

    def forecast(self, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> Forecasts:
        """Forecast a task of each step on a node of each class."""
        try:
            answer = self._forecaster.forecast(steps, classes)
        except (PlacementError, OSError) as wrong:
            self._failed(wrong)
            return self._estimates.forecast(steps, classes)
        self._failing = False
        return answer

    def learn(self, finished: Sequence[Finished]) -> None:
        """Learn from tasks that were done."""
        self._estimates.learn(finished)
        try:
            self._forecaster.learn(finished)
        except (PlacementError, OSError) as wrong:
            self._failed(wrong)

    def _failed(self, wrong: Exception) -> None:
        if not self._failing:
            _LOG.warning("forecasts are estimates until the forecaster works again: %s", wrong)
        self._failing = True
