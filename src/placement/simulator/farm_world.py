"""A farm's world as plain tables: machines, clients, jobs, true times and faults; all chance in it was drawn before."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from placement.errors import InvalidInput
from placement.farm.clients import Clients
from placement.farm.machines import RESOURCES, Classes
from placement.farm.sealed import seal
from placement.farm.tariff import Outlook, Tariff
from placement.farm.work import Jobs
from placement.units import Floats, Ints, Seconds, Watts

__all__ = ["FarmWorld", "Fault", "Faults", "Fleet", "Forecasts", "Frames", "WorldSteps", "flat_tariff"]


class Fault(IntEnum):
    """What can go wrong; `Faults.target` says where."""

    CRASH = 0  #: a node is down for `seconds`; what ran there is lost since its last checkpoint
    RACK_LOSS = 1  #: all nodes of a rack, the same
    SLOW = 2  #: a node takes `factor` times as long for `seconds`
    BAD_NODE = 3  #: frames fail on a node with probability `factor` for `seconds`
    CORRUPT_SCENE = 4  #: all frames of a step fail for ever, on every node
    LICENCE_LOSS = 5  #: a licence has none to give for `seconds`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """Nodes, one row each.

    Parameters
    ----------
    node_class, rack
        Row in the world's classes; what fails together. Shape ``(nodes,)``.
    joins, leaves
        Seconds; a node that leaves drains first. Infinite: never leaves.
    slowness
        How many times as long a frame takes here as on its class: machines of a class are not all the same.
    """

    node_class: Ints
    rack: Ints
    joins: Floats
    leaves: Floats
    slowness: Floats

    def __post_init__(self) -> None:
        seal(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorldSteps:
    """Steps, one row each, in the order of their jobs, a job's steps before those that wait for them.

    Parameters
    ----------
    job, after
        Row of the job; row of the step waited for, -1: none. Shape ``(steps,)``.
    kind
        Job type, a number.
    frames
        How many frames.
    request
        What a frame takes on a node, memory as the submitter declared it, shape ``(steps, resources)``.
    declared_seconds
        Run time the submitter wrote, on the reference class; NaN: none.
    licence
        Row of the licence a frame holds, -1: none.
    checkpoint
        Seconds of work between checkpoints; infinite: none.
    startup
        Seconds of a frame that a warm node saves.
    preview
        1 where the step is a preview of the job's image.
    seconds
        True mean run time of a frame on a cold, plain node in the fastest mode, infinite where it cannot run, shape
        ``(steps, classes)``. Policies never see it.
    """

    job: Ints
    after: Ints
    kind: Ints
    frames: Ints
    request: Floats
    declared_seconds: Floats
    licence: Ints
    checkpoint: Floats
    startup: Floats
    preview: Ints
    seconds: Floats

    def __post_init__(self) -> None:
        rows, classes = len(self.job), self.seconds.shape[1] if self.seconds.ndim == 2 else 0
        seal(self, {"request": (rows, RESOURCES), "seconds": (rows, classes)})
        if not (self.frames >= 1).all():
            raise InvalidInput(f"step {int(self.frames.argmin())} has {self.frames.min()} frames, expected 1 or more")
        if not (self.seconds > 0).all():
            row = int((~(self.seconds > 0)).any(axis=1).argmax())
            raise InvalidInput(f"step {row} has run times {self.seconds[row]} s, expected all above 0")

    @property
    def first(self) -> Ints:
        """First row in `Frames` of each step, and the total last, shape ``(steps + 1,)``."""
        return np.concatenate([[0], np.cumsum(self.frames)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """What is each frame's own, one row each, step by step.

    Parameters
    ----------
    factor
        True time over the step's mean, correlated along the frame range, shape ``(frames,)``.
    memory
        True peak, MiB.
    luck
        Uniform in [0, 1), for failures on bad nodes.
    """

    factor: Floats
    memory: Floats
    luck: Floats

    def __post_init__(self) -> None:
        seal(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecasts:
    """What a forecaster said of each step before anything ran.

    Parameters
    ----------
    seconds
        Expected run time, infinite where a step cannot run, shape ``(steps, classes)``.
    spread, common
        As in `placement.scheduling.cost.Cost`, shape ``(steps,)``.
    memory
        The chosen quantile of peak memory, MiB.
    """

    seconds: Floats
    spread: Floats
    common: Floats
    memory: Floats

    def __post_init__(self) -> None:
        seal(self, {"seconds": (len(self.spread), self.seconds.shape[1] if self.seconds.ndim == 2 else 0)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Faults:
    """What goes wrong, in the order of time; see `Fault` for the columns' meaning, shape ``(faults,)``."""

    time: Floats
    kind: Ints
    target: Ints
    seconds: Floats
    factor: Floats

    def __post_init__(self) -> None:
        seal(self)

    @classmethod
    def none(cls) -> Faults:
        """Return a world in which all goes well."""
        none, nothing = np.zeros(0), np.zeros(0, np.int64)
        return cls(time=none, kind=nothing, target=nothing.copy(), seconds=none.copy(), factor=none.copy())


def flat_tariff(price: float = 0.2, carbon: float = 200.0) -> Tariff:
    """Return a tariff that never changes: EUR and gCO2 per kWh."""
    flat = Outlook.flat(price, carbon)
    return Tariff(actual=flat, published=flat)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FarmWorld:
    """What a farm is made of and what will happen on it, whatever is decided.

    Parameters
    ----------
    name
        Of the workload.
    jobs
        All jobs of the world in order of release; `Jobs.index` counts them.
    licences
        How many there are of each, shape ``(licences,)``.
    measure
        Warm-up and drain: metrics count jobs that are released, and seconds that lie, between these instants.
    notes
        What a reader must know of it, a sentence each.
    """

    name: str
    classes: Classes
    fleet: Fleet
    clients: Clients
    jobs: Jobs
    steps: WorldSteps
    frames: Frames
    forecasts: Forecasts
    licences: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    faults: Faults = field(default_factory=Faults.none)
    tariff: Tariff = field(default_factory=flat_tariff)
    power_cap: Watts = float("inf")
    measure: tuple[Seconds, Seconds] = (0.0, float("inf"))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        classes, steps = len(self.classes.names), len(self.steps.job)
        if self.steps.seconds.shape != (steps, classes) or self.forecasts.seconds.shape != (steps, classes):
            raise InvalidInput(
                f"true times {self.steps.seconds.shape} and forecasts {self.forecasts.seconds.shape} must both have "
                f"shape (steps, classes) = {(steps, classes)}"
            )
        if (np.isfinite(self.steps.seconds) != np.isfinite(self.forecasts.seconds)).any():
            raise InvalidInput("forecasts must be infinite exactly where a step cannot run")
        if len(self.frames.factor) != int(self.steps.frames.sum()):
            raise InvalidInput(f"{len(self.frames.factor)} frames, steps say {int(self.steps.frames.sum())}")
        if (np.diff(self.jobs.release) < 0).any():
            raise InvalidInput("jobs must be in order of release")
