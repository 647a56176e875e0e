"""Energy of a history: what nodes drew in each state, and what attempts drew on top."""

from __future__ import annotations

import numpy as np

from placement.farm.machines import NodeState, Resource
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory, NodeSpans, PastAttempts
from placement.units import Floats

__all__ = ["attempt_watts", "node_joules", "span_watts"]


def attempt_watts(world: FarmWorld, attempts: PastAttempts) -> Floats:
    """Return what each attempt draws above an idle node, W, shape ``(attempts,)``.

    The class's busy power above idle, times the share of its cores that the frame holds, times the mode's draw.
    """
    classes, klass = world.classes, world.fleet.node_class[attempts.node]
    cores = world.steps.request[attempts.step, Resource.CORES] / classes.offer[klass, Resource.CORES]
    return np.asarray((classes.busy_watts - classes.idle_watts)[klass] * cores * classes.draw[klass, attempts.mode])


def span_watts(world: FarmWorld, spans: NodeSpans) -> Floats:
    """Return what nodes draw in each span without work, W, shape ``(spans,)``; those that are down draw nothing."""
    klass, classes = world.fleet.node_class[spans.node], world.classes
    watts = np.where(spans.state == NodeState.ASLEEP, classes.asleep_watts[klass], classes.idle_watts[klass])
    return np.asarray(np.where(spans.state == NodeState.DOWN, 0.0, watts))


def node_joules(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return the energy that each node took over the history, J, shape ``(nodes,)``.

    States, attempts, and `Classes.wake_joules` for every waking that began.
    """
    nodes, spans, attempts = len(world.fleet.node_class), history.spans, history.attempts
    drawn = np.bincount(spans.node, span_watts(world, spans) * (spans.end - spans.start), nodes)
    worked = np.bincount(attempts.node, attempt_watts(world, attempts) * (attempts.end - attempts.start), nodes)
    woken = np.bincount(spans.node[spans.state == NodeState.WAKING], minlength=nodes)
    return np.asarray(drawn + worked + woken * world.classes.wake_joules[world.fleet.node_class])
