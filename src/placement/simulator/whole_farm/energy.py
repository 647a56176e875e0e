"""Energy of a history: what nodes drew in each state, what attempts drew on top, what that cost and emitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.machines import NodeState
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory, NodeSpans, PastAttempts
from placement.units import Floats, Joules, Seconds

__all__ = ["Drawn", "attempt_watts", "drawn", "node_joules", "power_course", "span_watts"]

_JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a farm drew in some time: energy in J, what it cost in EUR at the actual tariff, and CO2 in g."""

    joules: Joules
    money: float
    carbon: float


def attempt_watts(world: FarmWorld, attempts: PastAttempts) -> Floats:
    """Return what each attempt draws above an idle node, W, shape ``(attempts,)``.

    `Classes.work_watts` times the mode's draw.
    """
    classes, klass = world.classes, world.fleet.node_class[attempts.node]
    full = classes.work_watts(world.steps.request[attempts.step], klass)
    return np.asarray(full * classes.draw[klass, attempts.mode])


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


def drawn(world: FarmWorld, history: FarmHistory, start: Seconds, end: Seconds) -> Drawn:
    """Return what all nodes drew from `start` to `end`, seconds, with prices and carbon intensity as they came.

    The same energy as `node_joules`, that of waking at the instant it begins; an instant of `end` itself is left out.

    Examples
    --------
    >>> from placement.scheduling.peers.fifo import fifo
    >>> from placement.scheduling.rules import Rules
    >>> from placement.simulator.whole_farm.beliefs import learned
    >>> from placement.simulator.whole_farm.engine import run_farm
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of()
    >>> history = run_farm(world, fifo, Rules(), learned)
    >>> drawn(world, history, 0.0, 30.0)  # 100 W idle, an eighth of 200 W on top
    Drawn(joules=3750.0, money=0.00020833333333333335, carbon=0.20833333333333334)
    """
    begin, lasts, watts, woken, joules = _pieces(world, history, start, end)
    outlook = world.tariff.actual
    paid = []
    for column in (outlook.price, outlook.carbon):
        running = (watts * lasts) @ outlook.mean(column, begin, lasts) if len(begin) else 0.0
        waking = joules @ outlook.mean(column, woken, np.zeros(len(woken))) if len(woken) else 0.0
        paid.append(float(running + waking) / _JOULES_PER_KWH)
    return Drawn(float(watts @ lasts + joules.sum()), *paid)


def _pieces(
    world: FarmWorld, history: FarmHistory, start: Seconds, end: Seconds
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return begins, lengths and watts of all that drew power; instants and joules of wakings."""
    spans, attempts = history.spans, history.attempts
    begin = np.clip(np.concatenate([spans.start, attempts.start]), start, end)
    lasts = np.clip(np.concatenate([spans.end, attempts.end]), start, end) - begin
    watts = np.concatenate([span_watts(world, spans), attempt_watts(world, attempts)])
    some = lasts > 0
    wakes = np.flatnonzero((spans.state == NodeState.WAKING) & (spans.start >= start) & (spans.start < end))
    joules = world.classes.wake_joules[world.fleet.node_class[spans.node[wakes]]]
    return begin[some], lasts[some], watts[some], spans.start[wakes], joules


def power_course(world: FarmWorld, history: FarmHistory) -> tuple[Floats, Floats]:
    """Return what the farm draws over time: instants, s, and watts from each on; the energy of waking is left out."""
    begin, lasts, watts, _, _ = _pieces(world, history, 0.0, history.end)
    time, where = np.unique(np.concatenate([begin, begin + lasts]), return_inverse=True)
    change = np.bincount(where, np.concatenate([watts, -watts]), len(time))
    return time, np.asarray(np.cumsum(change))
