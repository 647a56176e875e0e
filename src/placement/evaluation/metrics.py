"""What a run is judged by, each defined once."""

from __future__ import annotations

from collections.abc import Callable

from placement.simulator.farm import History
from placement.simulator.world import World

__all__ = ["METRICS", "core_seconds", "makespan", "mean_completion", "node_seconds", "utilisation"]


def makespan(world: World, history: History) -> float:
    """Seconds from the start of the world to the end of its last task."""
    return float(history.end.max(initial=0.0))


def node_seconds(world: World, history: History) -> float:
    """Seconds that slots were busy, summed over all slots."""
    return float((history.end - history.start).sum())


def mean_completion(world: World, history: History) -> float:
    """Seconds from a task's release to its end, averaged over tasks."""
    return float((history.end - world.task_release[history.task]).mean()) if len(history.task) else 0.0


def core_seconds(world: World, history: History) -> float:
    """Busy seconds of slots, each weighted by the cores a task holds on its class."""
    return float((history.end - history.start) @ world.class_cores[world.node_class[history.node]])


def utilisation(world: World, history: History) -> float:
    """Busy seconds of slots over all slots' seconds until the makespan, 0 to 1."""
    available = float(world.node_slots.sum()) * makespan(world, history)
    return node_seconds(world, history) / available if available else 0.0


#: Name -> function of (world, history).
METRICS: dict[str, Callable[[World, History], float]] = {
    "makespan": makespan,
    "node_seconds": node_seconds,
    "mean_completion": mean_completion,
    "core_seconds": core_seconds,
    "utilisation": utilisation,
}
