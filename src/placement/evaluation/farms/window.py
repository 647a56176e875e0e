"""What of a history counts: warm-up and drain are cut by the world's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Bools, Floats, Seconds

__all__ = ["Window", "counted_jobs", "window_of"]


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds that count, from `start` to `end`."""

    start: Seconds
    end: Seconds

    @property
    def seconds(self) -> Seconds:
        """How long it is."""
        return self.end - self.start

    def clip(self, start: Floats, end: Floats) -> tuple[Floats, Floats]:
        """Return what of each span lies within, as start and end; equal where nothing does.

        Examples
        --------
        >>> start, end = Window(10.0, 20.0).clip(np.array([0.0, 15.0, 30.0]), np.array([12.0, 30.0, 40.0]))
        >>> (end - start).tolist()
        [2.0, 5.0, 0.0]
        """
        start = np.clip(start, self.start, self.end)
        return start, np.maximum(np.minimum(end, self.end), start)

    def holds(self, time: Floats) -> Bools:
        """Tell which instants lie within, both ends included."""
        return np.asarray((time >= self.start) & (time <= self.end))


def window_of(world: FarmWorld, history: FarmHistory) -> Window:
    """Return the seconds of a history that count: those of `FarmWorld.measure`, as far as the history goes.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(measure=(30.0, 1e9))
    >>> window_of(world, live(world, "fifo"))
    Window(start=30.0, end=60.0)
    """
    start = min(world.measure[0], history.end)
    return Window(start, max(start, min(world.measure[1], history.end)))


def counted_jobs(world: FarmWorld) -> Bools:
    """Tell which jobs count: released within `FarmWorld.measure` and not paused by their owner, shape ``(jobs,)``."""
    return Window(*world.measure).holds(world.jobs.release) & ~world.jobs.held
