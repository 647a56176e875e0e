"""What a peer knows that sizes memory by what ran last."""

from __future__ import annotations

import numpy as np

from placement.farm.machines import Resource
from placement.scheduling.cost import Cost
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import Beliefs, learned
from placement.units import Floats, Ints

__all__ = ["recent_medians"]

_REMEMBERED = 32
_ENOUGH = 4


class _RecentMedians:
    """Memory by recent medians; see `recent_medians`."""

    def __init__(self, world: FarmWorld) -> None:
        self._times = learned(world)
        self._peak = world.frames.memory
        self._declared = world.steps.request[:, Resource.MEMORY]
        self._last: Floats = np.full((len(self._declared), _REMEMBERED), np.nan)
        self._seen: Ints = np.zeros(len(self._declared), np.int64)

    def learn(self, step: Ints, frame: Ints, node_class: Ints, seconds: Floats) -> None:
        """Take in frames that finished."""
        self._times.learn(step, frame, node_class, seconds)
        order = np.argsort(step, kind="stable")
        rows, first, size = np.unique(step[order], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(first, size)
        late = rank >= np.repeat(size, size) - _REMEMBERED
        place = (np.repeat(self._seen[rows], size) + rank) % _REMEMBERED
        self._last[step[order][late], place[late]] = self._peak[frame[order]][late]
        self._seen[rows] += size

    def cost(self, steps: Ints, warmth: float) -> Cost:
        """Return what frames of the steps named are expected to take."""
        return self._times.cost(steps, warmth)

    def memory(self, steps: Ints) -> Floats:
        """Return what to ask for a frame of each step named, MiB."""
        last = np.sort(self._last[steps], axis=1)  # what is not seen yet is NaN and comes last
        seen = np.minimum(self._seen[steps], _REMEMBERED)
        rows = np.arange(len(steps))
        median = (last[rows, np.maximum(seen - 1, 0) // 2] + last[rows, np.minimum(seen, _REMEMBERED - 1) // 2]) / 2
        return np.where(seen >= _ENOUGH, median, self._declared[steps])


def recent_medians(world: FarmWorld) -> Beliefs:
    """Believe learned times, and of memory the median peak of the step's last 32 finished frames.

    Before 4 have finished, memory is as the submitter declared it. So does OpenCue's Maestro, from its published
    description; times, which it only looks at to backfill, are told it as well as `placement` knows them.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"frames": [4]}, frames={"memory": [100.0, 200.0, 300.0, 900.0]})
    >>> beliefs, rows = recent_medians(world), np.zeros(3, int)
    >>> beliefs.learn(rows, np.arange(3), rows, np.full(3, 60.0))
    >>> beliefs.memory(np.array([0])).tolist()
    [1024.0]
    >>> beliefs.learn(rows[:1], np.array([3]), rows[:1], np.array([60.0]))
    >>> beliefs.memory(np.array([0])).tolist()
    [250.0]
    """
    return _RecentMedians(world)
