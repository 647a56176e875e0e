"""Forecasts without a model: estimates, experience and a step's own tasks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.control.forecasting import Finished, Forecasts, Observed, StepAsked
from placement.errors import InvalidInput
from placement.farm.facts import NodeSpec
from placement.farm.jobs import Requirements
from placement.runtime.forecasting import EstimateForecaster, memory_of, speed_of
from placement.runtime.shrinkage import Experience

_SLOW = NodeSpec(name="s", node_class="slow", cores=8, memory=8192, worth=8)
_FAST = NodeSpec(name="f", node_class="fast", cores=8, memory=8192, worth=16)
_CLASSES = [_SLOW, _FAST]
_SECONDS = st.floats(0.01, 1e6)


def _step(job: str = "a", **other: object) -> StepAsked:
    return StepAsked(job=job, step="render", **other)  # type: ignore[arg-type]


def _median(told: Forecasts) -> np.ndarray:
    return np.asarray(told.seconds / np.exp(np.minimum((told.common**2 + told.spread**2) / 2, 0.5))[:, None])


def test_an_estimate_is_scaled_by_what_a_core_is_worth() -> None:
    told = EstimateForecaster().forecast([_step(declared=100.0)], _CLASSES)
    assert _median(told)[0] == pytest.approx([100.0, 50.0])
    assert speed_of(replace(_SLOW, worth=0.0)) == 1.0


def test_nothing_is_known_so_it_says_so_and_a_chunk_takes_longer() -> None:
    told = EstimateForecaster().forecast([_step(), _step("b", chunk=4), _step("c", declared=100.0)], _CLASSES)
    assert _median(told)[:2, 0] == pytest.approx([600.0, 2400.0])
    assert told.common[0] > 2 * told.common[2]


def test_finished_tasks_of_a_step_correct_it_at_once_on_all_classes() -> None:
    forecaster = EstimateForecaster()
    first = _step(declared=100.0)
    cold = forecaster.forecast([first], _CLASSES)
    one = replace(first, finished={"slow": Observed.of([300.0])})
    many = replace(first, finished={"slow": Observed.of([300.0] * 30)})
    after_one, after_many = (forecaster.forecast([each], _CLASSES) for each in (one, many))
    assert _median(after_one)[0, 0] > 200.0
    assert _median(after_many)[0] == pytest.approx([300.0, 150.0], rel=0.12)
    assert cold.common[0] > after_one.common[0] > after_many.common[0]


def test_what_a_job_type_takes_is_learned_for_jobs_to_come() -> None:
    forecaster = EstimateForecaster()
    before = _median(forecaster.forecast([_step("new", declared=100.0, job_type="hair")], _CLASSES))
    for number in range(40):
        step = _step(f"old{number}", declared=100.0, job_type="hair")
        forecaster.learn([Finished(asked=step, node=_SLOW, seconds=400.0)])
    told = forecaster.forecast(
        [_step("new", declared=100.0, job_type="hair"), _step("other", declared=100.0, job_type="water")], _CLASSES
    )
    assert before[0, 0] == pytest.approx(100.0)
    assert _median(told)[0, 0] == pytest.approx(400.0, rel=0.15)
    assert 100.0 < _median(told)[1, 0] <= _median(told)[0, 0]
    assert told.common[0] < 0.4


def test_previews_and_whole_frames_teach_nothing_of_each_other() -> None:
    forecaster, frame = EstimateForecaster(), [_step("whole", declared=20.0)]
    before = forecaster.forecast(frame, _CLASSES)
    preview = _step("new", declared=0.6, preview=True)
    for number in range(20):  # loading the scene takes as long as ever
        seen = replace(preview, job=f"old{number}", finished={"slow": Observed.of([1.0, 100.0])})
        forecaster.learn([Finished(asked=seen, node=_SLOW, seconds=12.0)])
    after, shown = forecaster.forecast(frame, _CLASSES), forecaster.forecast([preview], _CLASSES)
    assert (after.seconds == before.seconds).all()
    assert (after.spread, after.common) == (before.spread, before.common)
    assert _median(shown)[0, 0] == pytest.approx(12.0, rel=0.4)


def test_a_long_step_does_not_count_as_many() -> None:
    one, many = EstimateForecaster(), EstimateForecaster()
    one.learn([Finished(asked=_step(declared=100.0), node=_SLOW, seconds=400.0)])
    for done in range(500):
        seen = {"slow": Observed(count=done, mean=math.log(400.0))} if done else {}
        many.learn([Finished(asked=_step(declared=100.0, finished=seen), node=_SLOW, seconds=400.0)])
    new = [_step("new", declared=100.0)]
    assert _median(one.forecast(new, _CLASSES))[0, 0] < _median(many.forecast(new, _CLASSES))[0, 0] < 400.0


def test_the_spread_about_a_step_is_learned() -> None:
    forecaster, rng = EstimateForecaster(), np.random.default_rng(0)
    seen = {"slow": Observed.of([100.0] * 50)}
    for seconds in 100.0 * np.exp(rng.normal(0, 0.5, 300)):
        forecaster.learn([Finished(asked=_step(finished=seen), node=_SLOW, seconds=float(seconds))])
    assert forecaster.forecast([_step("n")], _CLASSES).spread[0] == pytest.approx(0.5, abs=0.07)


def test_memory_is_what_was_declared_until_peaks_are_seen() -> None:
    needs = Requirements(memory=4000.0)
    assert memory_of(_step(requirements=needs)) == 4000.0
    assert memory_of(_step(requirements=needs, peaks=(5000.0,))) == pytest.approx(5750.0)
    assert memory_of(_step(requirements=needs, peaks=(1000.0,) * 10)) == pytest.approx(1150.0)
    assert memory_of(_step(requirements=Requirements(memory=0.0))) == 1.0


def test_unusable_times_teach_nothing() -> None:
    forecaster = EstimateForecaster()
    before = forecaster.forecast([_step()], _CLASSES).seconds
    forecaster.learn([Finished(asked=_step("b"), node=_SLOW, seconds=bad) for bad in (0.0, -1.0, math.inf, math.nan)])
    assert (forecaster.forecast([_step()], _CLASSES).seconds == before).all()


@given(st.lists(_SECONDS, min_size=1, max_size=20), st.one_of(st.none(), _SECONDS), st.integers(1, 100))
def test_forecasts_are_possible_whatever_was_seen(seen: list[float], declared: float | None, chunk: int) -> None:
    forecaster = EstimateForecaster()
    step = _step(declared=declared, chunk=chunk, finished={"fast": Observed.of(seen)}, peaks=tuple(seen))
    forecaster.learn([Finished(asked=step, node=_FAST, seconds=each) for each in seen])
    told = forecaster.forecast([step, _step("new")], _CLASSES)
    assert (told.seconds > 0).all()
    assert np.isfinite(told.seconds).all()
    assert (told.common >= 0).all()
    assert forecaster.forecast([step, _step("new")], _CLASSES).seconds.tolist() == told.seconds.tolist()


@given(st.lists(_SECONDS, min_size=2, max_size=30))
def test_observations_add_up(seconds: list[float]) -> None:
    grown = Observed.of(seconds[:1])
    for each in seconds[1:]:
        grown = grown.plus(each)
    whole = Observed.of(seconds)
    assert grown.count == whole.count
    assert grown.mean == pytest.approx(whole.mean, abs=1e-9)
    assert grown.variance == pytest.approx(whole.variance, abs=1e-9)


def test_impossible_forecasts_and_observations_are_refused() -> None:
    one = np.ones(1)
    for bad in (0.0, np.inf, np.nan):
        with pytest.raises(InvalidInput, match="above 0 and finite"):
            Forecasts(seconds=np.array([[bad]]), spread=one.copy(), common=one.copy(), memory=one.copy(), model="x")
    with pytest.raises(InvalidInput, match="above 0 s"):
        Observed.of([])


def test_experience_is_bounded() -> None:
    experience = Experience()
    for number in range(20_100):
        experience.add(f"t{number}", "c", declared=True, residual=1.0, weight=1.0)
    assert experience.mean("t0", "c", declared=True) == experience.mean("never", "c", declared=True)
    assert experience.mean("t20099", "c", declared=True) != experience.mean("never", "c", declared=True)
