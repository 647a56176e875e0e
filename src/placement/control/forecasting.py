"""What the controller asks a forecaster, and what it is told: the border between control and everything that learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from placement.errors import InvalidInput
from placement.farm.facts import NodeSpec
from placement.farm.jobs import Requirements
from placement.farm.sealed import seal
from placement.units import Floats, MiB, Seconds

__all__ = ["Finished", "Forecaster", "Forecasts", "Observed", "StepAsked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What whole tasks of a step took on one node class.

    Parameters
    ----------
    count
        How many were done.
    mean
        Mean of the natural logarithm of their seconds in the fastest mode.
    variance
        Mean squared deviation of it from `mean`; 0 for one task.

    Examples
    --------
    >>> Observed.of([10.0, 10.0]).plus(10.0).count
    3
    """

    count: int
    mean: float
    variance: float = 0.0

    @classmethod
    def of(cls, seconds: Sequence[Seconds]) -> Observed:
        """Sum some run times up.

        Raises
        ------
        InvalidInput
            There is none, or one is not above 0 s.
        """
        if not seconds or not all(0 < each < np.inf for each in seconds):
            raise InvalidInput(f"run times {list(seconds)[:3]} s: expected at least one, all above 0 s and finite")
        logs = np.log(np.asarray(seconds, float))
        return cls(count=len(logs), mean=float(logs.mean()), variance=float(logs.var()))

    def plus(self, seconds: Seconds) -> Observed:
        """Return this with one more task."""
        step = float(np.log(seconds)) - self.mean
        count = self.count + 1
        mean = self.mean + step / count
        variance = (self.count * self.variance + step * step * self.count / count) / count
        return Observed(count=count, mean=mean, variance=variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAsked:
    """A step of which the controller wants to know what a task takes.

    Parameters
    ----------
    job, step
        Names.
    job_type
        What forecasts are keyed by.
    requirements
        What a task asks for, memory as declared or as raised since.
    quality
        Parameters that change cost; also features.
    declared
        The submitter's estimate of one task on a node of worth 1 per core, seconds; None: no idea.
    finished
        Node class -> what its done tasks took there.
    peaks
        Peak memory of done tasks, MiB; the latest hundred are enough.
    chunk
        Frames in a task.
    preview
        Whether it shows another step early: what it takes is mostly loading, and says nothing of that step's frames.
    """

    job: str
    step: str
    job_type: str = "generic"
    requirements: Requirements = field(default_factory=Requirements)
    quality: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    declared: Seconds | None = None
    finished: Mapping[str, Observed] = field(default_factory=dict)
    peaks: tuple[MiB, ...] = ()
    chunk: int = 1
    preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A task that was done whole, by one attempt that began from nothing, in the fastest mode.

    Parameters
    ----------
    asked
        Its step as it was asked for before this task was done.
    node
        The node's specification.
    seconds
        That it ran.
    memory
        MiB at its peak, 0: not measured.
    """

    asked: StepAsked
    node: NodeSpec
    seconds: Seconds
    memory: MiB = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecasts:
    """Forecast of one task of each step.

    Parameters
    ----------
    seconds
        Expected run time in the fastest mode on a cold node, finite and above 0, shape ``(steps, classes)``. Whether a
        class offers what a step needs is not a matter of forecasts.
    spread
        Standard deviation of the log of one task about its step, shape ``(steps,)``.
    common
        Standard deviation of the log that all tasks of the step have in common; falls as tasks finish.
    memory
        MiB that a task needs no more than, but rarely, shape ``(steps,)``.
    model
        Name of who answered, such as ``"estimate"`` or a model's digest.

    Raises
    ------
    InvalidInput
        A run time or a memory is not a number above 0.

    Examples
    --------
    >>> one = np.array([60.0])
    >>> Forecasts(seconds=one[None], spread=one * 0, common=one * 0, memory=one, model="estimate").seconds.shape
    (1, 1)
    """

    seconds: Floats
    spread: Floats
    common: Floats
    memory: Floats
    model: str

    def __post_init__(self) -> None:
        seal(self, {"seconds": (len(self.spread), self.seconds.shape[1] if self.seconds.ndim == 2 else 0)})
        for name, unit in (("seconds", "s"), ("memory", "MiB")):
            column = getattr(self, name)
            if not ((column > 0) & (column < np.inf)).all():
                raise InvalidInput(f"forecast {name} {column.ravel()[:3]} {unit} must be above 0 and finite")


class Forecaster(Protocol):
    """Says what tasks take. Never raises on a step it knows nothing of: it then says so by a wide `common`."""

    def forecast(self, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> Forecasts:
        """Forecast a task of each step on a node of each class.

        Parameters
        ----------
        classes
            One specification for each node class.
        """
        ...

    def learn(self, finished: Sequence[Finished]) -> None:
        """Take note of tasks that were done, each once, in the order in which they were."""
        ...
