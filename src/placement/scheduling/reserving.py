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
_BULKY_SHARE = 0.1  #: of the nodes that could run them; with 0.04 more of a crunch was late, more was not tried
_SHARED = 0.5 + 1e-9
_EMERGENCIES = 8  #: steps looked at; more emergencies at once are none


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

    A frame is wide when it takes `Rules.wide_share` of some resource of the largest node that can run it, or more, and
    there is work of which two frames share that resource of such a node. Where whoever takes any takes all, as with a
    node's only GPU, none keeps another from it: what one leaves, the next can have.
    """
    there = cost.able & (farm.capacity() > 0)
    share = np.where(there, farm.share_of_node(), np.inf)
    least = share.min(axis=1, initial=np.inf)
    large, wide = np.flatnonzero((least >= rules.wide_share) & (least <= 1.0)), np.zeros(farm.steps.count, bool)
    for resource in np.flatnonzero((farm.steps.request[large] > 0).any(axis=0)).tolist():
        request, offer = farm.steps.request[:, resource], farm.classes.offer[:, resource]
        rows, users = large[request[large] > 0], (request > 0) & (farm.steps.left > 0)
        shared = np.where(there[users], request[users, None], np.inf).min(axis=0, initial=np.inf) <= _SHARED * offer
        most = np.where(there[rows], offer, 0.0).max(axis=1, initial=0.0)
        wide[rows] |= (request[rows] >= rules.wide_share * most) & (there[rows] & shared).any(axis=1)
    return wide


def reserve(
    farm: FarmSnapshot,
    cost: Cost,
    rules: Rules,
    remaining: Floats,
    order: Ints,
    lacks: Ints | None = None,
) -> Reservations:
    """Keep a node for each step of wide frames that has waited `Rules.wide_wait` seconds, the one that is ready first.

    A step of other frames that has waited `Rules.ageing` gets one as well: smaller ones that follow each other would
    never leave it room. In danger either gets as many as it `lacks`, up to a tenth of those that could run it. The next
    frame of a step waits anew: to clear a node for every one at once costs more than it gains.

    Of those that are ready together, the fastest first, and warm ones. At most `Rules.reserve_share` of the nodes that
    could run a step are kept for it and those before it, and no more than licences are free: a node that is kept for a
    frame without one would stand still. Nor is a node that has room for an emergency now. A node that is clearing is
    ready sooner from decision to decision, so the same one is chosen again without being remembered.

    Parameters
    ----------
    remaining
        Seconds each attempt still runs, shape ``(attempts,)``.
    order
        Rows of the steps that may ask, first ones first: by `placement.scheduling.overtaking`.
    lacks
        Places that steps of large frames in danger lack, as `placement.scheduling.lanes` says, shape ``(steps,)``;
        None: no step lacks any.

    Notes
    -----
    Mu'alem and Feitelson, "Utilization, predictability, workloads, and user runtime estimates in scheduling the IBM SP2
    with backfilling", IEEE TPDS 12 (2001).
    """
    step, ready = np.full(farm.nodes.count, NONE, np.int64), np.full(farm.nodes.count, np.inf)
    wide, waited = wide_steps(farm, cost, rules), farm.now - farm.steps.since
    lacks = np.zeros(farm.steps.count, np.int64) if lacks is None else lacks
    asks = (waited >= np.where(wide, rules.wide_wait, rules.ageing)) | (lacks > 0)
    asks &= farm.steps.waiting > 0
    asks &= ~farm.jobs.held[farm.steps.job]
    rows = order[asks[order]]
    if not len(rows):
        return Reservations(step=step, ready=ready)
    fits: Bools = cost.able[rows] & (farm.classes.offer >= farm.steps.request[rows, None]).all(axis=2)
    up = (farm.nodes.state == NodeState.UP) & ~_for_emergencies(farm, cost, rules, order)
    ends = _Ends.of(farm, remaining, up & np.asarray(fits.any(axis=0))[farm.nodes.node_class])
    kinds, licences, places = farm.nodes.node_class, farm.licences.copy(), _Places(farm, rules, up)
    for row, classes in zip(rows.tolist(), fits, strict=True):
        count, licence = places.count(classes, int(lacks[row])), int(farm.steps.licence[row])
        if licence != NONE:
            count = min(count, int(licences[licence]))
        if count <= 0:
            continue
        when = np.where(places.of(classes)[0], ends.room_for(farm.steps.request[row]), np.inf)
        when[places.kept] = np.inf
        nodes = _soonest(when, count)
        job, seconds = farm.nodes.warm_job[nodes], cost.seconds[row, kinds[nodes]]
        nodes = nodes[np.lexsort((job, job != farm.jobs.index[farm.steps.job[row]], seconds, when[nodes]))[:count]]
        step[nodes], ready[nodes] = row, farm.now + when[nodes]
        places.kept = np.concatenate([places.kept, nodes])
        if licence != NONE:
            licences[licence] -= len(nodes)
    return Reservations(step=step, ready=ready)


class _Places:
    """Nodes that may be kept, by the classes they must be of, and those that are kept so far."""

    def __init__(self, farm: FarmSnapshot, rules: Rules, up: Bools) -> None:
        self.kept = np.zeros(0, np.int64)
        self._kinds, self._share, self._up = farm.nodes.node_class, rules.reserve_share, up
        self._found = dict[bytes, tuple[Bools, int]]()

    def of(self, classes: Bools) -> tuple[Bools, int]:
        """Return which nodes are of some classes, shape ``(nodes,)``, and how many."""
        key = classes.tobytes()
        if key not in self._found:
            nodes = self._up & classes[self._kinds]
            self._found[key] = nodes, int(nodes.sum())
        return self._found[key]

    def count(self, classes: Bools, lacks: int) -> int:
        """Return how many more of them may be kept for a step that lacks so many; 0 and less: none."""
        total = self.of(classes)[1]
        most = max(int(self._share * total), 1) - int(classes[self._kinds[self.kept]].sum())
        return min(max(min(lacks, int(_BULKY_SHARE * total)), 1), most)


def _soonest(when: Floats, count: int) -> Ints:
    """Return the nodes that are ready no later than the `count` first ones are, those that never are left out."""
    last = np.partition(when, count - 1)[count - 1] if count < len(when) else np.inf
    return np.flatnonzero((when <= last) & np.isfinite(when))


def _for_emergencies(farm: FarmSnapshot, cost: Cost, rules: Rules, order: Ints) -> Bools:
    """Tell which nodes have room now for a frame of an emergency, shape ``(nodes,)``: it was cleared for that."""
    room = np.zeros(farm.nodes.count, bool)
    urgent = order[(farm.jobs.importance >= rules.emergency)[farm.steps.job[order]]]
    for row in urgent[farm.steps.waiting[urgent] > 0][:_EMERGENCIES].tolist():
        able = cost.able[row][farm.nodes.node_class]
        room |= able & (farm.nodes.free >= farm.steps.request[row] - 1e-6).all(axis=1)
    return room


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """Attempts on some nodes in the order in which they leave each, and what is free after each, by resource."""

    node: Ints
    after: Floats
    free: Floats
    now: Floats

    @classmethod
    def of(cls, farm: FarmSnapshot, remaining: Floats, nodes: Bools) -> _Ends:
        """Return the ends on `nodes`, shape ``(nodes,)``, of attempts with `remaining` seconds left."""
        rows = np.flatnonzero(nodes[farm.attempts.node])
        rows = rows[np.lexsort((remaining[rows], farm.attempts.node[rows]))]
        node = farm.attempts.node[rows]
        given = np.cumsum(farm.steps.request[farm.attempts.step[rows]], axis=0)
        first = np.searchsorted(node, node)
        before = np.where((first > 0)[:, None], given[np.maximum(first - 1, 0)], 0.0)
        free = np.ascontiguousarray((farm.nodes.free[node] + given - before).T)
        return cls(node, remaining[rows], free, np.ascontiguousarray(farm.nodes.free.T))

    def room_for(self, request: Floats) -> Floats:
        """Return in how many seconds each of those nodes has room for `request`, shape ``(all nodes,)``."""
        now, then = np.ones(self.now.shape[1], bool), np.ones(len(self.node), bool)
        for resource in np.flatnonzero(request):
            now &= self.now[resource] >= request[resource] - 1e-6
            then &= self.free[resource] >= request[resource] - 1e-6
        when = np.where(now, 0.0, np.inf)
        np.minimum.at(when, self.node[then], self.after[then])
        return when
