"""Room for wide frames: which nodes are being cleared for them, and until when others may still use those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.rules import Rules
from placement.units import Bools, Floats, Ints

__all__ = ["NONE", "Reservations", "reserve", "wide_steps"]

#: No reservation.
NONE = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reservations:
    """Nodes that are kept for a step.

    Parameters
    ----------
    step
        Row of the step each node is kept for, `NONE`: not kept, shape ``(nodes,)``.
    ready
        When the node is expected to have the room, seconds; what ends before may still start there.
    """

    step: Ints
    ready: Floats

    def __post_init__(self) -> None:
        seal(self)

    @property
    def kept(self) -> Ints:
        """Rows of the nodes that are kept."""
        return np.flatnonzero(self.step != NONE)


def wide_steps(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Bools:
    """Tell which steps have frames that other work could starve for ever, shape ``(steps,)``.

    A frame is wide when it takes `Rules.wide_share` of the largest node that can run it, or more.
    """
    there = cost.able & (farm.capacity() > 0)
    share = np.where(there, farm.share_of_node(), np.inf).min(axis=1, initial=np.inf)
    return np.asarray((share >= rules.wide_share) & (share <= 1.0))


def reserve(farm: FarmSnapshot, cost: Cost, rules: Rules, remaining: Floats, order: Ints) -> Reservations:
    """Keep nodes for wide frames that have waited `Rules.wide_wait` seconds, one for each frame, soonest ready first.

    Of those that are ready together, warm ones first. At most `Rules.reserve_share` of the nodes that could run a step
    are kept for it and those before it, and no more than licences are free: a node that is kept for a frame without one
    would stand still. A node that is clearing is ready sooner from decision to decision, so the same one is chosen
    again without being remembered.

    Parameters
    ----------
    remaining
        Seconds each attempt still runs, shape ``(attempts,)``.
    order
        Rows of steps, first ones first.

    Notes
    -----
    Mu'alem and Feitelson, "Utilization, predictability, workloads, and user runtime estimates in scheduling the IBM SP2
    with backfilling", IEEE TPDS 12 (2001).
    """
    step, ready = np.full(farm.nodes.count, NONE, np.int64), np.full(farm.nodes.count, np.inf)
    waited = farm.now - farm.steps.since >= rules.wide_wait
    asks = wide_steps(farm, cost, rules) & waited & (farm.steps.waiting > 0) & ~farm.jobs.held[farm.steps.job]
    rows = order[asks[order]]
    if not len(rows):
        return Reservations(step=step, ready=ready)
    ends = _Ends.of(farm, remaining)
    up, licences = farm.nodes.state == NodeState.UP, farm.licences.copy()
    for row in rows.tolist():
        fitting = up & cost.able[row][farm.nodes.node_class]
        fitting &= (farm.classes.offer[farm.nodes.node_class] >= farm.steps.request[row]).all(axis=1)
        most = max(int(rules.reserve_share * fitting.sum()), 1) - int((fitting & (step != NONE)).sum())
        count, licence = min(int(farm.steps.waiting[row]), most), int(farm.steps.licence[row])
        if licence != NONE:
            count = min(count, int(licences[licence]))
        if count <= 0:
            continue
        when = np.where(fitting & (step == NONE), ends.room_for(farm.steps.request[row]), np.inf)
        warm = farm.nodes.warm_job == farm.jobs.index[farm.steps.job[row]]
        nodes = np.lexsort((farm.nodes.warm_job, ~warm, when))[:count]
        nodes = nodes[np.isfinite(when[nodes])]
        step[nodes], ready[nodes] = row, farm.now + when[nodes]
        if licence != NONE:
            licences[licence] -= len(nodes)
    return Reservations(step=step, ready=ready)


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """Attempts in the order in which they leave each node, and what is free after each."""

    nodes: int
    node: Ints
    after: Floats
    free: Floats
    now: Floats

    @classmethod
    def of(cls, farm: FarmSnapshot, remaining: Floats) -> _Ends:
        order = np.lexsort((remaining, farm.attempts.node))
        node = farm.attempts.node[order]
        given = np.cumsum(farm.steps.request[farm.attempts.step[order]], axis=0)
        first = np.searchsorted(node, node)
        before = np.where((first > 0)[:, None], given[np.maximum(first - 1, 0)], 0.0)
        return cls(farm.nodes.count, node, remaining[order], farm.nodes.free[node] + given - before, farm.nodes.free)

    def room_for(self, request: Floats) -> Floats:
        """Return in how many seconds each node has room for `request`, shape ``(nodes,)``."""
        when = np.where((self.now >= request - 1e-6).all(axis=1), 0.0, np.inf)
        fits = (self.free >= request - 1e-6).all(axis=1)
        np.minimum.at(when, self.node[fits], self.after[fits])
        return when
