"""Progress of a running frame: what has passed is cut off, what is reported is weighed by how it missed before."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from placement.errors import InvalidInput
from placement.forecast.distribution import Forecast
from placement.forecast.progress import ProgressCurve, fit_progress, remaining_quantile, with_progress
from tests.strategies import forecasts
from training.calibrate import PROBABILITIES
from training.target import progress_curves

EXACT = ProgressCurve(0.0, np.array([0.1, 0.9]), np.zeros(2), np.array([0.01, 0.01]))
VAGUE = ProgressCurve(0.0, np.array([0.1, 0.9]), np.zeros(2), np.array([5.0, 5.0]))


def lognormal(median: float, scale: float = 0.5) -> Forecast:
    z = norm.ppf(PROBABILITIES)[None, :]
    return Forecast(np.log([[median]]), np.array([[scale]]), PROBABILITIES, z, np.array([[1]]))


def test_30_percent_after_40_seconds_moves_the_median_to_about_133_seconds() -> None:
    moved = with_progress(lognormal(60.0), np.array([40.0]), np.array([0.3]), EXACT)

    assert moved.quantile(0.5)[0, 0] == pytest.approx(133.3, rel=0.01)
    assert moved.scale[0, 0] < 0.02


def test_what_missed_much_before_moves_little() -> None:
    moved = with_progress(lognormal(60.0), np.array([40.0]), np.array([0.3]), VAGUE)

    assert moved.quantile(0.5)[0, 0] == pytest.approx(60.0, rel=0.02)


def test_a_bias_of_the_past_is_taken_out() -> None:
    slow_end = ProgressCurve(0.0, np.array([0.1, 0.9]), np.full(2, np.log(2)), np.full(2, 0.01))

    moved = with_progress(lognormal(60.0), np.array([40.0]), np.array([0.3]), slow_end)

    assert moved.quantile(0.5)[0, 0] == pytest.approx(266.7, rel=0.01)


@pytest.mark.parametrize("fraction", [0.0, np.nan])
def test_no_report_says_nothing_but_the_time_that_passed(fraction: float) -> None:
    before = lognormal(60.0)

    moved = with_progress(before, np.array([40.0]), np.array([fraction]), EXACT)

    assert moved.location.tolist() == before.location.tolist()
    assert moved.scale.tolist() == before.scale.tolist()
    rest = remaining_quantile(moved, np.array([40.0]), 0.5)
    assert 0 < rest[0, 0] < 60
    assert rest[0, 0] > 60 - 40


@given(forecasts(classes=1), st.floats(0.0, 1e6), st.floats(0.01, 0.98))
def test_the_rest_is_never_negative_and_grows_with_probability(forecast: Forecast, passed: float, low: float) -> None:
    elapsed = np.full(forecast.tasks, passed)

    less, more = (remaining_quantile(forecast, elapsed, probability) for probability in (low, low + 0.01))

    assert (less >= 0).all()
    assert (less <= more + 1e-9).all()


@given(st.floats(400.0, 1e5), st.floats(1.1, 5.0))
def test_a_frame_long_past_its_forecast_has_time_left_the_more_the_longer_it_took(passed: float, more: float) -> None:
    rest = remaining_quantile(lognormal(60.0), np.array([passed]), 0.5)[0, 0]

    assert 0.02 * passed < rest < 5 * passed
    assert remaining_quantile(lognormal(60.0), np.array([passed * more]), 0.5)[0, 0] > rest


@given(st.floats(1.0, 500.0), st.floats(0.05, 0.9))
def test_the_time_that_passed_cuts_the_distribution(elapsed: float, probability: float) -> None:
    whole = lognormal(60.0)

    rest = remaining_quantile(whole, np.array([elapsed]), probability)[0, 0]

    passed = whole.probability_below(elapsed)[0, 0]
    if passed + probability * (1 - passed) < PROBABILITIES[-1]:
        assert whole.probability_below(elapsed + rest)[0, 0] == pytest.approx(
            passed + probability * (1 - passed), abs=1e-6
        )


@given(st.floats(0.0, 100.0), st.floats(0.0, 1.0), st.floats(0.0, 20.0))
def test_a_projection_is_never_before_now(elapsed: float, fraction: float, overhead: float) -> None:
    curve = ProgressCurve(overhead, np.array([0.5]), np.zeros(1), np.ones(1))

    assert curve.project(np.array([elapsed]), np.array([fraction]))[0] >= elapsed


@pytest.mark.parametrize(("elapsed", "fraction"), [(-1.0, 0.5), (np.nan, 0.5), (1.0, -0.1), (1.0, 1.1)])
def test_impossible_progress_is_refused_by_value(elapsed: float, fraction: float) -> None:
    wrong = elapsed if not elapsed >= 0 else fraction

    with pytest.raises(InvalidInput, match=str(wrong)):
        with_progress(lognormal(60.0), np.array([elapsed]), np.array([fraction]), EXACT)


def test_a_curve_learns_overhead_bias_and_spread() -> None:
    rng = np.random.default_rng(0)
    fraction, total = rng.uniform(0.05, 0.95, 800), np.exp(rng.normal(4.0, 0.7, 800))
    elapsed = 3.0 + fraction * (total - 3.0) * np.exp(rng.normal(0, 0.1, 800))

    curve = fit_progress(elapsed, fraction, np.maximum(total, elapsed))

    assert curve is not None
    assert curve.overhead == pytest.approx(3.0, abs=1.5)
    assert np.abs(curve.bias).max() < 0.1
    assert curve.spread == pytest.approx(np.full(len(curve.spread), 0.1), abs=0.06)
    assert (np.diff(curve.fraction) > 0).all()


def test_too_few_reports_are_no_curve() -> None:
    assert fit_progress(np.ones(29), np.full(29, 0.5), np.full(29, 2.0)) is None


def test_reports_of_one_fraction_are_a_curve_of_one_knot() -> None:
    curve = fit_progress(np.linspace(1, 2, 40), np.full(40, 0.5), 2 * np.linspace(1, 2, 40))

    assert curve is not None
    assert curve.fraction.tolist() == [0.5]


def test_json_gives_the_same_curve() -> None:
    back = ProgressCurve.from_json(json.loads(json.dumps(EXACT.to_json())))

    assert back.to_json() == EXACT.to_json()


def test_nothing_is_learnt_from_text_that_is_no_progress() -> None:
    texts = ["no", "[[1]]", "null", "3", None]
    rows = pd.DataFrame({"job_type": "a", "progress": texts, "status": "ok", "run_time": 1.0})

    assert progress_curves(rows) == {}
