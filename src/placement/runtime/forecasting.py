"""Forecasts without a model: what owners say, what the farm has learned of them, and what a step's own tasks show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from placement.control.forecasting import Finished, Forecasts, StepAsked
from placement.farm.facts import NodeSpec
from placement.runtime.shrinkage import NO_IDEA, Experience
from placement.units import Floats, MiB, Seconds

__all__ = ["EstimateForecaster", "corrected", "expected", "memory_of", "speed_of"]

#: Standard deviation of the log by which one step differs between node classes, beyond what its job type shows.
_BY_CLASS = 0.15
_FEW_PEAKS, _QUANTILE, _MARGIN = 5, 0.95, 1.15
_LEAST: MiB = 1.0
#: Half a variance that an expected value is at most above its median by, of the log: a wild guess stays a guess.
_MOST_TAIL = 0.5
_REFRESH = 20


def speed_of(node: NodeSpec) -> float:
    """Return what a core of a node is worth."""
    return node.worth / node.cores if node.worth > 0 and node.cores > 0 else 1.0


def memory_of(step: StepAsked) -> MiB:
    """Return what a task needs no more than, but rarely, MiB.

    That is what its owner declared, or 1.15 times the highest peak seen where that is more, until 5 tasks were done;
    then 1.15 times the 95 % quantile of their peaks, which may be less than declared.

    Examples
    --------
    >>> memory_of(StepAsked(job="a", step="b")), round(memory_of(StepAsked(job="a", step="b", peaks=(100.0,) * 5)))
    (1024.0, 115)
    """
    if len(step.peaks) < _FEW_PEAKS:
        return max(step.requirements.memory, _MARGIN * max(step.peaks, default=0.0), _LEAST)
    return max(_MARGIN * float(np.quantile(step.peaks, _QUANTILE)), _LEAST)


def corrected(
    location: Floats, common: float, spread: float, step: StepAsked, classes: Sequence[str]
) -> tuple[Floats, float]:
    """Move a cold forecast of one step by what its done tasks took.

    What is missed of a step is one Gaussian part that all its tasks share and one for each node class; its posterior
    mean moves the location, its posterior variance replaces that of the shared part.

    Parameters
    ----------
    location
        Of the log of the seconds on each class, shape ``(classes,)``.
    common, spread
        Standard deviations of the shared part, and of one task.

    Returns
    -------
    location, common
        After the evidence.

    Examples
    --------
    >>> from placement.control.forecasting import Observed
    >>> seen = StepAsked(job="a", step="b", finished={"big": Observed.of([200.0] * 20)})
    >>> moved, left = corrected(np.log([100.0, 50.0]), 0.5, 0.2, seen, ["big", "small"])
    >>> np.exp(moved).round(-1).tolist(), left < 0.2
    ([200.0, 90.0], True)
    """
    place = {name: row for row, name in enumerate(classes)}
    seen = [(place[name], each) for name, each in step.finished.items() if name in place and each.count > 0]
    if not seen:
        return location, common
    shared, own, noise = max(common, 1e-6) ** 2, _BY_CLASS**2, max(spread, 1e-3) ** 2
    precision, total = 1 / shared, 0.0
    for row, each in seen:
        weight = 1 / (own + noise / each.count)
        precision += weight
        total += weight * (each.mean - float(location[row]))
    moved = location + total / precision
    for row, each in seen:
        moved[row] += own / (own + noise / each.count) * (each.mean - float(moved[row]))
    return moved, precision**-0.5


def expected(location: Floats, common: Floats, spread: Floats) -> Floats:
    """Return expected seconds of log-normal run times, shape ``(steps, classes)``; wild guesses as if less wild."""
    tail = np.minimum((common**2 + spread**2) / 2, _MOST_TAIL)
    return np.asarray(np.exp(np.clip(location + tail[:, None], -7.0, 17.0)))


class EstimateForecaster:
    """Forecasts from owners' estimates and finished tasks alone.

    A step's estimate, or 600 s where there is none, scaled by what a core of the class is worth, times what tasks of
    the job type took on the class against that; then moved by the step's own done tasks. All on the log scale. A step
    whose own tasks show nothing new is looked at again when the farm has learned 5 % more of others. Previews and whole
    renderings teach nothing of each other.

    Examples
    --------
    >>> node = NodeSpec(name="n1", node_class="fast", cores=8, worth=16, memory=1024)
    >>> told = EstimateForecaster().forecast([StepAsked(job="a", step="b", declared=100.0)], [node])
    >>> bool(45 < told.seconds[0, 0] < 65), told.model
    (True, 'estimate')
    """

    name = "estimate"

    def __init__(self) -> None:
        self._experience, self._of_previews = Experience(), Experience()
        self._known: dict[tuple[str, str], tuple[StepAsked, int, tuple[str, ...], Floats, float]] = {}
        self._lessons = 0

    def forecast(self, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> Forecasts:
        """Forecast a task of each step on a node of each class."""
        location, common = np.zeros((len(steps), len(classes))), np.zeros(len(steps))
        names, speeds = tuple(each.node_class for each in classes), np.log([speed_of(each) for each in classes])
        known = {}
        version = int(math.log(1 + self._lessons) * _REFRESH)
        for row, step in enumerate(steps):
            key = (step.job, step.step)
            found = self._known.get(key)
            if found is None or found[0] is not step or found[1:3] != (version, names):
                found = (step, version, names, *self._one(step, names, speeds))
            known[key] = found
            location[row], common[row] = found[3:]
        self._known = known
        spread = np.array([self._by(step).spread for step in steps], float)
        return Forecasts(
            seconds=expected(location, common, spread), spread=spread, common=common,
            memory=np.array([memory_of(step) for step in steps], float), model=self.name,
        )  # fmt: skip

    def _one(self, step: StepAsked, names: tuple[str, ...], speeds: Floats) -> tuple[Floats, float]:
        declared, experience = step.declared is not None, self._by(step)
        usual = [experience.mean(step.job_type, name, declared=declared) for name in names]
        location = _anchor(step) - speeds + np.asarray(usual)
        between = experience.between(step.job_type, declared=declared)
        return corrected(location, between, experience.spread, step, names)

    def _by(self, step: StepAsked) -> Experience:
        return self._of_previews if step.preview else self._experience

    def learn(self, finished: Sequence[Finished]) -> None:
        """Take note of tasks that were done; the n-th of a step weighs 1/n."""
        for each in finished:
            if not 0 < each.seconds < math.inf:
                continue
            asked, log, experience = each.asked, math.log(each.seconds), self._by(each.asked)
            seen = asked.finished.get(each.node.node_class)
            before = sum(other.count for other in asked.finished.values())
            residual = log - _anchor(asked) + math.log(speed_of(each.node))
            experience.add(
                asked.job_type, each.node.node_class, declared=asked.declared is not None, residual=residual,
                weight=1 / (1 + before),
            )  # fmt: skip
            if seen is not None and seen.count > 0:
                experience.within((log - seen.mean) * (seen.count / (seen.count + 1)) ** 0.5)
            self._lessons += 1


def _anchor(step: StepAsked) -> float:
    """Return the log of the seconds that are expected on a node of worth 1 per core before anything was learned."""
    seconds: Seconds = NO_IDEA * step.chunk if step.declared is None else step.declared
    return math.log(seconds if 0 < seconds < math.inf else NO_IDEA)
