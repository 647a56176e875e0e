"""One instance to judge policies on: a world, and what a forecaster says about it before anything has run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.forecast.distribution import Forecast
from placement.simulator.world import World
from placement.units import Bools, Ints

__all__ = ["Case", "Forecaster", "Shares", "Trainer", "Workload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a forecast's squared log error divides into independent parts; shares of 1.

    Parameters
    ----------
    group
        What the tasks of a group have in common on every class.
    node_class
        What all tasks have in common on one class: its machines differ from those learned from.
    cell
        What a group has for itself on one class.
    attempt
        What is each attempt's own.

    Examples
    --------
    >>> Shares(group=0.8, node_class=0.0, cell=0.1, attempt=0.2)
    Traceback (most recent call last):
    ...
    placement.errors.InvalidInput: error shares 0.8, 0, 0.1, 0.2 must be 0 or more, the last above 0, and sum to 1
    """

    group: float
    node_class: float
    cell: float
    attempt: float

    def __post_init__(self) -> None:
        parts = (self.group, self.node_class, self.cell, self.attempt)
        if min(parts) < 0 or self.attempt <= 0 or abs(sum(parts) - 1) > 1e-9:
            told = ", ".join(f"{part:g}" for part in parts)
            raise InvalidInput(f"error shares {told} must be 0 or more, the last above 0, and sum to 1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A world with forecasts.

    Parameters
    ----------
    forecast
        Run time in seconds, (tasks, classes) as in the world. Made without sight of the world's true times.
    runnable
        Which classes can run which tasks; known to everybody. Shape ``(tasks, classes)``.
    task_type
        Job type of each task, for policies that know no more than type means, shape ``(tasks,)``.
    shares
        How the forecast's error divides, for learning from what finished.
    notes
        What a reader must know of this instance, a sentence each.
    """

    world: World
    forecast: Forecast
    runnable: Bools
    task_type: Ints
    shares: Shares
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.world.true_time.shape
        for name, got in (("forecast", self.forecast.location.shape), ("runnable", self.runnable.shape)):
            if got != shape:
                raise InvalidInput(f"{name} has shape {got}, expected (tasks, classes) = {shape}")
        if (self.runnable != np.isfinite(self.world.true_time)).any():
            raise InvalidInput("runnable disagrees with the world's true times, which are infinite elsewhere")


class Workload(Protocol):
    """Draw the case of one seed; the same seed gives the same case."""

    def __call__(self, seed: int) -> Case:
        """Draw the case of `seed`."""
        ...


class Forecaster(Protocol):
    """Forecast the run time in seconds of tasks (rows in telemetry columns) on named node classes."""

    def __call__(self, tasks: pd.DataFrame, classes: Sequence[str]) -> Forecast:
        """Forecast, shape ``(tasks, classes)``."""
        ...


class Trainer(Protocol):
    """Learn a forecaster from telemetry rows in the columns of `placement.telemetry.schema`."""

    def __call__(self, telemetry: pd.DataFrame) -> Forecaster:
        """Learn from `telemetry`."""
        ...
