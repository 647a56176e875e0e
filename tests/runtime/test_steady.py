from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from placement.control.forecasting import Finished, Forecasts, StepAsked
from placement.errors import InvalidInput, ModelError
from placement.farm.facts import NodeSpec
from placement.runtime.forecasting import EstimateForecaster
from placement.runtime.steady import SteadyForecaster

NODE = NodeSpec(name="n1", node_class="plain", cores=8.0, memory=1024.0)
STEP = StepAsked(job="sh010", step="beauty", declared=60.0)
DONE = Finished(asked=STEP, node=NODE, seconds=30.0)


class Sometimes(EstimateForecaster):
    """A forecaster of another name that fails when it is told to."""

    name = "learnt"

    def __init__(self) -> None:
        super().__init__()
        self.fails: Exception | None = None
        self.learnt: list[Finished] = []

    def forecast(self, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> Forecasts:
        if self.fails:
            raise self.fails
        return super().forecast(steps, classes)

    def learn(self, finished: Sequence[Finished]) -> None:
        if self.fails:
            raise self.fails
        self.learnt += finished


@pytest.mark.parametrize("wrong", [ModelError("damaged"), FileNotFoundError("model.bin"), InvalidInput("odd")])
def test_estimates_stand_in_for_as_long_as_the_model_fails(wrong: Exception, caplog: pytest.LogCaptureFixture) -> None:
    inner = Sometimes()
    steady = SteadyForecaster(inner)
    assert steady.forecast([STEP], [NODE]).model == "learnt"

    inner.fails = wrong
    with caplog.at_level(logging.WARNING):
        names = [steady.forecast([STEP], [NODE]).model for _ in range(3)]

    assert names == ["estimate"] * 3
    assert [str(wrong) in line for line in caplog.messages] == [True], "said once"
    inner.fails = None
    assert steady.forecast([STEP], [NODE]).model == "learnt"


def test_both_learn_and_a_failure_to_learn_stops_nothing() -> None:
    inner = Sometimes()
    steady = SteadyForecaster(inner)
    steady.learn([DONE])
    inner.fails = ModelError("gone")
    untaught = SteadyForecaster(inner).forecast([STEP], [NODE]).seconds

    steady.learn([DONE])

    assert inner.learnt == [DONE]
    assert steady.forecast([STEP], [NODE]).seconds < untaught


def test_what_is_no_failure_of_a_model_comes_out() -> None:
    inner = Sometimes()
    inner.fails = ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        SteadyForecaster(inner).forecast([STEP], [NODE])
