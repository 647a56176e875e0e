"""Machines as columns: what a node class offers and draws, where each node stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from placement.errors import InvalidInput
from placement.farm.sealed import seal
from placement.units import Floats, Ints

__all__ = ["RESOURCES", "Classes", "NodeState", "Nodes", "Resource"]


class Resource(IntEnum):
    """What a node has and a task takes; the axis of every ``(…, resources)`` array."""

    CORES = 0
    MEMORY = 1
    GPUS = 2
    GPU_MEMORY = 3
    SCRATCH = 4


#: Length of the resource axis. Cores and GPUs are counted, the rest is MiB.
RESOURCES = len(Resource)
_ROUNDING = 1e-6  #: W


class NodeState(IntEnum):
    """What a node is doing; only nodes that are UP take work."""

    UP = 0
    ASLEEP = 1
    WAKING = 2
    FALLING_ASLEEP = 3
    DOWN = 4
    DRAINING = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classes:
    """Node classes, one row each.

    Parameters
    ----------
    names
        Unique.
    offer
        What one whole node offers, shape ``(classes, resources)``.
    worth
        Normalised capacity of one whole node: how many reference cores it stands for, shape ``(classes,)``.
    idle_watts, busy_watts, asleep_watts
        Power of a node doing nothing, with all cores and GPUs at work in the fastest mode, and asleep, W, shape
        ``(classes,)``.
    wake_seconds, sleep_seconds
        How long it takes to wake up and to fall asleep, during which the node draws `idle_watts` and takes no work.
    wake_joules
        Energy that waking takes on top of that.
    gpu_watts
        The part of `busy_watts` less `idle_watts` that its GPUs draw at work, shape ``(classes,)``; 0: none, or not
        known.
    speed, draw
        Of each energy mode: speed against the fastest, and dynamic power (above idle) against it, both in (0, 1], shape
        ``(classes, modes)``; mode 0 is ``performance`` and has ones.
    """

    names: tuple[str, ...]
    offer: Floats
    worth: Floats
    idle_watts: Floats
    busy_watts: Floats
    asleep_watts: Floats
    wake_seconds: Floats
    sleep_seconds: Floats
    wake_joules: Floats
    gpu_watts: Floats
    speed: Floats
    draw: Floats

    def __post_init__(self) -> None:
        count = len(self.names)
        if len(set(self.names)) != count:
            raise InvalidInput(f"node class names repeat: {self.names}")
        modes = self.speed.shape[1] if self.speed.ndim == 2 else 0
        seal(self, {"offer": (count, RESOURCES), "speed": (count, modes), "draw": (count, modes)})
        if not modes or not (self.speed[:, 0] == 1).all() or not (self.draw[:, 0] == 1).all():
            raise InvalidInput("energy mode 0 must have speed 1 and draw 1 on every node class")
        if not ((self.speed > 0) & (self.speed <= 1) & (self.draw > 0) & (self.draw <= 1)).all():
            raise InvalidInput("speed and draw of every energy mode must lie in (0, 1]")
        most = self.busy_watts - self.idle_watts
        beyond = (self.gpu_watts != 0) & ~((self.gpu_watts > 0) & (self.gpu_watts <= most + _ROUNDING))
        if beyond.any():
            row = int(beyond.argmax())
            raise InvalidInput(
                f"gpu_watts of node class {self.names[row]!r} is {self.gpu_watts[row]:g} W, expected 0 to busy_watts "
                f"less idle_watts, {most[row]:g} W"
            )
        if not (self.worth > 0).all():
            raise InvalidInput(f"worth of node class {self.names[int(self.worth.argmin())]!r} must be above 0")

    def work_watts(self, request: Floats, kind: Ints) -> Floats:
        """Return what frames draw above an idle node in the fastest mode, W, of the shape that the two broadcast to.

        Their share of the cores and their share of the GPUs, each times what those draw. Where a class has GPUs and
        `gpu_watts` is not known, the larger share times all: what it draws at most.

        Parameters
        ----------
        request
            What each frame takes, shape ``(…, resources)``.
        kind
            Class that it runs on.

        Examples
        --------
        >>> from placement.testing.planner_farms import classes_of
        >>> one = [[16, 65536, 1, 8192, 0]]  # 100 W idle, 300 W busy
        >>> told, untold = (classes_of(offer=one, gpu_watts=[watts]) for watts in (120.0, 0.0))
        >>> frames = np.array([[4.0, 0, 0, 0, 0], [4.0, 0, 1, 0, 0]])
        >>> told.work_watts(frames, np.zeros(2, int)).tolist(), untold.work_watts(frames, np.zeros(2, int)).tolist()
        ([20.0, 140.0], [50.0, 200.0])
        """
        offer, most, gpus = self.offer, self.busy_watts - self.idle_watts, self.gpu_watts
        by_cores, by_gpus = (
            np.minimum(request[..., each] / np.where(offer[:, each] > 0, offer[:, each], np.inf)[kind], 1.0)
            for each in (Resource.CORES, Resource.GPUS)
        )
        if not gpus.any():
            return np.asarray(np.maximum(by_cores, by_gpus) * most[kind])
        split = by_cores * (most - gpus)[kind] + by_gpus * gpus[kind]
        return np.where((gpus > 0)[kind], split, np.maximum(by_cores, by_gpus) * most[kind])

    @property
    def modes(self) -> int:
        """Number of energy modes."""
        return int(self.speed.shape[1])

    @property
    def core_worth(self) -> Floats:
        """What one whole node is worth to work that needs no GPU, at most `worth`, shape ``(classes,)``.

        A node with GPUs is taken to have cores like those of the classes that have none; without such classes, to be
        worth to any work what it is worth.
        """
        plain = self.offer[:, Resource.GPUS] <= 0
        cores = self.offer[:, Resource.CORES]
        if plain.all() or not (cores[plain] > 0).any():
            return self.worth
        core = float(self.worth[plain].sum() / cores[plain].sum())
        return np.where(plain, self.worth, np.minimum(self.worth, core * np.maximum(cores, 1.0)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nodes:
    """Nodes, one row each.

    Parameters
    ----------
    node_class
        Row in `Classes`, shape ``(nodes,)``.
    state
        A `NodeState`.
    ready
        When the node is up again if it is waking, falling asleep (then: asleep) or down, seconds; infinite: unknown.
    free
        What nothing uses, shape ``(nodes, resources)``.
    idle_since
        When the last attempt on it ended, seconds.
    warm_job
        Job whose assets were loaded last, -1: none.
    rack
        What fails together.
    """

    node_class: Ints
    state: Ints
    ready: Floats
    free: Floats
    idle_since: Floats
    warm_job: Ints
    rack: Ints

    def __post_init__(self) -> None:
        seal(self, {"free": (len(self.node_class), RESOURCES)})

    @property
    def count(self) -> int:
        """Number of nodes."""
        return len(self.node_class)
