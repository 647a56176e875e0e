"""Laws of a forecast: one location, one scale and one table give quantiles, tails and the mean that agree."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.forecast.distribution import LEVELS, Forecast
from tests.strategies import forecasts

PROBABILITY = st.floats(0.001, 0.999)


def one(**changes: object) -> Forecast:
    parts: dict[str, object] = {
        "location": np.zeros((2, 3)),
        "scale": np.ones((2, 3)),
        "probabilities": np.array([0.1, 0.5, 0.9]),
        "z": np.tile([-1.0, 0.0, 1.0], (3, 1)),
        "level": np.ones((2, 3), dtype=np.int64),
    }
    return Forecast(**{**parts, **changes})  # type: ignore[arg-type]


@given(forecasts(), PROBABILITY, PROBABILITY)
def test_quantiles_never_cross(forecast: Forecast, one_probability: float, other: float) -> None:
    low, high = sorted((one_probability, other))

    assert (forecast.quantile(low) <= forecast.quantile(high)).all()


@given(forecasts(), st.floats(0.0, 1.0))
def test_the_chance_of_staying_below_a_quantile_is_its_probability(forecast: Forecast, share: float) -> None:
    inside = forecast.probabilities[0] + share * (forecast.probabilities[-1] - forecast.probabilities[0])

    below = forecast.probability_below(forecast.quantile(float(inside)) * (1 + 1e-9))

    assert below == pytest.approx(inside, abs=1e-4)


@given(forecasts(), st.floats(0.01, 1e6), st.floats(1.0, 10.0))
def test_a_higher_value_is_never_less_likely_to_hold(forecast: Forecast, value: float, more: float) -> None:
    below, above = forecast.probability_below(value), forecast.probability_below(value * more)

    assert (below <= above).all()
    assert (below > 0).all()
    assert (above < 1).all()


@given(forecasts())
def test_the_mean_lies_between_the_extremes(forecast: Forecast) -> None:
    mean = forecast.mean()

    assert (forecast.quantile(1e-9) * (1 - 1e-9) <= mean).all()
    assert (mean <= forecast.quantile(1 - 1e-9) * (1 + 1e-9)).all()


@given(forecasts())
def test_columns_are_read_only(forecast: Forecast) -> None:
    for each in fields(forecast):
        with pytest.raises(ValueError, match="read-only"):
            getattr(forecast, each.name)[:] = 0


@given(forecasts())
def test_a_picked_pair_says_what_the_whole_said_of_it(forecast: Forecast) -> None:
    task, node_class = forecast.tasks - 1, forecast.classes - 1

    picked = forecast.pick(task, node_class)

    assert picked.quantile(0.7).tolist() == [[forecast.quantile(0.7)[task, node_class]]]
    assert picked.level_name(0, 0) == forecast.level_name(task, node_class) in LEVELS


@given(forecasts(tasks=2, classes=3), st.floats(0.1, 1e4))
def test_pairs_with_tables_of_their_own_agree_with_one_pair_at_a_time(forecast: Forecast, value: float) -> None:
    alone = [[forecast.pick(row, column).probability_below(value)[0, 0] for column in range(3)] for row in range(2)]

    assert forecast.probability_below(value) == pytest.approx(np.array(alone))


def test_without_tables_every_class_has_its_own() -> None:
    forecast = one(z=np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-3.0, 0.0, 3.0]]))

    assert np.log(forecast.quantile(0.9)).tolist() == [[1.0, 2.0, 3.0]] * 2


def test_beyond_the_table_half_of_what_is_left_there_is_told() -> None:
    assert one().probability_below(1e-9)[0, 0] == pytest.approx(0.05)
    assert one().probability_below(1e9)[0, 0] == pytest.approx(0.95)
    assert one().probability_below(-1.0)[0, 0] == pytest.approx(0.05)


def test_no_task_is_an_empty_forecast() -> None:
    empty = one(location=np.zeros((0, 3)), scale=np.zeros((0, 3)), level=np.zeros((0, 3), dtype=np.int64))

    assert empty.quantile(0.5).shape == empty.mean().shape == empty.probability_below(1.0).shape == (0, 3)


def test_evidence_makes_a_new_forecast_and_leaves_the_old_one() -> None:
    before, zeros = one(), np.zeros((2, 3), dtype=np.int64)

    after = before.with_evidence(before.location + 1, before.scale, zeros, zeros)

    assert before.quantile(0.5)[0, 0] == pytest.approx(1.0)
    assert after.quantile(0.5)[0, 0] == pytest.approx(np.e)
    assert after.level_name(0, 0) == "job"


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_probability_outside_0_and_1_is_refused_by_value(probability: float) -> None:
    with pytest.raises(InvalidInput, match=f"probability {probability} is not between 0 and 1"):
        one().quantile(probability)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": np.ones((2, 2))}, r"share one shape \(tasks, classes\).*\(2, 2\)"),
        ({"location": np.zeros(3), "scale": np.ones(3), "level": np.ones(3, dtype=np.int64)}, r"\(3,\)"),
        ({"z": np.zeros((3, 2))}, r"z has shape \(3, 2\), expected \(tables, levels = 3\)"),
        ({"z": np.zeros((2, 3))}, "refers to table 2, but z has 2 tables"),
        ({"z": np.tile([0.0, 1.0, 0.5], (3, 1))}, "must increase"),
        ({"probabilities": np.array([0.1, 0.9, 0.9])}, "must increase"),
        ({"scale": np.zeros((2, 3))}, "scale 0.0"),
        ({"scale": np.full((2, 3), np.nan)}, "scale nan"),
        ({"location": np.full((2, 3), np.inf)}, "location inf"),
    ],
)
def test_what_is_no_distribution_is_refused_naming_the_values(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        one(**changes)


def test_replacing_a_part_checks_it_again() -> None:
    with pytest.raises(InvalidInput):
        replace(one(), scale=np.ones((1, 1)))
