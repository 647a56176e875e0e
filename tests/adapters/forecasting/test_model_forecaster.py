"""A trained model over estimates: known steps, corrections, promotion without restart, and the way back."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement.adapters.forecasting import LiveModel, ModelForecaster, Scorer
from placement.adapters.stores.shipped import shipped
from placement.control.forecasting import Finished, Observed, StepAsked
from placement.errors import CorruptModel, InvalidInput
from placement.farm.facts import NodeSpec
from placement.farm.jobs import Requirements
from placement.forecast.distribution import Forecast
from placement.placer import Placer

_NODES = [
    NodeSpec(name="a", node_class="cpu-1t", cores=1, memory=16000),
    NodeSpec(name="b", node_class="cpu-2t", cores=2, memory=16000),
]
_QUALITY: Mapping[str, float | int | str | bool] = {
    "width": 320,
    "height": 180,
    "spp": 16,
    "denoise": True,
    "nobody": "knows",
}


class _Shifted:
    """A real model that is wrong by a known amount."""

    def __init__(self, placer: Placer, shift: float, digest: str) -> None:
        self._placer, self._shift, self.digest = placer, shift, digest
        self.asked = 0

    @property
    def features(self) -> tuple[str, ...]:
        return self._placer.features

    def forecast(
        self, tasks: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Forecast]:
        self.asked += len(tasks)
        told = self._placer.forecast(tasks, nodes)
        run_time = told["run_time"]
        assert run_time.table is not None
        moved = run_time.with_evidence(run_time.location + self._shift, run_time.scale, run_time.level, run_time.table)
        return {**told, "run_time": moved}


@pytest.fixture(scope="module")
def placer() -> Placer:
    return Placer.load()


class _Folder:
    """A model folder whose content is a key of known models."""

    def __init__(self, path: Path, placer: Placer, shifts: Mapping[str, float]) -> None:
        self.path = path
        self.models = {name: _Shifted(placer, shift, name * 12) for name, shift in shifts.items()}
        self.loads = 0

    def promote(self, name: str) -> None:
        fresh = self.path / "fresh"
        fresh.write_text(name + " " * (1 + self.loads))
        fresh.replace(self.path / "manifest.json")

    def load(self, folder: Path) -> Scorer:
        self.loads += 1
        name = (folder / "manifest.json").read_text().strip()
        if name not in self.models:
            raise CorruptModel(f"{folder}: no model")
        return self.models[name]


def _step(job: str = "job", **other: object) -> StepAsked:
    given: dict[str, object] = {
        "job_type": "cycles/path",
        "quality": _QUALITY,
        "requirements": Requirements(cores=2),
        **other,
    }
    return StepAsked(job=job, step="render", **given)  # type: ignore[arg-type]


def _finished(number: int, seconds: float, **other: object) -> Finished:
    return Finished(asked=_step(f"job{number}", **other), node=_NODES[0], seconds=seconds)


def _in_use(live: LiveModel) -> tuple[str | None, ...]:
    return tuple(None if model is None else model.digest for model in (live.previous, live.current))


def _truth(placer: Placer) -> float:
    told = placer.forecast(
        [{"job_type": "cycles/path", "width": 320, "height": 180, "spp": 16, "denoise": 1.0}],
        [{"node_class": "cpu-1t", "cores": 1, "threads": 1, "memory": 16000}],
    )
    return float(np.exp(told["run_time"].location[0, 0]))


def test_the_shipped_model_answers_for_steps_it_knows_and_estimates_for_others(tmp_path: Path) -> None:
    shutil.copytree(shipped("models/live"), tmp_path / "live")
    forecaster = ModelForecaster(LiveModel(tmp_path / "live", Placer.load))
    told = forecaster.forecast([_step(), _step("other", job_type="nobody/knows", declared=77.0)], _NODES)
    assert forecaster.live.current is not None
    assert told.model == forecaster.live.current.digest[:12]
    assert told.seconds[0, 0] == pytest.approx(_truth(Placer.load()), rel=0.15)
    assert told.seconds[0, 1] < told.seconds[0, 0] < 20.0
    assert 40.0 < told.seconds[1, 0] < 120.0
    assert told.memory[0] < 1024.0 == told.memory[1]


def test_a_preview_is_the_models_only_if_the_model_can_tell_it_from_whole_frames(
    tmp_path: Path, placer: Placer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _Folder(tmp_path, placer, {"a": 0.0})
    folder.promote("a")
    shown = _step(declared=77.0, preview=True, quality={**_QUALITY, "samples": 4})
    told = ModelForecaster(LiveModel(tmp_path, folder.load)).forecast([shown, _step("whole")], _NODES)
    assert 40.0 < told.seconds[0, 0] < 120.0
    assert told.seconds[1, 0] < 20.0

    monkeypatch.setattr(_Shifted, "features", (*placer.features, "samples"))
    monkeypatch.setattr(placer, "forecast", _without_samples(placer))
    told = ModelForecaster(LiveModel(tmp_path, folder.load)).forecast([shown], _NODES)
    assert told.seconds[0, 0] < 20.0


def _without_samples(placer: Placer) -> Callable[..., Mapping[str, Forecast]]:
    """Return the forecast of a model that takes `samples`, and makes nothing of them."""
    forecast = placer.forecast

    def known(tasks: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]) -> Mapping[str, Forecast]:
        return forecast([{k: v for k, v in task.items() if k != "samples"} for task in tasks], nodes)

    return known


def test_a_steps_own_tasks_correct_the_model_and_chunks_take_longer(tmp_path: Path, placer: Placer) -> None:
    folder = _Folder(tmp_path, placer, {"a": 0.0})
    folder.promote("a")
    forecaster = ModelForecaster(LiveModel(tmp_path, folder.load))
    cold = forecaster.forecast([_step(), _step("four", chunk=4)], _NODES)
    assert cold.seconds[1] == pytest.approx(4 * cold.seconds[0])
    asked = folder.models["a"].asked
    seen = {"cpu-1t": Observed.of([3 * float(cold.seconds[0, 0])] * 25)}
    warm = forecaster.forecast([_step(finished=seen, peaks=(900.0,) * 9), _step("four", chunk=4)], _NODES)
    assert warm.seconds[0, 0] == pytest.approx(3 * cold.seconds[0, 0], rel=0.1)
    assert warm.common[0] < cold.common[0]
    assert warm.memory[0] == pytest.approx(1035.0)
    assert folder.models["a"].asked == asked


def test_quality_that_cannot_be_is_no_reason_to_fail(tmp_path: Path, placer: Placer) -> None:
    folder = _Folder(tmp_path, placer, {"a": 0.0})
    folder.promote("a")
    forecaster = ModelForecaster(LiveModel(tmp_path, folder.load))
    bad = _step("bad", quality={"width": "wide"}, declared=50.0)
    told = forecaster.forecast([bad, _step(), _step("less", quality={"spp": -1.0}, declared=50.0)], _NODES)
    alone = forecaster.estimates.forecast([bad], _NODES)
    assert told.seconds[0] == pytest.approx(alone.seconds[0])
    assert told.model == "a" * 12
    assert forecaster.forecast([bad], _NODES).model == "estimate"
    assert forecaster.forecast([], _NODES).model == "estimate"


def test_a_promoted_model_is_taken_at_once_and_a_broken_one_is_not(tmp_path: Path, placer: Placer) -> None:
    folder = _Folder(tmp_path, placer, {"a": 0.0, "b": 1.0})
    forecaster = ModelForecaster(LiveModel(tmp_path, folder.load))
    assert forecaster.forecast([_step()], _NODES).model == "estimate"
    folder.promote("a")
    first = forecaster.forecast([_step()], _NODES)
    folder.promote("broken")
    assert forecaster.forecast([_step()], _NODES).model == "a" * 12
    (tmp_path / "manifest.json").unlink()
    assert forecaster.forecast([_step()], _NODES).model == "a" * 12
    folder.promote("b")
    second = forecaster.forecast([_step()], _NODES)
    assert second.model == "b" * 12
    assert second.seconds[0, 0] == pytest.approx(math.e * first.seconds[0, 0])


def test_a_model_that_could_not_be_loaded_is_tried_again(tmp_path: Path, placer: Placer) -> None:
    folder = _Folder(tmp_path, placer, {"a": 0.0})
    live = LiveModel(tmp_path, folder.load)
    folder.promote("late")
    assert not any(live.look() for _ in range(15))
    assert folder.loads == 1
    folder.models["late"] = folder.models["a"]
    assert sum(live.look() for _ in range(30)) == 1
    assert folder.loads == 2


def test_a_worse_model_is_left_after_its_trial_and_never_taken_again(tmp_path: Path, placer: Placer) -> None:
    folder = _Folder(tmp_path, placer, {"good": 0.0, "bad": 1.0})
    forecaster = ModelForecaster(LiveModel(tmp_path, folder.load, trial=20))
    truth = _truth(placer)
    for name in ("good", "bad"):
        folder.promote(name)
        forecaster.forecast([_step()], _NODES)
    forecaster.learn([_finished(number, truth, job_type="nobody/knows") for number in range(40)])
    forecaster.learn([_finished(number, truth) for number in range(19)])
    assert forecaster.forecast([_step()], _NODES).model == "badbadbadbad"
    forecaster.learn([_finished(19, truth), _finished(20, truth)])
    assert forecaster.forecast([_step()], _NODES).model == "goodgoodgood"
    folder.promote("bad")
    assert forecaster.forecast([_step()], _NODES).model == "goodgoodgood"


def test_a_better_model_stands_its_trial(tmp_path: Path, placer: Placer) -> None:
    folder = _Folder(tmp_path, placer, {"old": 0.5, "new": 0.1})
    forecaster = ModelForecaster(LiveModel(tmp_path, folder.load, trial=5))
    for name in ("old", "new"):
        folder.promote(name)
        forecaster.forecast([_step()], _NODES)
    forecaster.learn([_finished(number, _truth(placer)) for number in range(5)])
    assert forecaster.live.previous is None
    assert forecaster.forecast([_step()], _NODES).model == "newnewnewnew"


def test_a_model_on_trial_is_replaced_by_the_next_and_the_trusted_one_stays_the_measure(
    tmp_path: Path, placer: Placer
) -> None:
    folder = _Folder(tmp_path, placer, {"a": 0.0, "b": 1.0, "c": 2.0})
    live = LiveModel(tmp_path, folder.load)
    for name in "abc":
        folder.promote(name)
        assert live.look()
    assert live.previous is folder.models["a"]
    folder.promote("a")
    assert live.look()
    assert _in_use(live) == (None, "a" * 12)
    assert live.judge(1.0, 0.0) is False


def test_a_forecast_changes_when_the_question_does(tmp_path: Path, placer: Placer) -> None:
    folder = _Folder(tmp_path, placer, {"a": 0.0})
    folder.promote("a")
    forecaster = ModelForecaster(LiveModel(tmp_path, folder.load))
    first = forecaster.forecast([_step()], _NODES).seconds[0, 0]
    more = forecaster.forecast([replace(_step(), quality={**_QUALITY, "spp": 1024})], _NODES).seconds[0, 0]
    assert more > 2 * first


def test_a_trial_needs_tasks(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="expected 1 or more"):
        LiveModel(tmp_path, Placer.load, trial=0)
