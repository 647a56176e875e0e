"""Lower bounds that no schedule can beat, whatever it knows."""

from __future__ import annotations

import numpy as np

from placement.scheduling.class_mix import class_mix, least_node_seconds
from placement.simulator.world import World
from placement.units import Floats, Seconds

__all__ = ["makespan_bound", "node_seconds_bound"]


def makespan_bound(world: World) -> Seconds:
    """Return a makespan no schedule can beat.

    The larger of two: the linear program for unrelated machines in which tasks may be cut and releases are ignored,
    and the longest release plus shortest run time of any one task.

    Examples
    --------
    >>> from placement.testing.farms import world_of
    >>> makespan_bound(world_of(true_time=[[3.0, 6.0]] * 2, node_class=[0, 1]))
    4.0
    """
    times, slots = _present(world)
    cut = class_mix(np.ones(world.tasks), times, slots, np.zeros(len(slots))).makespan
    return max(cut, float((world.task_release + times.min(axis=1)).max(initial=0.0)))


def node_seconds_bound(world: World, makespan: Seconds = np.inf) -> Seconds:
    """Return busy slot-seconds that no schedule ending by `makespan` can beat.

    Without a limit every task runs on its fastest class; with one, a linear program in which tasks may be cut.

    Raises
    ------
    InvalidInput
        Nothing can end by then.

    Examples
    --------
    >>> from placement.testing.farms import world_of
    >>> world = world_of(true_time=[[3.0, 6.0]] * 2, node_class=[0, 1])
    >>> node_seconds_bound(world), round(node_seconds_bound(world, 6.0), 3)
    (6.0, 6.0)
    """
    times, slots = _present(world)
    if np.isinf(makespan):
        return float(times.min(axis=1).sum())
    return least_node_seconds(np.ones(world.tasks), times, slots, makespan)


def _present(world: World) -> tuple[Floats, Floats]:
    """Return true times and slots of the classes that have nodes."""
    slots = world.slots_of_class()
    return world.true_time[:, slots > 0], slots[slots > 0]
