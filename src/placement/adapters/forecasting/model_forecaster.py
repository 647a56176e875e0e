"""Forecasts by a trained model for the steps it knows, by estimates for the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from placement.adapters.forecasting.live_model import LiveModel, Scorer
from placement.control.forecasting import Finished, Forecasts, StepAsked
from placement.errors import PlacementError
from placement.farm.facts import NodeSpec
from placement.forecast.distribution import LEVELS, Forecast
from placement.runtime.forecasting import EstimateForecaster, corrected, expected
from placement.units import Floats, MiB

__all__ = ["ModelForecaster"]

#: Worse evidence than this is no knowledge of a step: its job type was never trained on.
_KNOWN = LEVELS.index("job type")
_QUANTILE, _MARGIN, _FEW_PEAKS = 0.98, 1.15, 5
_LEAST_COMMON = 0.05
_MOST_ON_TRIAL = 10_000
#: Of the node, or filled in from the step.
_NOT_QUALITY = ("node_class", "threads", "cores", "node_memory", "job_type", "declared_run_time", "declared_memory")


@dataclass(frozen=True, slots=True)
class _Cold:
    """What a model says of a step before its tasks are looked at; `known` is False: nothing."""

    step: StepAsked
    known: bool
    location: Floats = field(default_factory=lambda: np.zeros(0))
    scale: float = 0.0
    memory: MiB | None = None

    def of(self, step: StepAsked) -> bool:
        """Return whether it was said of the same question."""
        mine = self.step
        return mine is step or (
            mine.quality == step.quality
            and mine.requirements.cores == step.requirements.cores
            and (mine.job_type, mine.chunk, mine.declared) == (step.job_type, step.chunk, step.declared)
        )


class ModelForecaster:
    """A watched model over `EstimateForecaster`.

    A step is the model's when the model was trained on its job type and takes its quality parameters, a preview only
    if it takes `samples`, by which previews differ from whole frames; the model's forecast is then moved by the step's
    own done tasks. A newly promoted model counts from the next forecast on; `LiveModel` says when it is left again.

    Parameters
    ----------
    live
        The watched model.
    estimates
        Who answers for the other steps.

    Examples
    --------
    >>> def broken(folder):
    ...     raise PlacementError("no model")
    >>> node = NodeSpec(name="n1", node_class="fast", cores=8, memory=1024)
    >>> forecaster = ModelForecaster(LiveModel("models/live", broken))
    >>> forecaster.forecast([StepAsked(job="a", step="b", declared=100.0)], [node]).model
    'estimate'
    """

    def __init__(self, live: LiveModel, estimates: EstimateForecaster | None = None) -> None:
        self.live = live
        self.estimates = estimates or EstimateForecaster()
        self._cold: dict[tuple[str, str], _Cold] = {}
        self._trial: dict[tuple[str, str, str, str], _Cold] = {}
        self._said_by: tuple[str, tuple[NodeSpec, ...]] = ("", ())

    def forecast(self, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> Forecasts:
        """Forecast a task of each step on a node of each class."""
        self.live.look()
        told, model = self.estimates.forecast(steps, classes), self.live.current
        if model is None or not steps or not classes:
            return told
        cold = self._ask(model, steps, classes)
        if not any(each.known for each in cold):
            return told
        seconds, common, memory = told.seconds.copy(), told.common.copy(), told.memory.copy()
        rows = np.array([row for row, said in enumerate(cold) if said.known])
        location, spread = np.array([cold[row].location for row in rows]), told.spread[rows]
        scale = np.array([cold[row].scale for row in rows])
        shared = np.sqrt(np.maximum(scale**2 - spread**2, _LEAST_COMMON**2))
        names = [each.node_class for each in classes]
        for place, row in enumerate(rows.tolist()):
            step, needs = steps[row], cold[row].memory
            if step.finished:
                moved = corrected(location[place], float(shared[place]), float(spread[place]), step, names)
                location[place], shared[place] = moved
            if needs is not None and len(step.peaks) < _FEW_PEAKS:
                memory[row] = max(needs, _MARGIN * max(step.peaks, default=0.0), 1.0)
        seconds[rows], common[rows] = expected(location, shared, spread), shared
        return Forecasts(
            seconds=seconds, spread=told.spread, common=common, memory=memory, model=model.digest[:12] or "model"
        )

    def _ask(self, model: Scorer, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> list[_Cold]:
        """Return what the model says of each step, asked once for each that it was not asked of before."""
        by = (model.digest, tuple(classes))
        if by != self._said_by:
            self._cold, self._said_by = {}, by
        known = {(step.job, step.step): self._cold.get((step.job, step.step)) for step in steps}
        fresh = [step for step in steps if (said := known[step.job, step.step]) is None or not said.of(step)]
        for group in _by_cores(fresh):
            for step, said in zip(group, _cold(model, group, classes), strict=True):
                known[step.job, step.step] = said
        self._cold = {key: said for key, said in known.items() if said is not None}
        return [self._cold[step.job, step.step] for step in steps]

    def learn(self, finished: Sequence[Finished]) -> None:
        """Take note of tasks that were done; while a model is on trial, hold it against the one before."""
        self.estimates.learn(finished)
        for each in finished:
            current, previous = self.live.current, self.live.previous
            if current is None or previous is None:
                self._trial = {}
                return
            if 0 < each.seconds < math.inf:
                errors = [self._error(model, each) for model in (current, previous)]
                if all(error is not None for error in errors):
                    self.live.judge(*(error for error in errors if error is not None))

    def _error(self, model: Scorer, finished: Finished) -> float | None:
        """Return how far a model is from a finished task, of the log; None: it does not know such tasks."""
        step = finished.asked
        key = (model.digest, step.job, step.step, finished.node.node_class)
        said = self._trial.get(key)
        if said is None or not said.of(step):
            (said,) = _cold(model, [step], [finished.node])
            if len(self._trial) >= _MOST_ON_TRIAL:
                self._trial = {}
            self._trial[key] = said
        return abs(float(said.location[0]) - math.log(finished.seconds)) if said.known else None


def _by_cores(steps: Sequence[StepAsked]) -> list[list[StepAsked]]:
    groups: dict[float, list[StepAsked]] = {}
    for step in steps:
        groups.setdefault(step.requirements.cores, []).append(step)
    return list(groups.values())


def _cold(model: Scorer, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> list[_Cold]:
    """Return what a model says of steps that ask for the same number of cores."""
    nodes = [_node(spec, steps[0].requirements.cores) for spec in classes]
    try:
        told = model.forecast([_task(step, model.features) for step in steps], nodes)
    except (PlacementError, ValueError, LookupError, TypeError):  # a quality parameter is not what its name says
        return (
            [_Cold(steps[0], known=False)] if len(steps) == 1 else [_cold(model, [step], classes)[0] for step in steps]
        )
    run_time, memory = told["run_time"], told.get("peak_memory")
    asked_for = None if memory is None else _MARGIN * memory.quantile(_QUANTILE).max(axis=1)
    found = []
    for row, step in enumerate(steps):
        known = bool((run_time.level[row] <= _KNOWN).any()) and not _unlike_whole(step, model.features)
        needs = None if asked_for is None or not _knows(memory, row) else float(asked_for[row])
        location = run_time.location[row] + math.log(step.chunk)
        found.append(_Cold(step, known, location, float(run_time.scale[row].mean()), needs))
    return found


def _unlike_whole(step: StepAsked, features: Sequence[str]) -> bool:
    """Return whether a step is a preview that the model would take for whole frames."""
    return step.preview and not ("samples" in step.quality and "samples" in features)


def _knows(memory: Forecast | None, row: int) -> bool:
    return memory is not None and bool((memory.level[row] <= _KNOWN).any())


def _task(step: StepAsked, features: Sequence[str]) -> Mapping[str, Any]:
    given: dict[str, Any] = {
        name: float(value) if isinstance(value, bool) else value
        for name, value in step.quality.items()
        if name in features and name not in _NOT_QUALITY
    }
    given["job_type"] = step.job_type
    if "declared_run_time" in features and step.declared is not None:
        given["declared_run_time"] = step.declared
    if "declared_memory" in features and step.requirements.memory > 0:
        given["declared_memory"] = step.requirements.memory
    return given


def _node(spec: NodeSpec, cores: float) -> Mapping[str, Any]:
    """Return a class as telemetry has it: with the cores that an attempt is given there."""
    given = min(cores, spec.cores) if cores > 0 else spec.cores
    return {"node_class": spec.node_class, "cores": given, "threads": given, "memory": spec.memory}
