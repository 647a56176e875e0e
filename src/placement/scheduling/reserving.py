"""Room for wide frames: which nodes are being cleared for them, and until when others may still use those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.machines import RESOURCES, NodeState
from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.preemption_victims import compact
from placement.scheduling.rules import Rules
from placement.units import Bools, Floats, Ints

__all__ = ["NONE", "Reservations", "reserve", "wide_steps"]

#: No reservation.
NONE = -1
_BULKY_SHARE = 0.1  #: of the nodes that could run them; with 0.04 more of a crunch was late, more was not tried
_SHARED = 0.5 + 1e-9
_EMERGENCIES = 8  #: steps looked at; more emergencies at once are none
_BLOCK = 1024  #: ends looked at first for a node that will have room, then twice as many


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
        nodes, when = ends.soonest(farm.steps.request[row], places.open(classes), count)
        job, seconds = farm.nodes.warm_job[nodes], cost.seconds[row, kinds[nodes]]
        first = np.lexsort((job, job != farm.jobs.index[farm.steps.job[row]], seconds, when))[:count]
        nodes = nodes[first]
        step[nodes], ready[nodes] = row, farm.now + when[first]
        places.keep(nodes)
        if licence != NONE:
            licences[licence] -= len(nodes)
    return Reservations(step=step, ready=ready)


class _Places:
    """Nodes that may be kept, by the classes they must be of, and those that are kept so far."""

    def __init__(self, farm: FarmSnapshot, rules: Rules, up: Bools) -> None:
        self._kept, self._open = np.zeros(0, np.int64), up.copy()
        self._kinds, self._share, self._up = farm.nodes.node_class, rules.reserve_share, up
        self._found = dict[bytes, tuple[Bools, int]]()

    def open(self, classes: Bools) -> Bools:
        """Return which nodes of some classes are kept for nobody yet, shape ``(nodes,)``."""
        return self._of(classes)[0] & self._open

    def keep(self, nodes: Ints) -> None:
        """Remember that nodes are kept."""
        self._kept = np.concatenate([self._kept, nodes])
        self._open[nodes] = False

    def _of(self, classes: Bools) -> tuple[Bools, int]:
        """Return which nodes are of some classes, shape ``(nodes,)``, and how many."""
        key = classes.tobytes()
        if key not in self._found:
            nodes = self._up & classes[self._kinds]
            self._found[key] = nodes, int(nodes.sum())
        return self._found[key]

    def count(self, classes: Bools, lacks: int) -> int:
        """Return how many more of them may be kept for a step that lacks so many; 0 and less: none."""
        total = self._of(classes)[1]
        most = max(int(self._share * total), 1) - int(classes[self._kinds[self._kept]].sum())
        return min(max(min(lacks, int(_BULKY_SHARE * total)), 1), most)


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
    """Attempts on some nodes in the order in which they end, and what is free there after each.

    Parameters
    ----------
    node, after
        Where each is, and in how many seconds it ends, shape ``(ends,)``.
    free, now
        What is free on its node after each, shape ``(resources, ends)``; on every node now, ``(resources, nodes)``.
    """

    node: Ints
    after: Floats
    free: Floats
    now: Floats

    @classmethod
    def of(cls, farm: FarmSnapshot, remaining: Floats, nodes: Bools) -> _Ends:
        """Return the ends on `nodes`, shape ``(nodes,)``, of attempts with `remaining` seconds left."""
        rows = np.flatnonzero(nodes[farm.attempts.node])
        rows = rows[np.argsort(remaining[rows], kind="stable")]
        by_node = np.argsort(compact(farm.attempts.node[rows]), kind="stable")
        node, step = farm.attempts.node[rows], farm.attempts.step[rows[by_node]]
        first = np.flatnonzero(np.diff(node[by_node], prepend=-1))
        group = np.repeat(np.arange(len(first)), np.diff(first, append=len(rows)))
        now, free = farm.nodes.free.T.copy(), np.empty((RESOURCES, len(rows)))
        for resource in range(RESOURCES):
            given = np.cumsum(farm.steps.request[step, resource])
            before = np.concatenate([np.zeros(1), given])[first][group]
            free[resource, by_node] = now[resource, node[by_node]] + given - before
        return cls(node, remaining[rows], free, now)

    def soonest(self, request: Floats, among: Bools, count: int) -> tuple[Ints, Floats]:
        """Return the nodes that have room no later than the `count` first ones have, and in how many seconds.

        Parameters
        ----------
        among
            Nodes that may be returned, shape ``(all nodes,)``; without those that never have room.
        """
        there = among.copy()
        for resource in np.flatnonzero(request).tolist():
            there &= self.now[resource] >= request[resource] - 1e-6
        nodes = np.flatnonzero(there)
        when, last, begin, size = np.zeros(len(nodes)), 0.0, 0, _BLOCK
        open_still = among & ~there
        while begin < len(self.node) and (len(nodes) < count or self.after[begin] <= last):
            block = slice(begin, begin + size)
            rows = begin + np.flatnonzero(open_still[self.node[block]] & self._has_room(request, block))
            new, first = np.unique(self.node[rows], return_index=True)
            nodes, when = np.concatenate([nodes, new]), np.concatenate([when, self.after[rows[first]]])
            last = np.partition(when, count - 1)[count - 1] if count <= len(when) else np.inf
            open_still[new] = False
            begin, size = begin + size, 2 * size
        kept = np.flatnonzero((when <= last) & np.isfinite(when))
        kept = kept[np.argsort(nodes[kept])]
        return nodes[kept], when[kept]

    def _has_room(self, request: Floats, block: slice) -> Bools:
        """Tell after which ends of a part there is room for `request`."""
        room = np.ones(len(self.node[block]), bool)
        for resource in np.flatnonzero(request).tolist():
            room &= self.free[resource, block] >= request[resource] - 1e-6
        return room
