"""What a policy is told of frames: forecasts that learn, the truth, users' words, or means of job types."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from placement.farm.machines import Resource
from placement.scheduling.cost import Cost
from placement.simulator.farm_world import FarmWorld
from placement.units import Floats, Ints

__all__ = ["Beliefs", "Knowledge", "declared", "learned", "truth", "type_means"]

#: What is known exactly still has a standard deviation above 0, so that probabilities can be computed from it.
_LEAST = 1e-6


class Beliefs(Protocol):
    """What is believed of a world's steps while it runs."""

    def learn(self, step: Ints, frame: Ints, node_class: Ints, seconds: Floats) -> None:
        """Take in frames that finished: rows, and seconds of the whole frame, cold, in the fastest mode."""
        ...

    def cost(self, steps: Ints, warmth: float) -> Cost:
        """Return what frames of the steps named are expected to take."""
        ...

    def memory(self, steps: Ints) -> Floats:
        """Return what to ask for a frame of each step named, MiB."""
        ...


class Knowledge(Protocol):
    """Anything that makes beliefs of a world before it runs."""

    def __call__(self, world: FarmWorld) -> Beliefs:
        """Return fresh beliefs."""
        ...


class _Learned:
    """Forecasts; see `learned`."""

    def __init__(self, world: FarmWorld) -> None:
        forecasts, steps = world.forecasts, len(world.steps.job)
        self._peak = world.frames.memory
        self._log = np.log(forecasts.seconds)
        self._seconds = forecasts.seconds
        self._spread = np.maximum(forecasts.spread, _LEAST)
        self._common = np.maximum(forecasts.common, _LEAST)
        self._error, self._count = np.zeros(steps), np.zeros(steps)
        self._memory = forecasts.memory.copy()

    def learn(self, step: Ints, frame: Ints, node_class: Ints, seconds: Floats) -> None:
        error = np.log(seconds) - self._log[step, node_class] + self._spread[step] ** 2 / 2
        np.add.at(self._error, step, error)
        np.add.at(self._count, step, 1.0)
        np.maximum.at(self._memory, step, self._peak[frame])

    def cost(self, steps: Ints, warmth: float) -> Cost:
        """Return forecasts corrected by the frames that ended; seconds of shape ``(steps, classes)``."""
        spread, common = self._spread[steps] ** 2, self._common[steps] ** 2
        left = 1 / (1 / common + self._count[steps] / spread)
        shift = np.exp(left * self._error[steps] / spread)
        return Cost(
            seconds=self._seconds[steps] * shift[:, None], spread=self._spread[steps], common=np.sqrt(left),
            warmth=warmth,
        )  # fmt: skip

    def memory(self, steps: Ints) -> Floats:
        return np.asarray(self._memory[steps])


class _Truth:
    """The truth; see `truth`."""

    def __init__(self, world: FarmWorld) -> None:
        steps, fleet = world.steps, world.fleet
        nodes = np.bincount(fleet.node_class, minlength=len(world.classes.names))
        slowness = np.bincount(fleet.node_class, fleet.slowness, len(nodes)) / np.maximum(nodes, 1)
        self._seconds = steps.seconds * np.where(nodes > 0, slowness, 1.0)
        self._factor = world.frames.factor
        first = steps.first[:-1]
        self._sum = np.add.reduceat(self._factor, first)
        self._left = steps.frames.astype(float)
        self._all = self._sum / self._left
        log = np.log(self._factor)
        mean = np.add.reduceat(log, first) / self._left
        off = (log - np.repeat(mean, steps.frames)) ** 2
        self._spread = np.maximum(np.sqrt(np.add.reduceat(off, first) / self._left), _LEAST)
        self._memory = np.maximum.reduceat(world.frames.memory, first)

    def learn(self, step: Ints, frame: Ints, node_class: Ints, seconds: Floats) -> None:
        np.subtract.at(self._sum, step, self._factor[frame])
        np.subtract.at(self._left, step, 1.0)

    def cost(self, steps: Ints, warmth: float) -> Cost:
        """Return the mean of the frames that are left; seconds of shape ``(steps, classes)``."""
        left = self._left[steps]
        factor = np.where(left > 0, self._sum[steps] / np.maximum(left, 1.0), self._all[steps])
        # What is left of a sum after all its frames are taken away may be a rounding of either sign.
        factor = np.maximum(factor, _LEAST * self._all[steps])
        return Cost(
            seconds=self._seconds[steps] * factor[:, None], spread=self._spread[steps],
            common=np.full(len(steps), _LEAST), warmth=warmth,
        )  # fmt: skip

    def memory(self, steps: Ints) -> Floats:
        return np.asarray(self._memory[steps])


class _Fixed:
    """What was said before anything ran, and never changes."""

    def __init__(self, seconds: Floats, spread: Floats, common: Floats, memory: Floats) -> None:
        self._seconds, self._spread, self._common, self._memory = seconds, spread, common, memory

    def learn(self, step: Ints, frame: Ints, node_class: Ints, seconds: Floats) -> None:
        return

    def cost(self, steps: Ints, warmth: float) -> Cost:
        return Cost(seconds=self._seconds[steps], spread=self._spread[steps], common=self._common[steps], warmth=warmth)

    def memory(self, steps: Ints) -> Floats:
        return np.asarray(self._memory[steps])


def learned(world: FarmWorld) -> Beliefs:
    """Believe the forecasts, corrected per step by the frames of it that finished.

    The log error that frames of a step have in common is normal with standard deviation `Forecasts.common` beforehand;
    each finished frame tells it up to `Forecasts.spread`. Expected times are multiplied by the exponential of its
    posterior mean, and `Cost.common` is its posterior standard deviation. Memory is the forecast's quantile, or the
    highest peak seen where that is more.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> beliefs = learned(farm_world_of(forecasts={"common": [1.0], "spread": [0.001]}))
    >>> beliefs.learn(np.array([0]), np.array([0]), np.array([0]), np.array([90.0]))
    >>> beliefs.cost(np.array([0]), 0.0).seconds.round(2).tolist()
    [[90.0]]
    """
    return _Learned(world)


def truth(world: FarmWorld) -> Beliefs:
    """Know true means: of the frames of each step that are not finished, on nodes as slow as their class is on average.

    The spread is that of the step's frames, as one who counts frames by steps cannot tell them apart; memory is the
    highest true peak.
    """
    return _Truth(world)


def type_means(world: FarmWorld) -> Beliefs:
    """Believe the mean forecast of the job type on each class; memory as the submitter declared it.

    What steps of a type differ by counts as not known: it is added to `Cost.common`.
    """
    seconds, spread, common = _means(world)
    return _Fixed(seconds, spread, common, world.steps.request[:, Resource.MEMORY])


def declared(world: FarmWorld) -> Beliefs:
    """Believe submitters: the seconds they declared, the same on every class that can run the step, and memory.

    A step without declared seconds gets the mean declaration of its job type, and where none declared any the mean
    forecast of its type on each class. Spreads are those of `type_means`.
    """
    means, spread, common = _means(world)
    told = ~np.isnan(world.steps.declared_seconds)
    count = int(world.steps.kind.max(initial=0)) + 1
    sums = np.bincount(world.steps.kind[told], world.steps.declared_seconds[told], count)
    sizes = np.bincount(world.steps.kind[told], minlength=count)
    kind = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)[world.steps.kind]
    each = np.where(told, world.steps.declared_seconds, kind)[:, None]
    seconds = np.where(np.isnan(each), means, each)
    seconds = np.where(np.isfinite(world.forecasts.seconds), seconds, np.inf)
    return _Fixed(seconds, spread, common, world.steps.request[:, Resource.MEMORY])


def _means(world: FarmWorld) -> tuple[Floats, Floats, Floats]:
    """Return times of the mean step of each step's type, its spread, and what is not known of it."""
    kind, forecasts = world.steps.kind, world.forecasts
    count = int(kind.max(initial=0)) + 1
    able = np.isfinite(forecasts.seconds)
    mean, deviation = np.ones_like(forecasts.seconds), np.zeros(count)
    for klass in range(forecasts.seconds.shape[1]):
        rows = np.flatnonzero(able[:, klass])
        sizes = np.maximum(np.bincount(kind[rows], minlength=count), 1)
        log = np.log(forecasts.seconds[rows, klass])
        mean[:, klass] = (np.bincount(kind[rows], forecasts.seconds[rows, klass], count) / sizes)[kind]
        middle = np.bincount(kind[rows], log, count) / sizes
        deviation = np.maximum(deviation, np.bincount(kind[rows], (log - middle[kind[rows]]) ** 2, count) / sizes)
    sizes = np.maximum(np.bincount(kind, minlength=count), 1)
    spread = (np.bincount(kind, forecasts.spread, count) / sizes)[kind]
    common = np.sqrt(np.bincount(kind, forecasts.common**2, count) / sizes + deviation)[kind]
    return np.where(able, mean, np.inf), np.maximum(spread, _LEAST), np.maximum(common, _LEAST)
